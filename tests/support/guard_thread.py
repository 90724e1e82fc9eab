"""A guard in a thread, over a board in memory, and clients of its socket."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from chargerd.safety.gate import GateOptions
from chargerd.safety.guard import Guard
from chargerd.safety.messages import LONGEST, Message, Renewal, Report, decode, encode
from chargerd.safety.options import GuardConfig
from hal.errors import DeviceUnavailable
from hal.types import SafetyInputs, SafetyOutputs

OPTIONS = GateOptions(lease_s=0.5, tick_s=0.01)
LONG_S = 10.0
FINE = SafetyInputs(is_estop_pressed=False, is_door_open=False)


class Board:
    """Two contactors that follow their coils at once; `stuck`: those that stay closed."""

    name = "board"

    def __init__(self) -> None:
        self.inputs = FINE
        self.closed: frozenset[int] = frozenset()
        self.stuck: frozenset[int] = frozenset()
        self.is_held = False
        self.turn = threading.Lock()  # who holds it, hangs the guard

    def open(self) -> None:
        if self.is_held:
            raise DeviceUnavailable("board: line k1 is held by 'chargerd k1'")
        self.is_held, self.closed = True, frozenset()

    def read(self) -> SafetyInputs:
        with self.turn:
            return replace(self.inputs, closed_contactors=self.closed | self.stuck)

    def watch(self, moved: Callable[[], None]) -> bool:
        return False

    def apply(self, outputs: SafetyOutputs) -> None:
        self.closed = outputs.closed_contactors

    def close(self) -> None:
        self.is_held, self.closed = False, frozenset()


class Peer:
    """A client of the guard's socket; `epoch` grows as the daemon's does."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(LONG_S)
        self.socket.connect(str(path))
        self.epoch = time.monotonic_ns()

    def say(self, message: Message) -> None:
        self.socket.send(encode(message))

    def renew(self, *wishes: int) -> None:
        self.say(Renewal(self.epoch, time.monotonic(), frozenset(wishes)))

    def until(self, holds: Callable[[Report], bool]) -> Report:
        """The next report of which something holds."""
        while True:
            datagram = self.socket.recv(LONGEST)
            assert datagram, "the guard has hung up"
            report = decode(datagram)
            assert isinstance(report, Report)
            if holds(report):
                return report

    def is_parted(self) -> bool:
        """The guard has hung up on this client."""
        try:
            while self.socket.recv(LONGEST):
                pass
        except ConnectionResetError:
            pass
        return True

    def energise(self, *connectors: int) -> None:
        self.renew()
        self.renew(*connectors)
        self.until(lambda report: report.closed == frozenset(connectors))


class Bench:
    def __init__(self, folder: Path) -> None:
        self.board = Board()
        self.path = folder / "guard.sock"
        self.config = GuardConfig(self.board, frozenset({1, 2}), OPTIONS, self.path)
        self.looks = 0
        self._peers: list[Peer] = []
        self._is_wanted = True
        self._looked = threading.Condition()
        self.guard = Guard(self.board, self.config.connectors, OPTIONS, self.path, time.monotonic, alive=self._alive)
        self.thread = threading.Thread(target=self.guard.run, args=(lambda: self._is_wanted,))

    def _alive(self, _: float) -> None:
        with self._looked:
            self.looks += 1
            self._looked.notify_all()

    def wait(self, holds: Callable[[], bool]) -> None:
        """Until something holds, asked after each look."""
        with self._looked:
            assert self._looked.wait_for(holds, LONG_S)

    def peer(self) -> Peer:
        self._peers.append(Peer(self.path))
        return self._peers[-1]

    @contextmanager
    def hung(self) -> Iterator[None]:
        """The guard takes no turn."""
        with self.board.turn:
            yield

    def end(self) -> None:
        self._is_wanted = False
        self.thread.join(LONG_S)
        for peer in self._peers:
            peer.socket.close()
