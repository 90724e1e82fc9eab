"""An OCPP Reset of the real process: it ends so that the service manager starts it again, or starts itself again."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from chargerd.app.shipped import shipped
from chargerd.csms.server import CentralSystem


async def started(folder: Path, url: str, on_reset: str) -> asyncio.subprocess.Process:
    config = folder / "station.yaml"
    overlay = {"base": str(shipped("demo.yaml")), "ocpp": {"url": url}, "policy": {"on_reset": on_reset}}
    config.write_text(json.dumps(overlay))
    command = (sys.executable, "-m", "chargerd.cli.daemon", "run", "--config", str(config))
    places = ("--state-dir", str(folder), "--runtime-dir", str(folder), "--log-level", "error")
    return await asyncio.create_subprocess_exec(*command, *places)


@pytest.mark.parametrize("kind", ["Soft", "Hard"])
async def test_exit_leaves_the_restart_to_the_service_manager(tmp_path: Path, kind: str) -> None:
    """Reset is answered Accepted, then the process ends with 0."""
    async with CentralSystem() as central, asyncio.timeout(30):
        process = await started(tmp_path, central.url, "exit")
        await central.until(lambda: "CP001" in central.stations and central.station("CP001").received["StatusNotification"] >= 3)
        assert await central.call("CP001", "Reset", {"type": kind}) == {"status": "Accepted"}
        assert await process.wait() == 0


async def test_exec_boots_again_in_the_same_process(tmp_path: Path) -> None:
    """The same process id sends a second BootNotification."""
    async with CentralSystem() as central, asyncio.timeout(30):
        process = await started(tmp_path, central.url, "exec")
        await central.until(lambda: "CP001" in central.stations and central.station("CP001").received["StatusNotification"] >= 3)
        await central.call("CP001", "Reset", {"type": "Soft"})
        await central.until(lambda: central.station("CP001").received["BootNotification"] == 2)
        assert process.returncode is None
        process.terminate()
        assert await process.wait() == 0
