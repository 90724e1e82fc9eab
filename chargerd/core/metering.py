"""Readings into samples, and when the next sample is due."""

from __future__ import annotations

from dataclasses import dataclass

from chargerd.core.facts import Sample, Samples
from hal.types import EvRequest, MeterReading, ModuleTelemetry


@dataclass(frozen=True, slots=True)
class Offered:
    """What the station would give now: a limit, not a measurement. On AC the current is that of each phase, the power that of all."""

    current_a: float
    power_w: float


def samples(
    measurands: tuple[str, ...],
    energy_wh: int,
    meter: MeterReading | None,
    ev: EvRequest,
    supply: ModuleTelemetry | None,
    offered: Offered,
) -> Samples:
    """The asked measurands that somebody measures now, in the order asked; what nobody measures is left out, never invented.

    Units are those of OCPP 1.6, 7.44; `Celcius` is the schema's spelling. Energy is the register, never re-based.
    """
    known: dict[str, tuple[float | None, str]] = {
        "Energy.Active.Import.Register": (energy_wh, "Wh"),
        "Power.Active.Import": (meter.power_w if meter else None, "W"),
        "Current.Import": (meter.current_a if meter else None, "A"),
        "Voltage": (meter.voltage_v if meter else None, "V"),
        "SoC": (ev.soc_percent, "Percent"),
        "Temperature": (supply.temperature_c if supply else None, "Celcius"),
        "Current.Offered": (offered.current_a, "A"),
        "Power.Offered": (offered.power_w, "W"),
    }
    found = ((name, *known[name]) for name in measurands if name in known)
    return tuple(Sample(name, value, unit) for name, value, unit in found if value is not None)


SUPPORTED_MEASURANDS = (
    "Energy.Active.Import.Register",
    "Power.Active.Import",
    "Current.Import",
    "Voltage",
    "SoC",
    "Temperature",
    "Current.Offered",
    "Power.Offered",
)


@dataclass(slots=True)
class Grid:
    """Instants at an exact spacing, counted from a start and never drifting (OCPP 1.6 errata, sampled values)."""

    start_s: float
    interval_s: float
    next_s: float

    @classmethod
    def from_(cls, start_s: float, interval_s: float) -> Grid:
        """First instant one interval after the start; interval 0: never."""
        return cls(start_s, interval_s, start_s + interval_s if interval_s > 0 else float("inf"))

    def take(self, now_s: float) -> bool:
        """Whether an instant has come; instants that were slept through are skipped, the grid stays."""
        if now_s < self.next_s:
            return False
        missed = int((now_s - self.start_s) / self.interval_s)
        self.next_s = self.start_s + (missed + 1) * self.interval_s
        if self.next_s <= now_s:  # rounding at an exact multiple
            self.next_s += self.interval_s
        return True
