"""What the demonstration says before and after the session. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chargerd.cli.plot import plot
from chargerd.cli.timeline import Line, Point, clock

CARD = "DEMO0042"
_PLOT_WIDTH, _PLOT_HEIGHT = 60, 4  # with its labels within 80 columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How the session went, as the central system was told of it (SoC: as the vehicle told)."""

    transaction_id: int
    start_acknowledged: bool
    stop_acknowledged: bool
    stop_reason: str
    meter_start_wh: int
    meter_stop_wh: int
    soc_from: float | None
    soc_to: float | None
    seconds: float  # real, from the plug to the last answer
    simulated_seconds: float  # of the transaction
    speed: float
    messages: Mapping[str, int]  # requests of the station that were answered, by action

    @property
    def delivered_wh(self) -> int:
        """The difference of the meter's register."""
        return self.meter_stop_wh - self.meter_start_wh

    @property
    def problem(self) -> str | None:
        """What is missing from a session that was delivered, stopped and acknowledged."""
        if self.delivered_wh <= 0:
            return "the session delivered no energy"
        if not (self.start_acknowledged and self.stop_acknowledged):
            return "the central system did not acknowledge both ends of the transaction"
        if self.stop_reason != "Local":
            return f"the session was ended by {self.stop_reason}, not by the card"
        return None


def as_json(outcome: Outcome, lines: Sequence[Line]) -> dict[str, object]:
    """The outcome and the whole timeline for scripts."""
    return {
        "delivered_wh": outcome.delivered_wh,
        "soc_from": _rounded(outcome.soc_from),
        "soc_to": _rounded(outcome.soc_to),
        "transaction_id": outcome.transaction_id,
        "start_acknowledged": outcome.start_acknowledged,
        "stop_acknowledged": outcome.stop_acknowledged,
        "stop_reason": outcome.stop_reason,
        "meter_start_wh": outcome.meter_start_wh,
        "meter_stop_wh": outcome.meter_stop_wh,
        "speed": outcome.speed,
        "seconds": round(outcome.seconds, 3),
        "simulated_seconds": round(outcome.simulated_seconds, 1),
        "messages": dict(outcome.messages),
        "timeline": [{"at_s": round(line.at_s, 1), "lane": line.lane.value, "text": line.text} for line in lines],
    }


def header(speed: float, config: str, outlets: int, url: str) -> list[str]:
    """What is about to be seen, and what of it is real."""
    pace = "as fast as in reality" if speed == 1 else f"{speed:g} times as fast as in reality"
    lines = [
        "One charging session from beginning to end, on this computer alone.",
        "",
        f"  real       the daemon, for a station with {outlets} outlets: {config}",
        f"  real       OCPP 1.6 to a central system at {url}",
        "  simulated  vehicle, cable, contactors, power modules, meter, card reader,",
        f"             {pace}",
        "",
        "  DRIVER     what the driver does and sees",
        "  WIRES      what happens on the wires",
        "  OCPP       what the station (→) and the central system (←) say",
        "  ENERGY     battery of the vehicle, energy delivered so far, power",
        "",
    ]
    if speed != 1:
        lines[-1:-1] = [
            "",
            f"The clock on the left is the simulated one: {speed:g} s of it pass in a second.",
            "The daemon itself is no faster than in reality: when it takes 0.1 s for",
            f"something, the clock goes on by {0.1 * speed:g} s.",
        ]
    return lines


def summary(outcome: Outcome, points: Sequence[Point]) -> list[str]:
    """The result, and power and state of charge over time."""
    is_known = outcome.soc_from is not None and outcome.soc_to is not None
    soc = f", battery from {outcome.soc_from:.0f} % to {outcome.soc_to:.0f} %" if is_known else ""
    count = sum(outcome.messages.values())
    return [
        "",
        f"Delivered {outcome.delivered_wh / 1000:.2f} kWh in {clock(outcome.simulated_seconds)} (simulated time){soc}.",
        "",
        *_plots(points),
        "",
        f"  transaction {outcome.transaction_id}: start and stop acknowledged, reason {outcome.stop_reason}",
        f"  meter: {outcome.meter_start_wh} Wh at the start, {outcome.meter_stop_wh} Wh at the end",
        f"  the station sent {count} messages, all of them answered; it took {outcome.seconds:.0f} s",
    ]


def _plots(points: Sequence[Point]) -> list[str]:
    if len(points) < 2:
        return []
    top_w = max(max(point.power_w for point in points), 1.0)
    power = [(point.at_s, point.power_w) for point in points]
    soc = [(point.at_s, point.soc_percent) for point in points]
    label = f"power {top_w / 1000:4.0f} kW"
    margin = " " * (len(label) + 5)
    minutes = f"{(points[-1].at_s - points[0].at_s) / 60:.0f} min"
    lines = plot(power, label=label, top=top_w, width=_PLOT_WIDTH, height=_PLOT_HEIGHT)
    lines += plot(soc, label=f"{'SoC 100 %':>{len(label)}}", top=100.0, width=_PLOT_WIDTH, height=_PLOT_HEIGHT)
    return [f"  {line}" for line in lines] + [f"{margin}{'0':<{_PLOT_WIDTH - len(minutes)}}{minutes}"]


def going_on(chargerctl: str, socket: str) -> list[str]:
    """What can be tried while the station runs."""
    call = f"  {chargerctl} --socket {socket}"
    return [
        "",
        "The station goes on running. In another terminal:",
        "",
        f"{call} status",
        f"{call} transactions",
        f"{call} sim plug-in 2",
        f"{call} sim swipe {CARD} --connector 2",
        f"{call} status --watch",
        "",
        "What comes of it is told here. Ctrl-C ends the station.",
        "",
    ]


def next_steps(example: str) -> list[str]:
    """Where to go from here."""
    return [
        "",
        "Next:  chargerd demo --stay           the same, then try chargerctl on it",
        "       chargerd check --config FILE   a station of your own; to begin, copy",
        f"                                      {example}",
    ]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
