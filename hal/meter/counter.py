"""Whether an energy register tells the truth. Pure: time is an argument.

A register moves forward, and no faster than the installation can deliver. What it tells beyond that is held back, as a telegram may be
damaged where no checksum can tell. Told again and again it is true after all: the register went round, the meter was exchanged or reset, or
its unit was changed. Then it is taken, together with how far it moved without energy: who counts a transaction leaves that out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hal.errors import WireError

CONFIRMATIONS = 3
_SLACK_WH = 100  # resolution of the coarsest registers, and readings that are a poll apart


@dataclass(frozen=True, slots=True)
class Counted:
    """A register that can be believed; `moved_wh`: by how much it stepped without energy, 0 but after a step."""

    register_wh: int
    moved_wh: int = 0


@dataclass(frozen=True, slots=True)
class _Doubt:
    at_s: float
    register_wh: int
    times: int


class Counter:
    """One register over time. max_power_w: of the installation; wraps_wh: at which values it may go round to zero."""

    def __init__(self, max_power_w: float, wraps_wh: Iterable[int] = ()) -> None:
        self._max_power_w = max_power_w
        self._wraps_wh = sorted(wraps_wh)
        self._last: tuple[float, int] | None = None
        self._doubt: _Doubt | None = None

    def read(self, register_wh: int, now_s: float) -> Counted:
        """The register, if it can be believed. Raises WireError, with what is wrong, for one that cannot yet."""
        if self._last is None or self._follows(*self._last, register_wh, now_s):
            return self._take(Counted(register_wh), now_s)
        last_s, last_wh = self._last
        doubt = self._doubt
        is_again = doubt is not None and self._follows(doubt.at_s, doubt.register_wh, register_wh, now_s)
        times = doubt.times + 1 if doubt is not None and is_again else 1
        if times >= CONFIRMATIONS:
            return self._take(Counted(register_wh, register_wh - last_wh - self._energy_wh(last_s, last_wh, register_wh, now_s)), now_s)
        self._doubt = _Doubt(now_s, register_wh, times)
        how = "runs back" if register_wh < last_wh else "jumps"
        raise WireError(f"energy register {how} from {last_wh} to {register_wh} Wh")

    def _take(self, counted: Counted, now_s: float) -> Counted:
        self._last, self._doubt = (now_s, counted.register_wh), None
        return counted

    def _follows(self, at_s: float, before_wh: int, after_wh: int, now_s: float) -> bool:
        return 0 <= after_wh - before_wh <= self._max_power_w * (now_s - at_s) / 3600.0 + _SLACK_WH

    def _energy_wh(self, last_s: float, last_wh: int, register_wh: int, now_s: float) -> int:
        """What was delivered over a step: known where the register went round, else nothing."""
        for wrap_wh in self._wraps_wh:
            if last_wh < wrap_wh and self._follows(last_s, last_wh, register_wh + wrap_wh, now_s):
                return register_wh + wrap_wh - last_wh
        return 0
