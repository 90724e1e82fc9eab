"""The words of the control socket: JSON-RPC 2.0, one object a line, UTF-8. Shared by server and `chargerctl`; standard library only."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import Any

Json = Mapping[str, Any] | Sequence[Any] | str | int | float | bool | None
MessageId = str | int | float | None

MAX_LINE_BYTES = 65536  # of a request; answers may be longer


class Code(IntEnum):
    """Error codes: those of JSON-RPC 2.0, 5.1, and ours from its range for servers."""

    PARSE = -32700
    INVALID_REQUEST = -32600
    METHOD_NOT_FOUND = -32601
    INVALID_PARAMS = -32602
    INTERNAL = -32603
    REFUSED = -32000  # understood, but the station does not do it now; the message says why
    NOT_PERMITTED = -32001
    BUSY = -32002  # too many clients, or a client that does not read what it asked for


class Access(Enum):
    """Who may call a method."""

    READ = "read"
    CHANGE = "change"


METHODS: Mapping[str, Access] = {
    "control.ping": Access.READ,
    "station.status": Access.READ,
    "events.subscribe": Access.READ,
    "events.list": Access.READ,
    "ocpp.messages": Access.READ,
    "ocpp.get_key": Access.READ,
    "ocpp.set_key": Access.CHANGE,
    "ocpp.connect": Access.CHANGE,
    "ocpp.disconnect": Access.CHANGE,
    "config.get": Access.READ,
    "limits.get": Access.READ,
    "schedule.get": Access.READ,
    "transaction.list": Access.READ,
    "outbox.list": Access.READ,
    "connector.start": Access.CHANGE,
    "connector.stop": Access.CHANGE,
    "connector.unlock": Access.CHANGE,
    "connector.set_availability": Access.CHANGE,
    "device.list": Access.READ,
    "device.test": Access.CHANGE,
    "can.scan": Access.CHANGE,
    "fault.list": Access.READ,
    "fault.explain": Access.READ,
    "fault.clear": Access.CHANGE,
    "sim.plug_in": Access.CHANGE,
    "sim.plug_out": Access.CHANGE,
    "sim.swipe": Access.CHANGE,
    "sim.ev_pause": Access.CHANGE,
    "sim.ev_resume": Access.CHANGE,
    "sim.fault": Access.CHANGE,
    "sim.clear_fault": Access.CHANGE,
    "sim.input": Access.CHANGE,
    "sim.device": Access.CHANGE,
    "sim.power_loss": Access.CHANGE,
    "sim.set": Access.CHANGE,
}


class RpcError(Exception):
    """An error as the other side gets it; `message_id` is that of the request, where it could be read."""

    def __init__(self, code: int, message: str, message_id: MessageId = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.message_id = message_id


@dataclass(frozen=True, slots=True)
class Request:
    """A call; a notification (no answer wanted) has `is_notification`."""

    method: str
    params: Mapping[str, Any] = field(default_factory=dict)
    message_id: MessageId = None
    is_notification: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a call: a result, or an error."""

    message_id: MessageId
    result: Any = None
    error: RpcError | None = None


@dataclass(frozen=True, slots=True)
class Notification:
    """Something the server tells a subscriber."""

    method: str
    params: Mapping[str, Any]


def decode_request(line: bytes) -> Request:
    """A line as a request. Raises RpcError (parse, invalid request, invalid params) with the id where there is one."""
    message = _object(line)
    message_id = message.get("id")
    if isinstance(message_id, bool) or not isinstance(message_id, str | int | float | None):
        raise RpcError(Code.INVALID_REQUEST, "id should be a text, a number or null")
    method = message.get("method")
    if message.get("jsonrpc") != "2.0" or not isinstance(method, str):
        raise RpcError(Code.INVALID_REQUEST, 'a request looks like {"jsonrpc": "2.0", "id": 1, "method": "...", "params": {}}', message_id)
    params = message.get("params", {})
    if not isinstance(params, dict):
        raise RpcError(Code.INVALID_PARAMS, "params should be an object with names", message_id)
    return Request(method, params, message_id, "id" not in message)


def decode_answer(line: bytes) -> Reply | Notification:
    """A line from the server. Raises RpcError when it is neither an answer nor a notification."""
    message = _object(line)
    if isinstance(message.get("method"), str):
        return Notification(message["method"], message.get("params") or {})
    error = message.get("error")
    if isinstance(error, dict):
        return Reply(message.get("id"), error=RpcError(int(error.get("code", Code.INTERNAL)), str(error.get("message", ""))))
    if "result" not in message:
        raise RpcError(Code.INVALID_REQUEST, "neither a result nor an error")
    return Reply(message.get("id"), message["result"])


def encode_request(method: str, params: Mapping[str, Any], message_id: MessageId) -> bytes:
    """A call as a line."""
    return _line({"jsonrpc": "2.0", "id": message_id, "method": method, "params": params})


def encode_result(message_id: MessageId, result: Any) -> bytes:
    """An answer as a line."""
    return _line({"jsonrpc": "2.0", "id": message_id, "result": result})


def encode_error(error: RpcError) -> bytes:
    """An error as a line; the id is that of the error."""
    return _line({"jsonrpc": "2.0", "id": error.message_id, "error": {"code": int(error.code), "message": error.message}})


def encode_notification(method: str, params: Mapping[str, Any]) -> bytes:
    """Something to tell, as a line."""
    return _line({"jsonrpc": "2.0", "method": method, "params": params})


def _line(message: Mapping[str, Any]) -> bytes:
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace") + b"\n"


def _object(line: bytes) -> dict[str, Any]:
    try:
        message = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        raise RpcError(Code.PARSE, "not a JSON object on one line") from None
    if not isinstance(message, dict):
        raise RpcError(Code.INVALID_REQUEST, "one JSON object a line; batches are not answered")
    return message
