"""The transaction region of a connector: what is owed to the central system, with which readings, and when the next one is due.

It opens and closes transactions when the connector says so, and decides nothing about energy.
"""

from __future__ import annotations

from collections.abc import Callable

from chargerd.core import metering
from chargerd.core.authorization import Grant
from chargerd.core.dangling import Dangling
from chargerd.core.events import IdTagInfo
from chargerd.core.facts import (
    Fact,
    MeterSampled,
    OpenTransaction,
    ReadingContext,
    Samples,
    TransactionConfirmed,
    TransactionStarted,
    TransactionStopped,
)
from chargerd.core.ids import ConnectorId
from chargerd.core.now import NEVER, Now
from chargerd.core.sensed import Sensed
from chargerd.core.settings import ConnectorSettings
from chargerd.core.surroundings import Surroundings
from chargerd.core.transaction import StopCause, Transaction
from hal.types import MeterReading

Offer = Callable[[], metering.Offered]
"""What is offered to the vehicle now; asked only when a reading is written down."""


class Ledger:
    """At most one open transaction, and at most one left over from a power cut. `tell` takes each fact as it is decided."""

    def __init__(self, built: ConnectorSettings, around: Surroundings, sensed: Sensed, tell: Callable[[Fact], None]) -> None:
        self._connector = ConnectorId(built.id)
        self._built = built
        self._around = around
        self._sensed = sensed
        self._tell = tell
        self.transaction: Transaction | None = None
        self.dangling: Dangling | None = None

    @property
    def is_used_up(self) -> bool:
        """The central system refused the token after the start, and no energy is left to it (MaxEnergyOnInvalidId)."""
        return self.transaction is not None and self.transaction.is_used_up(self._around.settings.max_energy_on_invalid_id_wh)

    def start(self, grant: Grant | None, offered: Offer, now: Now) -> None:
        """Open a transaction with the register as it is; nothing happens without a grant, a reading, or when one is open already."""
        meter, settings = self._sensed.meter, self._around.settings
        if self.transaction is not None or grant is None or meter is None:
            return
        self.transaction = running = Transaction(
            local_id=self._around.new_local_id(),
            id_tag=grant.id_tag,
            parent_id_tag=grant.parent_id_tag,
            meter_start_wh=meter.energy_wh,
            started_utc_s=now.utc_s,
            began_s=now.mono_s,
            sampled=metering.Grid.from_(now, settings.meter_value_sample_interval_s),
            aligned=metering.ClockGrid.from_(now, settings.clock_aligned_data_interval_s),
            checkpoint=metering.Grid.from_(now, self._around.timing.checkpoint_s),
            energy_wh=meter.energy_wh,
        )
        running.told(now.utc_s if now.is_utc_trusted else None)
        begin_values = self._samples(settings.stop_txn_sampled_data, running.energy_wh, offered)
        self._tell(
            TransactionStarted(
                *(self._connector, running.local_id, running.id_tag, meter.energy_wh, begin_values),
                parent_id_tag=running.parent_id_tag,
                reservation_id=grant.reservation_id,
            )
        )

    def register(self, reading: MeterReading) -> None:
        """The meter has been read."""
        if self.transaction is not None:
            self.transaction.register(reading.energy_wh, reading.moved_wh)

    def confirm(self, remote_id: int, info: IdTagInfo, settles: int) -> None:
        """The central system has answered StartTransaction of the open transaction."""
        if self.transaction is not None:
            self.transaction.confirm(remote_id, info)
            self._tell(
                TransactionConfirmed(self._connector, self.transaction.local_id, remote_id, info.status, settles, info.parent_id_tag)
            )

    def stop(self, cause: StopCause, offered: Offer, now: Now) -> None:
        """Close the open transaction, if there is one, with the register as it is known now."""
        running, self.transaction = self.transaction, None
        if running is not None:
            end_values = self._samples(self._around.settings.stop_txn_sampled_data, running.energy_wh, offered)
            self._tell(
                TransactionStopped(
                    *(self._connector, running.local_id, cause.reason, running.energy_wh, cause.id_tag, end_values),
                    at_utc_s=running.end_utc_s(now),
                )
            )

    def take_due_samples(self, offered: Offer, now: Now) -> None:
        """Sample when a grid says so; a checkpoint keeps the register on disk where samples are far apart or off."""
        running, settings = self.transaction, self._around.settings
        if running is None:
            return
        if running.sampled.interval_s != settings.meter_value_sample_interval_s:  # a change counts from now
            running.sampled = metering.Grid.from_(now, settings.meter_value_sample_interval_s)
        if running.aligned.interval_s != settings.clock_aligned_data_interval_s:
            running.aligned = metering.ClockGrid.from_(now, settings.clock_aligned_data_interval_s)
        is_checkpoint = running.checkpoint.take(now) is not None
        sampled_s, aligned_utc_s = running.sampled.take(now), running.aligned.take(now)
        if aligned_utc_s is not None:
            lists = (settings.meter_values_aligned_data, settings.stop_txn_aligned_data)
            self._sample(running, ReadingContext.CLOCK, lists, aligned_utc_s, offered)
        if sampled_s is not None:
            lists = (settings.meter_values_sampled_data, settings.stop_txn_sampled_data)
            self._sample(running, ReadingContext.PERIODIC, lists, running.sampled.utc_of(sampled_s, now), offered)
        if is_checkpoint and sampled_s is None and aligned_utc_s is None:
            self._tell(MeterSampled(self._connector, running.local_id, running.energy_wh, ReadingContext.PERIODIC))

    def _sample(
        self,
        running: Transaction,
        context: ReadingContext,
        lists: tuple[tuple[str, ...], tuple[str, ...]],
        at_utc_s: float | None,
        offered: Offer,
    ) -> None:
        """One sample: what goes into MeterValues (an empty list is the register alone), and what into transactionData."""
        told, kept = lists
        values = self._samples(told or (metering.REGISTER,), running.energy_wh, offered)
        stop_values = self._samples(kept, running.energy_wh, offered)
        running.told(at_utc_s)
        self._tell(MeterSampled(self._connector, running.local_id, running.energy_wh, context, values, stop_values, at_utc_s))

    def _samples(self, measurands: tuple[str, ...], energy_wh: int, offered: Offer) -> Samples:
        return metering.samples(measurands, energy_wh, self._sensed.meter, self._sensed.ev, self._sensed.supply, offered())

    def recover(self, transaction: OpenTransaction, now: Now) -> None:
        """Close a transaction that a power cut left open, as soon as the meter answers or its time is over."""
        self.dangling = Dangling(transaction, now.mono_s + self._around.timing.recovery_s)

    def close_dangling(self, now: Now) -> None:
        """Write the end of a left-over transaction once its register is known."""
        if self.dangling is not None:
            stopped = self.dangling.close(self._sensed.meter, self._built, self._around.timing, now)
            if stopped is not None:
                self.dangling = None
                self._tell(stopped)

    def next_deadline_s(self) -> float:
        """When the next reading, or the end of a recovery, is due."""
        deadlines = [NEVER]
        if self.transaction is not None:
            deadlines += [self.transaction.sampled.next_s, self.transaction.aligned.next_s, self.transaction.checkpoint.next_s]
        if self.dangling is not None:
            deadlines.append(self.dangling.deadline_s)
        return min(deadlines)
