"""Advantics CCS controller (generic EVSE interface 3.3 to 3.6) as the SECC of one connector."""

from __future__ import annotations

import asyncio
import logging
import math
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from hal.bus.can import CanLink
from hal.bus.wake import turn
from hal.errors import DeviceUnavailable, WireError
from hal.ports import Emit
from hal.secc.evse_view import EvseView
from hal.types import ControlPilot, EvRequest, Isolation, Range, SeccOutput, SeccPhase
from hal.wire import advantics_evse as wire
from hal.wire.advantics_evse import MessageId, State

_log = logging.getLogger(__name__)

_STATUS_S = 0.1  # 63000 is supervised by the controller
_REPEAT_S = 1.0
_SAFE_AFTER_S = 0.2  # interface rule: loss of the status for longer stops power at once
_JUST_AFTER_S = 0.001
_EMIT_S = 1.0
_DEAD_BAND_V = 0.5
_DEAD_BAND_A = 0.5
_LOWEST_LIMIT = 0.1  # one count: 0 would mean "your configured default", which may be everything
_PILOT_OFF_S = 3.0  # the oscillator off for so long, then on: what wakes a vehicle that is plugged in
_WAKE_AGAIN_S = 20.0
_NO_FAULT_OHM = 510_000  # highest value of the field, the interface's word for "monitor says yes"
_HEARD = frozenset(MessageId) - {MessageId.POWER_MODULES_STATUS, MessageId.DC_POWER_PARAMETERS, MessageId.SEQUENCE_CONTROL}
SAFE_REQUEST = EvRequest(control_pilot=ControlPilot.UNKNOWN, phase=SeccPhase.UNAVAILABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvanticsOptions:
    """`test_current_a` is used in cable check and precharge when the controller leaves the current to us."""

    outlet: Annotated[int, Range(0, 31)] = 1
    test_current_a: Annotated[float, Range(0.1, 5.0, "A")] = 2.0
    silence_s: Annotated[float, Range(0.3, 10.0, "s")] = 1.0
    time_to_live_s: Annotated[float, Range(0.5, 10.0, "s")] = 2.0


class AdvanticsEvse:
    """Emits the safe request 200 ms after the last status, and raises DeviceUnavailable when the silence lasts."""

    Options = AdvanticsOptions
    bus_kind: ClassVar[str | None] = "can"

    def __init__(self, name: str, options: AdvanticsOptions, bus: CanLink) -> None:
        self.name = name
        self._options = options
        self._bus = bus
        self._view = EvseView(options.test_current_a)
        self._output = SeccOutput()
        self._renewed_at_s = 0.0
        self._wake_wanted_at_s: float | None = None
        self._sent: dict[type[wire.Message], tuple[float, wire.Message]] = {}
        self._emitted: tuple[float, EvRequest] | None = None
        self._wake = asyncio.Event()

    def apply(self, output: SeccOutput) -> None:
        """Take what the vehicle is to be told."""
        self._renewed_at_s = asyncio.get_running_loop().time()
        if output != self._output:
            self._output = output
            self._wake.set()

    async def run(self, emit: Emit) -> None:
        """Talk to the controller; see the port."""
        await self._bus.ready()
        self._view.reset(asyncio.get_running_loop().time())
        self._sent.clear()
        self._emitted = None
        end_subscription = self._bus.subscribe(self._is_ours, self._on_frame)
        try:
            await self._loop(emit)
        finally:
            end_subscription()
            self._say_not_enabled()

    async def _loop(self, emit: Emit) -> None:
        loop = asyncio.get_running_loop()
        next_status_s = loop.time()
        while True:
            now_s = loop.time()
            self._expire(now_s)
            if now_s >= next_status_s:
                next_status_s = max(next_status_s + _STATUS_S, now_s)
                self._send(self._status(), now_s)
            self._send_answers(now_s)
            self._tell(emit, now_s)
            await turn(self._wake, min(next_status_s, self._next_judgement_s(now_s)) - now_s)

    def _next_judgement_s(self, now_s: float) -> float:
        safe_at_s = self._view.state_at_s + _SAFE_AFTER_S + _JUST_AFTER_S
        return safe_at_s if safe_at_s > now_s else math.inf

    def _expire(self, now_s: float) -> None:
        if self._output != SeccOutput() and now_s - self._renewed_at_s > self._options.time_to_live_s:
            _log.warning("secc_output_expired device=%s age_s=%.1f", self.name, now_s - self._renewed_at_s)
            self._output = SeccOutput()

    def _tell(self, emit: Emit, now_s: float) -> None:
        silent_s = now_s - self._view.state_at_s
        if silent_s > self._options.silence_s:
            raise DeviceUnavailable(f"{self.name}: outlet {self._options.outlet} sends no status on {self._bus.name}")
        heard = self._view.request(now_s)
        if heard is None:  # not a word in this run: whoever was told of the loss must not take us for back
            return
        request = SAFE_REQUEST if silent_s > _SAFE_AFTER_S else heard
        if request is SAFE_REQUEST and self._emitted is not None and self._emitted[1] is not SAFE_REQUEST:
            _log.warning("secc_status_missing device=%s silent_s=%.2f", self.name, silent_s)
        if self._emitted is None or now_s - self._emitted[0] >= _EMIT_S or is_change(self._emitted[1], request):
            self._emitted = now_s, request
            emit(request)

    def _status(self) -> wire.PowerModulesStatus:
        output = self._output
        return wire.PowerModulesStatus(
            voltage_v=output.present_voltage_v,
            current_a=output.present_current_a,
            is_enabled=output.is_enabled,
            insulation_ohm=_insulation_ohm(output),
        )

    def _send_answers(self, now_s: float) -> None:
        output = self._output
        limits = wire.DcPowerParameters(max(output.max_voltage_v, _LOWEST_LIMIT), max(self._limit_a(), _LOWEST_LIMIT))
        if self._is_due(limits, now_s, at_most_every_s=_STATUS_S):
            self._send(limits, now_s)
        if self._view.state in (None, State.INITIALISING):  # it counts only once the controller is up
            return
        sequence = wire.SequenceControl(
            may_start=output.is_enabled and not self._is_pilot_to_rest(now_s),
            is_authorization_done=output.authorization is not None,
            is_authorization_valid=output.authorization is True,
            are_parameters_done=output.authorization is True and output.max_voltage_v > 0.0,
            is_user_stop=output.wants_stop,
        )
        if self._is_due(sequence, now_s, at_most_every_s=0.0):
            self._send(sequence, now_s)

    def _is_pilot_to_rest(self, now_s: float) -> bool:
        """Waking: without leave to start the controller keeps its pilot steady, with it it begins anew; again and again while wanted."""
        if not self._output.is_waking:
            self._wake_wanted_at_s = None
            return False
        if self._wake_wanted_at_s is None:
            self._wake_wanted_at_s = now_s
        return (now_s - self._wake_wanted_at_s) % _WAKE_AGAIN_S < _PILOT_OFF_S

    def _limit_a(self) -> float:
        """The interface has no power limit: it goes into the current limit at the present voltage."""
        output = self._output
        if output.present_voltage_v < 1.0:
            return output.max_current_a
        return min(output.max_current_a, output.max_power_w / output.present_voltage_v)

    def _is_due(self, message: wire.Message, now_s: float, at_most_every_s: float) -> bool:
        sent_at_s, sent = self._sent.get(type(message), (-math.inf, None))
        if wire.encode(message, 0) == (sent and wire.encode(sent, 0)):
            return now_s - sent_at_s >= _REPEAT_S
        return now_s - sent_at_s >= at_most_every_s

    def _send(self, message: wire.Message, now_s: float) -> None:
        self._bus.send(*wire.encode(message, self._options.outlet))
        self._sent[type(message)] = now_s, message

    def _say_not_enabled(self) -> None:
        try:
            self._bus.send(*wire.encode(replace(self._status(), is_enabled=False), self._options.outlet))
        except DeviceUnavailable as error:  # then the controller misses the status and stops by itself
            _log.warning("not_enabled_not_sent device=%s error=%s", self.name, error)

    def _is_ours(self, identifier: int) -> bool:
        outlet, number = wire.split_identifier(identifier)
        return outlet == self._options.outlet and number in _HEARD

    def _on_frame(self, identifier: int, data: bytes) -> None:
        try:
            _, message = wire.decode(identifier, data)
        except WireError as error:
            _log.debug("frame_refused device=%s error=%s", self.name, error)
            return
        is_stop_ours = self._output.wants_stop or not self._output.is_enabled
        self._view.take(message, asyncio.get_running_loop().time(), is_stop_ours)
        self._wake.set()


def is_change(before: EvRequest, after: EvRequest) -> bool:
    """More than noise: any word, a voltage or current beyond the dead band, or one that comes from or goes to zero."""
    quiet = replace(after, target_voltage_v=before.target_voltage_v, target_current_a=before.target_current_a)
    return (
        quiet != before
        or _moved(before.target_voltage_v, after.target_voltage_v, _DEAD_BAND_V)
        or _moved(before.target_current_a, after.target_current_a, _DEAD_BAND_A)
    )


def _moved(before: float, after: float, dead_band: float) -> bool:
    return abs(after - before) >= dead_band or (before == 0.0) != (after == 0.0)


def _insulation_ohm(output: SeccOutput) -> int:
    """0 before the verdict, too: told a resistance, the controller judges by itself and goes on before the station does."""
    if output.isolation in (Isolation.FAULT, Isolation.INVALID):
        return 0
    return _NO_FAULT_OHM if output.insulation_ohm is None else int(output.insulation_ohm)
