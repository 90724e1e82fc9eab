"""One transaction, from the authorised plug to the stop that the central system is told of."""

from __future__ import annotations

from dataclasses import dataclass

from chargerd.core.events import IdTagInfo, StopReason
from chargerd.core.ids import IdTag, LocalId
from chargerd.core.metering import ClockGrid, Grid
from chargerd.core.now import Now
from chargerd.core.view import TransactionView


@dataclass(slots=True)
class Transaction:
    """Local id first; the central system's number comes later, or never."""

    local_id: LocalId
    id_tag: IdTag
    parent_id_tag: IdTag | None
    meter_start_wh: int
    started_utc_s: float
    began_s: float  # the same on the monotonic clock
    sampled: Grid
    aligned: ClockGrid
    checkpoint: Grid
    energy_wh: int  # register as this transaction counts it: it never goes back
    remote_id: int | None = None
    refused_at_wh: int | None = None  # register when the central system refused the token after the start
    _moved_wh: int = 0  # by how much the meter's register stepped without energy
    _latest_utc_s: float | None = None  # what was told last: later messages are not told as earlier ones

    def is_used_up(self, max_energy_wh: int) -> bool:
        """The token was refused, and what may flow all the same (MaxEnergyOnInvalidId) has flown."""
        return self.refused_at_wh is not None and self.energy_wh - self.refused_at_wh >= max_energy_wh

    def register(self, register_wh: int, moved_wh: int = 0) -> None:
        """Take a reading of the register, and by how much it stepped without energy: the transaction counts on as if it had not."""
        self._moved_wh += moved_wh
        self.energy_wh = max(self.energy_wh, register_wh - self._moved_wh)

    def confirm(self, remote_id: int, info: IdTagInfo) -> None:
        """Take the answer to StartTransaction; a parent that was not known before is learned from it."""
        self.remote_id = remote_id
        self.parent_id_tag = info.parent_id_tag or self.parent_id_tag
        self.refused_at_wh = None if info.is_accepted else self.energy_wh

    def told(self, utc_s: float | None) -> None:
        """Something of this transaction is told with this time."""
        if utc_s is not None:
            self._latest_utc_s = max(utc_s, self._latest_utc_s or utc_s)

    def end_utc_s(self, now: Now) -> float | None:
        """When the transaction ends, where that is not simply now: a clock that was set back does not let it end before it began."""
        latest_s = self._latest_utc_s
        return latest_s if latest_s is not None and now.is_utc_trusted and now.utc_s < latest_s else None

    def view(self, max_energy_wh: int) -> TransactionView:
        """For people."""
        is_used_up = self.is_used_up(max_energy_wh)
        return TransactionView(self.local_id, self.remote_id, self.id_tag, self.meter_start_wh, self.started_utc_s, is_used_up)


@dataclass(frozen=True, slots=True)
class StopCause:
    """Why a session ends; the first cause counts. `id_tag`: the token that stopped it, if one did."""

    reason: StopReason
    id_tag: IdTag | None = None
