"""`chargerd demo`: a daemon, a central system and a simulated world, one whole session, and everything told as it happens."""

from __future__ import annotations

import asyncio
import io
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from chargerd.app.shipped import shipped
from chargerd.cli import demo_words, exitcodes
from chargerd.cli.demo_driver import CHARGING_S, DemoError, Driver
from chargerd.cli.demo_screen import Screen, screen
from chargerd.core.errors import StorageError
from chargerd.runtime import log
from chargerd.sim.rig import Mode, rig
from hal.errors import HalError

SLOWEST, FASTEST = 1.0, 1000.0
"""Speeds: below the first the vehicle would be slower than the standards allow, above the second the plant cannot follow."""

HANDSHAKE = {
    "plug_s": 2.0,
    "handshake_s": 15.0,
    "authorization_s": 2.0,
    "parameters_s": 4.0,
    "cable_check_s": 12.0,
    "precharge_s": 3.0,
    "ready_s": 2.0,
    "stopping_s": 2.0,
    "welding_detection_s": 4.0,
}
"""Durations of a usual car's steps, in simulated seconds."""

_METER_VALUES = 5  # as many come while the vehicle charges, about
_LONGEST_FOLDER = 70  # characters: the control socket in it must fit into 107 (unix(7))


def demo(*, speed: float, as_json: bool, stay: bool) -> int:
    """Run the demonstration; returns the exit code of the program."""
    if not SLOWEST <= speed <= FASTEST:
        return exitcodes.fail(f"chargerd demo: --speed must be from {SLOWEST:g} to {FASTEST:g}", code=exitcodes.USAGE)
    log.set_up("error")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without block characters gets question marks
    problem: str | None = None
    try:
        with tempfile.TemporaryDirectory(prefix="chargerd-", dir=_folder()) as folder, screen(is_quiet=as_json) as shown:
            problem = asyncio.run(_Demo(shown, speed, is_json=as_json, stays=stay).run(Path(folder)))
    except* BrokenPipeError:  # the reader of our output has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        problem = "nobody reads the output any more"
    except* (OSError, StorageError, HalError) as errors:
        problem = "; ".join(str(error) for error in _leaves(errors))
    return exitcodes.DONE if problem is None else exitcodes.fail(f"chargerd demo: {problem}")


class _Demo:
    """One run, and what it shows."""

    def __init__(self, shown: Screen, speed: float, *, is_json: bool, stays: bool) -> None:
        self._shown = shown
        self._speed = speed
        self._is_json = is_json
        self._stays = stays

    async def run(self, folder: Path) -> str | None:
        """Play it in `folder`; returns the problem, if there is one."""
        stop = asyncio.Event()
        for name in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(name, stop.set)
        async with rig(Mode.REALTIME, folder, self._overlay()) as stage:
            outlets = len(stage.daemon.config.connectors)
            self._say(demo_words.header(self._speed, str(shipped("demo.yaml")), outlets, stage.central.url))
            driver = Driver(stage, self._speed, self._shown, stop)
            try:  # an error that passed the rig would come out of it as a group
                outcome = await driver.session()
            except DemoError as error:
                return str(error)
            if outcome.problem is None:
                self._report(outcome, driver, folder / stage.daemon.config.control.socket)
                if self._stays:
                    await driver.watch()
            return outcome.problem

    def _overlay(self) -> dict[str, object]:
        interval_s = max(1, round(CHARGING_S / self._speed / _METER_VALUES))
        return {
            "buses": {"plant": {"speed": self._speed, "handshake": HANDSHAKE}},
            "ocpp": {"keys": {"MeterValueSampleInterval": interval_s}},
        }

    def _report(self, outcome: demo_words.Outcome, driver: Driver, socket: Path) -> None:
        timeline = driver.timeline
        if self._is_json:
            more = {"socket": str(socket)} if self._stays else {}
            print(json.dumps(demo_words.as_json(outcome, timeline.lines) | more, ensure_ascii=False), flush=True)
        self._say(demo_words.summary(outcome, timeline.points))
        going_on = demo_words.going_on(_chargerctl(), str(socket))
        self._say(going_on if self._stays else demo_words.next_steps(str(shipped("chargerd.yaml"))))

    def _say(self, lines: list[str]) -> None:
        for line in lines:
            self._shown.say(line)


def _chargerctl() -> str:
    """How `chargerctl` is called here: by name where the shell finds it."""
    beside = Path(sys.executable).parent / "chargerctl"
    if shutil.which("chargerctl"):
        return "chargerctl"
    return str(beside) if beside.exists() else f"{sys.executable} -m chargerd.cli.ctl"


def _folder() -> str | None:
    """Where the temporary folder is made: the usual place, unless a socket there would have too long a path."""
    return None if len(tempfile.gettempdir()) <= _LONGEST_FOLDER else "/tmp"  # noqa: S108 - a private folder is made in it


def _leaves(errors: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in errors.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
