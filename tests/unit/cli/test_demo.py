"""The demonstration's words: every line follows from a fact, a message or a measured state, and says it in the right order."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.live import Live

from chargerd.cli import demo_words, exitcodes
from chargerd.cli.daemon import main
from chargerd.cli.demo_screen import NoScreen, PlainScreen, TerminalScreen, plain, screen
from chargerd.cli.demo_words import Outcome
from chargerd.cli.ocpp_words import OcppWords
from chargerd.cli.plot import plot, resampled
from chargerd.cli.session_words import driver_words, wire_words
from chargerd.cli.timeline import Heard, Lane, Line, Point, Timeline, clock, progress
from chargerd.core.events import AuthorizationStatus, StopReason
from chargerd.core.facts import (
    AuthorizationGranted,
    AuthorizationRefused,
    ConnectorStatus,
    DeviceStateChanged,
    Fact,
    FaultRaised,
    Phase,
    PhaseChanged,
    Stamped,
    StatusChanged,
    TokenSource,
    TransactionStarted,
    TransactionStopped,
)
from chargerd.core.ids import STATION, ConnectorId, IdTag, LocalId
from chargerd.ocpp.trace import Direction, TraceEntry
from hal.types import MeterReading
from tests.support.core_bench import ONE, TWO, CoreBench

TAG = IdTag("04A2B1C9D0")
LOCAL = LocalId("t1")

# --- facts --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fact", "expected"),
    [
        (StatusChanged(ONE, ConnectorStatus.CHARGING), "the station shows Charging: energy flows"),
        (StatusChanged(STATION, ConnectorStatus.FAULTED), "the whole station is Faulted: out of order"),
        (AuthorizationGranted(ONE, TAG, TokenSource.CACHE), "card 04…D0 is accepted, from the cache"),
        (AuthorizationRefused(ONE, TAG, AuthorizationStatus.BLOCKED), "card 04…D0 is refused: Blocked"),
        (AuthorizationRefused(ONE, TAG, AuthorizationStatus.INVALID, "no answer"), "card 04…D0 is refused: no answer"),
        (PhaseChanged(ONE, Phase.OPENING), None),
    ],
)
def test_what_a_driver_notices(fact: Fact, expected: str | None) -> None:
    """Only what concerns a driver, with the card shortened."""
    assert driver_words(fact) == expected


def test_the_end_of_a_session_tells_its_energy() -> None:
    """The energy is the difference of the registers, in kWh."""
    assert driver_words(TransactionStopped(ONE, LOCAL, StopReason.LOCAL, 20_000), 12_340) == "the session is over: 12.34 kWh"


@pytest.mark.parametrize(
    ("fact", "expected"),
    [
        (PhaseChanged(ONE, Phase.RAMP_DOWN), "the power modules are told to go down to 0 A"),
        (PhaseChanged(ONE, Phase.DELIVERING), None),
        (FaultRaised(ONE, "door-open", "OtherError", "The door is open."), "fault door-open: The door is open."),
        (DeviceStateChanged(ONE, "meter1", is_available=False), "device meter1 does not answer"),
        (StatusChanged(ONE, ConnectorStatus.CHARGING), None),
    ],
)
def test_what_a_fact_means_for_the_wires(fact: Fact, expected: str | None) -> None:
    """Phases that measurements do not show, faults and devices."""
    assert wire_words(fact) == expected


def test_every_status_and_token_source_has_words() -> None:
    """Nothing the core can say is missing from the tables."""
    assert all(driver_words(StatusChanged(ONE, status)) for status in ConnectorStatus)
    assert all(driver_words(AuthorizationGranted(ONE, TAG, source)) for source in TokenSource)


# --- OCPP ---------------------------------------------------------------------------------------------------------------------------


def frame(direction: Direction, *parts: Any) -> TraceEntry:
    return TraceEntry(direction, 0.0, json.dumps(parts))


@pytest.mark.parametrize(
    ("action", "payload", "expected"),
    [
        ("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"}, "→ BootNotification: V M"),
        ("StatusNotification", {"connectorId": 0, "errorCode": "NoError", "status": "Available"}, "the station is Available"),
        (
            "StatusNotification",
            {"connectorId": 2, "errorCode": "GroundFailure", "status": "Faulted"},
            "connector 2 is Faulted (GroundFailure)",
        ),
        ("Authorize", {"idTag": TAG}, "may card 04…D0 charge?"),
        ("StartTransaction", {"connectorId": 1, "idTag": TAG, "meterStart": 7}, "connector 1, card 04…D0, meter at 7 Wh"),
        ("StopTransaction", {"transactionId": 3, "meterStop": 9, "reason": "Local"}, "transaction 3, meter at 9 Wh, reason Local"),
        ("StopTransaction", {"transactionId": 3, "meterStop": 9}, "transaction 3, meter at 9 Wh"),
        ("Heartbeat", {}, "→ Heartbeat"),
    ],
)
def test_requests_in_short(action: str, payload: dict[str, Any], expected: str) -> None:
    """The part of a request that matters; the card never in full."""
    words = OcppWords().words(frame(Direction.OUT, 2, "1", action, payload))
    assert words is not None
    assert words.endswith(expected)
    assert TAG not in words


def test_meter_values_keep_the_units_of_the_message() -> None:
    """Each sampled value with its unit; a value without one is in Wh (OCPP 1.6, 7.45)."""
    sampled = [{"value": "2310"}, {"value": "68974.8", "unit": "W"}, {"value": "23.6", "unit": "Percent"}]
    payload = {"connectorId": 1, "meterValue": [{"timestamp": "t", "sampledValue": sampled}]}
    assert OcppWords().words(frame(Direction.OUT, 2, "1", "MeterValues", payload)) == "→ MeterValues: 2310 Wh, 68975 W, 24 %"


def test_answers_are_told_with_what_they_answer_and_counted() -> None:
    """An empty answer makes no line but counts; an error is told; a message id of the other side is another message."""
    words = OcppWords()
    info = {"idTagInfo": {"status": "Accepted"}}
    start = {"connectorId": 1, "idTag": TAG, "meterStart": 7}
    told = [
        words.words(entry)
        for entry in (
            frame(Direction.OUT, 2, "1", "StartTransaction", start),
            frame(Direction.IN, 2, "1", "ChangeAvailability", {}),
            frame(Direction.OUT, 3, "1", {"status": "Accepted"}),
            frame(Direction.IN, 3, "1", {"transactionId": 5, **info}),
            frame(Direction.OUT, 2, "2", "Heartbeat", {}),
            frame(Direction.IN, 3, "2", {}),
            frame(Direction.OUT, 2, "3", "Heartbeat", {}),
            frame(Direction.IN, 4, "3", "InternalError", "no", {}),
            frame(Direction.OUT, 2, "4", "Heartbeat", {}),
        )
    ]
    assert told[1:4] == [
        "← ChangeAvailability",
        "→ ChangeAvailability: Accepted",
        "← StartTransaction: this is transaction 5, card Accepted",
    ]
    assert told[5] is None
    assert told[7] == "← Heartbeat: refused: InternalError no"
    assert (words.sent, words.answered, words.refused, words.unanswered) == ({"StartTransaction": 1, "Heartbeat": 3}, 2, 1, 1)


@pytest.mark.parametrize("text", ["garbage", "[]", "{}", "[2]", '[9, "1"]', "null"])
def test_what_is_no_message_is_said_to_be_none(text: str) -> None:
    """Garbage on the wire never stops the demonstration."""
    assert OcppWords().words(TraceEntry(Direction.IN, 0.0, text)) == "← a message that cannot be read"


# --- the timeline -------------------------------------------------------------------------------------------------------------------


class Told:
    """A timeline that follows a station core on its bench."""

    def __init__(self, speed: float = 10.0) -> None:
        self.bench = CoreBench()
        self.timeline = Timeline(self.bench.mono_s, speed, ONE)
        self._seen = len(self.bench.facts)
        self.look()

    def look(self, *heard: Heard) -> list[Line]:
        facts, self._seen = self.bench.facts[self._seen :], len(self.bench.facts)
        stamped = [Stamped(0, 1, self.bench.mono_s, None, fact) for fact in facts]
        return self.timeline.take(stamped, heard, self.bench.station.view(), self.bench.mono_s)

    def drive_to(self, phase: Phase, connector: ConnectorId = ONE) -> None:
        while self.bench.phase(connector) is not phase:
            self.bench.mono_s += 0.1
            if self.bench.view(connector).is_contactor_closed:  # the modules follow before the vehicle goes on
                self.bench.supply(connector, self.bench.outputs(connector).setpoint.voltage_v)
                self.look()
            self.bench.step(connector)
            self.look()

    def charge(self, connector: ConnectorId = ONE) -> None:
        self.bench.plug(connector)
        self.bench.swipe(TAG)
        self.bench.answer()
        self.look()
        self.drive_to(Phase.DELIVERING, connector)
        self.bench.step(connector)
        self.look()

    def meter(self, energy_wh: int, power_w: float, soc_percent: float) -> list[Line]:
        self.bench.freshen(ONE)
        self.bench.ev(ONE, soc_percent=soc_percent)
        view = self.bench.view(ONE)
        made = replace(view, meter=MeterReading(energy_wh, power_w))
        station = self.bench.station.view()
        return self.timeline.take([], [], replace(station, connectors=(made, *station.connectors[1:])), self.bench.mono_s)

    def texts(self, lane: Lane) -> list[str]:
        return [line.text for line in self.timeline.lines if line.lane is lane]


def test_the_first_look_only_takes_note() -> None:
    """A station at rest gives no lines: nothing has happened."""
    assert Told().timeline.lines == []


def test_a_whole_session_is_told_in_the_order_of_the_wires() -> None:
    """From the plug to the free connector, with the voltages and currents of the bench."""
    told = Told()
    told.charge()
    told.bench.swipe(TAG)
    told.look()
    told.drive_to(Phase.WAIT_UNPLUG)
    told.bench.unplug()
    told.look()
    assert told.texts(Lane.WIRES) == [
        "control pilot B: a vehicle is on the cable",
        "the vehicle asks whether it may charge",
        "the vehicle tells what it can take: at most 500 V, 150 A",
        "control pilot C: the vehicle is ready and has locked the plug",
        "the contactor closes, at 0 A",
        "cable check: 500 V on the cable, to test its insulation",
        "cable check: the insulation is safe (1.0 megohm)",
        "precharge: the output goes to 400 V, as the vehicle asks",
        "120 A at 400 V flow, as the vehicle asks",
        "the power modules are told to go down to 0 A",
        "the contactor is told to open",
        "the contactor is open, 0 A",
        "the output is discharged (0 V)",
        "control pilot A: no vehicle on the cable",
    ]
    assert told.texts(Lane.DRIVER) == [
        "the station shows Preparing: getting ready",
        "card 04…D0 is accepted, by the central system",
        "the station shows Charging: energy flows",
        "the station shows Finishing: charging ends, then the cable may be pulled",
        "the session is over: 0.00 kWh",
        "the station shows Available: free",
    ]


def test_another_connector_is_named() -> None:
    """Lines of the connector that the demonstration does not use say which it is."""
    told = Told()
    told.bench.plug(TWO)
    told.look()
    assert "connector 2: control pilot B: a vehicle is on the cable" in told.texts(Lane.WIRES)


def test_lines_are_in_order_of_time_and_in_simulated_seconds() -> None:
    """Facts, messages and measurements of one look are sorted; real seconds count `speed` times."""
    told = Told(speed=10.0)
    heard = Heard(told.bench.mono_s + 0.5, frame(Direction.OUT, 2, "1", "Heartbeat", {}))
    told.bench.mono_s += 1.0
    told.bench.plug()
    lines = told.look(heard)
    assert [line.at_s for line in lines] == sorted(line.at_s for line in lines)
    assert lines[0].text == "→ Heartbeat"
    assert (lines[0].at_s, lines[-1].at_s) == pytest.approx((5.0, 10.0))


def test_the_energy_of_a_transaction_is_taken_from_its_own_start() -> None:
    """Two transactions at once do not mix their registers; an end without a known start tells nothing invented."""
    timeline = Timeline(0.0, 1.0, ONE)
    starts = [TransactionStarted(ONE, LocalId(name), TAG, wh) for name, wh in (("a", 1000), ("b", 5000))]
    stops = [TransactionStopped(ONE, LocalId(name), StopReason.LOCAL, 6000) for name in "bac"]
    stamped = [Stamped(0, 1, 0.0, None, fact) for fact in (*starts, *stops)]
    lines = timeline.take(stamped, [], CoreBench().station.view(), 0.0)
    assert [line.text[-9:] for line in lines] == [" 1.00 kWh", " 5.00 kWh", " 0.00 kWh"]


def test_energy_is_told_at_new_readings_and_not_too_often() -> None:
    """A line needs a new reading, and about two simulated minutes or two real seconds since the last one."""
    told = Told(speed=60.0)
    told.charge()
    told.meter(1000, 60_000.0, 20.0)
    lines = []
    for step in range(1, 9):
        told.bench.mono_s += 0.5
        lines += told.meter(1000 + 500 * (step // 2), 60_000.0, 20.0 + step)
    assert [line.text for line in lines if line.lane is Lane.ENERGY] == [
        "██████░░░░░░░░░░░░░░░░░░  24 %    1.00 kWh   60.0 kW",
        "███████░░░░░░░░░░░░░░░░░  28 %    2.00 kWh   60.0 kW",
    ]


def test_points_are_kept_until_the_plug_is_pulled() -> None:
    """Power and state of charge as measured, each once, also after the end of the transaction."""
    told = Told()
    told.charge()
    for power_w, soc in ((0.0, 18.0), (60_000.0, 18.0), (60_000.0, 18.0), (0.0, 19.0)):
        told.meter(1000, power_w, soc)
    assert [(point.power_w, point.soc_percent) for point in told.timeline.points] == [(0.0, 18.0), (60_000.0, 18.0), (0.0, 19.0)]


def test_there_is_no_progress_without_a_session() -> None:
    """Nothing is shown that was not measured."""
    assert progress(CoreBench().view(ONE)) is None


@pytest.mark.parametrize(("at_s", "expected"), [(0.0, "0:00"), (59.9, "0:59"), (61.0, "1:01"), (3599.0, "59:59"), (3600.0, "1:00:00")])
def test_the_clock(at_s: float, expected: str) -> None:
    """Hours only where there are some."""
    assert clock(at_s) == expected


# --- plots ----------------------------------------------------------------------------------------------------------------------------


def test_a_plot_is_filled_by_eighths() -> None:
    """Each column is as high as its value, the label stands at the top."""
    points = [(0.0, 0.0), (1.0, 1.0), (2.0, 2.0), (3.0, 3.0)]
    assert plot(points, label="4 V", top=4.0, width=4, height=2) == ["4 V ┤   ▄", "  0 ┤ ▄██"]


@pytest.mark.parametrize("points", [[], [(0.0, 1.0)], [(5.0, 1.0), (5.0, 2.0)]])
def test_a_plot_of_few_points_is_drawn(points: list[tuple[float, float]]) -> None:
    """No division by a width of nothing."""
    assert len(plot(points, label="x", top=1.0, width=8, height=3)) == 3


@given(st.lists(st.tuples(st.floats(0, 1e4), st.floats(-10, 1e6)), min_size=1).map(sorted), st.integers(1, 80), st.integers(1, 8))
def test_a_plot_keeps_its_size_and_shows_measured_values_only(points: list[tuple[float, float]], width: int, height: int) -> None:
    """Any measurements fit into the frame, and nothing is interpolated."""
    lines = plot(points, label="top", top=100.0, width=width, height=height)
    assert len(lines) == height
    assert all(len(line) <= 5 + width for line in lines)
    assert set(resampled(points, width)) <= {value for _, value in points}
    assert resampled(points, width)[-1] == points[-1][1] or width == 1


# --- before and after -------------------------------------------------------------------------------------------------------------------

OUTCOME = Outcome(
    transaction_id=1,
    start_acknowledged=True,
    stop_acknowledged=True,
    stop_reason="Local",
    meter_start_wh=100,
    meter_stop_wh=12_400,
    soc_from=18.04,
    soc_to=49.96,
    seconds=12.34567,
    simulated_seconds=740.7,
    speed=60.0,
    messages={"BootNotification": 1, "StatusNotification": 7},
)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, None),
        ({"meter_stop_wh": 100}, "no energy"),
        ({"start_acknowledged": False}, "did not acknowledge"),
        ({"stop_acknowledged": False}, "did not acknowledge"),
        ({"stop_reason": "EVDisconnected"}, "ended by EVDisconnected"),
    ],
)
def test_a_session_that_is_not_whole_is_a_problem(change: dict[str, Any], expected: str | None) -> None:
    """Delivered, acknowledged at both ends, stopped by the card."""
    problem = replace(OUTCOME, **change).problem
    assert problem is None if expected is None else expected in str(problem)


def test_the_outcome_for_scripts() -> None:
    """Names and rounding of the JSON object, with the timeline in it."""
    told = demo_words.as_json(OUTCOME, [Line(1.234, Lane.OCPP, "→ Heartbeat")])
    assert told.pop("timeline") == [{"at_s": 1.2, "lane": "OCPP", "text": "→ Heartbeat"}]
    assert told == {
        "delivered_wh": 12_300,
        "soc_from": 18.0,
        "soc_to": 50.0,
        "transaction_id": 1,
        "start_acknowledged": True,
        "stop_acknowledged": True,
        "stop_reason": "Local",
        "meter_start_wh": 100,
        "meter_stop_wh": 12_400,
        "speed": 60.0,
        "seconds": 12.346,
        "simulated_seconds": 740.7,
        "messages": {"BootNotification": 1, "StatusNotification": 7},
    }


def test_the_header_says_what_is_simulated() -> None:
    """The pace is named; at speed 1 there is nothing to explain about the clock."""
    assert any("60 times as fast" in line for line in demo_words.header(60.0, "demo.yaml", 2, "ws://c"))
    assert not any("clock" in line for line in demo_words.header(1.0, "demo.yaml", 2, "ws://c"))


def test_the_summary_shows_energy_and_plots() -> None:
    """Delivered energy, state of charge and both plots; a session without measurements has no plots."""
    points = [Point(0.0, 0.0, 18.0), Point(60.0, 70_000.0, 30.0), Point(720.0, 50_000.0, 50.0)]
    text = "\n".join(demo_words.summary(OUTCOME, points))
    assert "Delivered 12.30 kWh in 12:20 (simulated time), battery from 18 % to 50 %." in text
    assert "power   70 kW" in text
    assert "12 min" in text
    assert "kW ┤" not in "\n".join(demo_words.summary(replace(OUTCOME, soc_from=None), points[:1]))


def test_commands_are_given_to_be_copied() -> None:
    """Each with the socket of this station."""
    lines = demo_words.going_on("chargerctl", "/tmp/x/control.sock")
    assert "  chargerctl --socket /tmp/x/control.sock status" in lines


# --- screens ----------------------------------------------------------------------------------------------------------------------------

LINE = Line(61.0, Lane.WIRES, "the contactor closes, at 0 A")


def test_a_pipe_gets_aligned_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """Clock, lane, text; no moving foot."""
    with screen(is_quiet=False) as shown:
        assert isinstance(shown, PlainScreen)
        shown.say("head")
        shown.show([LINE])
        shown.foot(0.0, "moving")
    assert capsys.readouterr().out == f"head\n{plain(LINE)}\n"
    assert plain(LINE) == "    1:01  WIRES   the contactor closes, at 0 A"


def test_json_shows_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    """With `--json` standard output belongs to the object."""
    with screen(is_quiet=True) as shown:
        assert type(shown) is NoScreen
        shown.say("head")
        shown.show([LINE])
    assert capsys.readouterr().out == ""


def test_a_terminal_gets_the_same_words_and_a_foot() -> None:
    """The same line as a pipe; a long command is not broken into two."""
    out = io.StringIO()
    command = "chargerctl " * 12
    with Live(console=Console(file=out, force_terminal=True, color_system=None, width=60), auto_refresh=False, transient=True) as live:
        shown = TerminalScreen(live)
        shown.say(command)
        shown.show([LINE])
        shown.foot(1.0, "moving")
        shown.foot(1.01, "too soon")
    text = out.getvalue()
    assert command in text
    assert plain(LINE) in text
    assert "moving" in text
    assert "too soon" not in text


@pytest.mark.parametrize("speed", ["0.5", "1001", "nan", "-60"])
def test_a_speed_that_cannot_be_kept_is_refused(speed: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong usage, said in one line."""
    assert main(["demo", f"--speed={speed}"]) == exitcodes.USAGE
    assert capsys.readouterr().err == "chargerd demo: --speed must be from 1 to 1000\n"
