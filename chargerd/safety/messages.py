"""What daemon and guard say to one another, a datagram each, as JSON. Pure.

Both ends tell levels, not events: a message that was lost is made good by the next.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from hal.errors import WireError
from hal.types import Flow

LONGEST = 65_536
"""No datagram is longer."""


@dataclass(frozen=True, slots=True)
class Renewal:
    """From the daemon: it is alive, which contactors it wishes closed, and what it measures at each output.

    epoch: a number that grows with each new beginning; sent_s: CLOCK_MONOTONIC of the sender, which all processes of a machine share.
    """

    epoch: int
    sent_s: float
    wishes: frozenset[int] = frozenset()
    flows: Mapping[int, Flow] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Octets:
    """In both directions: what the driver of a board and the board say to one another, through the guard who owns its port."""

    device: str
    data: bytes


@dataclass(frozen=True, slots=True)
class SafeOrder:
    """From whoever asks: open everything, now."""


@dataclass(frozen=True, slots=True)
class Prohibition:
    """What the gate forbids energy for; connector 0: everywhere."""

    connector: int
    code: str
    info: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """From the guard.

    epoch: the one that counts, None when the last one has ended; answers_s: `sent_s` of the newest renewal read; closed: contactors by
    their feedback; loaded_openings: since the guard began, those under load because nobody was there to ask for zero current.
    """

    epoch: int | None
    answers_s: float
    closed: frozenset[int] = frozenset()
    forbidden: tuple[Prohibition, ...] = ()
    loaded_openings: int = 0


_FLOW = tuple(one.name for one in fields(Flow))

Message = Renewal | Octets | SafeOrder | Report


def encode(message: Message) -> bytes:
    """A datagram."""
    match message:
        case Renewal():
            flows = {str(connector): _plain(flow) for connector, flow in message.flows.items()}
            body: dict[str, Any] = {"epoch": message.epoch, "sent_s": message.sent_s, "wishes": sorted(message.wishes), "flows": flows}
        case Octets():
            body = {"device": message.device, "data": message.data.hex()}
        case SafeOrder():
            body = {}
        case Report():
            body = {
                "epoch": message.epoch,
                "answers_s": message.answers_s,
                "closed": sorted(message.closed),
                "forbidden": [[one.connector, one.code, one.info] for one in message.forbidden],
                "loaded_openings": message.loaded_openings,
            }
    return json.dumps({type(message).__name__: body}).encode()


def decode(datagram: bytes) -> Message:
    """The message in a datagram. Raises WireError for anything else."""
    try:
        ((kind, body),) = json.loads(datagram).items()
        match kind:
            case "Renewal":
                flows = {int(connector): _flow(flow) for connector, flow in body["flows"].items()}
                return Renewal(_whole(body["epoch"]), float(body["sent_s"]), _numbers(body["wishes"]), flows)
            case "Octets":
                return Octets(str(body["device"]), bytes.fromhex(body["data"]))
            case "SafeOrder":
                return SafeOrder()
            case "Report":
                forbidden = tuple(Prohibition(_whole(connector), str(code), str(info)) for connector, code, info in body["forbidden"])
                epoch = None if body["epoch"] is None else _whole(body["epoch"])
                loaded = _whole(body["loaded_openings"])
                return Report(epoch, float(body["answers_s"]), _numbers(body["closed"]), forbidden, loaded)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise WireError(f"a datagram of {len(datagram)} octets makes no sense: {error}") from error
    raise WireError(f"a message of the kind {kind!r} is not known")


def _plain(flow: Flow) -> dict[str, float | bool]:
    """What is told of a flow."""
    values = {name: getattr(flow, name) for name in _FLOW}
    return {name: value for name, value in values.items() if value is not None}


def _flow(values: Mapping[str, Any]) -> Flow:
    return Flow(
        has_output=bool(values["has_output"]), **{name: float(values[name]) for name in _FLOW if name in values and name != "has_output"}
    )


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{value!r} is no whole number")
    return value


def _numbers(values: object) -> frozenset[int]:
    if not isinstance(values, list):
        raise TypeError(f"{values!r} is no list")
    return frozenset(_whole(value) for value in values)
