"""chargerctl against a real control socket: what it prints, and what it exits with."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from chargerd.cli import exitcodes
from chargerd.cli.client import candidates
from chargerd.cli.ctl import main
from chargerd.control.access import Doorkeeper, Peer
from chargerd.control.protocol import Access
from chargerd.core.events import (
    ChangeAvailability,
    ClearFault,
    LocalStart,
    LocalStop,
    RaiseFault,
    Reply,
    UnlockConnector,
    Verdict,
    rejected,
)
from chargerd.core.facts import FaultRaised, Stamped
from chargerd.core.ids import ConnectorId, IdTag
from tests.support.control_bench import ONE, Bench


class Nobody(Doorkeeper):
    """Lets nobody in."""

    def allows(self, peer: Peer, access: Access) -> bool:
        return False


class Threaded:
    """A bench whose server runs in a thread, as `chargerctl` blocks."""

    def __init__(self, bench: Bench, doorkeeper: Doorkeeper | None = None) -> None:
        self.bench = bench
        self._doorkeeper = doorkeeper
        self._up = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="control server")

    async def _serve(self) -> None:
        self._loop, self._down = asyncio.get_running_loop(), asyncio.Event()
        async with self.bench.running(self._doorkeeper):
            self._up.set()
            await self._down.wait()

    def commit(self, seq: int, fact: FaultRaised) -> None:
        """Let the station commit a fact, in the server's thread."""
        self._loop.call_soon_threadsafe(self.bench.station.commit, seq, fact)

    def __enter__(self) -> Bench:
        self._thread.start()
        assert self._up.wait(10)
        return self.bench

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._down.set)
        self._thread.join(10)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Threaded(Bench(tmp_path)) as bench:
        yield bench


def ctl(bench: Bench, *arguments: str) -> int:
    return main(["--socket", str(bench.path), *arguments])


def test_status_fits_one_screen(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    """Station, link, queue and the session with its state of charge, as aligned text in a pipe."""
    assert ctl(bench, "status") == exitcodes.DONE
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "CP001  V M  Available, simulated hardware"
    assert "central system: connected, accepted, ws://csms" in lines
    assert "queue: 0 messages waiting" in lines
    (session,) = [line for line in lines if line.startswith("1  Charging")]
    assert "██░░░ 42 %" in session
    assert "0.50" in session
    assert any("door-open" in line for line in lines)
    assert "limits of 1: vehicle 150 A rules (what the vehicle can take); connector 200 A" in lines
    assert len(lines) < 24
    assert all(len(line) < 140 for line in lines)


def test_the_limits_of_a_connector(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    """Every one with its reason, and which one rules."""
    assert ctl(bench, "connector", "1", "limits") == exitcodes.DONE
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "connector 1 offers 0.0 A, 0.0 kW"
    assert lines[-2].split() == ["1", "connector", "200.0", "what", "the", "cable", "can", "bear"]
    assert lines[-1].split()[:4] == ["1", "vehicle", "150.0", "rules"]
    assert ctl(bench, "connector", "9", "limits") == exitcodes.FAILED
    assert "there is no connector 9" in capsys.readouterr().err


def test_json_is_all_that_is_printed_with_json(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    """For machines: one JSON value, wherever the option stands."""
    assert ctl(bench, "--json", "status") == exitcodes.DONE
    assert json.loads(capsys.readouterr().out)["station"]["id"] == "CP001"
    assert ctl(bench, "status", "--json") == exitcodes.DONE
    assert json.loads(capsys.readouterr().out)["station"]["id"] == "CP001"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["connector", "1", "start", "--id-tag", "TAG"], LocalStart(ONE, IdTag("TAG"))),
        (["connector", "1", "stop"], LocalStop(ONE)),
        (["connector", "1", "unlock"], UnlockConnector(ONE)),
        (["connector", "1", "disable"], ChangeAvailability(ONE, False)),
        (["connector", "0", "enable"], ChangeAvailability(ConnectorId(0), True)),
        (["fault", "clear", "1", "contactor-welded"], ClearFault(ONE, "contactor-welded")),
        (["sim", "fault", "1", "GroundFailure", "--info", "x"], RaiseFault(ONE, "GroundFailure", "GroundFailure", "x")),
    ],
)
def test_local_operation_asks_the_core(bench: Bench, capsys: pytest.CaptureFixture[str], arguments: list[str], expected: object) -> None:
    """Each command is one event."""
    assert ctl(bench, *arguments) == exitcodes.DONE
    assert bench.station.asked == [expected]
    assert capsys.readouterr().out == "done\n"


def test_what_the_station_refuses_fails_with_its_reason(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 1, one line on stderr, nothing on stdout."""
    bench.station.answer = rejected("connector 1 is charging; stop it first")
    assert ctl(bench, "connector", "1", "unlock") == exitcodes.FAILED
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "chargerctl: connector 1 is charging; stop it first\n")


def test_what_takes_time_says_where_to_look(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    """A pending answer is no end yet."""
    bench.station.answer = Reply(Verdict.PENDING, ticket=3)
    assert ctl(bench, "connector", "1", "unlock") == exitcodes.DONE
    assert "under way" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "method", "params"),
    [
        (["plug-in", "1"], "sim.plug_in", {"connector": 1}),
        (["plug-in", "1", "--soc-percent", "20"], "sim.plug_in", {"connector": 1, "ev": {"soc_percent": 20.0}}),
        (["plug-in", "1", "--model", "vw-id-4"], "sim.plug_in", {"connector": 1, "ev": {"model": "vw-id-4"}}),
        (["plug-out", "1"], "sim.plug_out", {"connector": 1}),
        (["ev-pause", "1"], "sim.ev_pause", {"connector": 1}),
        (["swipe", "TAG", "--connector", "1"], "sim.swipe", {"id_tag": "TAG", "connectors": [1]}),
        (["input", "estop", "on"], "sim.input", {"name": "estop", "active": True}),
        (["device", "meter1", "offline"], "sim.device", {"device": "meter1", "online": False}),
        (
            ["device", "meter1", "corrupt", "--delay-s", "2"],
            "sim.device",
            {"device": "meter1", "online": True, "corrupt": True, "delay_s": 2.0},
        ),
        (["power-loss"], "sim.power_loss", {}),
        (["set", "io", "is_welded", "true"], "sim.set", {"device": "io", "field": "is_welded", "value": True}),
        (["set", "io", "alarm", "hot"], "sim.set", {"device": "io", "field": "alarm", "value": "hot"}),
    ],
)
def test_the_simulation_is_steered(bench: Bench, arguments: list[str], method: str, params: dict[str, object]) -> None:
    """Each sub-command is one sim method with its parameters."""
    bench.simulation.needs_connector = False
    assert ctl(bench, "sim", *arguments) == exitcodes.DONE
    assert bench.simulation.calls == [(method, params)]


def test_simulation_on_real_hardware_fails_with_the_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody plugs in a vehicle that is not simulated."""
    bench = Bench(tmp_path)
    bench.has_simulation = False
    with Threaded(bench):
        assert ctl(bench, "sim", "plug-in", "1") == exitcodes.FAILED
    assert "mock hardware" in capsys.readouterr().err


def test_keys_are_read_and_set(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    """One value alone on a line for scripts; a refusal says its OCPP word."""
    assert ctl(bench, "config", "get", "HeartbeatInterval") == exitcodes.DONE
    assert capsys.readouterr().out == "300\n"
    assert ctl(bench, "config", "get") == exitcodes.DONE
    assert "HeartbeatInterval" in capsys.readouterr().out
    assert ctl(bench, "config", "get", "timing.lock_s") == exitcodes.DONE
    assert capsys.readouterr().out == "5.0\n"
    assert ctl(bench, "config", "set", "HeartbeatInterval", "5") == exitcodes.DONE
    assert capsys.readouterr().out == "Accepted\n"
    assert ctl(bench, "config", "get", "No") == exitcodes.FAILED
    assert ctl(bench, "config", "set", "No", "5") == exitcodes.FAILED
    assert "NotSupported" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["queue"], ["transactions"], ["fault", "list"], ["device", "list"], ["events"], ["ocpp", "trace"]])
def test_every_list_is_shown_as_text_and_as_json(bench: Bench, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    """Empty lists too."""
    bench.records.stored = [Stamped(1, 1, 1.0, None, FaultRaised(ONE, "x", "OtherError"))]
    assert ctl(bench, *arguments) == exitcodes.DONE
    capsys.readouterr()
    assert ctl(bench, *arguments, "--json") == exitcodes.DONE
    assert isinstance(json.loads(capsys.readouterr().out), list)


def test_a_fault_is_explained(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    """Cause, effect with its times, and remedy, on a screen and as JSON; a code that is mistyped gets the one that is meant."""
    assert ctl(bench, "explain", "emergency-stop") == exitcodes.DONE
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "emergency-stop (trip, AC and DC)"
    assert lines[-1] == "  remedy    Release the button, find out why it was pressed, then clear the fault."
    assert any("contactor open within 0.5 s" in line for line in lines)
    assert ctl(bench, "explain", "door-open", "--json") == exitcodes.DONE
    assert json.loads(capsys.readouterr().out)["stop_reason"] == "EmergencyStop"
    assert ctl(bench, "explain", "dor-open") == exitcodes.FAILED
    assert "did you mean 'door-open'?" in capsys.readouterr().err
    assert ctl(bench, "explain", "GroundFailure") == exitcodes.FAILED
    assert "residual-current, insulation-fault, insulation-silent" in capsys.readouterr().err


def test_addresses_that_are_taken_twice_are_an_error(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    """The table is shown all the same, as text and as JSON; without such an address the exit code is 0."""
    one = {"family": "infypower-v113", "address": 3, "serial": "081807000003V1704", "firmware": None, "group": 0, "is_double": True}
    bench.devices.modules = [one, {**one, "serial": "081807000004V1704"}]
    assert ctl(bench, "can", "scan") == exitcodes.FAILED
    captured = capsys.readouterr()
    assert captured.out.count("address is taken twice") == 2
    assert captured.err == "chargerctl: several modules have one address: 3; give each its own\n"
    assert ctl(bench, "can", "scan", "can0", "--json") == exitcodes.FAILED
    assert len(json.loads(capsys.readouterr().out)) == 2
    bench.devices.modules = [{**one, "is_double": False}]
    assert ctl(bench, "can", "scan") == exitcodes.DONE
    bench.devices.modules = []
    assert ctl(bench, "can", "scan") == exitcodes.DONE
    assert capsys.readouterr().out.endswith("nobody answers\n")


def test_the_link_goes_down_and_up(bench: Bench) -> None:
    """`ocpp disconnect` keeps it down, `ocpp connect` brings it up."""
    assert ctl(bench, "ocpp", "disconnect") == exitcodes.DONE
    assert not bench.link.is_wanted
    assert ctl(bench, "ocpp", "connect") == exitcodes.DONE
    assert bench.link.is_wanted


def test_events_are_followed_without_a_gap_and_without_a_double(tmp_path: Path) -> None:
    """Stored events first, then those that are committed, each once, until Ctrl-C."""
    threaded = Threaded(Bench(tmp_path))
    bench = threaded.bench
    bench.records.stored = [Stamped(1, 1, 1.0, 1.0, FaultRaised(ONE, "first", "OtherError"))]
    as_in_a_terminal = ["env", "--default-signal=INT"]  # a job in the background ignores Ctrl-C, and so do its children
    command = [*as_in_a_terminal, sys.executable, "-m", "chargerd.cli.ctl", "--socket", str(bench.path), "--json", "events", "--follow"]
    with threaded, subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["code"] == "first"
        threaded.commit(1, FaultRaised(ONE, "first", "OtherError"))
        threaded.commit(2, FaultRaised(ONE, "second", "OtherError"))
        assert json.loads(process.stdout.readline())["code"] == "second"
        process.send_signal(2)
        assert process.wait(10) == exitcodes.DONE


def test_nobody_there_is_69(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No socket, or one that nobody listens on."""
    assert main(["--socket", str(tmp_path / "no.sock"), "status"]) == exitcodes.NOT_RUNNING
    assert "the daemon is not running: nobody listens at" in capsys.readouterr().err


def test_not_permitted_is_77(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who is in neither group is told which one it would be."""
    with Threaded(Bench(tmp_path), Nobody("chargerd", "chargerd-service")) as bench:
        assert ctl(bench, "status") == exitcodes.NOT_PERMITTED
    assert capsys.readouterr().err == "chargerctl: not permitted: be root or in group chargerd\n"


@pytest.mark.parametrize(
    "arguments", [[], ["dance"], ["connector", "one", "stop"], ["connector", "1", "dance"], ["sim"], ["status", "--wat"]]
)
def test_wrong_usage_is_2(arguments: list[str]) -> None:
    """argparse says how it is used."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == exitcodes.USAGE


def test_the_socket_is_looked_for_in_order() -> None:
    """The named one alone; else that of the service, then that of the user."""
    assert candidates({"CHARGERD_SOCKET": "/x"}, 5) == [Path("/x")]
    assert candidates({}, 5) == [Path("/run/chargerd/control.sock"), Path("/run/user/5/chargerd/control.sock")]
    found = candidates({"RUNTIME_DIRECTORY": "/r", "XDG_RUNTIME_DIR": "/x"}, 5)
    assert found == [Path("/r/control.sock"), Path("/x/chargerd/control.sock")]


def test_a_reader_that_has_enough_is_no_error(bench: Bench) -> None:
    """`chargerctl events | head -1` ends quietly."""
    bench.records.stored = [Stamped(n, 1, 1.0, 1.0, FaultRaised(ONE, "x" * 500, "OtherError")) for n in range(2000)]
    command = [sys.executable, "-m", "chargerd.cli.ctl", "--socket", str(bench.path), "events", "--limit", "2000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(10) == exitcodes.DONE


def test_nothing_heavy_is_imported() -> None:
    """Start-up stays quick: no event loop, no YAML, no OCPP, and no rich unless a terminal is drawn on."""
    code = "import sys, chargerd.cli.ctl as c; c.parser(); print(*sorted(sys.modules))"
    modules = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env={**os.environ}).stdout.split()
    assert not {"asyncio", "rich", "yaml", "cattrs", "attr", "ocpp", "websockets", "sqlite3", "logging"} & set(modules)
