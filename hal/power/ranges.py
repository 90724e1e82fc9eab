"""Which voltage range each module of one connector works in, and when it may be changed. Pure: time is an argument.

A range is chosen by the highest voltage the session will need, as soon as that is known, so that nothing has to be changed once the
output is on. A module is changed only after its output was off for `WAIT_S`, and is left alone for as long afterwards: until then it is
*held*, that is, told to be off.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hal.power.dialect import Band
from hal.types import Setpoint

WAIT_S = 2.0  # before and after: EVerest PowerSupplies/UUGreenPower_UR1000X0


@dataclass(slots=True)
class _Setting:
    band: Band | None = None  # selected last
    ready_at_s: float = 0.0
    off_since_s: float | None = None  # None: on, or not told yet


class Ranges:
    """border_v: highest voltage of the low range; None: there is but one range, and nobody is ever held."""

    def __init__(self, border_v: float | None) -> None:
        self._border_v = border_v
        self._band: Band | None = None
        self._settings: dict[int, _Setting] = {}

    def choose(self, wish: Setpoint) -> None:
        """Take note of what is wanted. Without a ceiling a range that can give the voltage stays."""
        if self._border_v is None:
            return
        needed_v = max(wish.voltage_v, wish.ceiling_v)
        if needed_v > self._border_v or (wish.is_on and self._band is None and wish.ceiling_v <= 0.0):
            self._band = Band.HIGH
        elif wish.ceiling_v > 0.0:
            self._band = Band.LOW

    def told(self, address: int, now_s: float, *, is_on: bool) -> None:
        """A module was switched on or off."""
        setting = self._settings.setdefault(address, _Setting())
        if is_on:
            setting.off_since_s = None
        elif setting.off_since_s is None:
            setting.off_since_s = now_s

    def forget(self, address: int) -> None:
        """A module fell silent: it may have restarted in another range."""
        self._settings.pop(address, None)

    def held(self, addresses: Iterable[int], now_s: float) -> frozenset[int]:
        """Modules that must be off now."""
        return frozenset(address for address in addresses if self._is_held(self._settings.get(address, _Setting()), now_s))

    def due(self, addresses: Iterable[int], now_s: float) -> tuple[tuple[int, Band], ...]:
        """Modules to be changed now, each told once: it counts as changed."""
        changed: list[tuple[int, Band]] = []
        for address in addresses:
            setting = self._settings.setdefault(address, _Setting())
            has_rested = setting.off_since_s is not None and now_s - setting.off_since_s >= WAIT_S
            if self._band is not None and setting.band is not self._band and has_rested:
                setting.band, setting.ready_at_s = self._band, now_s + WAIT_S
                changed.append((address, self._band))
        return tuple(changed)

    def _is_held(self, setting: _Setting, now_s: float) -> bool:
        return self._band is not None and (setting.band is not self._band or now_s < setting.ready_at_s)
