"""The Infypower driver with simulated modules over buses of all qualities."""

from __future__ import annotations

import asyncio
import itertools
import struct

import pytest

from chargerd.sim.virtual_loop import run_virtual
from hal.errors import DeviceUnavailable
from hal.power.infypower_v113 import InfypowerOptions, InfypowerV113
from hal.types import ModuleTelemetry, Setpoint, Talk
from hal.wire import infypower_v113 as wire
from tests.conformance.links import QUALITIES, CanWire, Quality, Supervised, now_s

WISH = Setpoint(400.0, 60.0)


class Module:
    """One module: delivers what it was told, and cuts off after ten seconds without a controller, until it is switched on again."""

    def __init__(self, address: int) -> None:
        self.address = address
        self.is_deaf = False
        self.is_on = False
        self.setpoint = Setpoint()
        self.heard_at_s = 0.0
        self.state_1 = 0
        self.refuses = False
        self.is_mad = False
        self.cut_off_s = wire.CUT_OFF_S

    @property
    def delivers(self) -> Setpoint:
        return self.setpoint if self.is_on and now_s() - self.heard_at_s < self.cut_off_s else Setpoint()

    def answer(self, request: wire.Request) -> wire.Answer | None:
        self.is_on = self.delivers.is_on
        self.heard_at_s = now_s()
        match request:
            case wire.SetPower(is_on):
                self.is_on = is_on
                return wire.Taken(wire.Code.SET_POWER)
            case wire.SetOutput(voltage_v, current_a):
                self.setpoint = Setpoint(voltage_v, current_a)
                return wire.Refused(wire.Code.SET_OUTPUT, 3) if self.refuses else wire.Taken(wire.Code.SET_OUTPUT)
            case wire.Read(wire.Code.OUTPUT) if self.is_mad:
                return wire.Output(self.delivers.voltage_v, 1.9e8)
            case wire.Read(wire.Code.CAPABILITIES) if self.is_mad:
                return wire.Capabilities(22_861.0, 50.0, 100.0, 30_000.0)
            case wire.Read(wire.Code.OUTPUT):
                return wire.Output(self.delivers.voltage_v, self.delivers.current_a)
            case wire.Read(wire.Code.STATUS):
                return wire.Status(1, 40, 0, self.state_1, 0)
            case wire.Read(wire.Code.CAPABILITIES):
                return wire.Capabilities(1000.0, 50.0, 100.0, 30_000.0)
        return None


class Rack:
    """Modules on a bus with one driver."""

    def __init__(self, quality: Quality, *addresses: int, **options: object) -> None:
        self.bus = CanWire(quality)
        self.bus.peer = self._hear
        self.modules = {address: Module(address) for address in addresses}
        self.driver = InfypowerV113("psu1", InfypowerOptions(addresses=addresses, **options), self.bus)  # type: ignore[arg-type]
        self.frames: list[tuple[int, wire.Request]] = []

    def _hear(self, identifier: int, data: bytes) -> None:
        header, request = wire.decode_request(identifier, data)
        self.frames.append((header.destination, request))
        module = self.modules[header.destination]
        answer = None if module.is_deaf else module.answer(request)
        if answer is not None:
            self.bus.say(*wire.encode_answer(answer, module.address))

    @property
    def total_a(self) -> float:
        return sum(module.delivers.current_a for module in self.modules.values())

    async def deliver(self, wish: Setpoint, duration_s: float) -> None:
        """Renew the wish every half second, as the daemon does."""
        until_s = now_s() + duration_s
        while now_s() < until_s:
            self.driver.apply(wish)
            await asyncio.sleep(0.5)


def telemetry(run: Supervised) -> list[ModuleTelemetry]:
    return [reading for reading in run.values if isinstance(reading, ModuleTelemetry)]


@pytest.mark.parametrize("quality", QUALITIES)
def test_the_wish_is_shared_and_reported(quality: str) -> None:
    """All modules share the wish, the telemetry is their sum, and nothing is reported that was not on the wire."""

    async def scene() -> None:
        rack = Rack(QUALITIES[quality](), 1, 2, 3)
        async with Supervised(rack.driver) as run:
            await rack.deliver(WISH, 10.0)
            assert run.errors == []
            assert rack.total_a == pytest.approx(60.0, abs=0.1)
            last = telemetry(run)[-1]
            assert (last.voltage_v, last.current_a, last.modules_present) == (400.0, pytest.approx(60.0, abs=0.1), 3)
            assert (last.max_voltage_v, last.max_current_a, last.max_power_w) == (1000.0, 300.0, 90_000.0)
            assert last.temperature_c == 40.0
        assert {reading.voltage_v for reading in telemetry(run)} <= {0.0, 400.0}
        assert max(reading.current_a for reading in telemetry(run)) <= 60.1

    run_virtual(scene())


@pytest.mark.parametrize("quality", QUALITIES)
def test_leaving_drives_off(quality: str) -> None:
    """The last frames to every module are zero current and off; a link that lets them through ends the output at once."""

    async def scene() -> None:
        rack = Rack(QUALITIES[quality](), 1, 2)
        async with Supervised(rack.driver):
            await rack.deliver(WISH, 5.0)
        requests = [wire.decode_request(identifier, data) for _, identifier, data in rack.bus.sent]
        for address in rack.modules:
            last = [request for header, request in requests if header.destination == address][-2:]
            assert last == [wire.SetOutput(400.0, 0.0), wire.SetPower(is_on=False)]
        if quality != "lossy":
            assert rack.total_a == 0.0

    run_virtual(scene())


@pytest.mark.parametrize("cut_off_s", [wire.CUT_OFF_S, 1000.0])
def test_nothing_is_said_in_silence_and_nothing_commanded_while_asking(cut_off_s: float, caplog: pytest.LogCaptureFixture) -> None:
    """So the first answers after the silence tell whether the modules are off by themselves; then they are told what is wanted by then.

    It is the driver that was silent: no module is blamed for it.
    """

    async def scene() -> None:
        rack = Rack(Quality(), 1, 2)
        for module in rack.modules.values():
            module.cut_off_s = cut_off_s
        async with Supervised(rack.driver) as run:
            await rack.deliver(WISH, 5.0)
            assert telemetry(run)[-1].cut_off_s == wire.CUT_OFF_S
            rack.driver.limit_talk(Talk.SILENT)
            await asyncio.sleep(0.1)  # what is on the wire comes to its end
            rack.frames.clear()
            silent_s = now_s()
            await rack.deliver(WISH, 13.0)
            assert rack.frames == []
            assert run.since(silent_s) == []
            rack.driver.limit_talk(Talk.ASKING)
            await rack.deliver(WISH, 2.0)
            assert {type(request) for _, request in rack.frames} == {wire.Read}
            told = run.since(silent_s)
            assert told
            assert {reading.voltage_v for reading in told} == {0.0 if cut_off_s < 13.0 else 400.0}  # type: ignore[union-attr]
            rack.driver.apply(Setpoint())
            rack.driver.limit_talk(Talk.FREE)
            await asyncio.sleep(0.1)
            assert not any(module.is_on for module in rack.modules.values())
            assert run.errors == []

    run_virtual(scene())
    assert "module_silent" not in caplog.text


def test_set_voltage_and_current_come_before_on() -> None:
    """A module is never switched on with an old set-point."""

    async def scene() -> None:
        rack = Rack(Quality(), 5)
        async with Supervised(rack.driver):
            await rack.deliver(Setpoint(), 2.0)
            await rack.deliver(WISH, 2.0)
        requests = [request for _, request in rack.frames]
        first_on = requests.index(wire.SetPower(is_on=True))
        assert requests[first_on - 1] == wire.SetOutput(400.0, 60.0)

    run_virtual(scene())


def test_a_lower_wish_goes_out_at_once() -> None:
    """It does not wait for the next refresh."""

    async def scene() -> None:
        rack = Rack(Quality(), 1)
        async with Supervised(rack.driver):
            await rack.deliver(WISH, 5.2)
            rack.driver.apply(Setpoint())
            await asyncio.sleep(0.02)
            assert rack.total_a == 0.0

    run_virtual(scene())


def test_setpoints_are_sent_again_at_least_once_a_second() -> None:
    """Each module hears its set-point often enough not to cut off."""

    async def scene() -> None:
        rack = Rack(Quality(), 1)
        async with Supervised(rack.driver):
            await rack.deliver(WISH, 10.0)
        times_s = [at_s for at_s, identifier, _ in rack.bus.sent if wire.decode_header(identifier).command == wire.Code.SET_OUTPUT]
        assert max(later - earlier for earlier, later in itertools.pairwise(times_s)) <= 1.0

    run_virtual(scene())


def test_a_wish_that_is_not_renewed_ends() -> None:
    """After the time to live the output is off, though the driver goes on."""

    async def scene() -> None:
        rack = Rack(Quality(), 1, 2)
        async with Supervised(rack.driver) as run:
            await rack.deliver(WISH, 5.0)
            await asyncio.sleep(2.6)
            assert rack.total_a == 0.0
            assert run.errors == []

    run_virtual(scene())


def test_one_silent_module_is_an_alarm_and_its_share_stays_reserved() -> None:
    """The sum never exceeds the wish while the silent one may still deliver; then the others take over."""

    async def scene() -> None:
        rack = Rack(Quality(), 1, 2, 3)
        async with Supervised(rack.driver) as run:
            await rack.deliver(WISH, 5.0)
            rack.modules[2].is_deaf = True
            for _ in range(40):
                await rack.deliver(WISH, 0.5)
                assert rack.total_a <= 60.001
            assert "module-missing" in telemetry(run)[-1].alarms
            assert telemetry(run)[-1].modules_present == 2
            assert rack.modules[1].delivers.current_a == 30.0
            rack.modules[2].is_deaf = False
            await rack.deliver(WISH, 3.0)
            assert telemetry(run)[-1].modules_present == 3
            assert telemetry(run)[-1].alarms == frozenset()
            assert run.errors == []

    run_virtual(scene())


def test_all_modules_silent_is_unavailable_and_heals() -> None:
    """The run ends when none answers; when they are back the wish is applied again."""

    async def scene() -> None:
        rack = Rack(Quality(), 1, 2)
        async with Supervised(rack.driver) as run:
            await rack.deliver(WISH, 5.0)
            rack.bus.quality.is_cut = True
            await rack.deliver(WISH, 5.0)
            assert isinstance(run.errors[0][1], DeviceUnavailable)
            assert "psu1" in str(run.errors[0][1])
            rack.bus.quality.is_cut = False
            await rack.deliver(WISH, 16.0)
            assert rack.total_a == pytest.approx(60.0)

    run_virtual(scene())


def test_a_module_whose_answers_cannot_be_true_is_silent() -> None:
    """Currents and ratings that no module has are no answers, however promptly they come; nothing of them is reported."""

    async def scene() -> None:
        rack = Rack(Quality(), 1)
        async with Supervised(rack.driver) as run:
            await rack.deliver(WISH, 5.0)
            rack.modules[1].is_mad = True
            await rack.deliver(WISH, 5.0)
            assert isinstance(run.errors[0][1], DeviceUnavailable)
            assert run.since(run.errors[0][0]) == []
            assert max(reading.current_a for reading in telemetry(run)) <= 60.0
            rack.modules[1].is_mad = False
            await rack.deliver(WISH, 16.0)
            assert rack.total_a == pytest.approx(60.0)

    run_virtual(scene())


def test_a_bus_that_goes_down_is_unavailable_and_heals() -> None:
    """Sending on a dead bus ends the run; the next one goes on."""

    async def scene() -> None:
        rack = Rack(Quality(), 1)
        async with Supervised(rack.driver) as run:
            await rack.deliver(WISH, 3.0)
            rack.bus.is_up = False
            await rack.deliver(WISH, 3.0)
            assert run.errors
            rack.bus.is_up = True
            await rack.deliver(WISH, 3.0)
            assert rack.total_a == pytest.approx(60.0)

    run_virtual(scene())


def test_status_bits_become_alarms() -> None:
    """A module that is too hot says so within two seconds."""

    async def scene() -> None:
        rack = Rack(Quality(), 1)
        async with Supervised(rack.driver) as run:
            await rack.deliver(WISH, 3.0)
            rack.modules[1].state_1 = 0x10
            await rack.deliver(WISH, 2.0)
        assert telemetry(run)[-1].alarms == {"over-temperature"}

    run_virtual(scene())


def test_refusals_and_frames_of_others_do_no_harm() -> None:
    """A refused command, another device's module, and an output that is no number are passed over."""

    async def scene() -> None:
        rack = Rack(Quality(), 1)
        rack.modules[1].refuses = True
        async with Supervised(rack.driver) as run:
            await rack.deliver(WISH, 2.0)
            rack.bus.say(*wire.encode_answer(wire.Output(999.0, 99.0), 7))
            rack.bus.say(wire.encode_answer(wire.Output(0.0, 0.0), 1).identifier, struct.pack(">ff", float("nan"), 1.0))
            await rack.deliver(WISH, 2.0)
        assert run.errors == []
        assert {reading.voltage_v for reading in telemetry(run)} <= {0.0, 400.0}

    run_virtual(scene())


@pytest.mark.parametrize("addresses", [(), (1, 1)])
def test_addresses_are_checked(addresses: tuple[int, ...]) -> None:
    """None, or one twice, is refused."""
    with pytest.raises(ValueError, match="addresses"):
        InfypowerOptions(addresses=addresses)
