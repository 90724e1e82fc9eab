"""How fast the programs start."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import defaultdict

from chargerd.app.shipped import shipped
from tests.bench.aims import compared
from tests.bench.central import Central
from tests.bench.measure import YARDSTICKS, Measure
from tests.bench.process import use
from tests.bench.progress import steps
from tests.bench.stations import starting
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
    """From the start of the process to BootNotification.req at the central system, with an empty journal; the stations take turns."""
    times_ms, cpu_ms = defaultdict(list), defaultdict(list)
    for _ in steps(runs):
        for name in ("ours", *YARDSTICKS):
            async with Central() as central, asyncio.timeout(30):
                peer, process = starting(name, central)
                began_s = time.perf_counter()
                async with process as pid:
                    await peer.heard("BootNotification")
                    cpu_ms[name].append(use(pid).cpu_s * 1e3)
                    times_ms[name].append((peer.last_s["BootNotification"] - began_s) * 1e3)
    return [compared("process start to BootNotification.req", times_ms), compared("CPU until then", cpu_ms)]


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
