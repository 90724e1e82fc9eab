"""The one who charges in the demonstration: does what a driver does, and looks at everything all the time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar, cast

from chargerd.cli.demo_screen import CLOCK_WIDTH, Screen
from chargerd.cli.demo_words import CARD, Outcome
from chargerd.cli.timeline import Heard, Timeline, clock, progress
from chargerd.core.facts import ConnectorStatus, Phase, Stamped, StopConfirmed, TransactionConfirmed, TransactionStarted, TransactionStopped
from chargerd.core.ids import ConnectorId, short_tag
from chargerd.core.session import DC
from chargerd.core.view import ConnectorView, StationView
from chargerd.csms.model import Station
from chargerd.ocpp.trace import TraceEntry
from chargerd.sim.rig import Rig
from hal.types import ControlPilot

CONNECTOR = ConnectorId(1)
VEHICLE = {"soc_percent": 18.0, "capacity_kwh": 40.0, "voltage_v": 400.0, "max_current_a": 250.0, "max_power_w": 80_000.0}
CHARGING_S = 1200.0
PAUSE_S = 60.0
"""Simulated seconds: how long the vehicle charges, and what a driver takes from one thing to the next."""

_PATIENCE_S = 60.0  # real; more than the daemon takes for any step of a session that goes well
_LOOK_S = 0.01

F = TypeVar("F", TransactionStarted, TransactionConfirmed, TransactionStopped, StopConfirmed)


class DemoError(Exception):
    """The session did not go as it should; the text is one line for people."""


class Driver:
    """See the module. stop: set when the program is to end. speed: simulated seconds per second."""

    def __init__(self, stage: Rig, speed: float, shown: Screen, stop: asyncio.Event) -> None:
        self._stage = stage
        self._speed = speed
        self._shown = shown
        self._stop = stop
        self._loop = asyncio.get_running_loop()
        began_s = self._loop.time()
        self._seen = 0
        self._heard = [Heard(began_s, entry) for entry in stage.daemon.link.trace.recent()]
        self.timeline = Timeline(began_s, speed, CONNECTOR)
        stage.daemon.link.trace.subscribe(self._hear)

    def _hear(self, entry: TraceEntry) -> None:
        self._heard.append(Heard(self._loop.time(), entry))

    # --- the session ------------------------------------------------------------------------------------------------------------------

    async def session(self) -> Outcome:
        """From the boot of the station to the last answer. Raises DemoError."""
        await self._until(self._is_up, "the station did not come up")
        await self._rest(PAUSE_S)
        await self._do("the driver plugs the cable in", "plug_in", connector=CONNECTOR, ev=VEHICLE)
        await self._until(lambda: self._view.phase is Phase.WAIT_AUTH, "the station did not notice the vehicle")
        await self._rest(PAUSE_S)
        await self._show_card()
        await self._until(lambda: self._view.phase is Phase.DELIVERING, "the vehicle did not begin to charge")
        await self._rest(CHARGING_S, while_=lambda: self._view.phase in DC.closed)
        await self._show_card()
        await self._until(lambda: self._view.phase is Phase.WAIT_UNPLUG, "the session did not end")
        await self._rest(PAUSE_S)
        await self._do("the driver pulls the cable", "plug_out", connector=CONNECTOR)
        await self._until(self._is_over, "the central system did not acknowledge the whole session")
        return self._outcome()

    async def watch(self) -> None:
        """Tell what happens, until the program is to end."""
        while not self._stop.is_set():
            await self._look()

    async def _show_card(self) -> None:
        await self._do(f"the driver holds card {short_tag(CARD)} to the reader", "swipe", id_tag=CARD, connectors=[CONNECTOR])

    async def _do(self, words: str, deed: str, **arguments: object) -> None:
        self._shown.show(self.timeline.act(self._loop.time(), words))
        try:
            await self._stage.simulate(deed, arguments)
        except ValueError as error:
            raise DemoError(f"{words}: {error}") from None

    # --- looking ----------------------------------------------------------------------------------------------------------------------

    async def _until(self, is_true: Callable[[], bool], problem: str) -> None:
        deadline_s = self._loop.time() + _PATIENCE_S
        while not is_true():
            if self._loop.time() > deadline_s:
                raise DemoError(f"{problem} within {_PATIENCE_S:.0f} s: {self._state()}")
            await self._look()
            self._check_stop()

    async def _rest(self, simulated_s: float, while_: Callable[[], bool] = lambda: True) -> None:
        until_s = self._loop.time() + simulated_s / self._speed
        while self._loop.time() < until_s:
            await self._look()
            self._check_stop()
            if not while_():
                raise DemoError(f"the session ended by itself: {self._state()}")

    def _check_stop(self) -> None:
        if self._stop.is_set():
            raise DemoError("ended before the session was over")

    async def _look(self) -> None:
        """Tell what is new, then wait for the next fact or a moment."""
        now_s, view = self._loop.time(), self._stage.daemon.reactor.view()
        await self._stage.daemon.reactor.committed()  # what made the view so is told before it
        facts, self._seen = self._stage.facts[self._seen :], len(self._stage.facts)
        heard, self._heard = self._heard, []
        self._stage.heard.clear()
        self._shown.show(self.timeline.take(facts, heard, view, now_s))
        self._shown.foot(now_s, self._foot(view, now_s))
        try:
            async with asyncio.timeout(_LOOK_S):
                await self._stage.heard.wait()
        except TimeoutError:
            pass

    def _foot(self, view: StationView, now_s: float) -> str:
        charging = [f"connector {one.connector}: {words}" for one in view.connectors if (words := progress(one))]
        resting = [f"connector {one.connector}: {one.status.status.value} ({one.phase.value})" for one in view.connectors]
        wheel = "◐◓◑◒"[int(now_s * 5) % 4]
        return f"{clock(self.timeline.at_s(now_s)):>{CLOCK_WIDTH}}  {wheel}  {'   '.join(charging or resting)}"

    # --- claims -----------------------------------------------------------------------------------------------------------------------

    @property
    def _view(self) -> ConnectorView:
        return next(one for one in self._stage.daemon.reactor.view().connectors if one.connector == CONNECTOR)

    @property
    def _record(self) -> Station:
        return self._stage.central.station(self._stage.identity)

    def _is_up(self) -> bool:
        """Every device has spoken, and the central system has accepted the station and heard the states of all connectors."""
        view = self._stage.daemon.reactor.view()
        have_spoken = all(one.meter and one.supply and one.ev.control_pilot is not ControlPilot.UNKNOWN for one in view.connectors)
        is_told = all(self._record.status(one.connector) == one.status.status.value for one in view.connectors)
        return view.is_link_accepted and have_spoken and is_told and self._is_all_answered()

    def _is_over(self) -> bool:
        """Both ends of the transaction are acknowledged, and the central system knows that the connector is free again."""
        is_free = self._view.status.status is ConnectorStatus.AVAILABLE and self._record.status(CONNECTOR) == "Available"
        is_acknowledged = bool(self._facts(TransactionConfirmed) and self._facts(StopConfirmed))
        return is_free and is_acknowledged and self._is_all_answered()

    def _is_all_answered(self) -> bool:
        return not self._heard and not self.timeline.messages.unanswered

    def _facts(self, kind: type[F]) -> list[tuple[Stamped, F]]:
        return [(stamped, stamped.fact) for stamped in self._stage.facts if isinstance(stamped.fact, kind)]

    def _state(self) -> str:
        view = self._view
        faults = ", ".join(fault.code for fault in (*view.faults, *self._stage.daemon.reactor.view().faults))
        return f"connector {CONNECTOR} is {view.status.status.value} ({view.phase.value}), faults: {faults or 'none'}"

    def _outcome(self) -> Outcome:
        """What the central system was told of the session, and what the station has on disk about its answers."""
        (begun, start), (ended, stop) = self._facts(TransactionStarted)[0], self._facts(TransactionStopped)[0]
        confirmed = [fact for _, fact in self._facts(TransactionConfirmed) if fact.local_id == start.local_id]
        number = confirmed[0].remote_id
        told = self._record.transactions[number]
        told_stop = told.stop or {}
        socs = [point.soc_percent for point in self.timeline.points]
        return Outcome(
            transaction_id=number,
            start_acknowledged=bool(confirmed),
            stop_acknowledged=any(fact.local_id == stop.local_id for _, fact in self._facts(StopConfirmed)),
            stop_reason=str(told_stop.get("reason", "Local")),  # OCPP 1.6, 4.10: left out where it is Local
            meter_start_wh=cast("int", told.start["meterStart"]),
            meter_stop_wh=cast("int", told_stop.get("meterStop", told.start["meterStart"])),
            soc_from=socs[0] if socs else None,
            soc_to=socs[-1] if socs else None,
            seconds=(self.timeline.lines[-1].at_s - self.timeline.lines[0].at_s) / self._speed,
            simulated_seconds=(ended.mono_s - begun.mono_s) * self._speed,
            speed=self._speed,
            messages=dict(self.timeline.messages.sent),
        )
