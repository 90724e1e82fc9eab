"""What the gate owns of a control pilot board: its contactors as one coil, and its three inputs. Pure."""

from __future__ import annotations

from typing import Final, Literal

from hal.errors import ConfigError
from hal.ports import SafetyLines
from hal.types import SafetyInputs
from hal.wire.safety_board import ChargeState, Contact, ContactorState, Stop

COIL: Final = "k1"
STOPS: Final = ("estop1", "estop2", "estop3")

Contactors = Literal["first", "both"]
"""What the coil switches."""


def check(name: str, lines: SafetyLines) -> None:
    """Raises ConfigError for a coil used as an input, or the other way round."""
    wrong = [f"{name}: line {label} is no contactor; that is {COIL}" for label in lines.contactors.values() if label != COIL]
    wrong += [f"{name}: line {label} is no input; there are {', '.join(STOPS)}" for label in lines.inputs if label not in STOPS]
    if wrong:
        raise ConfigError(wrong)


def used(state: ChargeState, contactors: Contactors) -> tuple[ContactorState, ...]:
    """The contactors behind the coil."""
    return (state.contactor_1, state.contactor_2) if contactors == "both" else (state.contactor_1,)


def inputs(state: ChargeState | None, lines: SafetyLines, contactors: Contactors, *, is_driven: bool) -> SafetyInputs:
    """The lines as the gate judges them; None: the board is away.

    An input that is not configured in the board reads as active, as one with a broken wire does. Of two contactors both have to be closed
    when they should be, and either counts when they should be open.
    """
    if state is None:
        return SafetyInputs(is_readable=False)
    active = {label for label, stop in zip(STOPS, state.stops, strict=True) if stop is not Stop.NOT_TRIPPED}
    closed = [one.contact is Contact.CLOSED for one in used(state, contactors)]
    is_closed = all(closed) if is_driven else any(closed)
    return SafetyInputs(
        is_estop_pressed=lines.estop in active,
        is_door_open=lines.door in active,
        closed_contactors=frozenset(lines.contactors) if is_closed else frozenset(),
        is_mains_lost=lines.mains in active,
        leaking=frozenset(connector for connector, label in lines.residual_current.items() if label in active),
        overheated=frozenset(connector for connector, label in lines.over_temperature.items() if label in active),
    )
