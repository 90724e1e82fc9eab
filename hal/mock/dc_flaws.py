"""What can be wrong with a DC outlet: everything that is set by hand and stays so, over restarts of the daemon too."""

from __future__ import annotations

from dataclasses import dataclass, field

from hal.types import ControlPilot


@dataclass(slots=True)
class Insulation:
    """Resistance of each pole of the output to earth."""

    positive_ohm: float = 2_000_000.0
    negative_ohm: float = 2_000_000.0

    @property
    def resistance_ohm(self) -> float:
        """Of both poles together, which is what a monitor finds."""
        both_ohm = self.positive_ohm + self.negative_ohm
        return self.positive_ohm * self.negative_ohm / both_ohm if both_ohm > 0.0 else 0.0

    @resistance_ohm.setter
    def resistance_ohm(self, value: float) -> None:
        self.positive_ohm = self.negative_ohm = 2.0 * value


@dataclass(slots=True)
class DcFlaws:
    """Nothing is, by default. None: as it is told, or as it comes.

    modules_failed, of those present: they answer, and are off with a fault of their own. has_no_cut_off: modules that go on without their
    controller. reverse_current_a: what their diodes let back when the battery is higher. is_inlet_closed: the contactor of the vehicle that
    is plugged in, whatever it says. pilot: what the station sees of it. target_voltage_v: what the vehicle asks for in the loop.
    """

    modules_present: int
    modules_failed: int = 0
    alarms: frozenset[str] = frozenset()
    has_no_cut_off: bool = False
    module_temperature_c: float | None = None
    voltage_v: float | None = None
    current_a: float | None = None
    reverse_current_a: float = 0.0
    has_no_bleeder: bool = False
    connector_temperature_c: float | None = None
    pilot: ControlPilot | None = None
    is_inlet_closed: bool | None = None
    target_voltage_v: float | None = None
    insulation: Insulation = field(default_factory=Insulation)
