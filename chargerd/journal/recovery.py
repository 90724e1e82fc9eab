"""What the core must know again after a restart, from what lies in the journal. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from chargerd.core.events import ListEntry
from chargerd.core.facts import FaultRaised, OpenTransaction, ProfileInstalled, Reserved, Restored, TokenCached
from chargerd.core.ids import ConnectorId, IdTag, LocalId


@dataclass(frozen=True, slots=True)
class Trace:
    """What is on disk of a transaction that has no end."""

    connector: ConnectorId
    local_id: LocalId
    id_tag: IdTag
    parent_id_tag: IdTag | None
    remote_id: int | None
    meter_start_wh: int
    last_sample_wh: int | None
    told_utc_s: tuple[float | None, ...]  # of its start, its last sample, and the last fact of the run that carried it; None: not known


def restored(
    traces: Iterable[Trace],
    availability: Iterable[tuple[int, bool]],
    settings: Iterable[tuple[str, str]],
    cache: Iterable[TokenCached],
    local_list: tuple[int, tuple[ListEntry, ...]],
    reservations: Iterable[Reserved],
    profiles: Iterable[ProfileInstalled],
    latched: Iterable[FaultRaised],
    *,
    has_been_accepted: bool,
) -> Restored:
    """The material for `Station.restore`, each part in a fixed order.

    availability: (connector, is operative); a change that was scheduled for the end of a session holds now, as no session outlives the run.
    """
    return Restored(
        transactions=tuple(_open_transaction(trace) for trace in sorted(traces, key=lambda trace: (trace.connector, trace.local_id))),
        inoperative=frozenset(ConnectorId(connector) for connector, is_operative in availability if not is_operative),
        settings=tuple(sorted(settings)),
        cache=tuple(cache),
        local_list=local_list,
        reservations=tuple(reservations),
        profiles=tuple(profiles),
        latched=tuple(latched),
        has_been_accepted=has_been_accepted,
    )


def _open_transaction(trace: Trace) -> OpenTransaction:
    """A register never runs backwards, so the checkpoint is not below the start; nor does the time, whatever was done to the clock."""
    checkpoint_wh = trace.meter_start_wh if trace.last_sample_wh is None else max(trace.meter_start_wh, trace.last_sample_wh)
    return OpenTransaction(
        connector=trace.connector,
        local_id=trace.local_id,
        id_tag=trace.id_tag,
        meter_start_wh=trace.meter_start_wh,
        checkpoint_wh=checkpoint_wh,
        last_alive_utc_s=max((utc_s for utc_s in trace.told_utc_s if utc_s is not None), default=None),
        remote_id=trace.remote_id,
        parent_id_tag=trace.parent_id_tag,
    )
