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
    Phase.DELIVERING: ConnectorStatus.CHARGING,
    Phase.PAUSED_EV: ConnectorStatus.SUSPENDED_EV,
    Phase.PAUSED_EVSE: ConnectorStatus.SUSPENDED_EVSE,
    Phase.RAMP_DOWN: ConnectorStatus.FINISHING,
    Phase.OPENING: ConnectorStatus.FINISHING,
    Phase.UNLOCKING: ConnectorStatus.FINISHING,
    Phase.WAIT_UNPLUG: ConnectorStatus.FINISHING,
}


def connector_status(phase: Phase, worst: Severity | None, is_operative: bool) -> ConnectorStatus:
    """Status of one connector. A stop or trip shows as Faulted; Inoperative shows once no session is left."""
    if worst is not None and worst >= Severity.STOP:
        return ConnectorStatus.FAULTED
    if not is_operative and phase in (Phase.IDLE, Phase.WAIT_CABLE, Phase.WAIT_AUTH, Phase.WAIT_UNPLUG):
        return ConnectorStatus.UNAVAILABLE
    return _BY_PHASE[phase]


def station_status(worst: Severity | None, is_operative: bool) -> ConnectorStatus:
    """Status of connector 0, which knows only Available, Unavailable and Faulted."""
    if worst is not None and worst >= Severity.STOP:
        return ConnectorStatus.FAULTED
    return ConnectorStatus.AVAILABLE if is_operative else ConnectorStatus.UNAVAILABLE
