"""The cable of a DC outlet, between the station's contactor and the vehicle's: a small capacitance, and a conductor that warms up.

Whatever it takes up is in it or has become heat in it. Energies in Wh.
"""

from __future__ import annotations

import math

_CAPACITANCE_F = 1e-6
_RESISTANCE_OHM = 1.5e-3  # 4 m out and back of 95 mm2, and the contacts
_RISE_K = 40.0  # of the contacts, once warm, at the current the cable is made for
_WARMING_S = 600.0
_S_PER_H = 3600.0


class Cable:
    """`voltage_v` stands at its near end, where the meter is; `rise_k`: by how much its contacts are warmer than the air."""

    resistance_ohm = _RESISTANCE_OHM

    def __init__(self, rated_a: float) -> None:
        self.voltage_v = 0.0
        self.heat_wh = 0.0
        self.rise_k = 0.0
        self._rated_a = rated_a

    @property
    def stored_wh(self) -> float:
        """What its capacitance holds."""
        return 0.5 * _CAPACITANCE_F * self.voltage_v**2 / _S_PER_H

    def bring(self, voltage_v: float) -> float:
        """Bring it to a voltage without loss. Returns the energy that takes, negative when it comes back."""
        before_wh, self.voltage_v = self.stored_wh, voltage_v
        return self.stored_wh - before_wh

    def drain(self, voltage_v: float) -> None:
        """Let it fall to a voltage: what it held becomes heat."""
        self.heat_wh -= self.bring(voltage_v)

    def join(self, voltage_v: float) -> float:
        """Put it suddenly on a source of this voltage. Returns the energy the source gives, of which a part is lost in the inrush."""
        given_wh = transferred_wh(_CAPACITANCE_F, self.voltage_v, voltage_v)
        self.heat_wh += given_wh - self.bring(voltage_v)
        return given_wh

    def carry(self, current_a: float, duration_s: float) -> None:
        """Let a current flow through it for a while."""
        self.heat_wh += _RESISTANCE_OHM * current_a**2 * duration_s / _S_PER_H
        steady_k = _RISE_K * (current_a / self._rated_a) ** 2
        self.rise_k = steady_k + (self.rise_k - steady_k) * math.exp(-duration_s / _WARMING_S)


def transferred_wh(capacitance_f: float, from_v: float, to_v: float) -> float:
    """What a source of `to_v` gives when a capacitance is put on it; negative: what it gets."""
    return capacitance_f * (to_v - from_v) * to_v / _S_PER_H
