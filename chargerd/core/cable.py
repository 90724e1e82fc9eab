"""The cable region of a connector: what the vehicle's leaving means, and whose cable is locked in.

On a fixed cable there is one plug, and pilot A says that it hangs free. With a socket there are two: the vehicle's may be pulled while the
other stays in the station, which proximity tells. OCPP 1.6, 4.9, 4.10 and the two keys about the EV side say what follows.
"""

from __future__ import annotations

from chargerd.core.events import StopReason
from chargerd.core.facts import ConnectorStatus
from chargerd.core.ids import IdTag, same_tag
from chargerd.core.now import NEVER, Now
from chargerd.core.sensed import Sensed
from chargerd.core.settings import ConnectorKind, ConnectorSettings
from chargerd.core.surroundings import Surroundings
from chargerd.core.transaction import Transaction
from hal.types import ControlPilot

EV_SIDE_DISCONNECTED = "EV side disconnected"
"""What is told with these statuses when the vehicle has left a session (OCPP 1.6, 4.9)."""

_PUSHED_IN_S = 0.5  # by which proximity and pilot of one plug may be apart; ours

DISCONNECTED_STATUSES = (ConnectorStatus.SUSPENDED_EV, ConnectorStatus.SUSPENDED_EVSE, ConnectorStatus.FINISHING)


class Cable:
    """See the module. `owner`: the ended transaction whose cable stays locked in until its token is shown again."""

    def __init__(self, built: ConnectorSettings, around: Surroundings, sensed: Sensed) -> None:
        self._built = built
        self._around = around
        self._sensed = sensed
        self.owner: Transaction | None = None
        self._is_socket = built.kind is ConnectorKind.TYPE2_SOCKET
        self._uncoded_since_s = NEVER

    @property
    def is_plugged(self) -> bool:
        """A vehicle hangs on the cable, and the cable is seen where it can be."""
        return self._sensed.ev.control_pilot.is_plugged and not self._is_socket_empty

    @property
    def _is_socket_empty(self) -> bool:
        return self._is_socket and self._sensed.ev.is_cable_present is False

    def faults(self, now: Now) -> frozenset[str]:
        """What the SECC finds wrong, and a vehicle on a cable that is not seen for longer than it takes to push a plug in."""
        ev = self._sensed.ev
        is_uncoded = ev.control_pilot.is_plugged and self._is_socket_empty
        self._uncoded_since_s = min(self._uncoded_since_s, now.mono_s) if is_uncoded else NEVER
        is_wrong = now.mono_s - self._uncoded_since_s >= _PUSHED_IN_S
        return ev.faults | {"proximity-error"} if is_wrong else ev.faults

    @property
    def is_unplugged(self) -> bool:
        """No vehicle hangs on the cable; a pilot that cannot be read does not say so."""
        return self._sensed.ev.control_pilot is ControlPilot.A

    @property
    def is_gone(self) -> bool:
        """No vehicle, and no plug left in a socket of ours."""
        return self.is_unplugged and not self._sensed.ev.is_cable_present

    @property
    def ends_session(self) -> bool:
        """The vehicle has left for good: by StopTransactionOnEVSideDisconnect it is waited for, at a socket whose lock holds its cable.

        An empty socket ends it in any case, also against the word of the pilot.
        """
        has_locked_socket = self._built.kind.is_ac and self._built.has_lock
        is_waited_for = has_locked_socket and not self._around.settings.stop_transaction_on_ev_side_disconnect
        return self._is_socket_empty or (self.is_unplugged and not is_waited_for)

    def keep(self, ended: Transaction, reason: StopReason) -> None:
        """A session is over: hold its cable where who ended it has not shown to be the owner (OCPP 1.6 errata, 3.5)."""
        is_pulled = reason is StopReason.EV_DISCONNECTED and not self._around.settings.unlock_connector_on_ev_side_disconnect
        if self._built.has_lock and (is_pulled or reason is StopReason.DE_AUTHORIZED):
            self.owner = ended

    def is_kept_for(self, id_tag: IdTag, parent_id_tag: IdTag | None = None) -> bool:
        """A cable is locked in here that this token, or one of its group, may take away."""
        if self.owner is None or same_tag(self.owner.id_tag, id_tag):
            return self.owner is not None
        parent = self.owner.parent_id_tag
        return parent is not None and parent_id_tag is not None and same_tag(parent, parent_id_tag)

    def release(self) -> bool:
        """Let the cable go, whoever's it is. Returns whether one was held."""
        was_held, self.owner = self.owner is not None, None
        return was_held
