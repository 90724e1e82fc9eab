"""What the core is told of a control pilot board's words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chargerd.core.faults import FAULTS as CORE_FAULTS
from hal.secc.board_view import FAULTS, Heard
from hal.types import ControlPilot, EvRequest
from hal.wire.safety_board import Channel, ChargeState, Contact, ContactorState, Pilot, Proximity

OPEN = ContactorState(Contact.OPEN)
QUIET = ChargeState(pilot=Pilot.A, contactor_1=OPEN)


def heard(state: ChargeState = QUIET, *channels: Channel, is_socket: bool = False, both: bool = False) -> EvRequest:
    contactors = (state.contactor_1, state.contactor_2) if both else (state.contactor_1,)
    return Heard(state, contactors, channels, is_socket).request()


def test_every_word_of_the_board_is_a_fault_of_the_core() -> None:
    """With a sentence for the technician."""
    assert FAULTS.keys() <= CORE_FAULTS.keys()


@pytest.mark.parametrize("letter", "ABCDEF")
def test_each_state_of_the_pilot(letter: str) -> None:
    """By its letter."""
    assert heard(replace(QUIET, pilot=Pilot[letter])).control_pilot is ControlPilot[letter]


@pytest.mark.parametrize("pilot", [Pilot.UNKNOWN, Pilot.INVALID])
def test_what_is_no_state_is_unknown(pilot: Pilot) -> None:
    """Energy does not flow by it."""
    assert heard(replace(QUIET, pilot=pilot)).control_pilot is ControlPilot.UNKNOWN


@pytest.mark.parametrize(
    ("proximity", "is_present", "cable_a"),
    [
        (Proximity.NO_CABLE, False, None),
        (Proximity.A13, True, 13.0),
        (Proximity.A20, True, 20.0),
        (Proximity.A32, True, 32.0),
        (Proximity.A63, True, 63.0),
        (Proximity.ERROR, True, None),
    ],
)
def test_the_proximity_of_a_socket(proximity: Proximity, is_present: bool, cable_a: float | None) -> None:
    """Is there a plug, and what can its cable bear; on a fixed cable it says nothing."""
    state = replace(QUIET, proximity=proximity)
    told = heard(state, is_socket=True)
    assert (told.is_cable_present, told.cable_max_current_a) == (is_present, cable_a)
    fixed = heard(state)
    assert (fixed.is_cable_present, fixed.cable_max_current_a, fixed.faults) == (None, None, frozenset())


@pytest.mark.parametrize(("is_on", "permille", "offer_a"), [(True, 266, 15.96), (True, 1000, 0.0), (False, 266, 0.0), (True, 50, 0.0)])
def test_the_duty_is_read_back(is_on: bool, permille: int, offer_a: float) -> None:
    """As what a vehicle may take by it."""
    assert heard(replace(QUIET, is_pwm_on=is_on, duty_permille=permille)).pilot_offer_a == pytest.approx(offer_a)


def test_the_hottest_contact_is_told() -> None:
    """Channels without a sensor do not count, none at all is not measured."""
    assert heard(QUIET, Channel(25.0), Channel(), Channel(-3.5)).connector_temperature_c == 25.0
    assert heard(QUIET, Channel()).connector_temperature_c is None


@pytest.mark.parametrize(
    ("state", "channel", "code"),
    [
        (replace(QUIET, is_pilot_shorted=True), Channel(), "pilot-short"),
        (replace(QUIET, pilot=Pilot.E), Channel(), "pilot-short"),
        (replace(QUIET, has_diode_fault=True), Channel(), "pilot-diode"),
        (replace(QUIET, pilot=Pilot.INVALID), Channel(), "pilot-invalid"),
        (replace(QUIET, pilot=Pilot.F), Channel(), "pilot-off"),
        (replace(QUIET, proximity=Proximity.ERROR), Channel(), "proximity-error"),
        (replace(QUIET, proximity=Proximity.TYPE1_CONNECTED), Channel(), "proximity-error"),
        (replace(QUIET, contactor_1=ContactorState(Contact.CLOSED, has_error=True)), Channel(), "contactor-error"),
        (QUIET, Channel(95.0, has_stopped_charging=True), "contact-temperature"),
        (QUIET, Channel(None, has_failed=True), "temperature-sensor"),
    ],
)
def test_each_thing_that_is_wrong_has_its_word(state: ChargeState, channel: Channel, code: str) -> None:
    """And nothing else is told with it."""
    assert heard(state, channel, is_socket=True).faults == {code}


def test_a_contactor_that_is_not_used_cannot_be_wrong() -> None:
    """Only what the line switches counts."""
    state = replace(QUIET, contactor_2=ContactorState(Contact.CLOSED, has_error=True))
    assert heard(state).faults == frozenset()
    assert heard(state, both=True).faults == {"contactor-error"}
