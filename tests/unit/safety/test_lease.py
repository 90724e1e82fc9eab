"""Which renewals count: epochs, the sender's time, and what is left in a socket."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from chargerd.safety.lease import Lease
from chargerd.safety.messages import Renewal

ONE = frozenset({1})
NONE: frozenset[int] = frozenset()


def begun(at_s: float = 10.0) -> Lease:
    """A lease of one second whose epoch 5 began now."""
    lease = Lease(1.0)
    assert lease.take(Renewal(5, at_s), at_s)
    return lease


def test_an_epoch_begins_with_nothing_wished() -> None:
    """A daemon that outlived the guard comes with a wish: it does not count before it has wished nothing."""
    lease = Lease(1.0)
    assert not lease.take(Renewal(5, 10.0, ONE), 10.0)
    assert (lease.epoch, lease.wishes) == (None, NONE)
    assert lease.take(Renewal(5, 10.1), 10.1)
    assert lease.take(Renewal(5, 10.2, ONE), 10.2)
    assert lease.wishes == ONE


def test_a_lease_that_ran_out_with_a_wish_ends_the_epoch_for_good() -> None:
    """The wishes stay known until another epoch begins; those of the old one count no more, however fresh."""
    lease = begun()
    lease.take(Renewal(5, 10.1, ONE), 10.1)
    assert lease.age_s(11.1) == 1.0
    assert lease.age_s(11.2) == math.inf
    assert not lease.take(Renewal(5, 11.3, ONE), 11.3)
    assert not lease.take(Renewal(5, 11.4), 11.4)
    assert (lease.epoch, lease.wishes) == (None, ONE)
    assert lease.take(Renewal(6, 11.5), 11.5)
    assert (lease.epoch, lease.wishes, lease.age_s(11.5)) == (6, NONE, 0.0)


def test_with_nothing_wished_a_lease_may_grow_old() -> None:
    """At rest the daemon beats slowly, and its epoch goes on."""
    lease = begun()
    assert lease.age_s(13.0) == 3.0
    assert lease.take(Renewal(5, 13.1, ONE), 13.1)


def test_what_was_left_in_the_socket_is_judged_by_its_own_time() -> None:
    """The guard was stopped: renewals of before are old when it reads them, whatever they say."""
    lease = begun()
    assert not lease.take(Renewal(5, 10.2, ONE), 15.0)
    assert not lease.take(Renewal(6, 10.3), 15.0)
    assert lease.wishes == NONE


def test_older_than_what_is_known_or_of_the_future_does_not_count() -> None:
    """Newest first, by the sender's clock, which is the guard's too."""
    lease = begun()
    assert lease.take(Renewal(5, 10.5, ONE), 10.5)
    assert not lease.take(Renewal(5, 10.4), 10.6)
    assert not lease.take(Renewal(5, 12.0), 10.7)
    assert lease.wishes == ONE


def test_who_is_gone_wishes_nothing() -> None:
    """The daemon's end of the socket is closed."""
    lease = begun()
    lease.take(Renewal(5, 10.1, ONE), 10.1)
    lease.forget()
    assert (lease.epoch, lease.wishes) == (None, NONE)
    assert not lease.take(Renewal(5, 10.2), 10.2)


renewals = st.builds(Renewal, st.integers(0, 4), st.floats(0.0, 10.0), st.sampled_from([NONE, ONE, frozenset({2}), frozenset({1, 2})]))


@given(st.lists(st.tuples(renewals, st.floats(0.0, 1.5), st.sampled_from(["take", "age", "end", "forget"]))))
def test_a_wish_counts_only_fresh_and_in_an_epoch_that_began_open(steps: list[tuple[Renewal, float, str]]) -> None:
    """For any order of words, pauses and ends: time never goes back, no epoch comes back, none begins with a wish."""
    lease, now_s, ended, newest_s = Lease(1.0), 0.0, set[int](), -math.inf
    for renewal, pause_s, deed in steps:
        now_s += pause_s
        before = lease.epoch
        if deed == "take":
            counts = lease.take(renewal, now_s)
            if counts:
                assert now_s - 1.0 <= renewal.sent_s <= now_s
                assert renewal.epoch not in ended
                assert renewal.epoch == before or not renewal.wishes
                assert renewal.epoch != before or renewal.sent_s >= newest_s
                newest_s = renewal.sent_s
        elif deed == "age":
            is_old = bool(lease.wishes) and now_s - newest_s > 1.0
            assert (lease.age_s(now_s) == math.inf) is (before is None or is_old)
        else:
            lease.end() if deed == "end" else lease.forget()
            assert lease.age_s(now_s) == math.inf
        if before is not None and lease.epoch != before:
            ended.add(before)
