"""What a case works with: the central system's and the driver's hands on the station, and the strict look at what the station says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from chargerd.bench.kpi import Kpi, Measurements
from chargerd.bench.parameters import CONNECTOR, QUIET_HEARTBEAT_S, RESERVATION, RESERVED_S, TAG, Parameters
from chargerd.bench.patterns import Pattern
from chargerd.bench.product import Product, ShownKey
from chargerd.bench.stream import ALWAYS_ASIDE, Heard, Stream
from chargerd.bench.under_test import StationUnderTest
from chargerd.bench.verdict import CaseFailedError, require
from chargerd.csms.connection import OperationError
from chargerd.csms.model import Station
from chargerd.csms.policy import BootAnswer, Policy
from chargerd.ocpp.iso_time import render_time
from chargerd.ocpp.rpc import Payload

CALLERROR = "CALLERROR"
"""Stands among the statuses that `order` allows for any CALLERROR; `CALLERROR:code` for that one."""


ON_THEIR_WAY_S = 0.2
"""So long answers may be under way that the station must still get before its connection is cut."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the station answered: a payload, or the code of a CALLERROR."""

    payload: Payload
    error: str = ""

    @property
    def status(self) -> str:
        """Its `status`, or `CALLERROR:code`."""
        return f"{CALLERROR}:{self.error}" if self.error else str(self.payload.get("status"))


class Workbench:
    """One station, one case after the other. Everything that goes wrong is raised as CaseFailedError."""

    def __init__(self, station: StationUnderTest, product: Product, parameters: Parameters, measured: Measurements) -> None:
        self.station = station
        self.product = product
        self.parameters = parameters
        self.measured = measured
        self.plugged: set[int] = set()  # connectors with a vehicle, and sockets that may still hold a cable
        self.faults: list[tuple[int, str]] = []  # connectors and the error codes raised there
        self.reservations: set[int] = set()  # numbers of those that may stand
        self._policy = Policy(interval_s=QUIET_HEARTBEAT_S)
        station.central.policy = self._policy
        self.stream = Stream(self.record)

    # --- what is known -----------------------------------------------------------------------------------------------------------------

    @property
    def record(self) -> Station:
        """What the central system knows of the station."""
        return self.station.central.station(self.station.identity)

    @property
    def connectors(self) -> range:
        """The numbers of the connectors."""
        return range(1, int(self.product.keys["NumberOfConnectors"].value) + 1)

    @property
    def others(self) -> list[int]:
        """The connectors that are not under test."""
        return [connector for connector in self.connectors if connector != CONNECTOR]

    @property
    def transaction(self) -> int:
        """The id of the latest transaction."""
        return max(self.record.transactions)

    @property
    def now_s(self) -> float:
        """The loop's clock."""
        return asyncio.get_running_loop().time()

    @property
    def utc_s(self) -> float:
        """The central system's clock."""
        return self.station.central.options.utc_s()

    # --- how the central system answers ---------------------------------------------------------------------------------------------------

    def answer_boot(self, answer: BootAnswer, interval_s: int) -> None:
        """From now on BootNotification is answered so."""
        self._policy = replace(self._policy, boot=answer, interval_s=interval_s)
        self.station.central.policy = self._policy

    def answer_token(self, id_tag: str, status: str = "Accepted", parent: str | None = None) -> None:
        """From now on this token has this status and parent, in every answer."""
        info: Payload = {"status": status} if parent is None else {"status": status, "parentIdTag": parent}
        tokens: dict[str, Payload] = {**self._policy.tokens, id_tag.casefold(): info}
        self._policy = replace(self._policy, tokens=tokens)
        self.station.central.policy = self._policy

    def answer_as_usual(self) -> None:
        """Everybody is accepted, every token is valid and has no parent."""
        self._policy = Policy(interval_s=QUIET_HEARTBEAT_S)
        self.station.central.policy = self._policy

    # --- what the central system asks -----------------------------------------------------------------------------------------------------

    async def ask(self, action: str, payload: Mapping[str, object] | None = None) -> Answer:
        """Send a request and give its answer, whatever it is."""
        sent_s = self.now_s
        try:
            answer = await self.station.central.call(self.station.identity, action, payload or {}, self.parameters.answer_s)
        except OperationError as error:
            if not error.code:
                raise CaseFailedError(str(error)) from None
            return self._timed(action, sent_s, Answer({}, error.code))
        return self._timed(action, sent_s, Answer(answer))

    async def order(self, action: str, payload: Mapping[str, object], *allowed: str) -> Answer:
        """Send a request whose answer must have one of these statuses; Accepted when none is named."""
        answer = await self.ask(action, payload)
        wanted = allowed or ("Accepted",)
        is_allowed = answer.status in wanted or (bool(answer.error) and CALLERROR in wanted)
        require(is_allowed, f"{action} {dict(payload)} was answered {answer.status}, not {' or '.join(wanted)}")
        return answer

    async def configure(self, key: str, value: object) -> None:
        """Give a key a value; it must be Accepted. When the case has passed, every key gets back the value it had as delivered."""
        text = str(value).lower() if isinstance(value, bool) else str(value)
        await self.order("ChangeConfiguration", {"key": key, "value": text})

    async def configure_if_shown(self, key: str, value: object) -> None:
        """The same for a key that not every station has."""
        if self.product.has(key):
            await self.configure(key, value)

    async def configure_unless_fixed(self, key: str, value: object) -> None:
        """The same for a key that may be read-only, or not there at all."""
        if self.product.is_writable(key):
            await self.configure(key, value)

    async def reserve(self, connector: int, *allowed: str, for_s: float = RESERVED_S, parent: str | None = None) -> None:
        """Keep a connector for the first token, 0: one of the station's; the answer must be one of these, as for `order`."""
        payload = {"connectorId": connector, "idTag": TAG, "reservationId": RESERVATION, "expiryDate": render_time(self.utc_s + for_s)}
        self.reservations.add(RESERVATION)
        await self.order("ReserveNow", payload if parent is None else {**payload, "parentIdTag": parent}, *allowed)

    async def read_keys(self) -> dict[str, ShownKey]:
        """Every key that the station shows."""
        return shown_keys((await self.ask("GetConfiguration")).payload)

    # --- what the driver and fate do ------------------------------------------------------------------------------------------------------

    async def plug_in(self, connector: int = CONNECTOR) -> None:
        """Plug a vehicle in, at both ends of the cable."""
        await self._simulate("plug_in", connector=connector)
        self.plugged.add(connector)

    async def plug_out(self, connector: int = CONNECTOR) -> None:
        """Unplug it."""
        await self._simulate("plug_out", connector=connector)
        if self.station.lock(connector) is None:
            self.plugged.discard(connector)

    async def present(self, id_tag: str = TAG) -> None:
        """Hold a card to the reader."""
        await self._simulate("swipe", id_tag=id_tag)

    async def jam_lock(self, *, is_jammed: bool = True) -> None:
        """The lock of the connector under test does not move its bolt any more."""
        device, _, part = str(self.station.lock(CONNECTOR)).partition(".")
        await self._simulate("set", device=device, field=f"{part}_jammed" if part else "jammed", value=is_jammed)

    async def lose_mains(self) -> None:
        """Mains are gone; the station still runs, from what it has stored."""
        await self._simulate("power_loss")

    async def fault(self, error_code: str, connector: int = CONNECTOR) -> None:
        """Something breaks at a connector; 0 is the whole station."""
        await self._simulate("fault", connector=connector, error_code=error_code)
        self.faults.append((connector, error_code))

    async def cut_link(self) -> None:
        """The connection to the central system is lost and stays so."""
        await asyncio.sleep(ON_THEIR_WAY_S)
        await self.station.set_link(is_up=False)
        await self.until(lambda: not self.record.is_connected, "the connection did not end")

    async def restore_link(self) -> None:
        """The station may connect again, and does."""
        await self.station.set_link(is_up=True)
        await self.until(lambda: self.record.is_connected, "the station did not connect again")

    async def power_cycle(self) -> None:
        """The power fails and comes back."""
        await self.station.power_cycle()

    async def wait(self, seconds: float) -> None:
        """Let time pass; what the station says meanwhile is looked at afterwards."""
        await asyncio.sleep(seconds)

    async def until(self, claim: Callable[[], bool], words: str) -> None:
        """Wait until a claim about the central system's record holds; `words` say what is wrong when it does not."""
        try:
            async with asyncio.timeout(self.parameters.message_s):
                await self.station.central.until(claim)
        except TimeoutError:
            raise CaseFailedError(f"{words} within {self.parameters.message_s:g} s") from None

    # --- what the station says ------------------------------------------------------------------------------------------------------------

    def begin_case(self) -> None:
        """What has come before is of no interest."""
        self.stream.forget()
        self.stream.aside = ALWAYS_ASIDE

    def attend_to(self, action: str) -> None:
        """From now on messages that are set aside otherwise are part of the case."""
        self.stream.aside = self.stream.aside - {action}

    async def expect(self, *patterns: Pattern, within_s: float | None = None) -> Heard:
        """The next message fits one of the patterns."""
        return await self.stream.expect(*patterns, within_s=within_s or self.parameters.message_s)

    async def expect_any_order(self, *patterns: Pattern, may: Sequence[Pattern] = ()) -> list[Heard]:
        """The next messages fit the patterns, one each, in any order; those of `may` may come between them, once each."""
        return await self.stream.expect_any_order(*patterns, may=may, within_s=self.parameters.message_s)

    async def may_come(self, pattern: Pattern, within_s: float | None = None) -> Heard | None:
        """The next message fits the pattern, or there is none such."""
        return await self.stream.is_next(pattern, within_s or self.parameters.absence_s)

    async def expect_nothing(self, for_s: float | None = None) -> None:
        """Nothing comes."""
        await self.stream.expect_nothing(for_s or self.parameters.absence_s)

    # --- helpers --------------------------------------------------------------------------------------------------------------------------

    def _timed(self, action: str, sent_s: float, answer: Answer) -> Answer:
        took_s = self.now_s - sent_s
        self.measured.add(Kpi.OCPP_RESPONSE, took_s)
        if action == "RemoteStartTransaction":
            self.measured.add(Kpi.REMOTE_START_RESPONSE, took_s)
        return answer

    async def _simulate(self, word: str, **arguments: object) -> None:
        try:
            await self.station.simulate(word, **arguments)
        except ValueError as error:
            raise CaseFailedError(f"sim.{word} {arguments}: {error}") from None


def shown_keys(answer: Payload) -> dict[str, ShownKey]:
    """The keys of a GetConfiguration answer."""
    listed = cast("list[dict[str, Any]]", answer.get("configurationKey", []))
    return {one["key"]: ShownKey(str(one.get("value", "")), bool(one["readonly"])) for one in listed}
