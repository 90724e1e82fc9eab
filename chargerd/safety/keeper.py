"""What a gate does, whoever calls it: it keeps the lines, steps the rules over them, and drives the coils.

Synchronous and without a clock of its own. Inside the daemon a task calls it (`local.py`); on real hardware a process of its own does
(`guard.py`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from chargerd.safety import gate
from hal.errors import DeviceUnavailable
from hal.ports import SafetyIo
from hal.types import Flow, SafetyInputs, SafetyOutputs

log = logging.getLogger(__name__)

RECLAIM_S = 1.0
"""From losing the lines until they are claimed again."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one look has found: what the gate forbids from now on or no longer, and the contactors that are closed."""

    trips: tuple[gate.Trip, ...]
    closed: frozenset[int]


_LOADED_A, _LOADED_W = 2.0, 500.0
"""A contactor that opens with more is worn by it."""


class Keeper:
    """The lines of one station. `moved` is called when a line may have moved, by boards that can tell.

    enables: connectors whose modules have an enable line. `loaded_openings`: how often the gate has opened a contactor under load.
    """

    def __init__(
        self,
        io: SafetyIo,
        connectors: frozenset[int],
        options: gate.GateOptions,
        moved: Callable[[], None] = lambda: None,
        enables: frozenset[int] = frozenset(),
    ) -> None:
        self.options = options
        self.connectors = connectors
        self.is_told = False  # the boards tell by themselves when a line moves
        self._io = io
        self._moved = moved
        self._wishes: frozenset[int] = frozenset()
        self.loaded_openings = 0
        self._enables = enables
        self._state = gate.initial(connectors, 0.0, enables)
        self._outputs = SafetyOutputs()
        self._is_open = False
        self._trouble = ""  # why the lines cannot be claimed or driven
        self._reclaim_s = 0.0

    def begin(self, now_s: float) -> None:
        """Everything counts as open from now on."""
        self._state = gate.initial(self.connectors, now_s, self._enables)

    @property
    def wishes(self) -> frozenset[int]:
        """The connectors that are wished closed."""
        return self._wishes

    @property
    def is_holding(self) -> bool:
        """A coil is on."""
        return bool(self._outputs.closed_contactors)

    @property
    def is_quiet(self) -> bool:
        """Nothing is wished, nothing closed, nothing on its way."""
        return not self._wishes and all(one.mode is gate.GateMode.SAFE for one in self._state.contactors.values())

    def wish(self, wishes: frozenset[int], now_s: float) -> None:
        """Take wishes. What is no longer wished opens at once, what is newly wished closes at the next look."""
        self._wishes = wishes
        opened = self._outputs.closed_contactors - wishes
        if opened:
            self._drive(SafetyOutputs(self._outputs.closed_contactors - opened, self._outputs.enabled_modules - opened), now_s)

    def look(self, now_s: float, lease_age_s: float, flows: Mapping[int, Flow]) -> Look:
        """Read the lines, judge, drive. `lease_age_s`: since the daemon last proved to be alive; flows: what it measured then."""
        if not self._is_open and now_s >= self._reclaim_s:
            self._open(now_s)
        inputs = self._io.read() if self._is_open else SafetyInputs(is_readable=False)
        outcome = gate.step(self._state, inputs, self._wishes, lease_age_s, now_s, self.options, flows)
        self._state = outcome.state
        for connector in outcome.forced:
            self._note_load(connector, flows.get(connector, Flow()))
        outputs = SafetyOutputs(outcome.coils, outcome.enabled)
        if outputs != self._outputs:
            self._drive(outputs, now_s)
        trips = tuple(replace(trip, info=self._trouble) if trip.code == "safety-inputs" else trip for trip in outcome.trips)
        for trip in trips:
            log.warning("gate connector=%d code=%s over=%s", trip.connector, trip.code, trip.is_over)
        return Look(trips, inputs.closed_contactors & self.connectors)

    def close(self) -> None:
        """Everything open, as far as it can be driven, and the lines given back."""
        self._outputs = SafetyOutputs()
        if self._is_open:
            self._is_open = False
            try:
                self._io.close()
            except DeviceUnavailable as error:
                log.warning("gate_lines_not_given_back error=%s", error)

    def _note_load(self, connector: int, flow: Flow) -> None:
        """A contactor opens against its wish: under load or not, by what was measured last. Modules disabled before give nothing now."""
        is_loaded = (flow.current_a or 0.0) > _LOADED_A or (flow.meter_power_w or 0.0) > _LOADED_W
        was_disabled = connector in self._enables - self._outputs.enabled_modules
        if is_loaded and not was_disabled:
            self.loaded_openings += 1
            log.warning("opened_under_load connector=%d current_a=%s count=%d", connector, flow.current_a, self.loaded_openings)

    def _drive(self, outputs: SafetyOutputs, now_s: float) -> None:
        self._outputs = outputs
        if not self._is_open:
            return
        try:
            self._io.apply(outputs)
        except DeviceUnavailable as error:
            self._lose(error, now_s)
            self.close()
            self._moved()

    def _open(self, now_s: float) -> None:
        try:
            self._io.open()
        except DeviceUnavailable as error:
            self._lose(error, now_s)
            return
        self._is_open, self._trouble = True, ""
        self.is_told = self._io.watch(self._moved)

    def _lose(self, error: DeviceUnavailable, now_s: float) -> None:
        self._reclaim_s = now_s + RECLAIM_S
        if str(error) != self._trouble:
            self._trouble = str(error)
            log.error("gate_lines_lost error=%s", error)
