"""A well-behaved station at a DC outlet of the plant, for tests of the plant itself."""

from __future__ import annotations

from hal.mock.battery import Vehicle
from hal.mock.dc_outlet import DcOutlet
from hal.mock.dialogue import Dialogue
from hal.mock.plant import Activity, Plant
from hal.types import Isolation, SeccOutput, SeccPhase, Setpoint


class DcStation:
    """At one outlet: it grants what the vehicle asks for, and remembers the phases it saw."""

    def __init__(self, plant: Plant, connector: int = 1) -> None:
        self.plant = plant
        self.outlet = plant.outlet_of(connector, DcOutlet)
        self.is_enabled = True
        self.authorization: bool | None = True
        self.isolation = Isolation.SAFE
        self.wants_stop = False
        self.is_waking = False
        self.max_current_a = 200.0
        self.at_s = 0.0
        self.phases: list[SeccPhase] = []
        plant.advance(0.0)

    @property
    def car(self) -> Dialogue:
        """The vehicle that hangs on its cable."""
        assert self.outlet.car is not None
        return self.outlet.car

    def run(self, duration_s: float, until: SeccPhase | None = None) -> None:
        """Do its work for a while, at most until the vehicle is in this phase."""
        end_s = self.at_s + duration_s
        while self.at_s < end_s - 1e-9:
            self._act()
            self.at_s += 0.1 if self.plant.activity is Activity.MOVING else 1.0
            self.plant.advance(self.at_s)
            phase = self.outlet.request().phase
            if not self.phases or self.phases[-1] is not phase:
                self.phases.append(phase)
            if phase is until:
                break
        self._act()

    def _act(self) -> None:
        request, seen = self.outlet.request(), self.outlet.telemetry()
        self.outlet.is_coil_on = request.is_contactor_wanted
        is_live = self.outlet.is_closed and request.is_contactor_wanted
        self.outlet.setpoint = Setpoint(request.target_voltage_v, request.target_current_a) if is_live else Setpoint()
        self.outlet.told = SeccOutput(
            is_enabled=self.is_enabled,
            authorization=self.authorization,
            wants_stop=self.wants_stop,
            is_waking=self.is_waking,
            max_voltage_v=1000.0,
            max_current_a=self.max_current_a,
            max_power_w=120_000.0,
            present_voltage_v=seen.voltage_v,
            present_current_a=seen.current_a,
            isolation=self.isolation,
        )


def charging(vehicle: Vehicle | None = None) -> DcStation:
    """One whose vehicle has charged for a few seconds."""
    plant = Plant(2)
    plant.plug_in(1, vehicle or Vehicle())
    station = DcStation(plant)
    station.run(60.0, until=SeccPhase.CURRENT_DEMAND)
    station.run(5.0)
    return station
