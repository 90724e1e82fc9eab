"""One transaction, from the authorised plug to the stop that the central system is told of."""

from __future__ import annotations

from dataclasses import dataclass

from chargerd.core.events import StopReason
from chargerd.core.ids import IdTag, LocalId
from chargerd.core.metering import Grid
from chargerd.core.view import TransactionView


@dataclass(slots=True)
class Transaction:
    """Local id first; the central system's number comes later, or never."""

    local_id: LocalId
    id_tag: IdTag
    parent_id_tag: IdTag | None
    meter_start_wh: int
    started_utc_s: float
    sampled: Grid
    checkpoint: Grid
    energy_wh: int  # highest register value seen in this transaction: it never goes back
    remote_id: int | None = None
    is_authorized: bool = True  # False: the central system refused the token after the start

    def register(self, energy_wh: int) -> None:
        """Take a register reading; one that goes backwards is not believed."""
        self.energy_wh = max(self.energy_wh, energy_wh)

    def view(self) -> TransactionView:
        """For people."""
        return TransactionView(self.local_id, self.remote_id, self.id_tag, self.meter_start_wh, self.started_utc_s, self.is_authorized)


@dataclass(frozen=True, slots=True)
class StopCause:
    """Why a session ends; the first cause counts. `id_tag`: the token that stopped it, if one did."""

    reason: StopReason
    id_tag: IdTag | None = None
