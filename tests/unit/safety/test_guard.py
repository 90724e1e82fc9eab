"""The guard over real sockets and a board in memory: who may wish, what opens at once, and what the daemon's end makes of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from chargerd.safety.safe import drive_safe
from hal.errors import DeviceUnavailable
from tests.support.guard_thread import FINE, OPTIONS, Bench


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
