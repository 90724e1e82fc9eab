"""The programs as people and service managers run them: real processes, a real socket, a central system on loopback."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chargerd.app.shipped import shipped
from chargerd.cli import exitcodes
from chargerd.csms.model import Station
from chargerd.csms.server import CentralSystem
from chargerd.sim.daemon_process import DaemonProcess
from chargerd.sim.rig import Mode, write_overlay
from tests.support.kill_lane import FAST
from tests.support.processes import Facts, Ran, ready_daemon, run_program

WITHIN_S = 20.0


@dataclass(slots=True)
class Site:
    """A running daemon, its central system, and a technician."""

    daemon: DaemonProcess
    central: CentralSystem
    config: Path

    @property
    def station(self) -> Station:
        return self.central.station("CP001")

    async def ctl(self, *arguments: str) -> Ran:
        return await run_program("chargerd.cli.ctl", "--socket", str(self.daemon.control), *arguments)

    async def ctl_json(self, *arguments: str) -> Any:
        ran = await self.ctl("--json", *arguments)
        assert (ran.code, ran.err) == (0, "")
        return ran.json

    async def charge(self) -> None:
        """A session on connector 1, until the central system has a sample of it."""
        for words in (("plug-in", "1", "--max-power-w", "50000"), ("swipe", "CARD1234")):
            assert (await self.ctl("sim", *words)).code == 0
        async with asyncio.timeout(WITHIN_S):
            await self.central.until(lambda: self.station.status(1) == "Charging" and self.station.received["MeterValues"] > 0)


@asynccontextmanager
async def site(folder: Path) -> AsyncIterator[Site]:
    async with CentralSystem() as central:
        config = write_overlay(Mode.REALTIME, folder, FAST, central.url)
        async with ready_daemon(config, folder) as (daemon, _), asyncio.timeout(90):
            made = Site(daemon, central, config)
            await central.until(lambda: made.station.status(2) == "Available")
            yield made


async def test_a_technician_watches_a_session(tmp_path: Path) -> None:
    """Status, events, queue, transactions and the message trace tell of a session that was begun with `chargerctl sim`."""
    async with site(tmp_path) as here, Facts(here.daemon.control, ["StopConfirmed"]) as confirmed:
        await here.charge()
        status = await here.ctl_json("status")
        first, second = status["connectors"]
        assert (first["status"], first["transaction"]["id_tag"], second["status"]) == ("Charging", "CARD1234", "Available")
        assert status["link"]["is_accepted"]

        assert (await here.ctl("sim", "swipe", "CARD1234", "--connector", "1")).code == 0
        await confirmed.next()
        (transaction,) = await here.ctl_json("transactions")
        told = here.station.transactions[transaction["remote_id"]]
        assert told.stop is not None
        assert (transaction["reason"], transaction["meter_stop_wh"]) == ("Local", told.stop["meterStop"])
        assert await here.ctl_json("queue") == []

        kinds = [event["kind"] for event in await here.ctl_json("events", "--limit", "200")]
        assert kinds.index("TransactionStarted") < kinds.index("TransactionConfirmed") < kinds.index("StopConfirmed")
        actions = [one["message"][2] for one in await here.ctl_json("ocpp", "trace", "--limit", "500") if one["message"][0] == 2]
        assert actions.index("BootNotification") < actions.index("StartTransaction") < actions.index("StopTransaction")


async def test_people_get_text_and_short_tags(tmp_path: Path) -> None:
    """Without --json the same commands print text, and no id tag in full."""
    async with site(tmp_path) as here:
        await here.charge()
        status = await here.ctl("status")
        assert (status.code, status.err) == (0, "")
        assert "Charging" in status.out
        assert "CA…34" in status.out
        for command in ("status", "events", "queue", "transactions"):
            ran = await here.ctl(command)
            assert ran.code == 0
            assert "CARD1234" not in ran.out
        assert "StartTransaction" in (await here.ctl("ocpp", "trace", "--limit", "500")).out


async def test_keys_are_read_and_changed(tmp_path: Path) -> None:
    """`config set` changes an OCPP key at once and over a restart; what is not allowed is refused with a reason and exit code 1."""
    async with site(tmp_path) as here:
        assert (await here.ctl("config", "get", "MeterValueSampleInterval")).out == "1\n"
        assert (await here.ctl_json("config", "set", "MeterValueSampleInterval", "7"))["status"] == "Accepted"
        for key, value in (("MeterValueSampleInterval", "often"), ("NumberOfConnectors", "9"), ("NoSuchKey", "1")):
            ran = await here.ctl("config", "set", key, value)
            assert (ran.code, ran.out) == (exitcodes.FAILED, "")
            assert key in ran.err
        assert await here.daemon.stop() == exitcodes.DONE
        async with ready_daemon(here.config, tmp_path) as (_, client):
            answer = await client.call("ocpp.get_key", {"key": "MeterValueSampleInterval"})
            assert isinstance(answer, dict)
            assert answer["configurationKey"][0]["value"] == "7"


async def test_sigterm_ends_a_session_in_order(tmp_path: Path) -> None:
    """SIGTERM while energy flows: the session is stopped and told with reason Reboot, then exit code 0; the service manager hears it."""
    async with site(tmp_path) as here:
        await here.charge()
        assert await here.daemon.stop() == exitcodes.DONE
        (transaction,) = here.station.transactions.values()
        assert transaction.stop is not None
        assert transaction.stop["reason"] == "Reboot"
        assert "STOPPING=1" in here.daemon.told
        assert not here.daemon.control.exists()


async def test_a_second_daemon_on_the_same_directories_is_refused(tmp_path: Path) -> None:
    """It ends with exit code 1 and one line; the first one goes on."""
    async with site(tmp_path) as here:
        folders = ("--state-dir", str(tmp_path), "--runtime-dir", str(tmp_path), "--log-level", "error")
        ran = await run_program("chargerd.cli.daemon", "run", "--config", str(here.config), *folders)
        assert ran.code == exitcodes.FAILED
        assert "in use by another process" in ran.err
        assert "Traceback" not in ran.err
        assert (await here.ctl("status")).code == 0


async def test_nobody_behind_the_socket_is_69(tmp_path: Path) -> None:
    """`chargerctl` says where it looked."""
    ran = await run_program("chargerd.cli.ctl", "--socket", str(tmp_path / "control.sock"), "status")
    assert (ran.code, ran.out) == (exitcodes.NOT_RUNNING, "")
    assert "not running" in ran.err
    assert str(tmp_path) in ran.err


@pytest.mark.parametrize(
    ("module", "arguments"),
    [("chargerd.cli.ctl", []), ("chargerd.cli.ctl", ["no-such-command"]), ("chargerd.cli.daemon", ["run", "--log-level", "loud"])],
)
async def test_wrong_usage_is_2(module: str, arguments: list[str]) -> None:
    """The usage goes to stderr."""
    ran = await run_program(module, *arguments)
    assert (ran.code, ran.out) == (exitcodes.USAGE, "")
    assert "usage:" in ran.err


async def test_the_shipped_configuration_is_in_order() -> None:
    """`chargerd check` on it is exit code 0."""
    ran = await run_program("chargerd.cli.daemon", "check", "--config", str(shipped("demo.yaml")))
    assert (ran.code, ran.err) == (exitcodes.DONE, "")


@pytest.mark.parametrize("command", ["check", "run"])
async def test_a_bad_configuration_is_78(command: str, tmp_path: Path) -> None:
    """Every problem on a line of its own, with file and line."""
    file = tmp_path / "bad.yaml"
    file.write_text(f"base: {shipped('demo.yaml')}\nstation: {{max_power: 1}}\nocpp:\n  url: http://here\n")
    folders = [] if command == "check" else ["--state-dir", str(tmp_path), "--runtime-dir", str(tmp_path)]
    ran = await run_program("chargerd.cli.daemon", command, "--config", str(file), *folders)
    assert (ran.code, ran.out) == (exitcodes.CONFIG, "")
    first, second = ran.err.splitlines()
    assert first.startswith(f"{file}:2:")
    assert "max_power" in first
    assert second.startswith(f"{file}:")
    assert "ws://" in second


async def test_the_environment_names_configuration_and_directories(tmp_path: Path) -> None:
    """Without options, `$CHARGERD_CONFIG` is read; a file that is not there is exit code 78."""
    ran = await run_program("chargerd.cli.daemon", "check", environment={"CHARGERD_CONFIG": str(shipped("demo.yaml"))})
    assert ran.code == exitcodes.DONE
    ran = await run_program("chargerd.cli.daemon", "check", environment={"CHARGERD_CONFIG": str(tmp_path / "none.yaml")})
    assert ran.code == exitcodes.CONFIG
    assert "none.yaml" in ran.err


_AS_NOBODY = """
import os, sys
from chargerd.cli.ctl import main, parser
parser()  # loads what nobody may not read in somebody's home
os.setgroups([]); os.setgid(65534); os.setuid(65534)
sys.exit(main())
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A directory that everybody may pass through."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
async def test_who_is_in_no_group_is_77(open_folder: Path) -> None:
    """A user who is neither root nor in one of the groups may not even look."""
    async with site(open_folder) as here:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _AS_NOBODY, "--socket", str(here.daemon.control), "status"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert (process.returncode, out) == (exitcodes.NOT_PERMITTED, b""), err.decode()
        assert b"not permitted" in err
