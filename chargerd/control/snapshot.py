"""Values of the daemon as plain JSON: one picture of the station, facts, transactions, the queue."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from chargerd.control.ports import ControlServices, DeviceEntry, MessageView
from chargerd.core.charging_profiles import Composite
from chargerd.core.facts import ProfileInstalled, Stamped
from chargerd.core.limits import lowest
from chargerd.core.schedule import MS
from chargerd.core.view import ConnectorView, FaultView, StationView


def plain(value: object) -> Any:
    """A dataclass, enum, collection or scalar as JSON; sets are sorted, a number that JSON does not have becomes null."""
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(plain(one) for one in value)
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value if isinstance(value, str | int | bool | None) else str(value)


def iso_time(utc_s: float | None) -> str | None:
    """Seconds since 1970 as text with milliseconds and Z; None stays None."""
    if utc_s is None:
        return None
    return datetime.fromtimestamp(utc_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def event_json(stamped: Stamped) -> dict[str, Any]:
    """A fact: its place, time and kind beside its own fields."""
    head = {"seq": stamped.seq, "kind": type(stamped.fact).__name__, "time": iso_time(stamped.utc_s)}
    return {**head, **plain(stamped.fact)}


def message_json(message: MessageView) -> dict[str, Any]:
    """An OCPP message: direction, time, and the frame as JSON (as text where it is none)."""
    try:
        frame = json.loads(message.text)
    except (ValueError, RecursionError):
        frame = message.text
    shown = {"direction": message.direction.value, "time": iso_time(message.at_utc_s), "message": frame}
    return shown if message.latency_s is None else {**shown, "latency_s": round(message.latency_s, 6)}


def station_json(services: ControlServices, queue: object | None) -> dict[str, Any]:
    """The answer to `station.status`. `queue` None: the journal does not answer."""
    view = services.station.view()
    return {
        "station": {
            **plain(services.identity),
            **_status_json(view.status),
            "is_simulated": services.simulation is not None,
            "uptime_s": round(services.uptime_s(), 3),
            "time": iso_time(services.utc_s()),
        },
        "connectors": [connector_json(one, services.utc_s()) for one in view.connectors],
        "reservations": [{**plain(one), "expires": iso_time(one.expiry_utc_s)} for one in view.reservations],
        "link": {"is_accepted": view.is_link_accepted, **plain(services.link.status())},
        "queue": None if queue is None else queue_json(queue),
        "devices": [device_json(one) for one in services.devices()],
        "guard": plain(services.guard()),
        "lateness": plain(services.lateness()),
        "faults": faults_json(view),
    }


def connector_json(view: ConnectorView, utc_s: float) -> dict[str, Any]:
    """One connector: what it is, what runs on it, what is wanted and what is measured."""
    transaction = view.transaction
    energy_wh = view.meter.energy_wh if view.meter is not None else None
    running: dict[str, Any] | None = None
    if transaction is not None:
        running = {
            **plain(transaction),
            "started": iso_time(transaction.started_utc_s),
            "duration_s": max(0.0, round(utc_s - transaction.started_utc_s, 3)),
            "energy_wh": None if energy_wh is None else energy_wh - transaction.meter_start_wh,
        }
    return {
        "connector": view.connector,
        "type": view.kind.value,
        **_status_json(view.status),
        "phase": view.phase.value,
        "self_test": plain(view.self_test),
        "is_operative": view.is_operative,
        "id_tag": view.id_tag,
        "transaction": running,
        "meter": plain(view.meter),
        "setpoint": plain(view.outputs.setpoint),
        **_offer_json(view),
        "supply": plain(view.supply),
        "ev": plain(view.ev),
        "insulation": plain(view.insulation),
        **_limits_json(view),
        "is_contactor_closed": view.is_contactor_closed,
        "lock": plain(view.lock),
        "is_lock_wanted": view.outputs.lock,
        "indicator": view.outputs.indicator.value,
        "faults": plain(view.faults),
    }


def limits_json(view: ConnectorView) -> dict[str, Any]:
    """What may flow at one connector, and who says so."""
    return {"connector": view.connector, **_offer_json(view), **_limits_json(view)}


def schedule_json(composite: Composite, profiles: Sequence[ProfileInstalled]) -> dict[str, Any]:
    """The answer to `schedule.get`; `current_a` is of each phase on AC, and null for the station, whose connectors may differ."""
    known = {one.profile.profile_id: one for one in profiles}
    window, electrics = composite.window, composite.electrics
    stretches = []
    for one in composite.stretches:
        limit = one.limit or Decimal(0)
        ruling = known.get(one.profile) if one.profile is not None else None
        stretches.append(
            {
                "begin_s": (one.begin_ms - window.begin_ms) / MS,
                "from": iso_time(one.begin_ms / MS),
                "until": iso_time(one.end_ms / MS),
                "current_a": round(float(electrics.amperes(limit, one.unit, one.phases)), 3) if composite.connector else None,
                "power_w": round(float(electrics.drawn_w(limit, one.unit, one.phases)), 3),
                "ruled_by": _ruler(ruling) if ruling is not None else ("own limits" if composite.connector else "its connectors"),
                "profile": None if ruling is None else plain(ruling),
            }
        )
    return {
        "connector": composite.connector,
        "from": iso_time(window.begin_ms / MS),
        "until": iso_time(window.end_ms / MS),
        "duration_s": (window.end_ms - window.begin_ms) / MS,
        "stretches": stretches,
    }


def _ruler(ruling: ProfileInstalled) -> str:
    place = f"connector {ruling.connector}" if ruling.connector else "the station"
    return f"profile {ruling.profile.profile_id}, {ruling.profile.purpose.value} of {place}, level {ruling.profile.stack_level}"


def _offer_json(view: ConnectorView) -> dict[str, Any]:
    told = view.outputs.secc
    return {"offered_a": told.offer_a, "offered_w": told.max_power_w if told.offer_a > 0.0 else 0.0}


def _limits_json(view: ConnectorView) -> dict[str, Any]:
    return {"ruling_limit": lowest(view.limits).source if view.limits else None, "limits": plain(view.limits)}


def faults_json(view: StationView) -> list[dict[str, Any]]:
    """Every active or latched fault with its connector; the station's own come with connector 0."""
    own = [_fault_json(0, fault) for fault in view.faults]
    return own + [_fault_json(one.connector, fault) for one in view.connectors for fault in one.faults]


def device_json(entry: DeviceEntry) -> dict[str, Any]:
    """One configured device."""
    shown: dict[str, Any] = plain(entry)
    shown["device"] = shown.pop("name")
    return shown


def queue_json(queue: object) -> dict[str, Any]:
    """What waits: its length and the oldest messages."""
    waiting = [
        {
            "message": one.message,
            "message_id": one.message_id,
            "attempts": one.attempts,
            "local_id": one.local_id,
            "connector": one.stamped.fact.connector,
            "seq": one.stamped.seq,
            "time": iso_time(one.stamped.utc_s),
        }
        for one in getattr(queue, "waiting", ())
    ]
    return {"length": getattr(queue, "length", len(waiting)), "waiting": waiting}


def transaction_json(record: object) -> dict[str, Any]:
    """A stored transaction, with times as text and the energy counted."""
    shown: dict[str, Any] = plain(record)
    shown["started"] = iso_time(shown.pop("started_utc_s", None))
    shown["stopped"] = iso_time(shown.pop("stopped_utc_s", None))
    start_wh, stop_wh = shown.get("meter_start_wh"), shown.get("meter_stop_wh")
    shown["energy_wh"] = stop_wh - start_wh if isinstance(start_wh, int) and isinstance(stop_wh, int) else None
    return shown


def _status_json(status: object) -> dict[str, Any]:
    shown: dict[str, Any] = plain(status)
    shown.pop("connector", None)
    return shown


def _fault_json(connector: int, fault: FaultView) -> dict[str, Any]:
    return {"connector": connector, **plain(fault)}
