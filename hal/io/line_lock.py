"""A connector lock on the lines of a board: two for the motor, one in each direction, and one or two end switches."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from hal.bus.gpio import LineOptions
from hal.io.board import Board, release_all
from hal.io.lock_motor import Drive, LockMotor, LockOptions, Switches
from hal.io.wiring import Wiring
from hal.ports import Emit
from hal.types import LockState

_log = logging.getLogger(__name__)

_BOTH = "both end switches are active at once; check them and their wires"
_NOT_THERE = "the bolt did not arrive at its end switch; look what is in its way, then check motor and switch"
_EMIT_S = 0.999  # each second, with a little for the timer
_MOVING_S = 0.02  # between looks at switches that do not tell by themselves, while the motor runs or has just run
_BOUNCE_S = 0.01


class LineLock:
    """A `ConnectorLock` named `<board>.<label>`; its lines are `<label>_lock`, `_unlock`, `_locked` and perhaps `_unlocked`.

    A broken wire must read as inactive here, unlike elsewhere: never locked when nobody knows. Raises ConfigError for wiring that does not
    do.
    """

    def __init__(self, board: Board, label: str, lines: Mapping[str, LineOptions], options: LockOptions, poll_s: float) -> None:
        self.name = f"{board.name}.{label}"
        self._board = board
        self._motor = LockMotor(options)
        self._poll_s = poll_s
        self._drives = {Drive.LOCK: f"{label}_lock", Drive.UNLOCK: f"{label}_unlock"}
        self._is_locked, self._is_unlocked = f"{label}_locked", f"{label}_unlocked"
        self._inputs = [one for one in (self._is_locked, self._is_unlocked) if one == self._is_locked or one in lines]
        self._driven = Drive.OFF
        self._wanted: bool | None = None
        self._is_asked = False  # what is wanted is new, or new to the hardware
        self._told: tuple[LockState | None, float] = None, 0.0  # the last state told, and when
        self._changed = asyncio.Event()
        wiring = Wiring(board.name, lines)
        for output in self._drives.values():
            wiring.output(output)
        for input_ in self._inputs:
            wiring.input(input_, broken=False)
        wiring.only(label, (*self._drives.values(), self._is_locked, self._is_unlocked))
        wiring.refuse()

    def apply(self, output: bool) -> None:
        """Lock or unlock, with all tries: after a failure the same level means to try once more."""
        self._wanted, self._is_asked = output, True
        self._changed.set()

    async def run(self, emit: Emit) -> None:
        """Emit on change and each second. On leaving the motor is off and the bolt stays where it is."""
        claimed: list[str] = []
        self._driven, self._is_asked, self._told = Drive.OFF, True, (None, 0.0)
        try:
            for label in self._drives.values():
                self._board.claim(label)
                claimed.append(label)
            for label in self._inputs:
                self._board.claim(label, _BOUNCE_S)
                claimed.append(label)
            await self._serve(emit, is_told=self._board.watch(self._changed.set, self._inputs))
        finally:
            self._board.unwatch(self._changed.set)
            self._motor.halt(asyncio.get_running_loop().time())
            release_all(self._board, claimed)

    async def _serve(self, emit: Emit, *, is_told: bool) -> None:
        loop = asyncio.get_running_loop()
        while True:
            now_s = loop.time()
            self._changed.clear()
            if self._is_asked and self._wanted is not None:
                self._is_asked = False
                self._motor.want(is_locked=self._wanted, now_s=now_s)
            switches = self._switches()
            self._drive(self._motor.step(switches, now_s))
            self._tell(emit, switches, now_s)
            await self._news(self._next_look_s(is_told=is_told) - now_s)

    def _tell(self, emit: Emit, switches: Switches, now_s: float) -> None:
        """On change, and before a second has passed without a word."""
        state, (told, told_s) = self._motor.state, self._told
        if state is not told and state is LockState.FAILED:
            _log.warning("lock_failed device=%s reason=%r", self.name, _BOTH if switches.position is state else _NOT_THERE)
        if state is not told or now_s - told_s >= _EMIT_S:
            self._told = state, now_s
            emit(state)

    def _next_look_s(self, *, is_told: bool) -> float:
        _, told_s = self._told
        deadline_s, looks_s = self._motor.deadline_s, [told_s + 1.0]
        if deadline_s is not None:
            looks_s.append(deadline_s)
        if not is_told:
            looks_s.append(asyncio.get_running_loop().time() + (self._poll_s if deadline_s is None else _MOVING_S))
        return min(looks_s)

    async def _news(self, longest_s: float) -> None:
        try:
            async with asyncio.timeout(longest_s):
                await self._changed.wait()
        except TimeoutError:
            pass

    def _switches(self) -> Switches:
        has_both = self._is_unlocked in self._inputs
        return Switches(self._board.read(self._is_locked), self._board.read(self._is_unlocked) if has_both else None)

    def _drive(self, drive: Drive) -> None:
        """One direction is off before the other is on."""
        if drive is self._driven:
            return
        if self._driven is not Drive.OFF:
            self._board.drive(self._drives[self._driven], False)
        if drive is not Drive.OFF:
            self._board.drive(self._drives[drive], True)
        self._driven = drive
