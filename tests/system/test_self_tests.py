"""`chargerctl test`, `can scan` and `device list` against a daemon process: real drivers on wires to peers, and a simulated AC station."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from chargerd.app.shipped import shipped
from chargerd.cli import exitcodes
from chargerd.sim.daemon_process import DaemonProcess
from chargerd.sim.rig import Mode, peers_process, write_overlay
from tests.support.processes import Ran, ready_daemon, run_program

NOWHERE = "ws://127.0.0.1:9/ocpp"


class Hand(Protocol):
    async def call(self, method: str, params: dict[str, object]) -> object: ...


@dataclass(slots=True)
class Site:
    """A daemon and the world behind its wires."""

    daemon: DaemonProcess
    world: Hand

    async def ctl(self, *arguments: str) -> Ran:
        return await run_program("chargerd.cli.ctl", "--socket", str(self.daemon.control), *arguments)

    async def set(self, device: str, field: str, value: object) -> None:
        await self.world.call("sim.set", {"device": device, "field": field, "value": value})

    async def until_heard(self, *devices: str) -> None:
        """These devices have spoken."""
        async with asyncio.timeout(30):
            while not set(devices) <= {one["device"] for one in (await self.ctl("device", "list", "--json")).json if one["is_available"]}:
                await asyncio.sleep(0.2)


@asynccontextmanager
async def on_wires(folder: Path) -> AsyncIterator[Site]:
    config = write_overlay(Mode.WIRES, folder, {}, NOWHERE, shipped("demo-wires-slcan.yaml"))
    async with peers_process(config, folder) as peers, ready_daemon(config, folder) as (daemon, _):
        site = Site(daemon, peers)
        await site.until_heard("psu1", "psu2", "meter1", "secc1", "secc2", "reader")
        yield site


@asynccontextmanager
async def simulated(folder: Path, station: str) -> AsyncIterator[Site]:
    config = write_overlay(Mode.REALTIME, folder, {}, NOWHERE, shipped(station))
    async with ready_daemon(config, folder) as (daemon, client):
        site = Site(daemon, client)
        await site.until_heard("secc1" if station == "demo.yaml" else "lock1")
        yield site


def assert_passed(ran: Ran, *steps: str) -> None:
    assert (ran.code, ran.err) == (exitcodes.DONE, "")
    assert "passed: " in ran.out
    for step in steps:
        assert step in ran.out


def assert_failed(ran: Ran, words: str) -> None:
    assert ran.code == exitcodes.FAILED
    assert words in ran.err
    assert ran.err.startswith("chargerctl: ")
    assert ran.err.count("\n") == 1
    assert "Traceback" not in ran.err


async def moving_parts(site: Site) -> None:
    """Good ones first, then a stuck contactor."""
    assert_passed(await site.ctl("test", "contactor", "2"), "contactor test of connector 2: under way", "closed", "open")
    await site.set("io", "k2_stuck", value=True)
    assert_failed(await site.ctl("test", "contactor", "2"), "contactor test failed: contactor-stuck-open")
    await site.set("io", "k2_stuck", value=False)
    assert_passed(await site.ctl("test", "contactor", "--device", "io", "2"))


async def good_meter(site: Site) -> None:
    assert_passed(await site.ctl("test", "meter", "1"), "reading 1 of 5", "reading 5 of 5", "Wh")


async def silent_meter(site: Site) -> None:
    await site.world.call("sim.device", {"device": "meter1", "online": False})
    assert_failed(await site.ctl("test", "meter", "--device", "meter1"), "meter1: ")


async def readers(site: Site) -> None:
    async def swipe() -> None:
        await asyncio.sleep(2.0)
        await site.world.call("sim.swipe", {"id_tag": "04A2B1C3"})

    ran, _ = await asyncio.gather(site.ctl("test", "rfid", "--for", "20s"), swipe())
    assert_passed(ran, "put a card before it", "id tag 04A2B1C3")
    assert_failed(await site.ctl("test", "rfid", "--for", "1"), "no card within 1 s")
    await site.world.call("sim.device", {"device": "reader", "online": False})
    assert_failed(await site.ctl("test", "rfid", "--reader", "reader"), "reader: it does not answer")


async def modules(site: Site) -> None:
    """Those of connector 1 cut off."""
    ran = await site.ctl("--json", "test", "module-timeout", "1")
    assert ran.code == exitcodes.DONE, ran.err
    assert '"found off"' in ran.out
    assert '"is_passed": true' in ran.out.splitlines()[-1]


async def lists(site: Site) -> None:
    """Who answers on the bus, and what everybody told last, at 80 columns."""
    ran = await site.ctl("can", "scan", "can0")
    assert (ran.code, ran.err) == (exitcodes.DONE, "")
    assert [line.split()[:2] for line in ran.out.splitlines()[1:]] == [[str(address), "infypower-v113"] for address in range(4)]
    assert_failed(await site.ctl("can", "scan"), "say which bus: can0, can1")
    assert_failed(await site.ctl("can", "scan", "rs485"), "rs485 is no CAN bus of this station: can0, can1")
    shown = (await site.ctl("device", "list")).out
    assert max(map(len, shown.splitlines())) <= 80
    assert "2 modules, " in shown
    assert "pilot A" in shown


async def test_a_technician_tries_what_hangs_on_the_wires(tmp_path: Path) -> None:
    """Each test passes where the hardware is good, and fails with one line that says why where it is not."""
    async with on_wires(tmp_path) as site:
        assert_failed(await site.ctl("test", "contactor", "2"), "connector 2: it is in operation; chargerctl connector 2 disable first")
        assert (await site.ctl("connector", "0", "disable")).code == exitcodes.DONE
        await lists(site)
        await site.set("psu2", "no_cut_off", value=True)
        outcomes: list[Awaitable[None]] = [modules(site), readers(site), moving_parts(site), good_meter(site)]
        await asyncio.gather(*outcomes)
        unending, _ = await asyncio.gather(site.ctl("test", "module-timeout", "2"), silent_meter(site))
        assert_failed(unending, "the modules did not tell that they are off")


async def test_a_lock_is_tried_and_a_jammed_one_is_found(tmp_path: Path) -> None:
    """On the simulated AC station; the contactor is not tried there."""
    async with simulated(tmp_path, "demo-ac.yaml") as site:
        assert (await site.ctl("connector", "1", "disable")).code == exitcodes.DONE
        assert_passed(await site.ctl("test", "lock", "1"), "locked", "unlocked")
        await site.set("lock1", "jammed", value=True)
        assert_failed(await site.ctl("test", "lock", "--device", "lock1"), "lock test failed: not locked within 5 s: the lock says failed")
        assert_failed(await site.ctl("test", "contactor", "1"), "mains on a free plug")


async def test_ctrl_c_ends_a_test_that_moves_something(tmp_path: Path) -> None:
    """Exit code 1, and the test ends as failed."""
    async with simulated(tmp_path, "demo.yaml") as site:
        assert (await site.ctl("connector", "1", "disable")).code == exitcodes.DONE
        command = ("env", "--default-signal=INT", sys.executable, "-m", "chargerd.cli.ctl", "--socket", str(site.daemon.control))
        process = await asyncio.create_subprocess_exec(
            *command, "test", "module-timeout", "1", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        await process.stdout.readline()
        await process.stdout.readline()
        process.send_signal(2)
        _, words = await process.communicate()
        assert (process.returncode, words) == (exitcodes.FAILED, b"chargerctl: module-timeout test interrupted, so it was ended\n")
        ran = await site.ctl("events", "--kind", "SelfTestFinished")
        assert "is_passed=False" in ran.out
        assert "who asked for it has left" in ran.out


@pytest.mark.parametrize("arguments", [["test"], ["test", "dance"], ["test", "rfid", "--for", "soon"], ["can"]])
async def test_wrong_usage_is_2(arguments: list[str]) -> None:
    """The usage goes to stderr, with the names there are."""
    ran = await run_program("chargerd.cli.ctl", *arguments)
    assert (ran.code, ran.out) == (exitcodes.USAGE, "")
    assert "usage:" in ran.err


async def test_help_has_examples() -> None:
    """Ready to be copied."""
    ran = await run_program("chargerd.cli.ctl", "test", "contactor", "--help")
    assert "  chargerctl connector 1 disable\n  chargerctl test contactor 1\n" in ran.out
