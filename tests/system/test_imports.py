"""What the daemon may not have in memory, and what the light tool may not load."""

from __future__ import annotations

import json
import subprocess
import sys

from chargerd.app.shipped import shipped

FORBIDDEN = (
    "rich",
    "pydantic",
    "aiohttp",
    "textual",
    "ocpp.v201",
    "asyncssh",
    "cryptography",
    "can",
    "pymodbus",
    "gpiozero",
    "serial",
    "hal.bus.can",
    "jsonschema",  # comes with the first message
)

DAEMON = """
import asyncio, json, sys, tempfile
from pathlib import Path
import chargerd.cli.daemon, chargerd.app.service
from chargerd.app.build import Sources, build
from chargerd.app.config import load
from hal.ports import Place
folder = Path(tempfile.mkdtemp())
async def main():
    build(load(Path(sys.argv[1])), Place(folder, folder), Sources(mono=asyncio.get_running_loop().time))
asyncio.run(main())
print(json.dumps(sorted(sys.modules)))
"""


def modules_after(code: str, *arguments: str) -> set[str]:
    out = subprocess.run([sys.executable, "-c", code, *arguments], check=True, capture_output=True, text=True)
    return set(json.loads(out.stdout))


def test_a_station_of_mock_hardware_loads_no_bus_library_and_nothing_that_draws() -> None:
    """Only what the configuration uses is imported."""
    loaded = modules_after(DAEMON, str(shipped("demo.yaml")))
    assert "chargerd.core.station" in loaded
    assert sorted(loaded & set(FORBIDDEN)) == []


def test_chargerctl_loads_neither_asyncio_nor_the_daemon() -> None:
    """It starts in a tenth of a second, also on a small board."""
    loaded = modules_after("import json, sys, chargerd.cli.ctl; print(json.dumps(sorted(sys.modules)))")
    assert sorted(loaded & {"asyncio", "sqlite3", "rich", "yaml", "cattrs", "websockets", "chargerd.core.station", "hal.types"}) == []
