"""The vehicle of Mode 3: sleepers, those that want ventilation, and bad ones."""

from __future__ import annotations

import pytest

from hal.mock.battery import Vehicle
from hal.mock.mode3_car import Mode3, Mode3Car, Offer
from hal.types import ControlPilot

NOTHING, SIXTEEN_A = Offer(0.0, 230.0, 3), Offer(16.0, 230.0, 3)


def car() -> Mode3Car:
    return Mode3Car(Vehicle(kind="ac", soc_percent=40.0, max_current_a=32.0, max_power_w=22_080.0), Mode3())


def lived(one: Mode3Car, *offers: tuple[Offer, float]) -> Mode3Car:
    """So long with each of these offers."""
    for offer, duration_s in offers:
        for _ in range(round(duration_s * 10)):
            one.step(offer, 0.1)
    return one


def asleep() -> Mode3Car:
    one = car()
    one.is_asleep = True
    return one


def charging() -> Mode3Car:
    one = lived(car(), (SIXTEEN_A, 5.0))
    assert (one.pilot, one.current_a) == (ControlPilot.C, 16.0)
    return one


@pytest.mark.parametrize(
    ("offers", "wakes"),
    [
        ([(NOTHING, 60.0), (SIXTEEN_A, 60.0)], False),
        ([(SIXTEEN_A, 10.0), (NOTHING, 2.8), (SIXTEEN_A, 60.0)], False),
        ([(SIXTEEN_A, 10.0), (NOTHING, 3.0), (SIXTEEN_A, 5.0)], True),
        ([(SIXTEEN_A, 10.0), (NOTHING, 60.0)], False),
    ],
)
def test_a_sleeper_hears_an_offer_that_begins_anew(offers: list[tuple[Offer, float]], wakes: bool) -> None:
    """Not the first one, and none before a pause of 3 s."""
    one = lived(asleep(), *offers)
    assert (one.pilot is ControlPilot.C, one.is_asleep) == (wakes, not wakes)


def test_ventilation_is_asked_for_instead() -> None:
    """D for C at once, and nothing is drawn in it."""
    one = charging()
    one.needs_ventilation = True
    assert one.pilot is ControlPilot.D
    assert lived(one, (SIXTEEN_A, 0.2)).current_a == 0.0
    one.needs_ventilation = False
    assert lived(one, (SIXTEEN_A, 2.0)).current_a == 16.0


def test_what_is_drawn_may_be_forced() -> None:
    """Above what is offered; never through an open contactor, nor when the offer has ended."""
    one = charging()
    one.forced_current_a = 40.0
    assert lived(one, (SIXTEEN_A, 5.0)).current_a == 40.0
    assert lived(one, (Offer(16.0, 0.0, 3), 0.1)).current_a == 0.0
    assert lived(one, (SIXTEEN_A, 5.0), (NOTHING, 0.1)).current_a == 0.0


def test_a_stubborn_one_goes_on() -> None:
    """As it was offered last, in state C; an open contactor ends the current, not the state."""
    one = charging()
    one.is_stubborn = True
    assert lived(one, (NOTHING, 30.0)).current_a == 16.0
    assert one.pilot is ControlPilot.C
    lived(one, (Offer(0.0, 0.0, 3), 5.0))
    assert (one.pilot, one.current_a) == (ControlPilot.C, 0.0)
