"""What the frames of an Advantics controller amount to, in whatever order and turn they arrive."""

from __future__ import annotations

import itertools

import pytest

from hal.secc.evse_view import EvseView
from hal.types import EvRequest, SeccPhase
from hal.wire.advantics_evse import ControllerStatus, DcPowerControl, Message, PowerFunction, State

TEST_CURRENT_A = 2.0
CHECK = DcPowerControl(500.0, 0.0, function=PowerFunction.INSULATION_TEST, is_contactor_closed=True)
PRECHARGE = DcPowerControl(400.0, 0.0, function=PowerFunction.PRECHARGE, is_contactor_closed=True)
POWER = DcPowerControl(400.0, 125.0, function=PowerFunction.POWER, is_contactor_closed=True)
STANDBY = DcPowerControl(function=PowerFunction.STANDBY, is_contactor_closed=True)


def heard(*messages: Message | tuple[float, Message]) -> list[EvRequest | None]:
    """The request after each message; those without a time come at once."""
    view, told, now_s = EvseView(TEST_CURRENT_A), [], 0.0
    for one in messages:
        now_s, message = one if isinstance(one, tuple) else (now_s, one)
        view.take(message, now_s, is_stop_ours=False)
        told.append(view.request(now_s))
    return told


def amounts(request: EvRequest | None) -> tuple[SeccPhase, float, float]:
    assert request is not None
    return request.phase, request.target_voltage_v, request.target_current_a


@pytest.mark.parametrize(
    ("state", "wish", "expected"),
    [
        (State.INSULATION_TEST, CHECK, (SeccPhase.CABLE_CHECK, 500.0, TEST_CURRENT_A)),
        (State.PRECHARGE, PRECHARGE, (SeccPhase.PRECHARGE, 400.0, TEST_CURRENT_A)),
        (State.CHARGING, POWER, (SeccPhase.CURRENT_DEMAND, 400.0, 125.0)),
    ],
)
def test_state_and_wish_together_are_the_request(state: State, wish: Message, expected: object) -> None:
    """ccs-secc-can.md, 3 and 5.7: 0 A in a test or precharge leaves the current to us."""
    assert amounts(heard(ControllerStatus(state), wish)[-1]) == expected
    assert amounts(heard(wish, ControllerStatus(state))[-1]) == expected


@pytest.mark.parametrize(("state", "wish"), [s for s in itertools.product(
    (State.INSULATION_TEST, State.PRECHARGE, State.CHARGING), (CHECK, PRECHARGE, POWER, STANDBY))
    if s not in ((State.INSULATION_TEST, CHECK), (State.PRECHARGE, PRECHARGE), (State.CHARGING, POWER))])  # fmt: skip
def test_a_wish_of_another_state_asks_for_nothing(state: State, wish: Message) -> None:
    """The two come in frames of their own: 500 V of the cable check must not become a set-point for a battery of 400 V."""
    _, voltage_v, current_a = amounts(heard(ControllerStatus(state), wish)[-1])
    assert (voltage_v, current_a) == (0.0, 0.0)


def test_the_loop_begins_with_its_wish() -> None:
    """Between the two frames the vehicle has not said that it wants nothing: told as such, it would be a pause."""
    told = heard(ControllerStatus(State.PRECHARGE), PRECHARGE, (1.0, STANDBY), ControllerStatus(State.CHARGING), (1.1, POWER))
    assert [amounts(one)[0] for one in told[-2:]] == [SeccPhase.READY, SeccPhase.CURRENT_DEMAND]


def test_a_vehicle_that_goes_on_asking_nothing_is_in_the_loop() -> None:
    """What it does not ask for within five periods it does not want."""
    states = [(at / 10, message) for at in range(8) for message in (ControllerStatus(State.CHARGING), STANDBY)]
    phases = [amounts(one)[0] for one in heard(*states)]
    assert phases[0] is SeccPhase.READY
    assert phases[-1] is SeccPhase.CURRENT_DEMAND


def test_a_pause_in_the_loop_stays_in_it() -> None:
    """Standby after power is what SuspendedEV means."""
    told = heard(POWER, ControllerStatus(State.CHARGING), (3.0, ControllerStatus(State.CHARGING)), STANDBY)
    assert amounts(told[-1]) == (SeccPhase.CURRENT_DEMAND, 0.0, 0.0)


def test_a_wish_that_is_not_repeated_ends() -> None:
    """DC_Power_Control comes every 100 ms: without it nobody asks for the contactor any more."""
    (*_, last) = heard(ControllerStatus(State.CHARGING), POWER, (0.6, ControllerStatus(State.CHARGING)))
    assert last is not None
    assert (last.target_current_a, last.is_contactor_wanted) == (0.0, False)
