"""The station's power over its connectors."""

from __future__ import annotations

from collections.abc import Mapping

from chargerd.core.ids import ConnectorId


def equal_shares(budget_w: float, wanted_w: Mapping[ConnectorId, float]) -> dict[ConnectorId, float]:
    """Divide a budget fairly: nobody gets more than wanted, what one leaves goes to the others, the sum never exceeds the budget.

    wanted_w: the most each connector in session could use, in W. Connectors that want nothing are left out of the result.
    """
    shares: dict[ConnectorId, float] = {}
    left_w = max(budget_w, 0.0)
    waiting = sorted((w for w in wanted_w.items() if w[1] > 0.0), key=lambda item: (item[1], item[0]))
    for position, (connector, wanted) in enumerate(waiting):
        share_w = min(wanted, left_w / (len(waiting) - position))
        shares[connector] = share_w
        left_w -= share_w
    return shares
