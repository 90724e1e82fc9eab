"""What the journal tells about itself, and what it may be told: values only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from chargerd.core.facts import Stamped
from chargerd.core.ids import ConnectorId, IdTag, LocalId
from hal.types import Range


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalOptions:
    """The `journal:` section. `path` is relative to the state directory."""

    path: str = "chargerd.db"
    full_sync_s: Annotated[float, Range(1, 3600, "s")] = 60.0  # a power cut loses at most the samples of so long
    keep_days: Annotated[int, Range(1, 3650, "d")] = 90
    max_facts: Annotated[int, Range(1000, 10_000_000)] = 100_000  # those beyond that are not owed are forgotten, starts and stops never
    max_owed: Annotated[int, Range(100, 1_000_000)] = 20_000  # beyond, every second waiting MeterValues is given up
    max_cached_tokens: Annotated[int, Range(1, 100_000)] = 1000


@dataclass(frozen=True, slots=True)
class TransactionRecord:
    """A stored transaction, for the technician. Times are None when UTC was never known in that run."""

    started_utc_s: float | None
    stopped_utc_s: float | None
    local_id: LocalId
    connector: ConnectorId
    remote_id: int | None
    id_tag: IdTag
    parent_id_tag: IdTag | None
    meter_start_wh: int
    meter_stop_wh: int | None
    reason: str | None
    start_state: str  # owed, confirmed, abandoned
    stop_state: str  # running, owed, confirmed, abandoned


@dataclass(frozen=True, slots=True)
class Waiting:
    """One message that the central system has not got yet."""

    stamped: Stamped
    message: str  # OCPP action
    local_id: LocalId
    attempts: int
    message_id: str


@dataclass(frozen=True, slots=True)
class QueueView:
    """How much is owed, and the head of it, oldest first."""

    length: int
    waiting: tuple[Waiting, ...]
