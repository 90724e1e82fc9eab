"""How the central system answers, and how it misbehaves when a test wants it to. Values and pure rules only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from pathlib import Path

from chargerd.ocpp.rpc import ErrorCode, Payload

TOKEN_STATUSES = ("Accepted", "Blocked", "Expired", "Invalid", "ConcurrentTx")


class BootAnswer(StrEnum):
    """OCPP 1.6, 7.48 RegistrationStatus."""

    ACCEPTED = "Accepted"
    PENDING = "Pending"
    REJECTED = "Rejected"


class Twist(Enum):
    """What goes wrong with the answer to a message."""

    DROP_BEFORE = "drop-before"  # the message is taken, the connection breaks before the answer is out
    DROP_AFTER = "drop-after"  # the answer goes out, then the connection breaks
    LATE = "late"  # the answer comes `delay_s` later
    ERROR = "error"  # the message is not taken: CALLERROR `code`
    SILENCE = "silence"  # the message is taken, its answer is lost


@dataclass(frozen=True, slots=True, kw_only=True)
class Misbehaviour:
    """One rule: what happens to the n-th message of an action (1 is the first since the station is known), or to each."""

    action: str
    twist: Twist
    nth: int | None = None
    delay_s: float = 0.0
    code: ErrorCode = ErrorCode.INTERNAL_ERROR


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How messages are answered. Tokens that are not listed are accepted."""

    boot: BootAnswer = BootAnswer.ACCEPTED
    interval_s: int = 300
    tokens: Mapping[str, Payload] = field(default_factory=dict)  # id tag without case -> IdTagInfo
    vendors: frozenset[str] = frozenset()  # whose DataTransfer is accepted
    misbehaviours: tuple[Misbehaviour, ...] = ()

    def id_tag_info(self, id_tag: str) -> Payload:
        """IdTagInfo of a token."""
        return self.tokens.get(id_tag.casefold(), {"status": "Accepted"})

    def misbehaviour(self, action: str, count: int) -> Misbehaviour | None:
        """The first rule that speaks of the `count`-th message of an action."""
        return next((rule for rule in self.misbehaviours if rule.action == action and rule.nth in (None, count)), None)


def read_tokens(path: Path) -> dict[str, Payload]:
    """Tokens from a JSON file: a list of IdTagInfo objects with an additional `idTag`.

    Raises ValueError, with the file and the entry, for anything else.
    """
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: not JSON: {error}") from error
    match entries:
        case list():
            return dict(_token(f"{path}: entry {place}", entry) for place, entry in enumerate(entries, 1))
    raise ValueError(f'{path}: should be a list such as [{{"idTag": "04A2B1", "status": "Blocked"}}]')


def _token(where: str, entry: object) -> tuple[str, Payload]:
    match entry:
        case {"idTag": str() as id_tag, **rest}:
            info: dict[str, object] = {"status": "Accepted"} | {str(name): value for name, value in rest.items()}
        case _:
            raise ValueError(f"{where}: should be an object with an idTag")
    if unknown := sorted(info.keys() - {"status", "parentIdTag", "expiryDate"}):
        raise ValueError(f"{where}: unknown {', '.join(unknown)}")
    if info["status"] not in TOKEN_STATUSES:
        raise ValueError(f"{where}: status {info['status']!r} is none of {', '.join(TOKEN_STATUSES)}")
    return id_tag.casefold(), info
