"""How fast the programs start and how much memory the daemon takes."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from contextlib import AbstractContextManager
from pathlib import Path

from chargerd.app.shipped import shipped
from chargerd.csms.server import CentralSystem
from chargerd.sim.daemon_process import daemon_process
from chargerd.sim.rig import Mode, write_overlay
from tests.bench.measure import Measure
from tests.support.processes import run_program

_IMPORT = """
import sys, time
began_s = time.perf_counter()
from pathlib import Path
from chargerd.cli import daemon
from chargerd.runtime import log
from chargerd.app.config import load
from chargerd.app.service import serve
from chargerd.app.build import Sources, build
from chargerd.app.places import place
import chargerd.app.main, sqlite3, asyncio
from hal.ports import Place
build(load(Path(sys.argv[1])), Place(Path(), Path()), Sources(mono=time.monotonic))
took_s = time.perf_counter() - began_s
rss_kib = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmRSS"))
print([took_s, rss_kib / 1024])
"""
"""What `chargerd run` imports for a configuration: its drivers are imported when it is read."""


async def imports(runs: int) -> list[Measure]:
    """Import of the daemon with the drivers of the demo configuration, in a fresh process each time."""
    found = []
    for _ in range(runs):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _IMPORT, str(shipped("demo.yaml"))), stdout=asyncio.subprocess.PIPE
        )
        out, _ = await process.communicate()
        if process.returncode:
            raise RuntimeError("the import failed")
        found.append(json.loads(out))
    times_s, sizes_mib = zip(*found, strict=True)
    return [
        Measure("daemon: import and build, demo.yaml", "s", times_s, 0.6),
        Measure("daemon: resident size after import", "MB", sizes_mib, 65.0),
    ]


async def boot(runs: int) -> list[Measure]:
    """From the start of the process to BootNotification.req at the central system; then its size at rest."""
    times_s, sizes_mib = [], []
    for _ in range(runs):
        with _folder() as name:
            folder = Path(name)
            async with CentralSystem() as central, asyncio.timeout(30):
                config = write_overlay(Mode.REALTIME, folder, {}, central.url)
                station = central.station("CP001")
                began_s = time.perf_counter()
                async with daemon_process(config, folder) as daemon:
                    await central.until(lambda one=station: one.received["BootNotification"] > 0)
                    times_s.append(time.perf_counter() - began_s)
                    await central.until(lambda one=station: one.status(2) is not None)
                    await asyncio.sleep(2.0)  # at rest
                    sizes_mib.append(_rss_mib(daemon.process.pid))
                    await daemon.stop()
    return [
        Measure("daemon: process start to BootNotification.req", "s", tuple(times_s), 1.0),
        Measure("daemon: resident size, connected and idle", "MB", tuple(sizes_mib), 65.0),
    ]


async def control_tool(runs: int) -> list[Measure]:
    """`chargerctl --help`, from start to end of the process."""
    times_s = []
    for _ in range(runs):
        began_s = time.perf_counter()
        ran = await run_program("chargerd.cli.ctl", "--help")
        times_s.append(time.perf_counter() - began_s)
        if ran.code:
            raise RuntimeError(ran.err)
    return [Measure("chargerctl --help", "s", tuple(times_s), 0.15)]


def _folder() -> AbstractContextManager[str]:
    return tempfile.TemporaryDirectory(prefix="chargerd-bench-")


def _rss_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024
