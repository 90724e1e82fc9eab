"""Scenario files: what ships, what is refused before anything is started, and how a run that goes wrong is told."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from chargerd.app.shipped import shipped
from chargerd.core.facts import ConnectorStatus, Stamped, StatusChanged
from chargerd.core.ids import ConnectorId
from chargerd.core.view import FaultView, LimitView, StationView
from chargerd.csms.model import Station, TransactionNumbers
from chargerd.csms.policy import Policy
from chargerd.sim.invariants import INVARIANTS, broken
from chargerd.sim.rig import Mode
from chargerd.sim.runner import Result, forbidden_statuses, play
from chargerd.sim.scenario import load
from chargerd.sim.virtual_loop import run_virtual
from chargerd.sim.vocabulary import WORDS
from hal.errors import ConfigError
from hal.types import ControlPilot, EvRequest, LockState, MeterReading, SeccOutput, Setpoint
from tests.support.station_bench import bench

FOLDER = shipped("scenarios/two-sessions.yaml").parent
FILES = sorted(FOLDER.glob("*.yaml"))
DOCUMENT = Path(__file__).parents[2] / "docs/scenarios.md"


def written(folder: Path, *steps: str, more: str = "") -> Path:
    """A scenario file; its first step is on line 3."""
    file = folder / "scenario.yaml"
    file.write_text("\n".join(["name: test", "steps:", *(f"  - {{{step}}}" for step in steps), more, ""]))
    return file


def played(folder: Path, *steps: str, more: str = "") -> Result:
    return play(load(written(folder, *steps, more=more)), Mode.VIRTUAL)


# --- what ships ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_shipped_scenario_says_what_it_is_about(file: Path) -> None:
    """It begins with a comment, has a name, looks at every invariant where it can, and is in the list of the document."""
    text = file.read_text()
    scenario = load(file)
    assert text.startswith("# ")
    assert scenario.name != file.stem
    watched = {step.arguments["value"] for step in scenario.steps if step.word == "always"}
    assert watched >= INVARIANTS.keys() - {"closed_implies_session"}
    assert f"`{file.name}`" in DOCUMENT.read_text()


def test_shipped_scenarios_have_names_of_their_own() -> None:
    """A name tells which one failed."""
    names = [load(file).name for file in FILES]
    assert len(set(names)) == len(names)


def test_the_document_names_every_word_and_every_invariant() -> None:
    """What a scenario may say stands in docs/scenarios.md, and nothing else does."""
    text = DOCUMENT.read_text()
    assert [word for word in (*WORDS, *INVARIANTS) if f"`{word}`" not in text] == []
    stations = {station.name for file in FILES if (station := load(file).station) is not None}
    assert set(re.findall(r"`([\w-]+\.yaml)`", text)) == {file.name for file in FILES} | stations | {"demo.yaml", "demo-wires.yaml"}


@pytest.mark.parametrize("name", ["power-cut", "soft-reset", "offline"])
def test_two_runs_over_a_restart_are_identical(name: str) -> None:
    """Every fact with its time, its ids and its samples, of both daemons."""
    first, second = (play(load(FOLDER / f"{name}.yaml"), Mode.VIRTUAL) for _ in range(2))
    assert first.failures == []
    assert first.facts == second.facts
    assert {stamped.boot for stamped in first.facts} == ({1} if name == "offline" else {1, 2})


# --- what is refused before it starts -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "problem"),
    [
        ("plug_inn: {connector: 1}", "a step has one of plug_in, .*; 'plug_inn' is not known"),
        ("plug_in: {connector: 1, cable: 2}", "plug_in: unknown key 'cable'"),
        ("plug_in: {}", "plug_in: missing key 'connector'"),
        ("plug_in: 1", "plug_in: should be a mapping, with connector, ev"),
        ("power_cut: {at: 3}", "power_cut: unknown key 'at': it takes nothing"),
        ("link: sideways", "link: up or down, not 'sideways'"),
        ("always: energised", "always: unknown invariant"),
        ("csms: {action: Reset}", "csms: the name of an operation"),
        ("csms: Reset, within: 3s", "unknown key 'within' beside csms"),
        ("expect: Charging", "expect: should be a mapping"),
        ("expect: {connector: 1}", "expect: says what"),
        ("expect: {connector: 1, status: Chargin}", "expect: unknown status 'Chargin'; did you mean 'Charging'"),
        ("expect: {status: Charging, phase: idle}", "expect: unknown key 'phase' beside a status"),
        ("expect: {fact: TransactionStoped}", "expect: unknown fact 'TransactionStoped'; did you mean 'TransactionStopped'"),
        ("expect: {fact: TransactionStopped, why: Local}", "expect: TransactionStopped has no 'why'"),
        ("expect: {message: Stop}", "expect: unknown message 'Stop'"),
        ("fault: {connector: 1, error_code: GroundFault}", "fault: unknown error_code 'GroundFault'; did you mean 'GroundFailure'"),
        ("expect: {message: Heartbeat, count: many}", "expect: count should be a whole number, not 'many'"),
        ("wait: long", "wait: "),
        ("plug_in: {connector: 1}, swipe: {id_tag: A}", "a step has one of"),
    ],
)
def test_a_step_that_makes_no_sense_is_refused(step: str, problem: str, tmp_path: Path) -> None:
    """With file and line, before anything is started."""
    with pytest.raises(ConfigError) as caught:
        load(written(tmp_path, step))
    (said,) = caught.value.problems
    assert re.match(rf"{re.escape(str(tmp_path))}/scenario\.yaml:3: {problem}", said), said


def test_a_station_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """A scenario may name the configuration it is written for, relative to its own file."""
    with pytest.raises(ConfigError) as caught:
        load(written(tmp_path, "wait: 1s", more="station: ../ac.yaml"))
    assert caught.value.problems == [f"{tmp_path}/scenario.yaml:4: station: there is no file {tmp_path}/../ac.yaml"]


def test_a_scenario_is_played_on_the_station_it_names(tmp_path: Path) -> None:
    """Unless another one is asked for."""
    file = written(tmp_path, "plug_in: {connector: 1, ev: {kind: ac}}", more=f"station: {shipped('demo-ac.yaml')}")
    assert play(load(file), Mode.VIRTUAL).failures == []
    (failure,) = play(load(file), Mode.VIRTUAL, station=shipped("demo.yaml")).failures
    assert "kind must be dc" in failure


def test_null_takes_away_what_was_set(tmp_path: Path) -> None:
    """It is a value like others; a word with nothing behind it takes nothing."""
    steps = ("set: {device: secc1, field: pilot, value: F}", "wait: 1s", "set: {device: secc1, field: pilot, value: null}", "power_loss: ")
    assert played(tmp_path, *steps).failures == []


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    """One look at the file is enough."""
    with pytest.raises(ConfigError) as caught:
        load(written(tmp_path, "link: off", "at: 5s, wait: 1s", "at: 3s, wait: 1s", more="nonsense: 1"))
    assert [problem.split(":", 2)[1] for problem in caught.value.problems] == ["6", "3", "5"]


# --- how a run is told --------------------------------------------------------------------------------------------------------------


def test_what_did_not_come_is_told_with_its_line(tmp_path: Path) -> None:
    """And with what came instead; the steps behind it are not played."""
    result = played(tmp_path, "plug_in: {connector: 1}", "expect: {connector: 1, status: Charging}, within: 3s", "plug_in: {connector: 1}")
    (failure,) = result.failures
    assert failure.startswith(f"{tmp_path}/scenario.yaml:4: expected connector=1 status=Charging within 3 s; came: ")
    assert "wait-auth" in failure


def test_a_deed_that_is_refused_is_told(tmp_path: Path) -> None:
    """In the words of the simulation, the core or the central system."""
    for step, words in {
        "plug_out: {connector: 1}": "plug_out: no vehicle is plugged in at connector 1",
        "clear_fault: {vendor_error_code: door-open}": "clear_fault: no fault 'door-open' is up here",
        "csms: RemoteStopTransaction": "csms: no transaction is open at the central system",
        "csms: Reset, payload: {type: Soft}, answer: {status: Rejected}": "csms: Reset was answered with {'status': 'Accepted'}",
    }.items():
        (failure,) = played(tmp_path, step).failures
        assert failure.startswith(f"{tmp_path}/scenario.yaml:3: {words}")


def test_messages_are_counted_without_repetitions(tmp_path: Path) -> None:
    """`count` is exact: neither fewer nor more."""
    steps = ("link: down", "wait: 1s", "link: up", "wait: 5s")
    assert played(tmp_path, *steps, "expect: {message: BootNotification, count: 1}").failures == []
    assert len(played(tmp_path, *steps, "expect: {message: BootNotification, count: 2}, within: 1s").failures) == 1
    assert played(tmp_path, "expect: {message: StatusNotification, connectorId: 2, count: 1}").failures == []


def test_what_the_central_system_complains_of_is_told() -> None:
    """A run fails by it, even where no step looks for it."""
    record = Station("CP001", TransactionNumbers())
    assert record.complaints == []
    record.answer("1", "BootNotification", {"chargePointVendor": "A", "chargePointModel": "B"}, Policy(), 0.0)
    record.answer("2", "StopTransaction", {"transactionId": 99, "meterStop": 0, "timestamp": "2026-01-01T00:00:00Z"}, Policy(), 0.0)
    assert record.complaints == ["the central system got of no transaction: StopTransaction 99"]


def test_statuses_that_leave_the_table_are_told() -> None:
    """A run fails by them; a daemon that starts anew begins anew."""
    states = [(1, ConnectorStatus.FINISHING), (1, ConnectorStatus.CHARGING), (2, ConnectorStatus.FINISHING), (2, ConnectorStatus.FAULTED)]
    facts = [Stamped(seq, boot, 0.0, 0.0, StatusChanged(ConnectorId(1), state)) for seq, (boot, state) in enumerate(states)]
    assert forbidden_statuses(facts) == [
        "connector 1: Finishing to Charging (F3) is no transition",
        "connector 1: Faulted without an error code",
    ]


# --- invariants ---------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["demo.yaml", "demo-ac.yaml"])
def charging(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> StationView:
    """A station that charges at connector 1, with nothing wrong."""

    async def main(folder: Path) -> StationView:
        async with bench(folder, station=shipped(request.param)) as station:
            await station.begin()
            await station.until(lambda: (station.view(1).meter or MeterReading(0)).current_a or 0.0 > 15.0)
            return station.stage.daemon.reactor.view()

    return run_virtual(main(tmp_path_factory.mktemp("charging")))


def test_invariants_hold_while_all_is_well(charging: StationView) -> None:
    """A plain session breaks none."""
    assert broken(list(INVARIANTS), charging) == []


def test_each_invariant_can_be_broken(charging: StationView) -> None:
    """One that nothing breaks would say nothing."""
    one, two = charging.connectors
    trip = FaultView("emergency-stop", "OtherError", "", is_latched=True)
    wrong = {
        "energized_implies_authorized": dataclasses.replace(charging, connectors=(dataclasses.replace(one, id_tag=None), two)),
        "energized_implies_plugged": dataclasses.replace(
            charging, connectors=(dataclasses.replace(one, ev=EvRequest(ControlPilot.B)), two)
        ),
        "energized_implies_sound": dataclasses.replace(charging, faults=(trip,)),
        "current_within_limits": dataclasses.replace(
            charging, connectors=(dataclasses.replace(one, limits=(LimitView("vehicle", 10.0),)), two)
        ),
        "energized_implies_locked": dataclasses.replace(charging, connectors=(dataclasses.replace(one, lock=LockState.UNLOCKED), two)),
        "closed_implies_session": dataclasses.replace(charging, connectors=(one, dataclasses.replace(two, is_contactor_closed=True))),
    }
    assert wrong.keys() == INVARIANTS.keys()
    for name, station in wrong.items():
        connector = 2 if name == "closed_implies_session" else 1
        assert broken(list(INVARIANTS), station) == [f"{name}: connector {connector}"]


def test_nothing_energized_breaks_nothing(charging: StationView) -> None:
    """Whatever is wrong, a connector without current is in order."""
    one = dataclasses.replace(charging.connectors[0], id_tag=None, ev=EvRequest(ControlPilot.A), limits=(LimitView("vehicle", 0.0),))
    outputs = dataclasses.replace(one.outputs, setpoint=Setpoint(400.0, 0.0), secc=SeccOutput())
    off = dataclasses.replace(one, outputs=outputs, lock=LockState.UNLOCKED)
    assert broken(list(INVARIANTS), dataclasses.replace(charging, connectors=(off,))) == []
