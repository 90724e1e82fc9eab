"""What the central system knows of one station, over all its connections. Pure: fed with messages, asked by tests."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from chargerd.csms.policy import BootAnswer, Policy
from chargerd.ocpp.iso_time import parse_time, render_time
from chargerd.ocpp.rpc import CallRefusedError, ErrorCode, Payload

_TRACE_LENGTH = 20_000
NOTIFICATIONS = (
    "DiagnosticsStatusNotification",
    "FirmwareStatusNotification",
    "LogStatusNotification",
    "SecurityEventNotification",
    "SignedFirmwareStatusNotification",
)
ACTIONS = (
    "Authorize",
    "BootNotification",
    "DataTransfer",
    "Heartbeat",
    "MeterValues",
    "SignCertificate",
    "StartTransaction",
    "StatusNotification",
    "StopTransaction",
    *NOTIFICATIONS,
)
"""What a station may send: OCPP 1.6 and its security extension."""


@dataclass(frozen=True, slots=True)
class Message:
    """One frame that crossed the wire; `direction` "in" is from the station."""

    at_utc_s: float
    direction: str
    text: str


@dataclass(frozen=True, slots=True)
class Request:
    """A valid CALL of the station; a repetition bears the message id of the first."""

    message_id: str
    action: str
    payload: Payload


@dataclass(slots=True)
class Transaction:
    """One transaction, numbered by us; `start` and `stop` are the requests as they came."""

    number: int
    start: Payload
    meter_values: list[Payload] = field(default_factory=list)
    stop: Payload | None = None

    @property
    def connector(self) -> int:
        """Where it runs."""
        return cast("int", self.start["connectorId"])

    @property
    def is_open(self) -> bool:
        """No StopTransaction has come."""
        return self.stop is None

    @property
    def energy_wh(self) -> int | None:
        """What was delivered, once it has stopped."""
        return None if self.stop is None else cast("int", self.stop["meterStop"]) - cast("int", self.start["meterStart"])


class TransactionNumbers:
    """Gives each transaction of the whole central system its number."""

    def __init__(self, first: int = 1) -> None:
        self._next = first

    def take(self) -> int:
        """A number that was never given before."""
        number, self._next = self._next, self._next + 1
        return number


class Station:
    """The record of one station, and the answers it gets.

    A message that repeats one already taken is a retry: it gets the same answer and changes nothing. Lists of text are for people:
    `doubles` (a transaction begun or ended twice), `strays` (of a transaction nobody knows), `problems` (other breaches of the protocol).
    """

    def __init__(self, identity: str, numbers: TransactionNumbers) -> None:
        self.identity = identity
        self.is_connected = False
        self.connections = 0  # so far
        self.answered = 0  # requests of ours, so far
        self.boot: Payload | None = None
        self.boot_answer: BootAnswer | None = None
        self.statuses: dict[int, Payload] = {}
        self.transactions: dict[int, Transaction] = {}
        self.meter_values: list[Payload] = []  # outside transactions
        self.authorized: list[str] = []
        self.notifications: list[tuple[str, Payload]] = []
        self.received: Counter[str] = Counter()
        self.retries: list[str] = []
        self.doubles: list[str] = []
        self.strays: list[str] = []
        self.problems: list[str] = []
        self.trace: deque[Message] = deque(maxlen=_TRACE_LENGTH)
        self._numbers = numbers
        self._taken: dict[tuple[object, ...], Payload] = {}
        self._listeners: list[Callable[[Request], None]] = []

    def subscribe(self, hear: Callable[[Request], None]) -> Callable[[], None]:
        """Tell `hear` of each request as it comes, before it is answered. Returns what ends it."""
        self._listeners.append(hear)
        return lambda: self._listeners.remove(hear)

    def hear(self, request: Request) -> None:
        """A request has come; what becomes of it is decided afterwards."""
        self.received[request.action] += 1
        for listener in self._listeners:
            listener(request)

    @property
    def is_accepted(self) -> bool:
        """The last BootNotification was answered Accepted."""
        return self.boot_answer is BootAnswer.ACCEPTED

    @property
    def open_transactions(self) -> list[Transaction]:
        """Transactions without an end, oldest first."""
        return [transaction for transaction in self.transactions.values() if transaction.is_open]

    def status(self, connector: int) -> str | None:
        """The last status told of a connector."""
        told = self.statuses.get(connector)
        return None if told is None else str(told["status"])

    @property
    def complaints(self) -> list[str]:
        """What was found wrong with its messages so far, as sentences."""
        kinds = (("twice", self.doubles), ("of no transaction", self.strays), ("against the protocol", self.problems))
        return [f"the central system got {kind}: {text}" for kind, texts in kinds for text in texts]

    def answer(self, message_id: str, action: str, payload: Payload, policy: Policy, utc_s: float) -> Payload:
        """Takes a message (valid by its schema) and gives its answer. Raises CallRefusedError where that is a CALLERROR."""
        if action == "BootNotification":
            return self._booted(payload, policy, utc_s)
        self._check_registered(action)
        match action:
            case "Heartbeat":
                return {"currentTime": render_time(utc_s)}
            case "StatusNotification":
                self.statuses[cast("int", payload["connectorId"])] = payload
            case "Authorize":
                self.authorized.append(str(payload["idTag"]))
                return {"idTagInfo": policy.id_tag_info(str(payload["idTag"]))}
            case "StartTransaction" | "StopTransaction" | "MeterValues":
                return self._once(message_id, action, payload, policy)
            case "DataTransfer":
                return {"status": "Accepted" if payload["vendorId"] in policy.vendors else "UnknownVendorId"}
            case "SignCertificate":
                self.notifications.append((action, payload))
                return {"status": "Accepted"}
            case _:
                self.notifications.append((action, payload))
        return {}

    def _booted(self, payload: Payload, policy: Policy, utc_s: float) -> Payload:
        self.boot, self.boot_answer = payload, policy.boot
        return {"status": str(policy.boot), "currentTime": render_time(utc_s), "interval": policy.interval_s}

    def _check_registered(self, action: str) -> None:
        """A station that was told to wait may send nothing else; one that we only have forgotten (a restart of ours) is served."""
        if self.boot_answer in (BootAnswer.PENDING, BootAnswer.REJECTED):
            self.problems.append(f"{action} while {self.boot_answer}")
            raise CallRefusedError(ErrorCode.SECURITY_ERROR, f"the station is {self.boot_answer}")
        if self.boot_answer is None:
            self.problems.append(f"{action} before BootNotification")

    def _once(self, message_id: str, action: str, payload: Payload, policy: Policy) -> Payload:
        """The answer to a transaction message; to one that was taken before, the answer it got then."""
        same_id, same_content = (message_id, *_core(action, payload)), _identity(action, payload)
        for key in (same_id, same_content):
            if key in self._taken:
                self.retries.append(f"{action} {message_id}")
                return self._taken[key]
        match action:
            case "StartTransaction":
                answer = self._started(payload, policy)
            case "StopTransaction":
                answer = self._stopped(payload, policy)
            case _:
                answer = self._metered(payload)
        self._taken[same_id] = self._taken[same_content] = answer
        return answer

    def _started(self, payload: Payload, policy: Policy) -> Payload:
        connector = payload["connectorId"]
        self.doubles += [
            f"connector {connector} starts while {one.number} is open" for one in self.open_transactions if one.connector == connector
        ]
        transaction = Transaction(self._numbers.take(), payload)
        self.transactions[transaction.number] = transaction
        return {"transactionId": transaction.number, "idTagInfo": policy.id_tag_info(str(payload["idTag"]))}

    def _stopped(self, payload: Payload, policy: Policy) -> Payload:
        number = cast("int", payload["transactionId"])
        transaction = self.transactions.get(number)
        if transaction is None:
            self.strays.append(f"StopTransaction {number}")
        elif transaction.is_open:
            transaction.stop = payload
            self.problems += _backwards(transaction.start, payload)
        else:
            self.doubles.append(f"{number} stops again")
        return {"idTagInfo": policy.id_tag_info(str(payload["idTag"]))} if "idTag" in payload else {}

    def _metered(self, payload: Payload) -> Payload:
        number = cast("int | None", payload.get("transactionId"))
        if number is None:
            self.meter_values.append(payload)
        elif (transaction := self.transactions.get(number)) is None:
            self.strays.append(f"MeterValues {number}")
        else:
            transaction.meter_values.append(payload)
        return {}


def _backwards(start: Payload, stop: Payload) -> list[str]:
    """What is less at the end of a transaction than at its beginning."""
    number, problems = stop["transactionId"], []
    if cast("int", stop["meterStop"]) < cast("int", start["meterStart"]):
        problems.append(f"transaction {number} ends with a lower register")
    if parse_time(str(stop["timestamp"])) < parse_time(str(start["timestamp"])):
        problems.append(f"transaction {number} ends before it began")
    return problems


def _core(action: str, payload: Payload) -> tuple[object, ...]:
    """What cannot differ between a message and its retry: a station that counts its message ids from 1 at each boot is no retry."""
    match action:
        case "StartTransaction":
            return action, payload["connectorId"], payload["idTag"], payload["meterStart"]
        case "StopTransaction":
            return action, payload["transactionId"]
    return _identity(action, payload)


def _identity(action: str, payload: Payload) -> tuple[object, ...]:
    """What makes two messages one under different message ids."""
    match action:
        case "StartTransaction":
            return *_core(action, payload), payload["timestamp"]
        case "StopTransaction":
            return *_core(action, payload), payload["meterStop"], payload["timestamp"]
    return action, payload.get("connectorId"), payload.get("transactionId"), repr(payload.get("meterValue"))
