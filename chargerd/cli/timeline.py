"""A session as lines for people: what the driver sees, what the wires do, what OCPP says. Pure: fed with facts, messages and views."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from chargerd.cli.ocpp_words import OcppWords
from chargerd.cli.render import bar
from chargerd.cli.session_words import WATCHED, driver_words, wire_words
from chargerd.core.facts import Stamped, TransactionStarted, TransactionStopped
from chargerd.core.ids import ConnectorId, LocalId
from chargerd.core.session import DC
from chargerd.core.view import ConnectorView, StationView
from chargerd.ocpp.trace import TraceEntry

ENERGY_EVERY_S = 120.0
"""Simulated seconds between two lines of energy, unless they would come faster than `_ENERGY_PACE_S`."""

_ENERGY_PACE_S = 2.0  # real seconds: what eyes can follow
_EARLY = 0.9  # a reading that comes a little before it is due is not left out for the next one


class Lane(Enum):
    """Who a line is about."""

    DRIVER = "DRIVER"
    WIRES = "WIRES"
    OCPP = "OCPP"
    ENERGY = "ENERGY"


@dataclass(frozen=True, slots=True)
class Line:
    """One happening; `at_s` in simulated seconds since the beginning."""

    at_s: float
    lane: Lane
    text: str


@dataclass(frozen=True, slots=True)
class Point:
    """One measurement of the session, for the plot."""

    at_s: float
    power_w: float
    soc_percent: float


@dataclass(frozen=True, slots=True)
class Heard:
    """A message and when it crossed the wire, on the loop's clock."""

    mono_s: float
    entry: TraceEntry


@dataclass(slots=True)
class _Energy:
    at_s: float  # of the last line
    energy_wh: int  # of the last reading


class Timeline:
    """Turns what came in since the last time into lines, oldest first; keeps all lines and the points of one connector.

    began_mono_s: the loop's time that counts as zero. speed: simulated seconds per second. plotted: the connector whose points are kept.
    """

    def __init__(self, began_mono_s: float, speed: float, plotted: ConnectorId) -> None:
        self.lines: list[Line] = []
        self.points: list[Point] = []
        self.messages = OcppWords()
        self._began_mono_s = began_mono_s
        self._speed = speed
        self._plotted = plotted
        self._true: dict[ConnectorId, frozenset[int]] = {}
        self._starts_wh: dict[LocalId, int] = {}
        self._energy: dict[ConnectorId, _Energy] = {}

    def at_s(self, mono_s: float) -> float:
        """Simulated seconds since the beginning."""
        return max(0.0, mono_s - self._began_mono_s) * self._speed

    def act(self, mono_s: float, text: str) -> list[Line]:
        """Something the driver does."""
        return self._keep([Line(self.at_s(mono_s), Lane.DRIVER, text)])

    def take(self, facts: Iterable[Stamped], heard: Iterable[Heard], view: StationView, mono_s: float) -> list[Line]:
        """The lines that these make; `view` is the station at `mono_s`."""
        lines = [line for stamped in facts for line in self._of_fact(stamped)]
        lines += [line for one in heard for line in self._of_message(one)]
        lines += [line for connector in view.connectors for line in self._of_view(connector, self.at_s(mono_s))]
        return self._keep(sorted(lines, key=lambda line: line.at_s))

    def _keep(self, lines: list[Line]) -> list[Line]:
        self.lines += lines
        return lines

    # --- sources ----------------------------------------------------------------------------------------------------------------------

    def _of_fact(self, stamped: Stamped) -> Iterable[Line]:
        fact, at_s = stamped.fact, self.at_s(stamped.mono_s)
        delivered_wh = 0
        if isinstance(fact, TransactionStarted):
            self._starts_wh[fact.local_id] = fact.meter_start_wh
        elif isinstance(fact, TransactionStopped):
            delivered_wh = fact.meter_stop_wh - self._starts_wh.get(fact.local_id, fact.meter_stop_wh)
        for lane, text in ((Lane.DRIVER, driver_words(fact, delivered_wh)), (Lane.WIRES, wire_words(fact))):
            if text:
                yield Line(at_s, lane, _about(fact.connector, text))

    def _of_message(self, heard: Heard) -> Iterable[Line]:
        text = self.messages.words(heard.entry)
        if text:
            yield Line(self.at_s(heard.mono_s), Lane.OCPP, text)

    def _of_view(self, view: ConnectorView, at_s: float) -> Iterable[Line]:
        """What became true on the wires since the last look; the first look only takes note."""
        true = frozenset(index for index, watch in enumerate(WATCHED) if watch.is_true(view))
        known = self._true.get(view.connector)
        self._true[view.connector] = true
        for index in sorted(true - known if known is not None else ()):
            yield Line(at_s, Lane.WIRES, _about(view.connector, WATCHED[index].words(view)))
        yield from self._of_energy(view, at_s)
        if view.connector == self._plotted:
            self._measure(view, at_s)

    def _of_energy(self, view: ConnectorView, at_s: float) -> Iterable[Line]:
        """The energy, every now and then, and only at a new reading of the meter."""
        text, meter = progress(view), view.meter
        if text is None or meter is None:
            self._energy.pop(view.connector, None)
            return
        told = self._energy.setdefault(view.connector, _Energy(at_s, meter.energy_wh))
        if meter.energy_wh != told.energy_wh:
            told.energy_wh = meter.energy_wh
            if at_s >= told.at_s + max(ENERGY_EVERY_S, _ENERGY_PACE_S * self._speed) * _EARLY:
                told.at_s = at_s
                yield Line(at_s, Lane.ENERGY, _about(view.connector, text))

    def _measure(self, view: ConnectorView, at_s: float) -> None:
        meter, soc = view.meter, view.ev.soc_percent
        last = self.points[-1] if self.points else None
        has_begun = last is not None or view.transaction is not None  # until the plug is pulled the vehicle tells its state of charge
        if not has_begun or meter is None or meter.power_w is None or soc is None:
            return
        if last is None or (last.power_w, last.soc_percent) != (meter.power_w, soc):
            self.points.append(Point(at_s, meter.power_w, soc))


def progress(view: ConnectorView) -> str | None:
    """State of charge, energy and power while a session is energised; None when there is none, or nothing is measured yet."""
    running, meter, soc = view.transaction, view.meter, view.ev.soc_percent
    if running is None or meter is None or meter.power_w is None or soc is None or view.phase not in DC.closed:
        return None
    delivered_kwh = (meter.energy_wh - running.meter_start_wh) / 1000
    return f"{bar(soc, 24)} {soc:3.0f} %  {delivered_kwh:6.2f} kWh  {meter.power_w / 1000:5.1f} kW"


def clock(at_s: float) -> str:
    """Minutes and seconds, with hours where there are some."""
    minutes, seconds = divmod(int(at_s), 60)
    hours, rest = divmod(minutes, 60)
    return f"{hours}:{rest:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _about(connector: ConnectorId, text: str) -> str:
    """The demonstration uses connector 1; what happens elsewhere says where."""
    return text if connector in (0, 1) else f"connector {connector}: {text}"
