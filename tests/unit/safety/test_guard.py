"""The guard over real sockets and a board in memory: who may wish, what opens at once, and what the daemon's end makes of it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from chargerd.safety.gate import GateOptions
from chargerd.safety.guard import Guard
from chargerd.safety.messages import LONGEST, Message, Renewal, Report, decode, encode
from chargerd.safety.options import GuardConfig
from chargerd.safety.safe import drive_safe
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

    def open(self) -> None:
        if self.is_held:
            raise DeviceUnavailable("board: line k1 is held by 'chargerd k1'")
        self.is_held, self.closed = True, frozenset()

    def read(self) -> SafetyInputs:
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
        self.guard = Guard(self.board, self.config.connectors, OPTIONS, self.path, time.monotonic, self._alive)
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

    def end(self) -> None:
        self._is_wanted = False
        self.thread.join(LONG_S)
        for peer in self._peers:
            peer.socket.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    made.thread.start()
    made.wait(lambda: made.looks > 0)
    yield made
    made.end()
    assert not made.board.closed


def test_a_wish_of_a_new_epoch_closes(bench: Bench) -> None:
    """The report says what is closed, of which epoch, and that nothing forbids it."""
    daemon = bench.peer()
    daemon.energise(1)
    daemon.renew(1)
    report = daemon.until(lambda one: one.closed == {1})
    assert (report.epoch, report.forbidden, bench.board.closed) == (daemon.epoch, (), {1})


def test_a_wish_without_a_beginning_closes_nothing(bench: Bench) -> None:
    """A daemon that outlived the guard."""
    daemon = bench.peer()
    for _ in range(3):
        daemon.renew(1)
        assert daemon.until(lambda _: True).epoch is None
    assert not bench.board.closed


def test_a_silent_daemon_loses_the_lease(bench: Bench) -> None:
    """Opened, told, and not closed again by the same epoch; a new one closes."""
    daemon = bench.peer()
    daemon.energise(1, 2)
    report = daemon.until(lambda one: not one.closed)
    assert [(one.connector, one.code) for one in report.forbidden] == [(0, "lease-lost")]
    daemon.renew(1)
    assert daemon.until(lambda one: one.answers_s > report.answers_s).epoch is None
    assert not bench.board.closed
    daemon.epoch = time.monotonic_ns()
    daemon.energise(1)


def test_a_daemon_that_hangs_up_opens_at_once(bench: Bench) -> None:
    """Long before the lease would have run out; the next daemon is welcome."""
    daemon = bench.peer()
    daemon.energise(1)
    looks = bench.looks
    daemon.socket.close()
    bench.wait(lambda: not bench.board.closed)
    assert bench.looks - looks < OPTIONS.lease_s / OPTIONS.tick_s / 2
    bench.peer().energise(2)


def test_an_input_opens_and_is_told(bench: Bench) -> None:
    """The emergency stop, without the daemon's doing."""
    daemon = bench.peer()
    daemon.energise(1)
    bench.board.inputs = replace(FINE, is_estop_pressed=True)
    report = daemon.until(lambda one: not one.closed)
    assert [one.code for one in report.forbidden] == ["emergency-stop"]
    assert not bench.board.closed


def test_a_second_daemon_is_refused(bench: Bench) -> None:
    """It is hung up on, and the first one's contactor stays closed."""
    daemon, second = bench.peer(), bench.peer()
    daemon.energise(1)
    second.renew()
    assert second.is_parted()
    daemon.renew(1)
    assert daemon.until(lambda _: True).closed == {1}


def test_nonsense_ends_the_conversation_of_who_said_it(bench: Bench) -> None:
    """As if it had hung up: what it wished is open."""
    daemon, other = bench.peer(), bench.peer()
    daemon.energise(1)
    other.socket.send(b"what?")
    assert other.is_parted()
    daemon.socket.send(b"\x00")
    assert daemon.is_parted()
    bench.wait(lambda: not bench.board.closed)


def test_safe_is_ordered_through_a_running_guard(bench: Bench) -> None:
    """Everything opens, the epoch is over, and the daemon is told."""
    daemon = bench.peer()
    daemon.energise(1, 2)
    assert drive_safe(bench.config, bench.path, time.monotonic) == frozenset()
    assert not bench.board.closed
    report = daemon.until(lambda one: not one.closed)
    assert (report.epoch, [one.code for one in report.forbidden]) == (None, ["lease-lost"])


def test_safe_says_what_stays_closed(bench: Bench) -> None:
    """A welded contactor is no success."""
    bench.board.stuck = frozenset({2})
    assert drive_safe(bench.config, bench.path, time.monotonic) == {2}


def test_safe_without_a_guard_takes_the_lines(tmp_path: Path) -> None:
    """Claimed, open, given back; held by somebody else, that is said."""
    bench = Bench(tmp_path)
    assert drive_safe(bench.config, bench.path, time.monotonic) == frozenset()
    assert not bench.board.is_held
    bench.board.is_held = True
    with pytest.raises(DeviceUnavailable, match="held by"):
        drive_safe(bench.config, bench.path, time.monotonic)


@contextmanager
def running(bench: Bench) -> Iterator[None]:
    bench.thread.start()
    try:
        yield
    finally:
        bench.end()


def test_lines_that_are_held_are_claimed_later(tmp_path: Path) -> None:
    """The guard runs and says so; once the lines are free it has them."""
    bench = Bench(tmp_path)
    bench.board.is_held = True
    with running(bench):
        bench.wait(lambda: bench.looks > 0)
        daemon = bench.peer()
        daemon.renew()
        report = daemon.until(lambda one: bool(one.forbidden))
        assert [(one.code, one.info) for one in report.forbidden] == [("safety-inputs", "board: line k1 is held by 'chargerd k1'")]
        bench.board.is_held = False
        daemon.until(lambda one: not one.forbidden)
