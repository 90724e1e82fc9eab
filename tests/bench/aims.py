"""What is aimed at, and what others reach.

The aims hold for simulated hardware at security profile 0, on a machine with two shared cores. The figures of the peers were measured on a
comparable machine against the same kind of central system: libocpp is the C++ library of EVerest with its database (durable), MicroOcpp
the C++ library for microcontrollers on Linux, which writes files without forcing them to the medium. There the null station took 103 ms
to its BootNotification.req and 0.19 ms for one key, the library `ocpp` 293 ms and 0.54 ms: hold them against what is measured here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.bench.measure import Measure

Values = Mapping[str, list[float]]
"""Station (`ours` and the yardsticks) to what was measured."""


@dataclass(frozen=True, slots=True)
class Aim:
    """Highest median and 99th percentile; None: no aim. peers: the medians of others."""

    unit: str
    median: float | None = None
    p99: float | None = None
    peers: Mapping[str, float] = field(default_factory=dict)
    is_rate: bool = False


def _peers(libocpp: float, micro_ocpp: float) -> dict[str, float]:
    return {"libocpp": libocpp, "MicroOcpp": micro_ocpp}


AIMS: Mapping[str, Aim] = {
    "process start to BootNotification.req": Aim("ms", 350, peers=_peers(58, 4)),
    "CPU until then": Aim("ms"),
    "GetConfiguration, one key": Aim("ms", 0.35, 3, peers=_peers(0.14, 0.10)),
    "GetConfiguration, all keys": Aim("ms", 0.9, peers=_peers(0.80, 0.13)),
    "ChangeConfiguration, on disk": Aim("ms"),
    "SendLocalList of 100, 5000 stored, on disk": Aim("ms", 20),
    "longest step of its check": Aim("ms", 5, 5),
    "a token found among 5000": Aim("ms", 0.1, 0.1),
    "schedule of 24 h from 20 profiles": Aim("ms", 2, 2),
    "TriggerMessage to Heartbeat": Aim("ms"),
    "requests per second, 1 deep": Aim("1/s", is_rate=True),
    "requests per second, 16 deep": Aim("1/s", is_rate=True),
    "CPU of the station per request": Aim("ms"),
    "RemoteStart to StartTransaction, on disk": Aim("ms", 4, 15, peers=_peers(6.0, 1.6)),
    "RemoteStop to StopTransaction": Aim("ms"),
    "RSS, idle": Aim("MB", 40, peers=_peers(21, 4)),
    "PSS, idle": Aim("MB"),
    "threads": Aim("", 4, peers=_peers(14, 1)),
    "CPU per idle second": Aim("ms"),
    "wake-ups per idle second": Aim("", 2, peers=_peers(3.1, 10)),
    "RSS, charging": Aim("MB", 42, peers=_peers(33, 5)),
    "PSS, charging": Aim("MB"),
    "CPU per charging minute, sample every 1 s": Aim("ms"),
    "wake-ups per charging minute, sample every 1 s": Aim(""),
    "written per transaction": Aim("KiB", 32, peers=_peers(265, 38)),
    "10 000 queued messages told": Aim("s"),
    "vehicle's wish to set-point on CAN": Aim("ms", 5, 5),
    "set-point cycle of 100 ms, late at 500 frames/s": Aim("ms", 10, 10),
    "written per charging minute, sample every 1 s": Aim("KiB", 128, peers=_peers(5311, 24)),
}


def compared(name: str, values: Values) -> Measure:
    """A row of `AIMS` as measured: ours, with the yardsticks beside it."""
    aim = AIMS[name]
    beside = {station: tuple(found) for station, found in values.items() if station != "ours"}
    return Measure(name, aim.unit, tuple(values["ours"]), aim.median, aim.p99, beside, aim.peers, aim.is_rate)
