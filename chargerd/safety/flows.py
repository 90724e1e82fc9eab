"""What is measured at an output, held against what may be there. Pure: time is an argument.

The gate sees what the daemon tells of its devices. A row that holds for its time is in force until it holds no more, and one that ended a
session until its wish has ended too: with the contactor open the current is gone, but not its cause.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hal.types import Flow, SafetyInputs

Doubts = Mapping[tuple[int, str], float]
"""Since when each row holds, by connector and code."""


@dataclass(frozen=True, slots=True)
class FlowRow:
    """What cannot be true of one output, or must not be; `is_closed`: its contactor. In force once it has lasted `lasts_s`.

    opens: else it is only reported, and the core ends the session in order.
    """

    code: str
    lasts_s: float
    holds: Callable[[Flow, bool], bool]
    opens: bool = True


FLOW_ROWS = (
    FlowRow("over-voltage", 0.5, lambda f, closed: closed and _exceeds(f.voltage_v, f.max_voltage_v, 1.02, 10.0)),
    FlowRow("over-current", 3.0, lambda f, closed: closed and _exceeds(f.current_a, f.max_current_a, 1.05, 5.0)),
    FlowRow("reverse-current", 1.0, lambda f, _: (f.current_a or 0.0) < -2.0 or (f.meter_power_w or 0.0) < -500.0),
    FlowRow("current-while-open", 3.0, lambda f, closed: not closed and ((f.current_a or 0.0) > 2.0 or (f.meter_power_w or 0.0) > 500.0)),
    FlowRow(
        "voltage-while-open",
        10.0,
        lambda f, closed: not (closed or f.has_output) and (f.voltage_v or 0.0) >= 60.0,
    ),
    FlowRow("power-mismatch", 30.0, lambda f, closed: closed and _is_mismatch(f), opens=False),
)
"""Figures are ours, wide enough for ramps and for meters that average: an output follows its set-point within a second or two."""

_LASTS_S = {row.code: row.lasts_s for row in FLOW_ROWS}


def _exceeds(measured: float | None, limit: float | None, factor: float, margin: float) -> bool:
    return measured is not None and limit is not None and measured > limit * factor + margin


def _is_mismatch(flow: Flow) -> bool:
    """The modules' own power against the meter's; modules measure to a few per cent at best."""
    if flow.voltage_v is None or flow.current_a is None or flow.meter_power_w is None or flow.max_current_a is None:
        return False
    product_w = flow.voltage_v * flow.current_a
    return abs(product_w - flow.meter_power_w) > 0.2 * max(product_w, flow.meter_power_w) + 1000.0


def doubts_now(before: Doubts, inputs: SafetyInputs, flows: Mapping[int, Flow], now_s: float) -> Doubts:
    """Since when each row holds, with what is measured now."""
    doubts: dict[tuple[int, str], float] = {}
    for connector, flow in flows.items():
        is_closed = connector in inputs.closed_contactors
        for row in FLOW_ROWS:
            if inputs.is_readable and row.holds(flow, is_closed):
                doubts[connector, row.code] = before.get((connector, row.code), now_s)
    return doubts


def in_force(doubts: Doubts, before: frozenset[tuple[int, str]], wishes: frozenset[int], now_s: float) -> frozenset[tuple[int, str]]:
    """Rows that have lasted, and those in force before whose wish has not ended; by connector and code."""
    lasting = {(connector, row.code) for connector in wishes for row in FLOW_ROWS if (connector, row.code) in before}
    return frozenset(lasting | {key for key, began_s in doubts.items() if now_s - began_s >= _LASTS_S[key[1]]})


def standing(active: frozenset[tuple[int, str]]) -> frozenset[tuple[int, str]]:
    """Those of the rows in force that are of this kind."""
    return frozenset(key for key in active if key[1] in _LASTS_S)
