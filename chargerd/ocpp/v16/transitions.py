"""What a connector may report after what it has reported, and which error code goes with which status (OCPP 1.6, 4.9, with its errata).

Rows are letters and columns digits in the standard's own order: `B6` here is B6 there, which the errata added; there is no B8.
"""

from __future__ import annotations

from chargerd.core.facts import ConnectorStatus, StatusChanged
from chargerd.core.ids import STATION

_ORDER = (
    ConnectorStatus.AVAILABLE,
    ConnectorStatus.PREPARING,
    ConnectorStatus.CHARGING,
    ConnectorStatus.SUSPENDED_EV,
    ConnectorStatus.SUSPENDED_EVSE,
    ConnectorStatus.FINISHING,
    ConnectorStatus.RESERVED,
    ConnectorStatus.UNAVAILABLE,
    ConnectorStatus.FAULTED,
)
_ROWS = {
    "A": "2345789",
    "B": "134569",
    "C": "145689",
    "D": "135689",
    "E": "134689",
    "F": "1289",
    "G": "1289",
    "H": "123459",
    "I": "12345678",
}
_OF_THE_STATION = frozenset({ConnectorStatus.AVAILABLE, ConnectorStatus.UNAVAILABLE, ConnectorStatus.FAULTED})
_WITH_A_VEHICLE = frozenset(
    {ConnectorStatus.PREPARING, ConnectorStatus.SUSPENDED_EV, ConnectorStatus.SUSPENDED_EVSE, ConnectorStatus.FINISHING}
)


def name_of(before: ConnectorStatus, after: ConnectorStatus) -> str:
    """The transition's name in the standard, such as `A2`."""
    return f"{'ABCDEFGHI'[_ORDER.index(before)]}{_ORDER.index(after) + 1}"


def is_allowed(before: ConnectorStatus, after: ConnectorStatus) -> bool:
    """Whether a connector may go from one status straight to the other."""
    name = name_of(before, after)
    return before is after or name[1] in _ROWS[name[0]]


def problems(before: StatusChanged | None, after: StatusChanged) -> list[str]:
    """What is wrong with a report that follows another one of the same connector (None: it is the first), as sentences."""
    status, error = after.status, after.error_code
    found = []
    if before is not None and not is_allowed(before.status, status):
        found.append(f"{before.status.value} to {status.value} ({name_of(before.status, status)}) is no transition")
    if after.connector == STATION and status not in _OF_THE_STATION:
        found.append(f"connector 0 cannot be {status.value}")
    if status is ConnectorStatus.FAULTED and error == "NoError":
        found.append("Faulted without an error code")
    if error == "EVCommunicationError" and status not in _WITH_A_VEHICLE:
        found.append(f"EVCommunicationError while {status.value}")
    return [f"connector {after.connector}: {one}" for one in found]
