"""A case: a small asynchronous function with what the tool's document says about it."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from chargerd.bench.product import ALWAYS, Condition
from chargerd.bench.workbench import Workbench

Play = Callable[[Workbench], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case. `profile`: where its result counts."""

    number: str
    name: str
    play: Play
    applies: Condition = ALWAYS
    profile: str = "Core"

    @property
    def checks(self) -> str:
        """What must hold, in a sentence."""
        return (inspect.getdoc(self.play) or "").partition("\n")[0]


def case(number: str, name: str, applies: Condition = ALWAYS, *, profile: str = "Core") -> Callable[[Play], Case]:
    """Declare a case; the function's docstring says what must hold."""

    def declare(play: Play) -> Case:
        return Case(number=number, name=name, play=play, applies=applies, profile=profile)

    return declare
