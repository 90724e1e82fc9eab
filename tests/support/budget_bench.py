"""Stations whose vehicles take as much as they possibly can, and a look at the budget after each event.

What may still flow is worse than what is told: on DC the modules may go by an older set-point for a while, on AC a vehicle may for 5 s go
by the duty it knew before (IEC 61851-1). Here they all do, so a budget that is kept here is kept.
"""

from __future__ import annotations

from dataclasses import replace

from chargerd.core.events import ContactorUpdated, Event, EvUpdated, LinkChanged, MeterUpdated, Reply, SupplyUpdated
from chargerd.core.facts import Phase
from chargerd.core.ids import ConnectorId, IdTag
from chargerd.core.settings import ConnectorSettings, StationSettings
from hal.types import ControlPilot, EvRequest, MeterReading, ModuleTelemetry, SeccPhase
from tests.support.core_bench import ONE, CoreBench

MODULES_LATE_S = 0.4
VEHICLE_LATE_S = 5.0
EVERYTHING_A = 1000.0


class BudgetBench(CoreBench):
    """`wants_a`: what each vehicle would take if it could. `worst_w`: the most that ever could flow in all."""

    def __init__(self, built: StationSettings) -> None:
        self.wants_a = {ConnectorId(one.id): EVERYTHING_A for one in built.connectors}
        self.worst_w = 0.0
        self._closed: set[ConnectorId] = set()
        self._told: dict[ConnectorId, list[tuple[float, float, float]]] = {ConnectorId(one.id): [] for one in built.connectors}
        super().__init__(built)

    def _of(self, connector: ConnectorId) -> ConnectorSettings:
        return self.built.connectors[connector - 1]

    # --- what flows -----------------------------------------------------------------------------------------------------------------

    def told_now(self, connector: ConnectorId) -> tuple[float, float]:
        """What modules or vehicle are told that they may, in A, and what an ampere of it is worth in W."""
        built, outputs = self._of(connector), self.station.outputs()[connector]
        if built.kind.is_ac:
            offer_a = outputs.secc.offer_a
            return (offer_a if offer_a >= built.min_current_a else 0.0), built.watts_per_ampere(0.0)
        return outputs.setpoint.current_a, outputs.setpoint.voltage_v

    def may_flow(self, connector: ConnectorId) -> tuple[float, float]:
        """What may flow now, in A and in W: by what is told, or by what was told a moment ago."""
        told = self._told[connector]
        late_s = VEHICLE_LATE_S if self._of(connector).kind.is_ac else MODULES_LATE_S
        while len(told) > 1 and told[1][0] <= self.mono_s - late_s:  # the first is what held when the time began
            del told[0]
        return max((a for _, a, _ in told), default=0.0), max((a * w_per_a for _, a, w_per_a in told), default=0.0)

    def flowing_a(self, connector: ConnectorId) -> float:
        """What does flow: all that may, as far as it is wanted."""
        return min(self.wants_a[connector], self.may_flow(connector)[0]) if connector in self._closed else 0.0

    def send(self, event: Event) -> Reply:
        if isinstance(event, ContactorUpdated):
            (self._closed.add if event.is_closed else self._closed.discard)(event.connector)
        reply = super().send(event)
        for connector in self.ids():
            now_a, w_per_a = self.told_now(connector)
            told = self._told[connector]
            if connector not in self._closed and (now_a <= 0.0 or not self._of(connector).kind.is_ac):
                told.clear()
            if not told or told[-1][1:] != (now_a, w_per_a):
                told.append((self.mono_s, now_a, w_per_a))
        worst_w = sum(self.may_flow(connector)[1] for connector in self.ids())
        self.worst_w = max(self.worst_w, worst_w)
        assert worst_w <= self.built.max_power_w + 1e-6, f"{worst_w:.1f} W may flow, of {self.built.max_power_w:.1f} W"
        return reply

    # --- what devices say -----------------------------------------------------------------------------------------------------------

    def freshen(self, connector: ConnectorId) -> None:
        """Everybody says what is so now."""
        view, flowing_a = self.view(connector), self.flowing_a(connector)
        self.send(EvUpdated(connector, view.ev))
        if not self._of(connector).kind.is_ac:
            self._tell_modules(connector, flowing_a)
        self.send(MeterUpdated(connector, MeterReading(self.energy_wh[connector], current_a=flowing_a)))

    def _tell_modules(self, connector: ConnectorId, flowing_a: float) -> None:
        view, setpoint = self.view(connector), self.outputs(connector).setpoint
        known = view.supply or ModuleTelemetry(max_voltage_v=1000.0, max_current_a=200.0, max_power_w=120e3)
        voltage_v = setpoint.voltage_v if connector in self._closed else 0.0
        self.send(SupplyUpdated(connector, replace(known, voltage_v=voltage_v, current_a=flowing_a)))

    def _follow_setpoint(self, connector: ConnectorId) -> None:
        self.freshen(connector)

    def _follow(self, connector: ConnectorId) -> None:
        if not self._of(connector).kind.is_ac:
            super()._follow(connector)
            if self.phase(connector) is Phase.DELIVERING:
                self.want(connector, self.wants_a[connector])
        elif self.view(connector).ev.control_pilot.is_plugged:
            is_asking = self.told_now(connector)[0] > 0.0 and self.wants_a[connector] > 0.0
            self.ev(connector, control_pilot=ControlPilot.C if is_asking else ControlPilot.B)
            self.freshen(connector)

    # --- people ---------------------------------------------------------------------------------------------------------------------

    def plug(self, connector: ConnectorId = ONE) -> None:
        if self._of(connector).kind.is_ac:
            self.ev(connector, control_pilot=ControlPilot.B)
        else:
            super().plug(connector)

    def want(self, connector: ConnectorId, current_a: float) -> None:
        """The vehicle would take so much from now on; on DC it says so."""
        self.wants_a[connector] = current_a
        ev = self.view(connector).ev
        if ev.phase is SeccPhase.CURRENT_DEMAND:
            self.ev(connector, target_current_a=min(current_a, ev.max_current_a or current_a))

    def begin(self, connector: ConnectorId) -> None:
        """A vehicle comes, and goes as far as it is let."""
        if self.phase(connector) is not Phase.IDLE:
            return
        self.plug(connector)
        self.swipe(IdTag(f"CARD-{connector}"))
        for _ in range(12):
            self.mono_s += 0.1
            self.step(connector)

    def end(self, connector: ConnectorId) -> None:
        """The vehicle's driver has had enough, and drives away."""
        if self.view(connector).transaction is not None:
            self.swipe(IdTag(f"CARD-{connector}"))
        for _ in range(8):
            self.mono_s += 0.1
            self.step(connector)
        self.send(EvUpdated(connector, EvRequest(ControlPilot.A)))
        self.wants_a[connector] = EVERYTHING_A
        if connector in self._closed and not self.outputs(connector).contactor:
            self.send(ContactorUpdated(connector, is_closed=False))

    def link(self, *, is_up: bool) -> None:
        """To the central system."""
        self.send(LinkChanged(is_accepted=is_up))

    def live(self, seconds: float) -> None:
        """Time passes; vehicles take the steps they can."""
        for _ in range(max(1, round(seconds))):
            self.wait(min(seconds, 1.0))
            for connector in self.ids():
                self.step(connector)

    def shares_w(self) -> list[float]:
        """What each connector is told, in W."""
        return [a * w_per_a for a, w_per_a in (self.told_now(connector) for connector in self.ids())]
