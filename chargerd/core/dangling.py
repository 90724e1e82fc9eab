"""A transaction that a power cut left open, and the reading with which it is closed."""

from __future__ import annotations

from dataclasses import dataclass

from chargerd.core.events import StopReason
from chargerd.core.facts import OpenTransaction, TransactionStopped
from chargerd.core.now import Now
from chargerd.core.settings import ConnectorSettings, Timing
from hal.types import MeterReading


@dataclass(frozen=True, slots=True)
class Dangling:
    """Waits for the meter until the deadline, then takes the checkpoint."""

    transaction: OpenTransaction
    deadline_s: float

    def close(self, meter: MeterReading | None, built: ConnectorSettings, timing: Timing, now: Now) -> TransactionStopped | None:
        """The stop with reason PowerLoss, or None while the meter may still answer.

        The meter's own register where it is plausible, as the contactor is open after a boot; else the last register on disk.
        """
        if meter is None and now.mono_s < self.deadline_s:
            return None
        register_wh = self.transaction.checkpoint_wh
        if meter is not None and self._is_plausible(meter.energy_wh, built, timing, now):
            register_wh = meter.energy_wh
        return stopped_at(self.transaction, register_wh)

    def _is_plausible(self, register_wh: int, built: ConnectorSettings, timing: Timing, now: Now) -> bool:
        """Not below the checkpoint, and not above what the connector could have delivered since."""
        last_s = self.transaction.last_alive_utc_s
        span_s = max(now.utc_s - last_s, 0.0) if last_s is not None else 0.0
        most_wh = built.rated_power_w * (span_s + timing.checkpoint_s) / 3600.0
        return 0 <= register_wh - self.transaction.checkpoint_wh <= most_wh


def stopped_at(transaction: OpenTransaction, register_wh: int) -> TransactionStopped:
    """The end of a transaction that was cut off, with this register, at the last moment known alive."""
    return TransactionStopped(
        transaction.connector, transaction.local_id, StopReason.POWER_LOSS, register_wh, at_utc_s=transaction.last_alive_utc_s
    )
