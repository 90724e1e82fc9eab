"""The status the central system sees: a function of the regions, stored nowhere (OCPP 1.6, 4.9)."""

from __future__ import annotations

from chargerd.core.facts import ConnectorStatus, Phase
from chargerd.core.faults import Severity

_BY_PHASE = {
    Phase.IDLE: ConnectorStatus.AVAILABLE,
    Phase.WAIT_CABLE: ConnectorStatus.PREPARING,
    Phase.WAIT_AUTH: ConnectorStatus.PREPARING,
    Phase.LOCKING: ConnectorStatus.PREPARING,
    Phase.HANDSHAKE: ConnectorStatus.PREPARING,
    Phase.CABLE_CHECK: ConnectorStatus.PREPARING,
    Phase.PRECHARGE: ConnectorStatus.PREPARING,
    Phase.POWER_DELIVERY: ConnectorStatus.PREPARING,
    Phase.DELIVERING: ConnectorStatus.CHARGING,
    Phase.PAUSING: ConnectorStatus.SUSPENDED_EVSE,
    Phase.PAUSED_EV: ConnectorStatus.SUSPENDED_EV,
    Phase.PAUSED_EVSE: ConnectorStatus.SUSPENDED_EVSE,
    Phase.LEAVING: ConnectorStatus.SUSPENDED_EVSE,
    Phase.ASLEEP: ConnectorStatus.SUSPENDED_EVSE,
    Phase.WAKING: ConnectorStatus.SUSPENDED_EV,
    Phase.RAMP_DOWN: ConnectorStatus.FINISHING,
    Phase.OPENING: ConnectorStatus.FINISHING,
    Phase.UNLOCKING: ConnectorStatus.FINISHING,
    Phase.WAIT_UNPLUG: ConnectorStatus.FINISHING,
}

_WITH_A_VEHICLE = frozenset(
    {ConnectorStatus.PREPARING, ConnectorStatus.SUSPENDED_EV, ConnectorStatus.SUSPENDED_EVSE, ConnectorStatus.FINISHING}
)


def connector_status(phase: Phase, worst: Severity | None, is_operative: bool) -> ConnectorStatus:
    """Status of one connector. A stop or trip shows as Faulted; Inoperative shows once no session is left."""
    if worst is not None and worst >= Severity.STOP:
        return ConnectorStatus.FAULTED
    if not is_operative and phase in (Phase.IDLE, Phase.WAIT_CABLE, Phase.WAIT_AUTH, Phase.WAIT_UNPLUG):
        return ConnectorStatus.UNAVAILABLE
    return _BY_PHASE[phase]


def status_between(before: ConnectorStatus, after: ConnectorStatus, phase: Phase) -> ConnectorStatus | None:
    """The status to tell between two that cannot follow one another (OCPP 1.6, 4.9: there is no B8 and no H6); None where they can."""
    match before, after:
        case ConnectorStatus.PREPARING, ConnectorStatus.UNAVAILABLE:
            return _BY_PHASE[phase]
        case ConnectorStatus.AVAILABLE | ConnectorStatus.FAULTED, ConnectorStatus.RESERVED:
            return None
        case _, ConnectorStatus.RESERVED:
            return ConnectorStatus.AVAILABLE
        case ConnectorStatus.RESERVED, ConnectorStatus.FINISHING:
            return ConnectorStatus.PREPARING
        case ConnectorStatus.UNAVAILABLE, ConnectorStatus.FINISHING:
            return ConnectorStatus.PREPARING
    return None


def error_code_beside(status: ConnectorStatus, error_code: str) -> str:
    """The error code that may stand beside a status: EVCommunicationError only with the four that it is meant for (OCPP 1.6, 7.6)."""
    return "OtherError" if error_code == "EVCommunicationError" and status not in _WITH_A_VEHICLE else error_code


def station_status(worst: Severity | None, is_operative: bool) -> ConnectorStatus:
    """Status of connector 0, which knows only Available, Unavailable and Faulted."""
    if worst is not None and worst >= Severity.STOP:
        return ConnectorStatus.FAULTED
    return ConnectorStatus.AVAILABLE if is_operative else ConnectorStatus.UNAVAILABLE
