"""What a hostile central system sends: one frame after the other by a seed, each with the answer that it deserves.

Nothing in it may rightly stop the session on connector 1: no valid Reset, no RemoteStopTransaction of a transaction that runs, no
ChangeAvailability of connector 1 or of the station. Connector 2 may do as it is told.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tests.fuzz.payloads import RAW, actions, schema_of, valid, written, wrong

SUPPORTED = (
    "CancelReservation",
    "ChangeAvailability",
    "ChangeConfiguration",
    "ClearCache",
    "ClearChargingProfile",
    "DataTransfer",
    "GetCompositeSchedule",
    "GetConfiguration",
    "GetLocalListVersion",
    "RemoteStartTransaction",
    "RemoteStopTransaction",
    "ReserveNow",
    "Reset",
    "SendLocalList",
    "SetChargingProfile",
    "TriggerMessage",
    "UnlockConnector",
)
"""The profiles that the station has; whatever else OCPP 1.6 knows is answered NotSupported."""

RESULT = "CALLRESULT"
BIG = 200_000
HUGE = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One WebSocket message.

    data: text or bytes; bytes that are `is_text` go out as a text frame. message_id: that of a CALL, else empty. answer: RESULT or a
    CALLERROR's code; empty where there is none. is_fatal: the station may close the connection. is_late: to be sent once everything before
    it has its answer.
    """

    kind: str
    data: str | bytes
    message_id: str = ""
    answer: str = ""
    is_text: bool = False
    is_fatal: bool = False
    is_late: bool = False


def frames(seed: int, count: int) -> Iterator[Frame]:
    """So many frames; the same seed gives the same ones."""
    chance = random.Random(seed)
    kinds, weights = list(_KINDS), [weight for weight, _ in _KINDS.values()]
    commands: deque[Frame] = deque(maxlen=20)
    for number in range(count):
        kind = chance.choices(kinds, weights)[0]
        if kind == "again" and commands:
            yield replace(chance.choice(commands), kind=kind, is_late=True)
            continue
        made = _KINDS[kind][1](chance, f"f{number}")
        frame = replace(made, kind=kind)
        if frame.answer == RESULT and "GetConfiguration" not in str(frame.data):
            commands.append(frame)
        yield frame


# --- CALLs that are right ----------------------------------------------------------------------------------------------------------

_KEYS: Mapping[str, tuple[str, ...]] = {
    "HeartbeatInterval": ("5", "60", "-1", "x", "", "99999999999", "\x00", " 7 "),
    "MeterValueSampleInterval": ("-1", "1.5", "ten", "1e3"),
    "MinimumStatusDuration": ("0", "0", "no"),
    "WebSocketPingInterval": ("0", "10", "-5"),
    "ConnectorPhaseRotation": ("1.RST", "9.RST", "é", "NotApplicable", ",,,"),
    "StopTxnSampledData": ("", "Voltage", "Voltage,Voltage", "Nonsense", "," * 300),
    "NumberOfConnectors": ("5",),
    "AuthorizationKey": ("secret", ""),
    "Testing": ("1",),
    "\x00": ("\x00",),
}


def _right(chance: random.Random, message_id: str) -> Frame:
    action, payload = chance.choice(_RIGHT)(chance)
    return _call(message_id, action, payload, RESULT)


def _get(chance: random.Random) -> tuple[str, Any]:
    names = [chance.choice((*_KEYS, "heartbeatinterval", "x" * 50, "é" * 50, "")) for _ in range(chance.randint(0, 8))]
    return "GetConfiguration", chance.choice(({}, {"key": names}, {"key": []}, None))


def _change(chance: random.Random) -> tuple[str, Any]:
    key = chance.choice(list(_KEYS))
    return "ChangeConfiguration", {"key": key, "value": chance.choice(_KEYS[key])}


def _start(chance: random.Random) -> tuple[str, Any]:
    payload: dict[str, Any] = {"idTag": chance.choice(("04A2B1C3", "", "é" * 20, "\x00", "x" * 20, " "))}
    if chance.random() < 0.7:
        payload["connectorId"] = chance.choice((1, 1, 2, 0, -1, 3, 2**31, 2**63 - 1))
    return "RemoteStartTransaction", payload


_RIGHT: tuple[Callable[[random.Random], tuple[str, Any]], ...] = (
    _get,
    _change,
    _start,
    lambda chance: ("RemoteStopTransaction", {"transactionId": chance.choice((0, -1, 1, 2**31, 2**63 - 1))}),
    lambda chance: ("UnlockConnector", {"connectorId": chance.choice((0, 1, 2, 3, -1, 2**62))}),
    lambda chance: (
        "ChangeAvailability",
        {"connectorId": chance.choice((2, 3, -1, 2**62)), "type": chance.choice(("Operative", "Inoperative"))},
    ),
    lambda _: ("ClearCache", {}),
    lambda _: ("GetLocalListVersion", {}),
    lambda chance: ("SendLocalList", _local_list(chance)),
    lambda chance: ("ReserveNow", _reservation(chance)),
    lambda chance: ("CancelReservation", {"reservationId": chance.choice((0, 1, 2, -1, 2**63 - 1))}),
    lambda chance: ("TriggerMessage", _trigger(chance)),
    lambda chance: ("SetChargingProfile", {"connectorId": chance.choice((0, 1, 2)), "csChargingProfiles": _profile(chance)}),
    lambda chance: ("ClearChargingProfile", chance.choice(({}, {"id": chance.randrange(30)}, {"stackLevel": 2, "connectorId": 1}))),
    lambda chance: (
        "GetCompositeSchedule",
        {"connectorId": chance.choice((0, 1, 2, 3, -1, 2**63 - 1)), "duration": chance.choice((0, -1, 1, 86_400, 2**63 - 1))},
    ),
    lambda chance: ("DataTransfer", {"vendorId": chance.choice(("nobody", "", "é" * 255)), "data": "x" * chance.choice((0, 10, 20_000))}),
)


def _local_list(chance: random.Random) -> dict[str, object]:
    """Of any version and length, tokens twice among them, some without a word about them; none of a card that is in use."""
    listed: list[dict[str, object]] = [{"idTag": f"LISTED-{chance.randrange(200)}"} for _ in range(chance.choice((0, 1, 30, 101)))]
    for entry in listed:
        if chance.random() < 0.9:
            entry["idTagInfo"] = {"status": chance.choice(("Accepted", "Blocked", "Expired")), "parentIdTag": "LISTED"}
    how = chance.choice(("Full", "Differential"))
    return {"listVersion": chance.choice((-1, 0, 1, 7, 2**31)), "updateType": how, "localAuthorizationList": listed}


def _reservation(chance: random.Random) -> dict[str, object]:
    """For nobody who charges here, and over before it began, so that the connectors stay free for the cards."""
    reserved: dict[str, object] = {
        "connectorId": chance.choice((0, 1, 2, 3, -1, 2**63 - 1)),
        "expiryDate": chance.choice(("1970-01-01T00:00:00Z", "2024-02-29T23:59:59.999", "0001-01-01T00:00:00+14:00")),
        "idTag": chance.choice(("RESERVED", "", "é" * 20, "\x00")),
        "reservationId": chance.choice((0, 1, 2, -1, -(2**63), 2**63 - 1)),
    }
    return reserved | chance.choice(({}, {"parentIdTag": "FLEET"}))


def _trigger(chance: random.Random) -> dict[str, object]:
    message = chance.choice(("BootNotification", "DiagnosticsStatusNotification", "FirmwareStatusNotification", "Heartbeat", "MeterValues"))
    return {"requestedMessage": message, **chance.choice(({}, {"connectorId": chance.choice((0, 1, 2, 3, -1, 2**63 - 1))}))}


def _profile(chance: random.Random) -> dict[str, object]:
    """Of any kind and beyond every bound, but none that takes current from the session that runs."""
    second = chance.choice((0, 0, 0, 1, -1, 2**62))
    periods = [
        {"startPeriod": second + number * 60, "limit": chance.choice((10**9, 10**6, 500))} for number in range(chance.randint(0, 30))
    ]
    return {
        "chargingProfileId": chance.choice((*range(30), -1, 2**63 - 1)),
        "stackLevel": chance.choice((0, 1, 2, 10, 11, -1, 2**63 - 1)),
        "chargingProfilePurpose": chance.choice(("ChargePointMaxProfile", "TxDefaultProfile", "TxProfile")),
        "chargingProfileKind": chance.choice(("Absolute", "Recurring", "Relative")),
        "recurrencyKind": chance.choice(("Daily", "Weekly")),
        "validTo": chance.choice(("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z")),
        "chargingSchedule": {
            "duration": chance.choice((0, 1, -1, 86_400, 2**63 - 1)),
            "startSchedule": chance.choice(("0001-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "9999-12-31T23:59:59Z")),
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": periods,
        },
    }


# --- CALLs that are wrong --------------------------------------------------------------------------------------------------------


def _spoilt(chance: random.Random, message_id: str) -> Frame:
    action = chance.choice(SUPPORTED)
    made = wrong(schema_of(action), chance)
    return _call(message_id, action, made.payload, made.code)


def _unsupported(chance: random.Random, message_id: str) -> Frame:
    """Whether it is right or wrong inside does not matter, as long as it can be read."""
    action = chance.choice([one for one in actions() if one not in SUPPORTED])
    if chance.random() < 0.5:
        return _call(message_id, action, valid(schema_of(action), chance), "NotSupported")
    made = wrong(schema_of(action), chance)
    return _call(message_id, action, made.payload, "NotSupported" if made.code else "")


def _unknown(chance: random.Random, message_id: str) -> Frame:
    names = ("Nonsense", "", "getconfiguration", "GetConfiguration ", "x" * 5000, "é", "\x00", "__class__", "GetConfigurationResponse")
    return _call(message_id, chance.choice(names), chance.choice(({}, {"key": []}, [])), "NotImplemented")


def _envelope(chance: random.Random, message_id: str) -> Frame:
    """A CALL by its first two elements, and something wrong about the rest."""
    frame, answer = chance.choice(
        (
            ([2, message_id], "OccurenceConstraintViolation"),
            ([2, message_id, "GetConfiguration"], "OccurenceConstraintViolation"),
            ([2, message_id, "GetConfiguration", {}, None], "OccurenceConstraintViolation"),
            ([2, message_id, *[0] * 500], "OccurenceConstraintViolation"),
            ([2, message_id, 7, {}], "TypeConstraintViolation"),
            ([2, message_id, None, {}], "TypeConstraintViolation"),
            ([2, message_id, ["GetConfiguration"], {}], "TypeConstraintViolation"),
            ([2, message_id, "GetConfiguration", []], "FormationViolation"),
            ([2, message_id, "GetConfiguration", "{}"], "FormationViolation"),
            ([2, message_id, "GetConfiguration", 0], "FormationViolation"),
        )
    )
    return Frame(kind="", data=written(frame), message_id=message_id, answer=answer)


def _long_id(chance: random.Random, message_id: str) -> Frame:
    message_id += "-" * chance.choice((36, 1000)) + chance.choice(("", "é", "\x00", "\ud800"))
    return _call(message_id, "GetConfiguration", {}, "PropertyConstraintViolation")


# --- what has no answer -------------------------------------------------------------------------------------------------------------


_RUBBISH = (
    *("", " ", "nonsense", "null", "[]", "{}", "[2]", "[2,1]", "[[]]", '"2"', '[2,"x', "\x00", "\ufeff[]", "NaN"),
    *("[" * 100_000, '{"":' * 5000, "2" * 5000),
)


def _rubbish(chance: random.Random, _: str) -> Frame:
    return Frame(kind="", data=chance.choice((*_RUBBISH, _noise(chance))))


def _noise(chance: random.Random) -> str:
    return "".join(chance.choice('[]{}",:0123456789eE+-.\\u\x00 aé\U0001f50c') for _ in range(chance.randint(1, 200)))


def _other_type(chance: random.Random, message_id: str) -> Frame:
    kind = chance.choice((0, 1, 5, 9, -2, 2.0, "2", None, True, [], 2**64, RAW + "9" * 5000, RAW + "2e0"))
    return Frame(kind="", data=written([kind, message_id, "GetConfiguration", {}]))


def _answer_to_nothing(chance: random.Random, message_id: str) -> Frame:
    name = chance.choice((message_id, "", "id-1", "x" * 5000, 7, None))
    frame = chance.choice(
        ([3, name, {}], [3, name], [3], [4, name, "GenericError", "", {}], [4, name], [4], [3, name, {"status": "Accepted"}])
    )
    return Frame(kind="", data=written(frame))


def _binary(chance: random.Random, _: str) -> Frame:
    return Frame(kind="", data=chance.randbytes(chance.choice((0, 1, 100, 50_000))))


def _fatal(chance: random.Random, _: str) -> Frame:
    data, is_text = chance.choice(
        (
            ("x" * BIG, False),
            (b"\x00" * BIG, False),
            ("x" * HUGE, False),
            (b"\xff\xfe", True),
            (b'[2,"1","GetConfiguration",{"key":["\xc3"]}]', True),
            (b"\xed\xa0\x80", True),
        )
    )
    return Frame(kind="", data=data, is_text=is_text, is_fatal=True)


def _call(message_id: str, action: str, payload: Any, answer: str) -> Frame:
    return Frame(kind="", data=written([2, message_id, action, payload]), message_id=message_id, answer=answer)


_KINDS: dict[str, tuple[float, Callable[[random.Random, str], Frame]]] = {
    "right": (25, _right),
    "again": (5, _right),
    "one thing wrong": (30, _spoilt),
    "not supported": (10, _unsupported),
    "unknown action": (4, _unknown),
    "wrong envelope": (6, _envelope),
    "too long an id": (2, _long_id),
    "unreadable": (7, _rubbish),
    "other message type": (3, _other_type),
    "answer to nothing": (4, _answer_to_nothing),
    "binary": (3, _binary),
    "ends the connection": (0.2, _fatal),
}
