"""What is still to be sent to the modules of one connector, the most urgent first. Pure.

Orders go before everything else and those that switch off before the others; an order that waits is replaced by a newer one to the same
module. Questions wait longest, and keep the distance that the family needs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from hal.power.dialect import Dialect, Order
from hal.wire.can_frame import CanFrame

_GAP_S = 0.004  # between modules: a frame takes 1.1 ms at 125 kbit/s, and a Linux interface queues ten


class Outbox:
    """See the module. `next` gives frames that may follow one another at once, and how long to wait after them."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._orders: dict[int, Order] = {}
        self._selections: deque[Sequence[CanFrame]] = deque()
        self._questions: deque[Sequence[CanFrame]] = deque()

    def order(self, address: int, order: Order) -> None:
        """Put an order in the place of the one that waits."""
        self._orders[address] = order

    def select(self, frames: Sequence[CanFrame]) -> None:
        """Add the change of a module's range."""
        self._selections.append(frames)

    def ask(self, questions: Sequence[CanFrame]) -> None:
        """Add questions to one module, or to all."""
        if self._dialect.gap_s is None:
            self._questions.append(questions)
        else:
            self._questions.extend((question,) for question in questions)

    @property
    def is_asking(self) -> bool:
        """Questions wait."""
        return bool(self._questions)

    def next(self) -> tuple[Sequence[CanFrame], float] | None:
        """Take what is most urgent; None: nothing waits."""
        if self._orders:
            address = min(self._orders, key=lambda address: self._orders[address].is_on)
            return self._dialect.order(address, self._orders.pop(address)), _GAP_S
        for waiting in (self._selections, self._questions):
            if waiting:
                return waiting.popleft(), _GAP_S if self._dialect.gap_s is None else self._dialect.gap_s
        return None
