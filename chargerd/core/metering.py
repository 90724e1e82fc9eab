"""Readings into samples, and the instants at which they are due."""

from __future__ import annotations

from dataclasses import dataclass

from chargerd.core.facts import Sample, Samples
from chargerd.core.now import NEVER, Now
from hal.types import EvRequest, MeterReading, ModuleTelemetry


@dataclass(frozen=True, slots=True)
class Offered:
    """What the station would give now: a limit, not a measurement. On AC the current is that of each phase, the power that of all."""

    current_a: float
    power_w: float


REGISTER = "Energy.Active.Import.Register"
PHASES = ("L1", "L2", "L3")


def samples(
    measurands: tuple[str, ...],
    energy_wh: int,
    meter: MeterReading | None,
    ev: EvRequest,
    supply: ModuleTelemetry | None,
    offered: Offered,
) -> Samples:
    """The asked measurands that somebody measures now, in the order asked; what nobody measures is left out, never invented.

    A measurand that is measured on each phase is told phase by phase (OCPP 1.6, 3.16.3); one phase may be asked for alone, as
    `Voltage.L1`. Units are those of OCPP 1.6, 7.44; `Celcius` is the schema's spelling. Energy is the register, never re-based. Values
    are rounded to a thousandth, which is finer than anybody tells them.
    """
    known = _of_the_meter(meter) if meter is not None else {}
    known[REGISTER] = (energy_wh, "Wh")
    known["SoC"] = (ev.soc_percent, "Percent")
    known["Temperature"] = (_temperature_c(meter, ev, supply), "Celcius")
    known["Current.Offered"] = (offered.current_a, "A")
    known["Power.Offered"] = (offered.power_w, "W")
    names = (name for asked in measurands for name in ([asked] if asked in known else [f"{asked}.{phase}" for phase in PHASES]))
    found = ((name, *known[name]) for name in names if name in known)
    return tuple(Sample(name, round(value, 3), unit) for name, value, unit in found if value is not None)


def _of_the_meter(meter: MeterReading) -> dict[str, tuple[float | None, str]]:
    """What the meter tells; a measurand it tells phase by phase stands under its phases only."""
    known: dict[str, tuple[float | None, str]] = {
        "Power.Active.Import": (meter.power_w, "W"),
        "Current.Export": (meter.current_export_a, "A"),
        "Energy.Active.Export.Register": (meter.export_wh, "Wh"),
        "Energy.Reactive.Import.Register": (meter.reactive_import_varh, "varh"),
        "Energy.Reactive.Export.Register": (meter.reactive_export_varh, "varh"),
    }
    by_phase = (("Current.Import", meter.current_a, meter.phase_currents_a, "A"), ("Voltage", meter.voltage_v, meter.phase_voltages_v, "V"))
    for name, whole, each, unit in by_phase:
        if each is None:
            known[name] = (whole, unit)
        else:
            known |= {f"{name}.{phase}": (value, unit) for phase, value in zip(PHASES, each, strict=True)}
    return known


def _temperature_c(meter: MeterReading | None, ev: EvRequest, supply: ModuleTelemetry | None) -> float | None:
    """The connector's own where it is measured, else that of the modules or of the meter."""
    told = (ev.connector_temperature_c, supply.temperature_c if supply else None, meter.temperature_c if meter else None)
    return next((one for one in told if one is not None), None)


LATE_S = 5.0
"""A clock-aligned value that could not be taken this soon after its instant is left out: it would tell of another moment."""

_DAY_S = 86400.0
_STEP_S = 0.5  # a clock that is corrected by more has stepped


@dataclass(slots=True)
class Grid:
    """Instants at an exact spacing, counted from a start and never drifting (OCPP 1.6 errata 3.15; sampled values).

    start_s: monotonic; start_utc_s: the same moment in UTC, None while that was not known.
    """

    start_s: float
    start_utc_s: float | None
    interval_s: float
    next_s: float
    number: int = 1  # of the next instant

    @classmethod
    def from_(cls, now: Now, interval_s: float) -> Grid:
        """First instant one interval from now; interval 0: never."""
        utc_s = now.utc_s if now.is_utc_trusted else None
        return cls(now.mono_s, utc_s, interval_s, now.mono_s + interval_s if interval_s > 0 else NEVER)

    def take(self, now: Now) -> float | None:
        """The instant that has come, in monotonic seconds; instants that were slept through are skipped, the grid stays."""
        if now.mono_s < self.next_s:
            return None
        self.number = max(self.number, int((now.mono_s - self.start_s) / self.interval_s))  # rounding may give the one before
        while (following_s := self.start_s + (self.number + 1) * self.interval_s) <= now.mono_s:
            self.number += 1
        taken_s, self.next_s = self.start_s + self.number * self.interval_s, following_s
        self.number += 1
        return taken_s

    def utc_of(self, instant_s: float, now: Now) -> float | None:
        """An instant in UTC, a whole number of intervals after the start; None while UTC is not known.

        A clock that was stepped since is followed, and what comes after is again exactly spaced.
        """
        if not now.is_utc_trusted:
            return None
        by_clock_s = now.utc_s - (now.mono_s - instant_s)
        if self.start_utc_s is None or abs(self.start_utc_s + (instant_s - self.start_s) - by_clock_s) > _STEP_S:
            self.start_utc_s = by_clock_s - (instant_s - self.start_s)
        return self.start_utc_s + (instant_s - self.start_s)


@dataclass(slots=True)
class ClockGrid:
    """Instants at whole multiples of an interval since midnight UTC, beginning again at each midnight (OCPP 1.6, 9.1.5).

    None is taken before UTC is known, and none twice when the clock is set back.
    """

    interval_s: float
    next_s: float = NEVER  # monotonic, as the clock stands now
    _next_utc_s: float = NEVER
    _taken_utc_s: float = -NEVER

    @classmethod
    def from_(cls, now: Now, interval_s: float) -> ClockGrid:
        """First instant at the next boundary; interval 0: never."""
        grid = cls(interval_s)
        grid._aim(now)
        return grid

    def take(self, now: Now) -> float | None:
        """The boundary that has come, in UTC seconds; None when none has, or when it is too long ago."""
        if self.interval_s <= 0 or not now.is_utc_trusted:
            return None
        boundary_s = self._next_utc_s
        has_come = now.utc_s >= boundary_s
        self._aim(now)
        if not has_come or now.utc_s - boundary_s > LATE_S or boundary_s <= self._taken_utc_s:
            return None
        self._taken_utc_s = boundary_s
        return boundary_s

    def _aim(self, now: Now) -> None:
        if self.interval_s <= 0 or not now.is_utc_trusted:
            return
        self._next_utc_s = next_boundary_s(now.utc_s, self.interval_s)
        self.next_s = now.mono_s + (self._next_utc_s - now.utc_s)


def next_boundary_s(utc_s: float, interval_s: float) -> float:
    """The first multiple of the interval since midnight UTC that lies after a moment; the next midnight is one in any case."""
    midnight_s = utc_s - utc_s % _DAY_S
    passed = int((utc_s - midnight_s) / interval_s) + 1
    return min(midnight_s + passed * interval_s, midnight_s + _DAY_S)
