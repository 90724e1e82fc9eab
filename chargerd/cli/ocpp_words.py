"""OCPP messages in short: direction, name and the part of the payload that matters to a person."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from chargerd.core.ids import short_tag
from chargerd.ocpp.rpc import MessageType
from chargerd.ocpp.trace import Direction, TraceEntry

_ARROWS = {Direction.OUT: "→", Direction.IN: "←"}
_OTHER = {Direction.OUT: Direction.IN, Direction.IN: Direction.OUT}
_UNITS = {"Percent": "%"}


class OcppWords:
    """Follows the conversation of a station, so that an answer is told with the name of what it answers, and counts.

    sent: requests of the station by action; answered, refused: how many of those were.
    """

    def __init__(self) -> None:
        self.sent: Counter[str] = Counter()
        self.answered = 0
        self.refused = 0
        self._open: dict[tuple[Direction, object], str] = {}

    @property
    def unanswered(self) -> int:
        """Requests of the station that have no answer (yet)."""
        return self.sent.total() - self.answered - self.refused

    def words(self, entry: TraceEntry) -> str | None:
        """One message as a line; None for an answer that says nothing but "received"."""
        match _frame(entry.text):
            case [MessageType.CALL, message_id, str(action), dict(payload)]:
                self._open[entry.direction, message_id] = action
                if entry.direction is Direction.OUT:
                    self.sent[action] += 1
                return _line(entry.direction, action, request_words(action, payload))
            case [MessageType.CALL_RESULT, message_id, dict(payload)]:
                action = self._answered(entry, message_id)
                said = answer_words(payload)
                return _line(entry.direction, action, said) if said else None
            case [MessageType.CALL_ERROR, message_id, code, description, *_]:
                action = self._answered(entry, message_id, is_refused=True)
                return _line(entry.direction, action, f"refused: {code} {description}".rstrip())
            case _:
                return _line(entry.direction, "a message that cannot be read", "")

    def _answered(self, entry: TraceEntry, message_id: object, *, is_refused: bool = False) -> str:
        action = self._open.pop((_OTHER[entry.direction], message_id), None)
        if action is not None and entry.direction is Direction.IN:
            self.answered += not is_refused
            self.refused += is_refused
        return action or "an answer"


def request_words(action: str, payload: Mapping[str, Any]) -> str:
    """What a request says; nothing for actions that a session has no use for."""
    match action:
        case "BootNotification":
            firmware = payload.get("firmwareVersion")
            return f"{payload['chargePointVendor']} {payload['chargePointModel']}{f', firmware {firmware}' if firmware else ''}"
        case "StatusNotification":
            error = payload["errorCode"]
            where = f"connector {payload['connectorId']}" if payload["connectorId"] else "the station"
            return f"{where} is {payload['status']}{'' if error == 'NoError' else f' ({error})'}"
        case "Authorize":
            return f"may card {short_tag(payload['idTag'])} charge?"
        case "StartTransaction":
            return f"connector {payload['connectorId']}, card {short_tag(payload['idTag'])}, meter at {payload['meterStart']} Wh"
        case "MeterValues":
            return ", ".join(_sampled(payload))
        case "StopTransaction":
            reason = f", reason {payload['reason']}" if "reason" in payload else ""
            return f"transaction {payload['transactionId']}, meter at {payload['meterStop']} Wh{reason}"
        case _:
            return ""


def answer_words(payload: Mapping[str, Any]) -> str:
    """What an answer says."""
    said = []
    if "transactionId" in payload:
        said.append(f"this is transaction {payload['transactionId']}")
    if "status" in payload:
        said.append(str(payload["status"]))
    if "idTagInfo" in payload:
        said.append(f"card {payload['idTagInfo']['status']}")
    if "interval" in payload:
        said.append(f"heartbeat every {payload['interval']} s")
    return ", ".join(said)


def _sampled(payload: Mapping[str, Any]) -> list[str]:
    values = [value for taken in payload["meterValue"] for value in taken["sampledValue"]]
    return [f"{float(value['value']):.0f} {_UNITS.get(value.get('unit', 'Wh'), value.get('unit', 'Wh'))}" for value in values]


def _frame(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _line(direction: Direction, name: str, said: str) -> str:
    return f"{_ARROWS[direction]} {name}{': ' if said else ''}{said}"
