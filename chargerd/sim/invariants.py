"""What must hold at every moment of a run, by name."""

from __future__ import annotations

from collections.abc import Callable

from chargerd.core.faults import FAULTS, UNKNOWN_ROW, Severity
from chargerd.core.limits import lowest
from chargerd.core.session import IN_SESSION
from chargerd.core.view import ConnectorView, StationView
from hal.types import LockState


def given_a(view: ConnectorView) -> float:
    """The current wanted of the hardware: of DC modules their set-point, on AC what the pilot offers through a closed contactor."""
    outputs = view.outputs
    if not view.kind.is_ac:
        return outputs.setpoint.current_a
    return outputs.secc.max_current_a if outputs.contactor and outputs.secc.authorization else 0.0


def _energized(view: ConnectorView) -> bool:
    return given_a(view) > 0


def _authorized(view: ConnectorView, _: StationView) -> bool:
    return not _energized(view) or (view.id_tag is not None and (view.transaction is None or not view.transaction.is_used_up))


def _plugged(view: ConnectorView, _: StationView) -> bool:
    return not _energized(view) or view.ev.control_pilot.is_ready


def _sound(view: ConnectorView, station: StationView) -> bool:
    faults = (*station.faults, *view.faults)
    return not _energized(view) or all(FAULTS.get(fault.code, UNKNOWN_ROW).severity < Severity.STOP for fault in faults)


def _within_limits(view: ConnectorView, _: StationView) -> bool:
    return given_a(view) <= max(lowest(view.limits).current_a, 0.0) + 1e-6


def _locked(view: ConnectorView, _: StationView) -> bool:
    return not _energized(view) or view.lock in (None, LockState.LOCKED)


def _in_session(view: ConnectorView, _: StationView) -> bool:
    return not view.is_contactor_closed or view.phase in IN_SESSION


INVARIANTS: dict[str, Callable[[ConnectorView, StationView], bool]] = {
    "energized_implies_authorized": _authorized,
    "energized_implies_plugged": _plugged,
    "energized_implies_sound": _sound,
    "energized_implies_locked": _locked,
    "current_within_limits": _within_limits,
    "closed_implies_session": _in_session,
}


def broken(names: list[str], station: StationView) -> list[str]:
    """Which of the named invariants do not hold now, as `name: connector n`."""
    return [f"{name}: connector {view.connector}" for name in names for view in station.connectors if not INVARIANTS[name](view, station)]
