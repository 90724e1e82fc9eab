"""What a session is taken to want, by what it takes."""

from __future__ import annotations

from chargerd.core.appetite import Appetite
from chargerd.core.now import NEVER

IDLE_S = 10.0
MOST_W = 100e3


class Watched:
    """A session that is looked at every second. Its share is what it wants, at most `share_w`."""

    def __init__(self, share_w: float = 50e3) -> None:
        self.now_s = 100.0
        self.share_w = share_w
        self.appetite = Appetite(IDLE_S, self.now_s)
        self.changes = 0

    def take(self, taken_w: float, for_s: int) -> float:
        """It takes so much for a while. Returns what it is taken to want then."""
        for _ in range(for_s):
            self.now_s += 1.0
            before_w = self.appetite.wanted_w
            self.appetite.see(taken_w, min(self.share_w, before_w), MOST_W, self.now_s)
            self.changes += before_w != self.appetite.wanted_w
        return self.appetite.wanted_w


def test_who_leaves_a_part_alone_for_a_while_leaves_it_to_others() -> None:
    """What was taken at the most in that time, and a tenth of what could be used."""
    session = Watched()
    assert session.take(20e3, 9) == NEVER
    assert session.take(15e3, 1) == 30e3


def test_who_uses_the_share_wants_all() -> None:
    """However long, and though it is far below what it could use."""
    session = Watched()
    assert session.take(47e3, 1000) == NEVER


def test_a_dip_is_no_habit() -> None:
    """Full use once in a while, and the time begins anew."""
    session = Watched()
    for _ in range(20):
        session.take(10e3, 8)
        assert session.take(49e3, 1) == NEVER


def test_growth_is_noticed_at_once() -> None:
    """Half of the margin eaten up: it wants all it can."""
    session = Watched()
    session.take(20e3, 10)
    assert session.take(24e3, 1) == 30e3
    assert session.take(26e3, 1) == NEVER


def test_less_and_less_is_followed() -> None:
    """A battery that fills up."""
    session = Watched()
    wanted_w = [session.take(kw * 1e3, 20) for kw in (40, 30, 20, 10, 0)]
    assert wanted_w == [50e3, 40e3, 30e3, 20e3, 10e3]


def test_a_steady_session_moves_nothing() -> None:
    """After the first judgement, hours of the same with some noise."""
    session = Watched()
    session.take(20e3, 20)
    session.changes = 0
    for second in range(7200):
        session.take(20e3 + 500 * (second % 3), 1)
    assert session.changes == 0


def test_one_that_goes_up_and_down_moves_less_and_less() -> None:
    """Each time it was wrongly taken for modest it is given twice the time, up to some minutes."""
    session = Watched()
    per_hour = []
    for _ in range(2):
        session.changes = 0
        for _ in range(60):
            session.take(10e3, 40)
            session.take(30e3, 20)
        per_hour.append(session.changes)
    assert per_hour[1] < per_hour[0] / 2


def test_nothing_is_judged_while_it_could_not_take_anything() -> None:
    """A pause of the station, or a session that is only beginning."""
    session = Watched()
    session.take(0.0, 9)
    session.appetite.hunger(session.now_s)
    assert session.take(0.0, 9) == NEVER
