"""Power modules on CAN as the power supply of one connector: everything that is the same for all families.

Theory of operation. One loop sends, one callback hears. In each turn the loop judges who is silent; it places orders when the wish has
changed, when somebody fell silent, and when it is time to repeat them; it places questions when it is time to ask; and it sends what is
most urgent. What a frame means is the dialect's business, what goes first `outbox.py`'s, how a wish is shared `group.py`'s, which range a
module works in `ranges.py`'s, and what the modules say is kept by `heard.py`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from hal.bus.can import CanLink
from hal.bus.wake import turn
from hal.errors import DeviceFault, DeviceUnavailable, WireError
from hal.ports import Emit
from hal.power.dialect import Dialect, Identity, Measured, Member, Order, Rated, Refused, State, Warmth, Word
from hal.power.due import Due
from hal.power.group import Group
from hal.power.heard import Heard, summed
from hal.power.module_options import ModuleOptions
from hal.power.outbox import Outbox
from hal.power.ranges import Ranges
from hal.types import ModuleTelemetry, Setpoint, Talk
from hal.wire.can_frame import CanFrame

_log = logging.getLogger(__name__)

_CUT_OFF_MARGIN_S = 1.0
_EMIT_S = 1.0
_SEARCH_EVERY = 4  # turns of questions, as long as members of the group are missing


class CanModules:
    """Raises DeviceUnavailable when no module answers (a part of them silent is an alarm), DeviceFault when one has left its group."""

    bus_kind: ClassVar[str | None] = "can"

    def __init__(self, name: str, options: ModuleOptions, bus: CanLink, dialect: Dialect) -> None:
        self.name = name
        self._options = options
        self._bus = bus
        self._dialect = dialect
        self._talk = Talk.FREE
        self._group = self._new_group()
        self._ranges = Ranges(dialect.border_v)
        self._addresses = list(options.addresses)
        self._strangers: set[int] = set()  # were of this group, and are no more
        self._heard: dict[int, Heard] = {}
        self._noted: set[tuple[object, ...]] = set()
        self._wish = Setpoint()
        self._renewed_at_s = 0.0
        self._ordered: Setpoint | None = None
        self._told_voltage_v: dict[int, float] = {}
        self._outbox = Outbox(dialect)
        self._has_news = False
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
        self._addresses = [address for address in self._addresses if address not in self._strangers]
        self._strangers.clear()
        self._heard.clear()
        self._outbox = Outbox(self._dialect)
        end_subscription = self._bus.subscribe(self._dialect.is_answer, self._on_frame)
        try:
            await self._loop(emit)
        finally:
            end_subscription()
            self._switch_off()

    # --- the loop -------------------------------------------------------------------------------------------------------------------

    async def _loop(self, emit: Emit) -> None:
        begun_s = _now_s()
        told = Due(_EMIT_S)
        ordered, asked = Due(self._options.refresh_s), Due(self._options.poll_s)
        turns, last = 0, ModuleTelemetry()
        while True:
            if self._talk is Talk.SILENT:
                await self._keep_silent()
                begun_s, asked, turns = _now_s(), Due(self._options.poll_s), 0
            now_s = _now_s()
            fallen = self._group.notice(now_s)
            self._check_presence(now_s, begun_s, fallen)
            wish = self._living_wish(now_s)
            if self._talk is Talk.FREE and (wish != self._ordered or fallen or ordered.is_due(now_s)):
                self._place_orders(wish, now_s)
                ordered.done(now_s)
            if asked.is_due(now_s) and not self._outbox.is_asking:
                self._place_questions(turns)
                turns += 1
                asked.done(now_s)
            pause_s = self._send_next()
            if told.is_due(now_s) or (pause_s is None and self._has_news):  # not after each answer of a round
                self._has_news = False
                telemetry = self._telemetry(is_settled=now_s - begun_s > self._options.silence_s)
                if telemetry is not None and (telemetry != last or told.is_due(now_s)):
                    emit(telemetry)
                    last = telemetry
                    told.done(now_s)
            due_s = min(ordered.at_s, asked.at_s) if self._talk is Talk.FREE else asked.at_s
            await turn(self._wake, max(due_s - now_s, 0.0) if pause_s is None else pause_s)

    async def _keep_silent(self) -> None:
        """Not a word until some are allowed again. What the modules told before counts no more then: they are met anew."""
        self._outbox = Outbox(self._dialect)
        while self._talk is Talk.SILENT:
            await self._wake.wait()
            self._wake.clear()
        self._group = self._new_group()
        self._heard.clear()
        self._ordered = None

    def _new_group(self) -> Group:
        return Group(self._options.silence_s, self._options.cut_off_s + _CUT_OFF_MARGIN_S)

    def _living_wish(self, now_s: float) -> Setpoint:
        if self._wish.is_on and now_s - self._renewed_at_s > self._options.time_to_live_s:
            _log.warning("setpoint_expired device=%s age_s=%.1f", self.name, now_s - self._renewed_at_s)
            self._wish = Setpoint()
        return self._wish

    def _check_presence(self, now_s: float, begun_s: float, fallen: frozenset[int]) -> None:
        self._has_news |= bool(fallen)
        for address in fallen:
            self._heard.pop(address, None)
            self._ranges.forget(address)
            _log.warning("module_silent device=%s address=%d", self.name, address)
        for address in self._strangers:
            raise DeviceFault(f"{self.name}: module {address} has left group {self._options.group}; looking for the modules anew")
        if now_s - begun_s > self._options.silence_s and self._heard.keys().isdisjoint(self._group.present()):
            which = f"group {self._options.group}" if self._options.group is not None else f"the modules {self._addresses}"
            raise DeviceUnavailable(f"{self.name}: none of {which} answers on {self._bus.name}")

    # --- to the modules -------------------------------------------------------------------------------------------------------------

    def _place_orders(self, wish: Setpoint, now_s: float) -> None:
        self._ranges.choose(wish)
        for address, band in self._ranges.due(self._group.present(), now_s):
            self._outbox.select(self._dialect.select(address, band))
            _log.info("module_range device=%s address=%d range=%s", self.name, address, band.value)
        failed = {address for address, heard in self._heard.items() if heard.has_failed}
        shares = self._group.split(wish, now_s, self._ranges.held(self._addresses, now_s) | failed)
        for address in self._addresses:
            setpoint = shares.get(address, Setpoint())  # a silent or unknown module is told to be off, should it hear us
            self._outbox.order(address, self._order(address, setpoint))
            self._ranges.told(address, now_s, is_on=setpoint.is_on)
        self._ordered = wish

    def _order(self, address: int, setpoint: Setpoint) -> Order:
        """Off keeps the voltage and takes away the current."""
        if setpoint.is_on:
            self._told_voltage_v[address] = setpoint.voltage_v
        return Order(self._told_voltage_v.get(address), setpoint.current_a, setpoint.is_on)

    def _place_questions(self, turn: int) -> None:
        if self._options.group is not None and turn % _SEARCH_EVERY == 0 and len(self._heard) < self._options.expected:
            self._outbox.ask(self._dialect.ask_members())
        present = self._group.present()
        for address in self._addresses:
            heard = self._heard.get(address) if address in present else None
            if heard is None:
                self._outbox.ask(self._dialect.introduce(address))
            else:
                self._outbox.ask(self._dialect.poll(address, 0 if heard.state is None else turn))

    def _send_next(self) -> float | None:
        """Send what is most urgent. Returns how long to wait before the next, None when nothing waits."""
        following = self._outbox.next()
        if following is None:
            return None
        frames, pause_s = following
        self._send(frames)
        return pause_s

    def _send(self, frames: Sequence[CanFrame]) -> None:
        for frame in frames:
            self._bus.send(*frame)

    def _switch_off(self) -> None:
        """The switches first: should the interface take no more, it is the currents that are not sent."""
        for order in (Order(None, 0.0, is_on=False), None):
            for address in self._addresses:
                try:
                    self._send(self._dialect.order(address, order or self._order(address, Setpoint())))
                except DeviceUnavailable as error:  # then the module cuts off by itself
                    _log.warning("power_off_not_sent device=%s address=%d error=%s", self.name, address, error)
        self._ordered = None

    # --- from the modules -----------------------------------------------------------------------------------------------------------

    def _on_frame(self, identifier: int, data: bytes) -> None:
        try:
            address, words = self._dialect.understand(identifier, data)
        except WireError as error:
            _log.debug("frame_refused device=%s error=%s", self.name, error)
            return
        for word in words:
            if isinstance(word, Member):
                self._place_member(address, word.group)
        if address in self._addresses:
            self._has_news = True
            heard = self._heard.get(address) or self._begin(address)
            for word in words:
                self._take(address, heard, word)

    def _begin(self, address: int) -> Heard:
        heard = self._heard[address] = Heard(Rated())
        heard.rate(self._dialect.assumed, self._dialect.highest)
        return heard

    def _place_member(self, address: int, group: int) -> None:
        if self._options.group is None:
            return
        if group != self._options.group and address in self._addresses:
            self._strangers.add(address)
        if group == self._options.group and address not in self._addresses:
            self._addresses.append(address)
            _log.info("module_found device=%s address=%d group=%d", self.name, address, group)
            if len(self._heard) >= self._options.expected:
                _log.warning("module_unexpected device=%s address=%d expected=%d", self.name, address, self._options.expected)

    def _take(self, address: int, heard: Heard, word: Word) -> None:
        is_believed = True
        match word:
            case Measured():
                is_believed = heard.measure(word, self._dialect.highest)
                if heard.ends_round() and heard.capability is not None:
                    self._group.heard(address, _now_s(), heard.capability)
            case Rated():
                is_believed = heard.rate(word, self._dialect.highest)
                if is_believed and heard.capability is not None:
                    self._group.heard(address, _now_s(), heard.capability)
            case State():
                self._note_state(address, heard, word)
            case Warmth(temperature_c):
                heard.temperature_c = temperature_c
            case Refused(command, error):
                self._note("module_refuses", address, command=command, error=error)
            case Identity() | Member():
                pass
        if not is_believed:
            _log.debug("answer_incredible device=%s address=%d answer=%s", self.name, address, word)

    def _note_state(self, address: int, heard: Heard, state: State) -> None:
        before = frozenset[str]() if heard.state is None else heard.state.alarms
        heard.state = state
        for alarm in sorted(state.alarms - before):
            _log.warning("module_alarm device=%s address=%d alarm=%s", self.name, address, alarm)
        for bit in sorted(state.unknown_bits):
            self._note("module_bit_unexplained", address, bit=bit)

    def _note(self, event: str, address: int, **facts: int) -> None:
        """Say something once."""
        words = " ".join(f"{name}={value}" for name, value in facts.items())
        if (event, address, words) not in self._noted:
            self._noted.add((event, address, words))
            _log.warning("%s device=%s address=%d %s", event, self.name, address, words)

    def _telemetry(self, *, is_settled: bool) -> ModuleTelemetry | None:
        """None until every module told its output, or long enough was waited for it."""
        present = self._group.present()
        modules = [
            heard for address, heard in self._heard.items() if address in present and heard.is_whole and heard.capability is not None
        ]
        is_complete = len(modules) >= self._options.expected
        if not modules or not (is_complete or is_settled):
            return None
        return replace(summed(modules, is_complete=is_complete), cut_off_s=self._options.cut_off_s)


def _now_s() -> float:
    return asyncio.get_running_loop().time()
