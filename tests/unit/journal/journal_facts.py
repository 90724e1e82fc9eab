"""Facts for tests: strategies over every kind, and one short transaction."""

from __future__ import annotations

import dataclasses
import types
import typing
from decimal import Decimal
from enum import Enum
from typing import Any, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from chargerd.core.events import AuthorizationStatus, StopReason
from chargerd.core.facts import (
    Fact,
    FaultCleared,
    FaultRaised,
    MeterSampled,
    ReadingContext,
    Sample,
    StopConfirmed,
    TransactionConfirmed,
    TransactionStarted,
    TransactionStopped,
)
from chargerd.core.ids import ConnectorId, IdTag, LocalId
from chargerd.core.now import Now
from chargerd.journal.codec import MEASURANDS

ONE = ConnectorId(1)
TAG = IdTag("04A2B1C3")
ENERGY = (Sample("Energy.Active.Import.Register", 1500.0, "Wh"),)


def now(mono_s: float = 100.0, *, is_trusted: bool = True) -> Now:
    return Now(mono_s, 1_760_000_000.0 + mono_s, is_trusted)


def started(local_id: str = "a", meter_start_wh: int = 1000) -> TransactionStarted:
    return TransactionStarted(ONE, LocalId(local_id), TAG, meter_start_wh)


def sampled(local_id: str = "a", energy_wh: int = 1500, *, is_owed: bool = True) -> MeterSampled:
    return MeterSampled(ONE, LocalId(local_id), energy_wh, ReadingContext.PERIODIC, values=ENERGY if is_owed else ())


def stopped(local_id: str = "a", meter_stop_wh: int = 2000) -> TransactionStopped:
    return TransactionStopped(ONE, LocalId(local_id), StopReason.LOCAL, meter_stop_wh, TAG)


def confirmed(settles: int, remote_id: int = 42, local_id: str = "a") -> TransactionConfirmed:
    return TransactionConfirmed(ONE, LocalId(local_id), remote_id, AuthorizationStatus.ACCEPTED, settles)


def stop_confirmed(settles: int, local_id: str = "a") -> StopConfirmed:
    return StopConfirmed(ONE, LocalId(local_id), settles)


def latched(code: str = "contactor-welded", connector: int = 1) -> FaultRaised:
    return FaultRaised(ConnectorId(connector), code, "PowerSwitchFailure", "by its feedback", is_latching=True)


def unlatched(fault: FaultRaised) -> FaultCleared:
    return FaultCleared(fault.connector, fault.code, is_latching=True)


def any_fact() -> st.SearchStrategy[Fact]:
    return st.one_of([_of(kind) for kind in get_args(Fact)])


def _of(kind: type[Any]) -> st.SearchStrategy[Any]:
    hints = get_type_hints(kind)
    return st.builds(kind, **{item.name: _value(hints[item.name]) for item in dataclasses.fields(kind)})


def _sample() -> st.SearchStrategy[Sample]:
    known = st.builds(
        lambda name, phase: name + phase, st.sampled_from([name for name, _ in MEASURANDS]), st.sampled_from(["", ".", ".L1"])
    )
    units = st.one_of(st.sampled_from(["Wh", "V", ""]), st.text())
    return st.builds(Sample, st.one_of(known, st.text()), st.floats(allow_nan=False), units)


def _value(hint: Any) -> st.SearchStrategy[Any]:
    if get_origin(hint) in (typing.Union, types.UnionType):
        return st.one_of([st.none() if part is type(None) else _value(part) for part in get_args(hint)])
    if hint == tuple[Sample, ...]:
        return st.lists(_sample(), max_size=3).map(tuple)
    if get_origin(hint) is tuple:
        return st.lists(_of(get_args(hint)[0]), max_size=3).map(tuple)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(hint)
    if dataclasses.is_dataclass(hint):
        return _of(hint)  # type: ignore[arg-type]
    if hint is Decimal:
        return st.decimals(allow_nan=False, allow_infinity=False)
    simple = {int: st.integers(-(2**62), 2**62), float: st.floats(allow_nan=False), str: st.text(), bool: st.booleans()}
    return simple[getattr(hint, "__supertype__", hint)]
