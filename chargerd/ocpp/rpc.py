"""OCPP-J framing as a pure object: fed with text, drained of text. Serves either end of a connection.

An `Rpc` lives as long as one connection. It parses and checks what comes in, correlates answers with the one CALL that may be
outstanding, answers a CALL that cannot be handled by itself, and repeats its answer when a command is repeated. It never raises on input.
Sources: OCPP-J 1.6, chapter 4, with its errata 2025-04.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Generator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import IntEnum
from typing import cast

from chargerd.ocpp.answers import AnswerMemory
from chargerd.ocpp.schema import BEYOND, Violation, check_request_in_steps, check_response, finished, known_actions
from chargerd.ocpp.schema import ErrorCode as ErrorCode

Payload = Mapping[str, object]

SUBPROTOCOL = "ocpp1.6"
MAX_MESSAGE_ID = 36

_MOST_DIGITS = 20


class MessageType(IntEnum):
    CALL = 2
    CALL_RESULT = 3
    CALL_ERROR = 4


class CallRefusedError(Exception):
    """A CALL that is to be answered with a CALLERROR."""

    def __init__(self, code: ErrorCode, description: str = "") -> None:
        super().__init__(f"{code}: {description}")
        self.code = code
        self.description = description


# --- what comes in, sorted ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Call:
    """A valid request of the other side; to be answered with `Rpc.result` or `Rpc.error`."""

    message_id: str
    action: str
    payload: Payload
    fingerprint: int = 0


@dataclass(frozen=True, slots=True)
class CallResult:
    """The valid answer to our outstanding CALL."""

    message_id: str
    action: str
    payload: Payload


@dataclass(frozen=True, slots=True)
class CallError:
    """Our outstanding CALL has failed: refused by the other side, or answered with something that cannot be read."""

    message_id: str
    action: str
    code: str
    description: str = ""
    details: Payload = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answered:
    """A CALL that got its answer here: an invalid one (`code`), or a repetition (`code` None)."""

    message_id: str
    code: ErrorCode | None
    reason: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """Something that has no answer."""

    reason: str


Received = Call | CallResult | CallError | Answered | Ignored


@dataclass(frozen=True, slots=True)
class Outstanding:
    """The CALL of ours that waits for its answer."""

    message_id: str
    action: str


# --- one end of one connection ------------------------------------------------------------------------------------------------------


class Rpc:
    """One end of one connection.

    supported: the actions this end handles; other known ones are answered NotSupported, unknown ones NotImplemented.
    answers: the memory for what may come again; one of its own by default.
    """

    def __init__(self, supported: Collection[str], answers: AnswerMemory | None = None) -> None:
        self._supported = frozenset(supported)
        self._answers = answers or AnswerMemory()
        self._in_hand: set[tuple[str, int]] = set()
        self._outbox: list[str] = []
        self._outstanding: Outstanding | None = None

    @property
    def outstanding(self) -> Outstanding | None:
        """Our CALL that waits for its answer; there is one at the most (OCPP-J 1.6, 4.1.1)."""
        return self._outstanding

    def call(self, action: str, payload: Payload, message_id: str) -> None:
        """Put a CALL of ours into the texts to send. Raises RuntimeError while another one waits for its answer."""
        if self._outstanding is not None:
            raise RuntimeError(f"{self._outstanding.action} still waits for its answer")
        self._outstanding = Outstanding(message_id, action)
        self._put(MessageType.CALL, message_id, action, payload)

    def forget(self) -> None:
        """Wait no longer for the answer to our CALL; one that comes late is ignored."""
        self._outstanding = None

    def result(self, call: Call, payload: Payload) -> None:
        """Answer a CALL."""
        answer = self._put(MessageType.CALL_RESULT, call.message_id, payload)
        self.leave(call)
        self._answers.keep((call.message_id, call.fingerprint), call.action, answer)

    def error(self, call: Call, code: ErrorCode, description: str = "", details: Payload | None = None) -> None:
        """Answer a CALL with an error. It is not kept: the CALL was not executed, and when it comes again it is looked at again."""
        self._put(MessageType.CALL_ERROR, call.message_id, code, description[:255], details or {})
        self.leave(call)

    def leave(self, call: Call) -> None:
        """Give a CALL no answer (what a test bench plays); when it comes again it is looked at again."""
        self._in_hand.discard((call.message_id, call.fingerprint))

    def drain(self) -> list[str]:
        """The texts to send, in order; each is given once."""
        texts, self._outbox = self._outbox, []
        return texts

    def receive(self, text: str) -> Received:
        """Take one message. What can be answered here is in `drain()` afterwards."""
        return finished(self.receive_in_steps(text))

    def receive_in_steps(self, text: str) -> Generator[None, None, Received]:
        """The same with a pause now and then in a long one. Nothing else may be received meanwhile."""
        try:
            frame = json.loads(text, parse_float=_number, parse_int=_integer, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            return Ignored(f"not JSON: {type(error).__name__}")
        if not isinstance(frame, list) or not frame:
            return Ignored("not an array with elements")
        if type(frame[0]) is not int or frame[0] not in tuple(MessageType):
            return Ignored("not a known message type")
        if len(frame) < 2 or not isinstance(frame[1], str):
            return Ignored("without a message id that is text")
        match MessageType(frame[0]):
            case MessageType.CALL:
                return (yield from self._receive_call(frame, hash(text)))
            case MessageType.CALL_RESULT:
                return self._receive_result(frame)
            case MessageType.CALL_ERROR:
                return self._receive_error(frame)

    def _receive_call(self, frame: list[object], fingerprint: int) -> Generator[None, None, Received]:
        message_id = cast("str", frame[1])
        key = (message_id, fingerprint)
        if key in self._in_hand:
            return Ignored("repeats a CALL that is being answered")
        answer = self._answers.get(key)
        if answer is not None:
            self._outbox.append(answer)
            return Answered(message_id, None, "repeats a CALL that was answered")
        if len(frame) == 4 and frame[3] is None:
            frame[3] = {}
        violation = yield from self._violation(frame)
        call = Call(message_id, str(frame[2]) if len(frame) > 2 else "", cast("Payload", frame[-1]), fingerprint)
        if violation is None:
            self._in_hand.add(key)
            return call
        self.error(call, violation.code, violation.description)
        return Answered(message_id, violation.code, violation.description)

    def _violation(self, frame: list[object]) -> Generator[None, None, Violation | None]:
        if len(frame) != 4:
            return Violation(ErrorCode.OCCURENCE_CONSTRAINT_VIOLATION, f"a CALL has 4 elements, not {len(frame)}")
        _, message_id, action, payload = frame
        if len(cast("str", message_id)) > MAX_MESSAGE_ID:
            return Violation(ErrorCode.PROPERTY_CONSTRAINT_VIOLATION, f"a message id has at most {MAX_MESSAGE_ID} characters")
        if not isinstance(action, str):
            return Violation(ErrorCode.TYPE_CONSTRAINT_VIOLATION, "the action should be text")
        if action not in known_actions():
            return Violation(ErrorCode.NOT_IMPLEMENTED, "OCPP 1.6 has no such action")
        if action not in self._supported:
            return Violation(ErrorCode.NOT_SUPPORTED, f"{action} is not supported here")
        return (yield from check_request_in_steps(action, payload))

    def _receive_result(self, frame: list[object]) -> Received:
        waiting = self._outstanding
        if waiting is None or waiting.message_id != frame[1]:
            return Ignored("answers no CALL that waits")
        self._outstanding = None
        if len(frame) != 3:
            text = f"a CALLRESULT has 3 elements, not {len(frame)}"
            return CallError(waiting.message_id, waiting.action, ErrorCode.OCCURENCE_CONSTRAINT_VIOLATION, text)
        payload = {} if frame[2] is None else frame[2]
        violation = check_response(waiting.action, payload)
        if violation is not None:
            return CallError(waiting.message_id, waiting.action, violation.code, "invalid answer: " + violation.description)
        return CallResult(waiting.message_id, waiting.action, cast("Payload", payload))

    def _receive_error(self, frame: list[object]) -> Received:
        waiting = self._outstanding
        if waiting is None or waiting.message_id != frame[1]:
            return Ignored("answers no CALL that waits")
        self._outstanding = None
        code, description, details = (*frame[2:5], None, None, None)[:3]
        return CallError(
            waiting.message_id,
            waiting.action,
            code[:50] if isinstance(code, str) else ErrorCode.GENERIC_ERROR,
            description[:255] if isinstance(description, str) else "",
            cast("Payload", details) if isinstance(details, dict) else {},
        )

    def _put(self, *frame: object) -> str:
        text = json.dumps(frame, separators=(",", ":"), allow_nan=False, default=_plain)
        self._outbox.append(text)
        return text


def _number(text: str) -> Decimal | int:
    try:
        return Decimal(text)
    except ArithmeticError:
        return BEYOND


def _integer(text: str) -> int:
    return int(text) if len(text) <= _MOST_DIGITS else BEYOND


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _plain(value: object) -> float:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"{type(value).__name__} cannot be sent")
