"""Screens from JSON: words, alignment, and that a terminal gets the same content as a pipe."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from chargerd.cli import render


def test_tables_are_aligned_and_numbers_to_the_right() -> None:
    """Columns are as wide as their widest cell; no line ends in blanks."""
    table = render.Table("t", ("name", ">V"), [("a", "1"), ("long", "1000")])
    assert render.plain_lines([table]) == ["name     V", "a        1", "long  1000"]


def test_an_empty_table_says_so() -> None:
    """An empty list is an answer too."""
    assert render.plain_lines(render.queue([])) == ["nothing waits"]


@pytest.mark.parametrize(("percent", "expected"), [(0, "░░░░"), (50, "██░░"), (100, "████"), (140, "████"), (-3, "░░░░")])
def test_the_bar_shows_a_share(percent: float, expected: str) -> None:
    """Full blocks by share, never outside the bar."""
    assert render.bar(percent, 4) == expected


def test_id_tags_are_shortened_for_people() -> None:
    """Enough to recognise, not enough to copy."""
    assert render.short_tag("04A2B1C9D0") == "04…D0"
    line = render.event_line({"seq": 1, "kind": "TransactionStarted", "time": None, "connector": 1, "id_tag": "04A2B1C9D0"})
    assert "04A2B1C9D0" not in line
    assert "id_tag=04…D0" in line


METER = {"energy_wh": 1374, "voltage_v": 402.1, "current_a": 12.04, "power_w": 4840.0}
POWER = {"modules_present": 4, "voltage_v": 402.1, "current_a": 12.04, "temperature_c": 41.0, "alarms": ["fan-fault"]}


def device(role: str, reading: Any = None, **more: Any) -> dict[str, Any]:
    common = {"device": f"{role}1", "role": role, "driver": f"mock-{role}", "bus": "plant", "connectors": [1], "is_available": True}
    return {**common, "detail": "", "reading": reading, "age_s": None if reading is None else 12.3, **more}


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        (device("meter", METER), "1374 Wh, 402 V, 12.0 A, 4.8 kW"),
        (device("meter", {"energy_wh": 5}), "5 Wh"),
        (device("power", POWER), "4 modules, 402 V, 12.0 A, 41 °C, alarms fan-fault"),
        (device("secc", {"control_pilot": "A", "phase": "idle", "target_current_a": 0.0}), "pilot A, idle"),
        (
            device(
                "secc",
                {
                    "control_pilot": "C",
                    "phase": "current-demand",
                    "soc_percent": 42.0,
                    "target_voltage_v": 402.0,
                    "target_current_a": 120.0,
                },
            ),
            "pilot C, current-demand, 42 %, asks 402 V 120 A",
        ),
        (device("insulation", {"is_safe": False, "resistance_ohm": 20_000.0}), "not safe, 20 kilohm"),
        (device("reader", {"id_tag": "04A2B1C9D0"}), "card 04…D0"),
        (device("lock", "locked"), "locked"),
        (device("meter", METER, is_available=False, detail="meter1: unit 1 does not answer"), "meter1: unit 1 does not answer"),
    ],
)
def test_a_device_is_shown_with_what_it_told_or_why_it_is_silent(shown: dict[str, Any], words: str) -> None:
    """The most important of its last reading on a line below it."""
    assert render.plain_lines(render.devices([shown]))[2] == f"  {words}"


def test_devices_fit_into_eighty_columns() -> None:
    """With long names too: what is longer goes on below."""
    long = device("insulation", driver="mock-insulation", device="insulation1", is_available=False, detail="no answer " * 20)
    lines = render.plain_lines(render.devices([long, device("io"), device("meter", METER, age_s=400.0)]))
    assert max(map(len, lines)) <= 80
    assert "silent" in lines[1]
    assert " ".join(lines[2:5]).split() == ["no", "answer"] * 20
    assert lines[5].endswith("-")
    assert lines[6].endswith("7 min")


def test_answers_are_shown_with_their_action() -> None:
    """A CALLRESULT is named after the CALL it answers."""
    lines = render.MessageLines()

    def line(direction: str, frame: Any, **more: Any) -> str:
        return lines.line({"direction": direction, "time": "2026-01-02T03:04:05.000Z", "message": frame, **more})

    assert line("out", [2, "a", "Heartbeat", {}]) == "2026-01-02 03:04:05.000 -> Heartbeat {}"
    assert line("in", [3, "a", {"currentTime": "x"}], latency_s=0.0123).endswith('<- Heartbeat.conf {"currentTime": "x"}  (12 ms)')
    assert line("in", [4, "b", "InternalError", "", {}]).endswith('<- answer error ["InternalError", "", {}]')
    assert line("in", "garbage").endswith("<- garbage")


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ({"state": "connected", "is_accepted": True, "url": "ws://c"}, "connected, accepted, ws://c"),
        ({"state": "waiting", "retry_in_s": 12.4, "last_error": "refused"}, "waiting, next attempt in 12 s, last error: refused"),
    ],
)
def test_the_link_in_words(link: dict[str, Any], expected: str) -> None:
    """State, address, and why it is not up."""
    status: dict[str, Any] = {"station": {}, "link": link, "queue": None, "connectors": [], "devices": [], "faults": []}
    lines = [part for part in render.status(status) if isinstance(part, str)]
    assert f"central system: {expected}" in lines
    assert "queue: journal does not answer" in lines


def test_a_terminal_gets_the_same_words() -> None:
    """rich draws every cell of every table."""
    screen = ["head", *render.faults([{"connector": 1, "code": "door-open", "error_code": "OtherError", "info": "The door is open."}])]
    out = io.StringIO()
    Console(file=out, width=120).print(render._rich(screen))
    for word in ("head", "door-open", "OtherError", "The door is open."):
        assert word in out.getvalue()


def test_the_daemon_says_how_punctual_it_is() -> None:
    """Percentiles in words, and the classes that were used; nothing before the first beat."""
    lateness = {"edges_ms": [1, 2, 5], "counts": [3601, 4, 0, 0], "median_ms": 1.0, "p99_ms": 1.0, "worst_ms": 1.7}
    snapshot = {"station": {"status": "Available"}, "link": {}, "queue": None, "connectors": [], "faults": [], "devices": []}
    shown = render.plain_lines(render.status(snapshot | {"lateness": lateness}))
    at = shown.index("timers: late by at most 1 ms (half), 1 ms (99 %), 1.7 ms (worst)")
    assert shown[at + 1] == "  in ms: ≤1 3601  ≤2 4"
    assert not any("timers" in line for line in render.plain_lines(render.status(snapshot | {"lateness": {**lateness, "counts": [0] * 4}})))


def test_reservations_are_on_the_screen() -> None:
    """Which connector, until when, and under which number; the token as always."""
    snapshot = {"station": {"status": "Available"}, "link": {}, "queue": None, "connectors": [], "faults": [], "devices": []}
    kept = {"reservation_id": 7, "id_tag": "04A2B1C9D0", "expires": "2026-11-28T12:00:00.000Z"}
    shown = render.plain_lines(render.status(snapshot | {"reservations": [{"connector": 1, **kept}, {"connector": 0, **kept}]}))
    assert "reserved: connector 1 for 04…D0 until 2026-11-28 12:00:00.000 (number 7)" in shown
    assert "reserved: one connector of the station for 04…D0 until 2026-11-28 12:00:00.000 (number 7)" in shown


NOON, ONE, TWO = (f"2026-11-28T{hour}:00:00.000Z" for hour in (12, 13, 14))


def stretch(begin_s: float, begin: str, end: str, current_a: float | None, power_w: float, ruled_by: str) -> dict[str, Any]:
    return {"begin_s": begin_s, "from": begin, "until": end, "current_a": current_a, "power_w": power_w, "ruled_by": ruled_by}


def test_a_schedule_is_a_table_and_a_plot() -> None:
    """Each stretch with its ruler, and the power over the whole time between its two ends."""
    stretches = [stretch(0.0, NOON, ONE, 16.0, 11_040.0, "profile 7"), stretch(3600.0, ONE, TWO, 32.0, 22_080.0, "own limits")]
    found = {"connector": 1, "from": NOON, "until": TWO, "duration_s": 7200.0, "stretches": stretches}
    lines = render.plain_lines(render.schedule(found))
    assert lines[0] == "connector 1: what may be taken, own limits included"
    assert ["2026-11-28", "12:00:00", "2026-11-28", "13:00:00", "16.0", "11.0", "profile", "7"] in [line.split() for line in lines]
    top, *_, bottom, edge = lines[lines.index(next(line for line in lines if "┤" in line)) :]
    assert top.startswith("22.1 kW ┤")
    assert (top.count("█"), bottom.count("█")) == (36, 72)
    assert edge.strip().startswith("2026-11-28 12:00:00")
    assert edge.endswith("2026-11-28 14:00:00")
    assert len(edge) == len(bottom)


def test_a_schedule_of_the_station_has_no_amperes() -> None:
    """Its connectors may differ."""
    stretches = [stretch(0.0, NOON, ONE, None, 0.0, "profile 1")]
    found = {"connector": 0, "from": NOON, "until": ONE, "duration_s": 3600.0, "stretches": stretches}
    lines = render.plain_lines(render.schedule(found))
    assert lines[0].startswith("the station:")
    assert ["0.0", "profile", "1"] in [line.split()[4:] for line in lines]


def test_the_event_of_a_profile_is_short() -> None:
    """Its periods are in the schedule."""
    profile = {"profile_id": 7, "purpose": "TxProfile", "stack_level": 1, "kind": "Absolute", "periods": [{}, {}]}
    line = render.event_line({"seq": 1, "kind": "ProfileInstalled", "time": None, "connector": 1, "profile": profile})
    assert line.endswith("profile=7 TxProfile level=1 Absolute periods=2")
