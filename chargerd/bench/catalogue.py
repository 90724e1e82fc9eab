"""All cases, in the order of the tool's document, and the choice among them."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

from chargerd.bench.case import Case
from chargerd.bench.cases import boot, configuration, local_list, remote_trigger, reservation, smart_charging, stopping


def _cases(module: ModuleType) -> list[Case]:
    return [value for value in vars(module).values() if isinstance(value, Case)]


_MODULES = (boot, stopping, configuration, local_list, reservation, remote_trigger, smart_charging)

CASES: tuple[Case, ...] = tuple(one for module in _MODULES for one in _cases(module))


def chosen(numbers: Sequence[str]) -> tuple[Case, ...]:
    """The cases with these numbers, or all. Raises LookupError for a number that does not exist."""
    known = {one.number: one for one in CASES}
    unknown = [number for number in numbers if number not in known]
    if unknown:
        raise LookupError(f"there is no case {', '.join(unknown)}; there are {', '.join(known)}")
    return tuple(one for one in CASES if one.number in numbers) if numbers else CASES
