"""A latched fault survives the process: killed, it is up in the next one."""

from __future__ import annotations

import asyncio
from pathlib import Path

from chargerd.sim.rig import Mode, write_overlay
from tests.support.kill_lane import FAST
from tests.support.processes import Facts, ready_daemon, run_program


async def test_a_latched_fault_survives_sigkill(tmp_path: Path) -> None:
    """Told by the one that was killed right after, refused while the button is in, up in the next one, and cleared by a technician."""
    config = write_overlay(Mode.REALTIME, tmp_path, FAST, "ws://127.0.0.1:9/ocpp")
    async with ready_daemon(config, tmp_path) as (daemon, client), Facts(daemon.control, ["FaultRaised"]) as told, asyncio.timeout(60):
        await client.call("sim.input", {"name": "estop", "active": True})
        await told.until("FaultRaised", code="emergency-stop")
        refused = await run_program("chargerd.cli.ctl", "--socket", str(daemon.control), "fault", "clear", "0", "emergency-stop")
        assert "still there" in refused.err
        daemon.kill()
        await daemon.process.wait()
    async with ready_daemon(config, tmp_path) as (daemon, client), asyncio.timeout(60):
        (fault,) = await client.call("fault.list", {})
        assert (fault["connector"], fault["code"], fault["is_latched"]) == (0, "emergency-stop", True)
        cleared = await run_program("chargerd.cli.ctl", "--socket", str(daemon.control), "fault", "clear", "0", "emergency-stop")
        assert (cleared.code, cleared.out) == (0, "done\n")
        daemon.kill()
        await daemon.process.wait()
    async with ready_daemon(config, tmp_path) as (_, client):
        assert await client.call("fault.list", {}) == []
