"""What the parts of the conversation share: the collaborators, and where we stand with the central system."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from chargerd.ocpp.answers import AnswerMemory
from chargerd.ocpp.desk import AuthorizationDesk
from chargerd.ocpp.options import OcppOptions, StationIdentity
from chargerd.ocpp.outbox import Outbox
from chargerd.ocpp.ports import ClockPort, OutboxStore, StationPort
from chargerd.ocpp.trace import Trace
from chargerd.ocpp.v16.handlers import Handlers
from chargerd.ocpp.v16.statuses import StatusFilter

ANSWERS_HOLD_S = 300.0
"""So long after a connection its answers may be repeated on the next."""


class Registration(Enum):
    """What the central system said to our BootNotification (OCPP 1.6, 7.33), or that it has said nothing yet."""

    NONE = "None"
    ACCEPTED = "Accepted"
    PENDING = "Pending"
    REJECTED = "Rejected"


@dataclass(slots=True)
class Standing:
    """Where we stand with the central system, over connections; times are those of the event loop."""

    registration: Registration = Registration.NONE
    next_boot_s: float = 0.0
    boot_interval_s: float = 0.0
    clock_set_s: float = 0.0
    statuses: StatusFilter = field(default_factory=StatusFilter)
    outbox: Outbox = field(default_factory=Outbox)
    answers: AnswerMemory = field(default_factory=AnswerMemory)
    connected_until_s: float = 0.0
    is_drained: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_pending(self) -> bool:
        """The central system has not decided yet, and asks: nothing is sent but answers and what it triggers (OCPP 1.6, 4.2)."""
        return self.registration is Registration.PENDING

    @property
    def is_registered(self) -> bool:
        """The central system has accepted us since we started; a new connection needs no BootNotification."""
        return self.registration is Registration.ACCEPTED

    def answers_for(self, now_s: float) -> AnswerMemory:
        """The memory for a connection that begins now: that of the last one, unless it is long gone.

        A command that is sent again is sent soon; a central system that counts its ids from 1 again may mean a new one by an old message.
        """
        if now_s - self.connected_until_s > ANSWERS_HOLD_S:
            self.answers = AnswerMemory()
        return self.answers


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every conversation works with. `random` gives floats in [0, 1), `new_id` message ids."""

    options: OcppOptions
    identity: StationIdentity
    station: StationPort
    store: OutboxStore
    clock: ClockPort
    handlers: Handlers
    desk: AuthorizationDesk
    trace: Trace
    random: Callable[[], float]
    new_id: Callable[[], str]
