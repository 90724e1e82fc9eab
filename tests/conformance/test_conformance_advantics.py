"""The Advantics driver with a simulated controller over buses of all qualities."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace

import pytest

from chargerd.sim.virtual_loop import run_virtual
from hal.errors import DeviceUnavailable
from hal.secc.advantics_evse import SAFE_REQUEST, AdvanticsEvse, AdvanticsOptions, is_change
from hal.types import ControlPilot, EvRequest, Isolation, SeccOutput, SeccPhase
from hal.wire import advantics_evse as wire
from hal.wire.advantics_evse import Pilot, PowerFunction, State
from tests.conformance.links import QUALITIES, CanWire, Quality, Supervised, now_s

READY = SeccOutput(
    is_enabled=True, authorization=True, max_voltage_v=1000.0, max_current_a=200.0, max_power_w=100_000.0, isolation=Isolation.SAFE
)
DELIVERING = wire.DcPowerControl(400.0, 125.0, function=PowerFunction.POWER, is_contactor_closed=True)


class Controller:
    """The controller's side: repeats what it has to say every 100 ms."""

    def __init__(self, quality: Quality, **options: object) -> None:
        self.bus = CanWire(quality)
        self.bus.peer = self._hear
        self.driver = AdvanticsEvse("secc1", AdvanticsOptions(**options), self.bus)  # type: ignore[arg-type]
        self.cyclic: list[wire.Message] = [wire.ControllerStatus(State.WAITING_FOR_VEHICLE), wire.PilotState(Pilot.A)]
        self.heard: list[tuple[float, wire.Message]] = []

    def _hear(self, identifier: int, data: bytes) -> None:
        outlet, message = wire.decode(identifier, data)
        assert outlet == 1
        self.heard.append((now_s(), message))

    def say(self, message: wire.Message) -> None:
        self.bus.say(*wire.encode(message, 1))

    async def live(self, duration_s: float, output: SeccOutput = READY) -> None:
        """Talk for a while, with the daemon renewing its output."""
        for tick in range(round(duration_s * 10)):
            for message in self.cyclic:
                self.say(message)
            if tick % 5 == 0:
                self.driver.apply(output)
            await asyncio.sleep(0.1)

    def told(self, kind: type[wire.Message]) -> list[wire.Message]:
        return [message for _, message in self.heard if isinstance(message, kind)]


def state(state_: State, pilot: Pilot, *more: wire.Message) -> list[wire.Message]:
    return [wire.ControllerStatus(state_), wire.PilotState(pilot), *more]


def last(run: Supervised) -> EvRequest:
    request = run.values[-1]
    assert isinstance(request, EvRequest)
    return request


@pytest.mark.parametrize("quality", QUALITIES)
def test_a_session_is_followed_and_only_it(quality: str) -> None:
    """Phases, pilot and targets of the wire come out, and no others."""

    async def scene() -> None:
        controller = Controller(QUALITIES[quality]())
        precharge = wire.DcPowerControl(400.0, 2.0, function=PowerFunction.PRECHARGE, is_contactor_closed=True)
        async with Supervised(controller.driver) as run:
            await controller.live(2.0)
            for cyclic in (
                state(State.NEGOTIATING, Pilot.B, wire.NewChargeSession()),
                state(State.AUTHORISATION, Pilot.B),
                state(State.PRECHARGE, Pilot.C, precharge),
                state(State.CHARGING, Pilot.C, DELIVERING),
            ):
                controller.cyclic = cyclic
                await controller.live(2.0)
        seen = {
            (request.phase, request.control_pilot, request.target_voltage_v, request.target_current_a)
            for request in run.values
            if isinstance(request, EvRequest)
        }
        phases = {phase for phase, *_ in seen}
        expected = {SeccPhase.IDLE, SeccPhase.HANDSHAKE, SeccPhase.AUTHORIZATION, SeccPhase.PRECHARGE, SeccPhase.CURRENT_DEMAND}
        assert expected <= phases <= expected | {SeccPhase.UNAVAILABLE, SeccPhase.READY}  # ready: until the first wish for power is heard
        assert {(voltage_v, current_a) for _, _, voltage_v, current_a in seen} <= {(0.0, 0.0), (400.0, 2.0), (400.0, 125.0)}
        assert {pilot for _, pilot, *_ in seen} <= {ControlPilot.UNKNOWN, ControlPilot.A, ControlPilot.B, ControlPilot.C}

    run_virtual(scene())


@pytest.mark.parametrize("quality", QUALITIES)
def test_leaving_says_not_enabled(quality: str) -> None:
    """The last status to the controller withdraws the permission."""

    async def scene() -> None:
        controller = Controller(QUALITIES[quality]())
        async with Supervised(controller.driver):
            await controller.live(2.0)
        _, message = wire.decode(*controller.bus.sent[-1][1:])
        assert isinstance(message, wire.PowerModulesStatus)
        assert not message.is_enabled

    run_virtual(scene())


def test_loss_of_the_status_is_safe_first_and_then_an_error() -> None:
    """After 200 ms the safe request, after a second DeviceUnavailable, and it heals."""

    async def scene() -> None:
        controller = Controller(Quality())
        controller.cyclic = state(State.CHARGING, Pilot.C, DELIVERING)
        async with Supervised(controller.driver) as run:
            await controller.live(3.0)
            assert last(run).target_current_a == 125.0
            controller.bus.quality.is_cut = True
            cut_at_s = now_s() - 0.1  # the last status
            await controller.live(3.0)
            safe_at_s = next(at_s for at_s, request in run.readings if request == SAFE_REQUEST)
            assert 0.2 <= safe_at_s - cut_at_s <= 0.25
            assert isinstance(run.errors[0][1], DeviceUnavailable)
            assert 1.0 <= run.errors[0][0] - cut_at_s <= 1.15
            assert len(run.errors) == 2
            assert run.since(run.errors[0][0]) == []  # a reading would mean that it is back
            controller.bus.quality.is_cut = False
            await controller.live(2.0)
            assert last(run).target_current_a == 125.0

    run_virtual(scene())


def test_status_goes_out_every_100_ms() -> None:
    """The controller supervises 63000: no gap is longer than its period allows."""

    async def scene() -> None:
        controller = Controller(Quality())
        async with Supervised(controller.driver):
            await controller.live(10.0)
        times_s = [at_s for at_s, message in controller.heard if isinstance(message, wire.PowerModulesStatus)]
        gaps_s = [later - earlier for earlier, later in itertools.pairwise(times_s)]
        assert max(gaps_s[:-1]) <= 0.101
        assert 95 <= len(times_s) <= 105

    run_virtual(scene())


def test_limits_and_answers_go_out_on_change_and_each_second() -> None:
    """At rest one a second; limits that change all the time at most ten a second; a stop at once."""

    async def scene() -> None:
        controller = Controller(Quality())
        async with Supervised(controller.driver):
            await controller.live(10.0)
            assert 9 <= len(controller.told(wire.DcPowerParameters)) <= 13
            assert 9 <= len(controller.told(wire.SequenceControl)) <= 13
            controller.heard.clear()
            for step in range(100):
                controller.say(wire.ControllerStatus(State.CHARGING))
                controller.driver.apply(replace(READY, max_current_a=100.0 + step))
                await asyncio.sleep(0.01)
            assert len(controller.told(wire.DcPowerParameters)) <= 11
            await asyncio.sleep(0.043)  # when no status is due
            controller.driver.apply(replace(READY, wants_stop=True))
            await asyncio.sleep(0.01)
            stop = controller.told(wire.SequenceControl)[-1]
            assert isinstance(stop, wire.SequenceControl)
            assert stop.is_user_stop

    run_virtual(scene())


def test_a_limit_of_zero_is_not_told_as_the_default() -> None:
    """0 would let the controller use its configured limit; one count is told instead."""

    async def scene() -> None:
        controller = Controller(Quality())
        async with Supervised(controller.driver):
            await controller.live(1.0, replace(READY, max_current_a=0.0))
        assert controller.told(wire.DcPowerParameters)[-1] == wire.DcPowerParameters(1000.0, 0.1)

    run_virtual(scene())


def test_a_power_limit_becomes_a_current_limit() -> None:
    """At 400 V present, 20 kW are 50 A."""

    async def scene() -> None:
        controller = Controller(Quality())
        async with Supervised(controller.driver):
            await controller.live(1.0, replace(READY, max_power_w=20_000.0, present_voltage_v=400.0))
        assert controller.told(wire.DcPowerParameters)[-1] == wire.DcPowerParameters(1000.0, 50.0)

    run_virtual(scene())


@pytest.mark.parametrize(
    ("output", "ohm"),
    [
        (SeccOutput(isolation=Isolation.INVALID), 0),
        (SeccOutput(isolation=Isolation.INVALID, insulation_ohm=250_000.0), 0),
        (SeccOutput(isolation=Isolation.SAFE), 510_000),
        (SeccOutput(isolation=Isolation.SAFE, insulation_ohm=250_000.0), 250_000),
        (SeccOutput(isolation=Isolation.FAULT, insulation_ohm=250_000.0), 0),
    ],
    ids=["not measured", "no verdict yet", "yes", "measured", "fault"],
)
def test_insulation_is_told(output: SeccOutput, ohm: int) -> None:
    """A yes/no monitor gives the ends of the field; without a verdict, and in a fault, it is zero whatever was measured."""

    async def scene() -> None:
        controller = Controller(Quality())
        async with Supervised(controller.driver):
            await controller.live(1.0, output)
            status = controller.told(wire.PowerModulesStatus)[-1]
        assert isinstance(status, wire.PowerModulesStatus)
        assert status.insulation_ohm == ohm

    run_virtual(scene())


def test_an_output_that_is_not_renewed_becomes_safe() -> None:
    """Without a renewal the permission is withdrawn after the time to live."""

    async def scene() -> None:
        controller = Controller(Quality())
        async with Supervised(controller.driver):
            await controller.live(1.0)
            for _ in range(30):
                controller.say(wire.ControllerStatus(State.CHARGING))
                await asyncio.sleep(0.1)
            status = controller.told(wire.PowerModulesStatus)[-1]
        assert isinstance(status, wire.PowerModulesStatus)
        assert not status.is_enabled

    run_virtual(scene())


def test_a_sleeping_vehicle_is_woken_again_and_again() -> None:
    """The leave to start is taken away for 3 s, every 20 s, as long as that is wanted: the pilot rests, and its 5 % begin anew."""

    async def scene() -> None:
        controller = Controller(Quality())
        controller.cyclic = state(State.PAUSE, Pilot.B)
        async with Supervised(controller.driver):
            await controller.live(2.0)
            begun_s = now_s()
            await controller.live(30.0, replace(READY, is_waking=True))
            await controller.live(2.0)
        leaves = [(at_s - begun_s, one.may_start) for at_s, one in controller.heard if isinstance(one, wire.SequenceControl)]
        for span, may_start in (
            ((-2.0, -0.1), True),
            ((0.2, 2.8), False),
            ((3.2, 19.8), True),
            ((20.2, 22.8), False),
            ((23.2, 32.0), True),
        ):
            assert {leave for at_s, leave in leaves if span[0] < at_s < span[1]} == {may_start}, span

    run_virtual(scene())


def test_standby_is_no_power_and_tests_use_the_own_small_current() -> None:
    """Standby keeps the contactor wish and asks for nothing; 0 A in a test means our own small limit."""

    async def scene() -> None:
        controller = Controller(Quality())
        async with Supervised(controller.driver) as run:
            test = wire.DcPowerControl(500.0, 0.0, function=PowerFunction.INSULATION_TEST, is_contactor_closed=True)
            controller.cyclic = state(State.INSULATION_TEST, Pilot.C, test)
            await controller.live(1.0)
            assert (last(run).phase, last(run).target_voltage_v, last(run).target_current_a) == (SeccPhase.CABLE_CHECK, 500.0, 2.0)
            standby = replace(test, target_voltage_v=0.0, function=PowerFunction.STANDBY)
            controller.cyclic = state(State.WAITING_FOR_CHARGE, Pilot.C, standby)
            await controller.live(1.0)
            request = last(run)
            assert (request.phase, request.target_voltage_v, request.target_current_a) == (SeccPhase.READY, 0.0, 0.0)
            assert request.is_contactor_wanted

    run_virtual(scene())


def test_a_wish_that_is_not_repeated_is_none() -> None:
    """The controller lives but says nothing of power any more: targets and contactor wish are gone."""

    async def scene() -> None:
        controller = Controller(Quality())
        async with Supervised(controller.driver) as run:
            controller.cyclic = state(State.CHARGING, Pilot.C, DELIVERING)
            await controller.live(1.0)
            controller.cyclic = state(State.CHARGING, Pilot.C)
            await controller.live(1.0)
            assert (last(run).target_current_a, last(run).is_contactor_wanted) == (0.0, False)

    run_virtual(scene())


@pytest.mark.parametrize("is_ours", [False, True], ids=["vehicle", "station"])
def test_who_ended_the_session(is_ours: bool) -> None:
    """An end that the station did not ask for is the vehicle's, until the next vehicle."""

    async def scene() -> None:
        controller = Controller(Quality())
        output = replace(READY, wants_stop=is_ours)
        async with Supervised(controller.driver) as run:
            controller.cyclic = state(State.CHARGING, Pilot.C, DELIVERING)
            await controller.live(1.0, output)
            controller.cyclic = state(State.ENDING, Pilot.C)
            await controller.live(1.0, output)
            assert last(run).wants_stop is not is_ours
            controller.cyclic = state(State.CLOSING, Pilot.B)
            await controller.live(1.0, output)
            assert last(run).wants_stop is not is_ours
            controller.cyclic = state(State.WAITING_FOR_VEHICLE, Pilot.A)
            await controller.live(1.0)
            assert not last(run).wants_stop

    run_virtual(scene())


def test_an_emergency_stop_is_told_while_it_lasts() -> None:
    """By the vehicle always; by the station only when the station did not cause it itself."""

    async def scene() -> None:
        controller = Controller(Quality())
        async with Supervised(controller.driver) as run:
            controller.cyclic = state(State.CHARGING, Pilot.C, wire.EmergencyStop(wire.StopOrigin.VEHICLE))
            await controller.live(1.0)
            assert last(run).is_emergency
            controller.cyclic = state(State.CLOSING, Pilot.B)
            await controller.live(1.0)
            assert not last(run).is_emergency
            controller.cyclic = state(State.CLOSING, Pilot.B, wire.EmergencyStop(wire.StopOrigin.STATION))
            await controller.live(1.0, replace(READY, is_enabled=False))
            assert not last(run).is_emergency

    run_virtual(scene())


def test_vehicle_information_lasts_for_its_session() -> None:
    """What the vehicle told stays until the next vehicle."""

    async def scene() -> None:
        controller = Controller(Quality())
        async with Supervised(controller.driver) as run:
            controller.cyclic = state(State.NEGOTIATING, Pilot.B)
            await controller.live(1.0)
            controller.say(wire.EvBattery(77_000, 42))
            controller.say(wire.EvVoltages(0.0, 470.0, 380.0))
            controller.say(wire.EvChargeLimits(0.0, 300.0, 0, 120_000))
            controller.say(wire.EvccId(bytes.fromhex("0102030405AB")))
            await controller.live(1.0)
            request = last(run)
            assert (request.capacity_wh, request.soc_percent) == (77_000, 42.0)
            assert (request.max_voltage_v, request.max_current_a, request.max_power_w) == (470.0, 300.0, 120_000)
            assert request.evccid == "0102030405AB"
            controller.cyclic = state(State.WAITING_FOR_VEHICLE, Pilot.A)
            await controller.live(1.0)
            assert last(run).capacity_wh is None

    run_virtual(scene())


def test_an_older_interface_without_pilot_message_implies_it_from_the_state() -> None:
    """First unknown, then the pilot that belongs to the state."""

    async def scene() -> None:
        controller = Controller(Quality())
        controller.cyclic = [wire.ControllerStatus(State.WAITING_FOR_VEHICLE)]
        async with Supervised(controller.driver) as run:
            await controller.live(0.5)
            assert last(run).control_pilot is ControlPilot.UNKNOWN
            await controller.live(2.0)
            assert last(run).control_pilot is ControlPilot.A

    run_virtual(scene())


def test_other_outlets_are_not_ours() -> None:
    """Messages for outlet 2 leave outlet 1 silent."""

    async def scene() -> None:
        controller = Controller(Quality())
        async with Supervised(controller.driver) as run:
            for _ in range(20):
                controller.bus.say(*wire.encode(wire.ControllerStatus(State.CHARGING), 2))
                await asyncio.sleep(0.1)
        assert run.values == []
        assert run.errors

    run_virtual(scene())


def test_noise_is_no_change() -> None:
    """Half a volt and half an ampere decide; to and from zero always."""
    request = EvRequest(target_voltage_v=400.0, target_current_a=100.0)
    assert not is_change(request, replace(request, target_voltage_v=400.4, target_current_a=99.6))
    assert is_change(request, replace(request, target_current_a=99.5))
    assert is_change(replace(request, target_current_a=0.3), replace(request, target_current_a=0.0))
    assert is_change(request, replace(request, phase=SeccPhase.STOPPING))
