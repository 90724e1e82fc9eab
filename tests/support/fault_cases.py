"""One fault on one station: provoked, answered in time, and gone again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from chargerd.core.events import ClearFault, LocalStart
from chargerd.core.facts import FaultRaised, Phase, StatusChanged, TransactionStopped
from chargerd.core.faults import FAULTS, Severity
from chargerd.core.ids import STATION, ConnectorId, IdTag
from chargerd.core.reactions import Claim, reactions, stop_reason
from chargerd.core.session import IN_SESSION
from chargerd.core.status import error_code_beside
from chargerd.sim.invariants import INVARIANTS, broken, given_a
from chargerd.sim.rig import LocalHand, rig
from hal.mock.outlet import Outlet
from hal.types import LockState
from tests.support.fault_provocations import Deed, Provocation, Stage
from tests.support.station_bench import CARD, QUICK, Bench

ONE, TWO = ConnectorId(1), ConnectorId(2)
LATER = (Claim.REFUSED, Claim.HELD, Claim.GOES_ON, Claim.WAITS)
"""Claims that show once everything else has come to rest."""
REST_S = 3.0
FLOWING_A = 5.0
INSTANT_S = 0.001
"""What is due at a moment has been done then."""
CARD_AWAY_S = 5.0
"""So long a card is away from its reader before it is read anew."""
WELL = [name for name in INVARIANTS if name != "closed_implies_session"]
"""A contactor that is welded stays closed."""


@asynccontextmanager
async def staged(folder: Path, stage: Stage) -> AsyncIterator[Bench]:
    """The station, accepted and at rest."""
    quick = {"ocpp": QUICK["ocpp"]} if stage.mode.has_wires else QUICK
    buses = {"plant": {**QUICK["buses"]["plant"], **stage.overlay.get("buses", {}).get("plant", {})}}
    overlay = {**quick, **stage.overlay, **({} if stage.mode.has_wires else {"buses": buses})}
    async with rig(stage.mode, folder, overlay, station=stage.file) as made:
        station = Bench(made)
        await station.accepted()
        await station.until(lambda: not any(view.faults for view in made.daemon.reactor.view().connectors))
        yield station


class Case:
    """One fault on one station, at connector 1 or at the station as a whole."""

    def __init__(self, station: Bench, code: str, provocation: Provocation) -> None:
        self.station = station
        self.code = code
        self.row = FAULTS[code]
        self.provocation = provocation
        self.first = 0  # facts before it was provoked
        self.found_s = 0.0
        self.at = ONE

    # --- there ------------------------------------------------------------------------------------------------------------------

    async def provoke(self) -> None:
        """Charge where that is when it happens, bring the cause about, and wait until the fault is found."""
        if self.provocation.during is Phase.DELIVERING:
            await self.charge()
        await self.station.stage.daemon.reactor.committed()
        self.first = len(self.station.stage.facts)
        await self.perform(*self.provocation.do)
        await self.claim(lambda: self.is_up() or self.raised() is not None, self.provocation.noticed_s, "found")
        if self.provocation.is_written_later:
            self.found_s, self.at = asyncio.get_running_loop().time(), STATION
            return
        await self.station.stage.daemon.reactor.committed()
        raised = self.raised()
        assert raised is not None
        self.found_s, self.at = raised.mono_s, raised.fact.connector

    async def judge(self) -> None:
        """Everything that must follow, each at its deadline."""
        daemon = self.station.stage.daemon
        following = reactions(self.code, daemon.config.timing, daemon.config.safety.gate.open_s)
        for one in sorted(following, key=lambda one: one.within_s):
            await self.until_s(self.found_s + one.within_s + INSTANT_S)
            if one.claim not in LATER and not (one.claim is Claim.TOLD and self.is_told_later):
                assert self.holds(one.claim, self.found_s + one.within_s), f"{one.words()}; {self.story()}"
            assert broken(WELL, daemon.reactor.view()) == [], self.story()
        await asyncio.sleep(REST_S)
        for one in following:
            if one.claim in LATER:
                assert self.holds(one.claim, 0.0), f"{one.words()}; {self.story()}"
        if self.reason:
            await self.claim(lambda: bool(self.stopped()), 15.0, "stopped")
        assert [stop.fact.reason.value for stop in self.stopped()] == [reason for reason in (self.reason,) if reason], self.story()
        if not self.is_told_later:
            await self.claim(self.is_told, 5.0, "told")

    def holds(self, claim: Claim, until_s: float) -> bool:
        view = self.station.view(1)
        match claim:
            case Claim.TOLD:
                return any(told.mono_s == self.found_s for told in self.statuses())
            case Claim.NO_CURRENT:
                return given_a(view) == 0.0
            case Claim.ORDERED:
                return not view.outputs.contactor
            case Claim.OPEN:
                return not self.outlet.is_closed
            case Claim.ENDED:
                return view.transaction is None and all(stop.mono_s <= until_s for stop in self.stopped())
            case Claim.REFUSED:
                start = LocalStart(ONE if self.at == ONE else TWO, IdTag("TECHNICIAN"))
                return not self.is_up() or not self.station.stage.dispatch(start).is_accepted
            case Claim.HELD:
                return view.lock is None or (view.lock is LockState.LOCKED and view.outputs.lock)
            case Claim.GOES_ON:
                return view.phase is Phase.DELIVERING and self.outlet.current_a > FLOWING_A and not self.stopped()

            case Claim.WAITS:
                return view.transaction is not None and self.outlet.current_a == 0.0 and not self.stopped()

    # --- and back ---------------------------------------------------------------------------------------------------------------

    async def go_back(self) -> None:
        """Nobody can clear it while it is there, unless nobody else would; without its cause it ends, and the next vehicle is charged."""
        station = self.station
        if self.row.is_latching and self.provocation.undo:
            assert self.row.remedy in station.stage.dispatch(ClearFault(self.at, self.code)).reason
        await self.perform(*self.provocation.undo)
        if self.row.is_latching:
            await asyncio.sleep(REST_S)
            assert self.is_up(), self.story()
            assert station.stage.dispatch(ClearFault(self.at, self.code)).is_accepted
        for code in self.provocation.latches:
            await self.claim(lambda code=code: station.stage.dispatch(ClearFault(ONE, code)).is_accepted, 10.0, f"cleared of {code}")
        if self.is_told_later:
            await self.claim(lambda: not any(self.is_up(code) for code in self.provocation.beside), 30.0, "alone")
            await self.claim(self.is_told, 5.0, "told")
        if station.view(1).transaction is not None:
            await self.swipe()
        await self.claim(lambda: station.view(1).phase not in IN_SESSION, 30.0, "over")
        await asyncio.sleep(1.0)
        await station.do("plug_out", connector=1)
        await self.claim(lambda: not self.is_up() and station.view(1).phase is Phase.IDLE, 40.0, "gone")
        await self.claim(lambda: not station.view(1).faults and not station.stage.daemon.reactor.view().faults, 30.0, "well")
        await asyncio.sleep(CARD_AWAY_S)
        await self.charge()
        assert not self.is_up()

    async def charge(self) -> None:
        """From plug to current."""
        await self.station.do("plug_in", connector=1)
        await self.station.until(lambda: self.station.view(1).phase is Phase.WAIT_AUTH)
        await self.swipe()
        await self.claim(lambda: self.outlet.current_a > FLOWING_A, 60.0, "charging")

    async def swipe(self) -> None:
        """A card, which means connector 1; a reader on a wire cannot say so."""
        is_on_wires = self.station.stage.daemon.simulation is None
        await self.station.do("swipe", id_tag=CARD, **({} if is_on_wires else {"connectors": [1]}))

    # --- what is seen -----------------------------------------------------------------------------------------------------------

    @property
    def outlet(self) -> Outlet:
        """The outlet itself: what is true of it, whatever is told."""
        hand = self.station.stage.hand
        assert isinstance(hand, LocalHand)
        simulation = hand.simulation()
        assert simulation is not None
        return simulation.plant.outlet(1)

    @property
    def reason(self) -> str | None:
        reason = stop_reason(self.code)
        return self.provocation.reason if self.provocation.reason is not None or reason is None else reason.value

    @property
    def is_told_later(self) -> bool:
        return self.provocation.is_written_later or bool(self.provocation.beside)

    def is_up(self, code: str = "") -> bool:
        """This fault, or another one."""
        view = self.station.stage.daemon.reactor.view()
        return any(fault.code == (code or self.code) for fault in (*view.faults, *view.connectors[0].faults))

    def since(self, kind: type[Any]) -> list[Any]:
        return [one for one in self.station.stage.facts[self.first :] if isinstance(one.fact, kind)]

    def raised(self) -> Any:
        return next((one for one in self.since(FaultRaised) if one.fact.code == self.code), None)

    def stopped(self) -> list[Any]:
        return [one for one in self.since(TransactionStopped) if one.fact.connector == ONE]

    def statuses(self) -> list[Any]:
        """Those that tell of the fault, with the error code that may stand beside the status."""
        return [
            one
            for one in self.since(StatusChanged)
            if (one.fact.connector, one.fact.vendor_error_code) == (self.at, self.code)
            and one.fact.error_code == error_code_beside(one.fact.status, self.row.error_code)
            and (one.fact.status.value == "Faulted") is (self.row.severity >= Severity.STOP)
        ]

    def is_told(self) -> bool:
        """The central system knows."""
        return any(
            payload.get("vendorErrorCode") == self.code and payload["connectorId"] == self.at
            for _, _, payload, _ in self.station.calls("StatusNotification")
        )

    def story(self) -> str:
        """What has happened, for people."""
        told = [f"{one.mono_s - self.found_s:+.3f} {one.fact}" for one in self.station.stage.facts[self.first :][-40:]]
        return "\n".join([f"{self.code}: {self.station.view(1).phase.value}", *told])

    # --- time and deeds ---------------------------------------------------------------------------------------------------------

    async def perform(self, *deeds: Deed) -> None:
        for deed in deeds:
            match deed:
                case ("wait", {"value": seconds}):
                    await asyncio.sleep(seconds)
                case (str(word), arguments):
                    await self.station.stage.simulate(word, arguments)
                case _ if callable(deed):
                    deed()
                case _:
                    assert self.station.stage.dispatch(deed).is_accepted

    async def until_s(self, at_s: float) -> None:
        """Wait for a moment of the loop's clock."""
        await asyncio.sleep(max(0.0, at_s - asyncio.get_running_loop().time()))

    async def claim(self, claim: Callable[[], bool], within_s: float, word: str) -> None:
        try:
            await self.station.until(claim, within_s)
        except TimeoutError:
            raise AssertionError(f"not {word} within {within_s:g} s; {self.story()}") from None
