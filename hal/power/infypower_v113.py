"""Infypower REG/CEG/LRG power modules, protocol V1.13, as the power supply of one connector."""

from __future__ import annotations

import asyncio
import logging
import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

from hal.bus.can import CanLink
from hal.errors import DeviceUnavailable, WireError
from hal.ports import Emit
from hal.power.group import Capability, Group
from hal.types import ModuleTelemetry, Range, Setpoint, Talk
from hal.wire import infypower_v113 as wire
from hal.wire.infypower_v113 import Code

_log = logging.getLogger(__name__)

_CUT_OFF_MARGIN_S = 1.0
_EMIT_S = 1.0
_STATUS_EVERY = 4  # polls
_HIGHEST = Capability(2000.0, 500.0, 250_000.0)  # no module of the family comes near it
_BEYOND = 1.2  # a module's own measurement may exceed its rating by so much, or be as far below zero as this is above one
_GAP_S = 0.004  # between modules: a frame takes 1.1 ms at 125 kbit/s, and a Linux interface queues ten


@dataclass(frozen=True, slots=True, kw_only=True)
class InfypowerOptions:
    """`addresses`: those of this connector's modules. Their output is off `time_to_live_s` after the last renewal of the set-point."""

    addresses: tuple[Annotated[int, Range(0, wire.LAST_MODULE)], ...]
    poll_s: Annotated[float, Range(0.02, 1.0, "s")] = 0.25
    refresh_s: Annotated[float, Range(0.05, 1.0, "s")] = 0.5
    silence_s: Annotated[float, Range(0.5, 10.0, "s")] = 2.5
    time_to_live_s: Annotated[float, Range(0.5, 10.0, "s")] = 2.0

    def __post_init__(self) -> None:
        if not self.addresses or len(set(self.addresses)) != len(self.addresses):
            raise ValueError("addresses needs at least one module address, each once")


@dataclass(slots=True)
class _Heard:
    """What one module said last in this run."""

    output: wire.Output | None = None
    status: wire.Status | None = None
    capability: Capability = _HIGHEST


class InfypowerV113:
    """Raises DeviceUnavailable when no module answers; a part of them silent is the alarm "module-missing"."""

    Options = InfypowerOptions
    bus_kind: ClassVar[str | None] = "can"

    def __init__(self, name: str, options: InfypowerOptions, bus: CanLink) -> None:
        self.name = name
        self._options = options
        self._bus = bus
        self._talk = Talk.FREE
        self._group = self._new_group()
        self._heard: dict[int, _Heard] = {}
        self._refusals: set[tuple[int, int, int]] = set()
        self._wish = Setpoint()
        self._renewed_at_s = 0.0
        self._sent_wish = Setpoint()
        self._told_voltage_v: dict[int, float] = {}
        self._wake = asyncio.Event()

    def apply(self, output: Setpoint) -> None:
        """Take the wanted level; a lower one goes out at once."""
        self._renewed_at_s = asyncio.get_running_loop().time()
        if output != self._wish:
            self._wish = output
            self._wake.set()

    def limit_talk(self, talk: Talk) -> None:
        """See the port."""
        self._talk = talk
        self._wake.set()

    async def run(self, emit: Emit) -> None:
        """Discover, share, poll; see the port."""
        await self._bus.ready()
        self._heard.clear()
        self._refusals.clear()
        end_subscription = self._bus.subscribe(self._is_ours, self._on_frame)
        try:
            await self._loop(emit)
        finally:
            end_subscription()
            self._switch_off()

    async def _loop(self, emit: Emit) -> None:
        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        refreshed_s = polled_s = emitted_s = -math.inf
        polls, last = 0, ModuleTelemetry()
        while True:
            if self._talk is Talk.SILENT:
                await self._keep_silent()
                begun_s, polled_s, polls = loop.time(), -math.inf, 0
            now_s = loop.time()
            fallen = self._group.notice(now_s)
            self._check_presence(now_s, begun_s, fallen)
            wish = self._living_wish(now_s)
            is_due = wish != self._sent_wish or fallen or now_s - refreshed_s >= self._options.refresh_s
            if is_due and self._talk is Talk.FREE:
                await self._send_setpoints(wish, now_s)
                refreshed_s = now_s
            if now_s - polled_s >= self._options.poll_s:
                await self._poll(polls)
                polls, polled_s = polls + 1, now_s
            telemetry = self._telemetry(is_settled=now_s - begun_s > self._options.silence_s)
            if telemetry is not None and (telemetry != last or now_s - emitted_s >= _EMIT_S):
                emit(telemetry)
                last, emitted_s = telemetry, now_s
            await self._sleep(polled_s + self._options.poll_s - now_s)

    async def _keep_silent(self) -> None:
        """Not a word until some are allowed again. What the modules told before counts no more then: they are met anew."""
        while self._talk is Talk.SILENT:
            await self._wake.wait()
            self._wake.clear()
        self._group = self._new_group()
        self._heard.clear()

    def _new_group(self) -> Group:
        return Group(self._options.silence_s, wire.CUT_OFF_S + _CUT_OFF_MARGIN_S)

    async def _sleep(self, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()

    def _living_wish(self, now_s: float) -> Setpoint:
        if self._wish.is_on and now_s - self._renewed_at_s > self._options.time_to_live_s:
            _log.warning("setpoint_expired device=%s age_s=%.1f", self.name, now_s - self._renewed_at_s)
            self._wish = Setpoint()
        return self._wish

    def _check_presence(self, now_s: float, begun_s: float, fallen: frozenset[int]) -> None:
        for address in fallen:
            self._heard.pop(address, None)
            _log.warning("module_silent device=%s address=%d", self.name, address)
        if not self._heard and now_s - begun_s > self._options.silence_s:
            raise DeviceUnavailable(f"{self.name}: none of the modules {list(self._options.addresses)} answers on {self._bus.name}")

    async def _send_setpoints(self, wish: Setpoint, now_s: float) -> None:
        shares = self._group.split(wish, now_s)
        for address in self._options.addresses:
            setpoint = shares.get(address, Setpoint())  # a silent or unknown module is told to be off, should it hear us
            self._tell(address, setpoint)
            await asyncio.sleep(_GAP_S)
        self._sent_wish = wish

    def _tell(self, address: int, setpoint: Setpoint) -> None:
        if setpoint.is_on:
            self._told_voltage_v[address] = setpoint.voltage_v
        voltage_v = self._told_voltage_v.get(address)
        if voltage_v is not None:  # off keeps the voltage and takes away the current
            self._bus.send(*wire.encode_request(wire.SetOutput(voltage_v, setpoint.current_a), address))
        self._bus.send(*wire.encode_request(wire.SetPower(is_on=setpoint.is_on), address))

    def _switch_off(self) -> None:
        try:
            for address in self._options.addresses:
                self._tell(address, Setpoint())
        except DeviceUnavailable as error:  # then the modules cut off by themselves
            _log.warning("power_off_not_sent device=%s error=%s", self.name, error)
        self._sent_wish = Setpoint()

    async def _poll(self, polls: int) -> None:
        present = self._group.present()
        for address in self._options.addresses:
            if address not in present or address not in self._heard:
                self._bus.send(*wire.encode_request(wire.Read(Code.CAPABILITIES), address))
            else:
                self._bus.send(*wire.encode_request(wire.Read(Code.OUTPUT), address))
                if polls % _STATUS_EVERY == 0 or self._heard[address].status is None:
                    self._bus.send(*wire.encode_request(wire.Read(Code.STATUS), address))
            await asyncio.sleep(_GAP_S)

    def _is_ours(self, identifier: int) -> bool:
        header = wire.decode_header(identifier)
        is_answer = header.device == wire.SINGLE and header.destination == wire.CONTROLLER
        return is_answer and header.source in self._options.addresses

    def _on_frame(self, identifier: int, data: bytes) -> None:
        try:
            header, answer = wire.decode_answer(identifier, data)
        except WireError as error:
            _log.debug("frame_refused device=%s error=%s", self.name, error)
            return
        heard = self._heard.setdefault(header.source, _Heard())
        now_s = asyncio.get_running_loop().time()
        match answer:
            case wire.Output() if _is_credible(answer, heard.capability):
                heard.output = answer
                self._group.heard(header.source, now_s)
            case wire.Capabilities(max_voltage_v, _, max_current_a, rated_power_w) if _is_possible(answer):
                heard.capability = Capability(max_voltage_v, max_current_a, rated_power_w)
                self._group.heard(header.source, now_s, heard.capability)
            case wire.Output() | wire.Capabilities():
                _log.debug("answer_incredible device=%s address=%d answer=%s", self.name, header.source, answer)
            case wire.Status():
                heard.status = answer
            case wire.Refused(code, error_code):
                self._note_refusal(header.source, code, error_code)

    def _note_refusal(self, address: int, code: int, error_code: int) -> None:
        refusal = (address, code, error_code)
        if refusal not in self._refusals:
            self._refusals.add(refusal)
            _log.warning("module_refuses device=%s address=%d command=%#04x error=%d", self.name, *refusal)

    def _telemetry(self, is_settled: bool) -> ModuleTelemetry | None:
        """None until every module told its output, or long enough was waited for it (`is_settled`)."""
        present = self._group.present()
        heard = {address: module for address, module in self._heard.items() if address in present and module.output is not None}
        if not heard or (len(heard) < len(self._options.addresses) and not is_settled):
            return None
        outputs = [module.output for module in heard.values() if module.output is not None]
        statuses = [module.status for module in heard.values() if module.status is not None]
        alarms = frozenset[str]().union(*(status.alarms for status in statuses))
        return ModuleTelemetry(
            voltage_v=max(output.voltage_v for output in outputs),
            current_a=sum(output.current_a for output in outputs),
            max_voltage_v=min(present[address].max_voltage_v for address in heard),
            max_current_a=sum(present[address].max_current_a for address in heard),
            max_power_w=sum(present[address].max_power_w for address in heard),
            modules_present=len(heard),
            temperature_c=max((float(status.ambient_c) for status in statuses), default=None),
            alarms=alarms | {"module-missing"} if len(heard) < len(self._options.addresses) else alarms,
            cut_off_s=wire.CUT_OFF_S,
        )


def _is_possible(answer: wire.Capabilities) -> bool:
    """There may be such a module."""
    has_some = answer.max_voltage_v > 0.0 and answer.max_current_a > 0.0 and answer.rated_power_w > 0.0
    return has_some and answer.max_voltage_v <= _HIGHEST.max_voltage_v and answer.max_current_a <= _HIGHEST.max_current_a


def _is_credible(output: wire.Output, known: Capability) -> bool:
    """The module can give this. CAN's checksum does not help against a module that has lost its wits."""
    below = 1.0 - _BEYOND
    return (
        below * known.max_voltage_v <= output.voltage_v <= _BEYOND * known.max_voltage_v
        and below * known.max_current_a <= output.current_a <= _BEYOND * known.max_current_a
    )
