"""How the power modules of one connector share a set-point. Pure: time is an argument.

Theory of operation. A module is *present* while it answers and its capability is known, *reserved* after it fell silent, and *away*
otherwise. A module that no longer answers may still deliver: either it hears us, then the "off" its driver sends reaches it, or it does
not, then its own cut-off ends its output. Until that has surely happened, what it was last told counts against the wish. Likewise one
module rises only by what the others were heard to have given up. So the sum of all outputs never exceeds the wish.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from hal.types import Setpoint


@dataclass(frozen=True, slots=True)
class Capability:
    """What one module can give."""

    max_voltage_v: float
    max_current_a: float
    max_power_w: float


@dataclass(frozen=True, slots=True)
class _Member:
    heard_at_s: float
    capability: Capability | None = None
    told_a: float = 0.0  # last
    peak_a: float = 0.0  # highest since it was last heard: the last one may not have reached it
    reserved_until_s: float | None = None  # not None: silent


def share(wish: Setpoint, capabilities: Mapping[int, Capability], reserved_a: float = 0.0) -> dict[int, Setpoint]:
    """Set-point of each module: evenly, but none above its capability; the sum is at most the wish less what is reserved.

    All get the same voltage, at most what the weakest may give. Whole milliamperes, as on the wire.
    """
    if not wish.is_on or not capabilities:
        return dict.fromkeys(capabilities, Setpoint())
    voltage_v = min(wish.voltage_v, *(capability.max_voltage_v for capability in capabilities.values()))
    if voltage_v <= 0.0:
        return dict.fromkeys(capabilities, Setpoint())
    left_ma = max(_milli(wish.current_a) - math.ceil(reserved_a * 1000.0), 0)
    caps_ma = {
        address: max(_milli(min(capability.max_current_a, capability.max_power_w / voltage_v)), 0)
        for address, capability in capabilities.items()
    }
    shares: dict[int, Setpoint] = {}
    for index, address in enumerate(sorted(caps_ma, key=lambda address: (caps_ma[address], address))):
        part_ma = min(caps_ma[address], left_ma // (len(caps_ma) - index))
        left_ma -= part_ma
        shares[address] = Setpoint(voltage_v, part_ma / 1000.0)
    return shares


def _milli(value: float) -> int:
    # 2.3 * 1000 is 2299.9999...: a value that is whole milliamperes but for its last bits is meant to be
    nearest = round(value * 1000.0)
    return nearest if nearest / 1000.0 <= value else nearest - 1


class Group:
    """The modules of one connector over time. `cut_off_s`: after how long without a controller each module surely is off."""

    def __init__(self, silence_s: float, cut_off_s: float) -> None:
        self._silence_s = silence_s
        self._cut_off_s = cut_off_s
        self._members: dict[int, _Member] = {}

    def heard(self, address: int, now_s: float, capability: Capability | None = None) -> None:
        """A module answered; without a capability the known one stays."""
        member = self._members.get(address, _Member(now_s))
        capability = capability or member.capability
        if member.reserved_until_s is None:
            self._members[address] = _Member(now_s, capability, member.told_a, member.told_a)
        else:  # back: it was told to be off, and may not have heard it yet
            self._members[address] = _Member(now_s, capability, 0.0, member.peak_a if now_s < member.reserved_until_s else 0.0)

    def notice(self, now_s: float) -> frozenset[int]:
        """Judge who is silent; gives those who fell silent just now. Call before `split`."""
        fallen = frozenset(
            address
            for address, member in self._members.items()
            if member.reserved_until_s is None and now_s - member.heard_at_s > self._silence_s
        )
        for address in fallen:
            self._members[address] = replace(self._members[address], reserved_until_s=now_s + self._cut_off_s)
        return fallen

    def present(self) -> dict[int, Capability]:
        """Modules that answer and whose capability is known."""
        return {
            address: member.capability
            for address, member in self._members.items()
            if member.reserved_until_s is None and member.capability is not None
        }

    def reserved_a(self, now_s: float) -> float:
        """Current that silent modules may still deliver."""
        return sum(
            member.peak_a for member in self._members.values() if member.reserved_until_s is not None and now_s < member.reserved_until_s
        )

    def split(self, wish: Setpoint, now_s: float, held: frozenset[int] = frozenset()) -> dict[int, Setpoint]:
        """Set-points to send now to the present modules; they are remembered as told.

        held: modules that are to be off whatever is wished. Lowering is immediate; raising one takes only what the others are known to
        have given up, so it may need another call after they were heard again.
        """
        reserved_a = self.reserved_a(now_s)
        present = self.present()
        able = {address: capability for address, capability in present.items() if address not in held}
        shares = dict.fromkeys(present, Setpoint()) | share(wish, able, reserved_a)
        peaks_a = {address: self._members[address].peak_a for address in shares}
        free_ma = max(
            _milli(wish.current_a) - math.ceil(reserved_a * 1000.0) - sum(round(peak_a * 1000.0) for peak_a in peaks_a.values()), 0
        )
        for address, setpoint in shares.items():
            rise_ma = round((setpoint.current_a - peaks_a[address]) * 1000.0)
            if rise_ma > 0:
                taken_ma = min(rise_ma, free_ma)
                free_ma -= taken_ma
                shares[address] = replace(setpoint, current_a=(round(peaks_a[address] * 1000.0) + taken_ma) / 1000.0)
            peak_a = max(peaks_a[address], shares[address].current_a)
            self._members[address] = replace(self._members[address], told_a=shares[address].current_a, peak_a=peak_a)
        return shares
