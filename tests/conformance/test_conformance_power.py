"""Every driver of CAN power modules with simulated modules over buses of all qualities: what the port asks of a power supply."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest

from chargerd.sim.virtual_loop import run_virtual
from hal.errors import DeviceFault, DeviceUnavailable
from hal.registry import DEVICES, driver_class
from hal.types import ModuleAlarm, Setpoint, Talk
from tests.conformance.links import QUALITIES, Quality, Supervised, now_s
from tests.conformance.module_bench import CUT_OFF_S, FAMILIES, SOUND, BenchModule, Family, Rack, rack_of, telemetry

CEILING = Setpoint(ceiling_v=450.0)
WISH = Setpoint(400.0, 60.0, ceiling_v=450.0)
BEFORE_S = 6.0  # a session's beginning: the ceiling is known, nothing is asked for

every_family = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
every_quality = pytest.mark.parametrize("quality", QUALITIES)


def some_families(**needs: Any) -> pytest.MarkDecorator:
    chosen = {name: one for name, one in FAMILIES.items() if all(getattr(one, need) >= value for need, value in needs.items())}
    return pytest.mark.parametrize("family", chosen.values(), ids=chosen)


def test_no_driver_is_forgotten() -> None:
    """Every real power supply of the registry is played here."""
    real = {driver_class(name) for name, entry in DEVICES.items() if entry.role == "power" and not name.startswith("mock-")}
    assert {family.driver for family in FAMILIES.values()} == real


@every_family
@every_quality
def test_the_wish_is_shared_and_reported(family: Family, quality: str) -> None:
    """All modules share the wish, the telemetry is their sum, and nothing is reported that was not on the wire."""

    async def scene() -> None:
        rack = rack_of(family, QUALITIES[quality](), 3)
        count = len(rack.modules)
        async with Supervised(rack.driver) as run:
            await rack.deliver(CEILING, BEFORE_S)
            await rack.deliver(WISH, 10.0)
            assert run.errors == []
            assert rack.total_a == pytest.approx(60.0, abs=0.1)
            last = telemetry(run)[-1]
            assert (last.voltage_v, last.current_a, last.modules_present) == (400.0, pytest.approx(60.0, abs=0.1), count)
            most = (last.max_voltage_v, last.max_current_a, last.max_power_w)
            assert most == (SOUND.max_voltage_v, count * SOUND.max_current_a, count * SOUND.max_power_w)
            assert last.temperature_c == 40.0
        assert {reading.voltage_v for reading in telemetry(run)} <= {0.0, 400.0}
        assert max(reading.current_a for reading in telemetry(run)) <= 60.1

    run_virtual(scene())


@every_family
@every_quality
def test_leaving_drives_off(family: Family, quality: str) -> None:
    """The last frames to every module say no current and off; a link that lets them through ends the output at once."""

    async def scene() -> None:
        rack = rack_of(family, QUALITIES[quality](), 2)
        async with Supervised(rack.driver):
            await rack.deliver(CEILING, BEFORE_S)
            await rack.deliver(WISH, 5.0)
        if quality != "lossy":
            assert rack.total_a == 0.0
        rack.replay()
        for module in rack.modules.values():
            assert (module.is_on, module.voltage_v, module.current_a) == (False, 400.0, 0.0)

    run_virtual(scene())


@every_family
@pytest.mark.parametrize("cut_off_s", [CUT_OFF_S, 1000.0], ids=["cut off", "go on"])
def test_nothing_is_said_in_silence_and_nothing_commanded_while_asking(
    family: Family, cut_off_s: float, caplog: pytest.LogCaptureFixture
) -> None:
    """So the first answers after the silence tell whether the modules are off by themselves; then they are told what is wanted by then.

    It is the driver that was silent: no module is blamed for it.
    """

    async def scene() -> None:
        rack = rack_of(family, Quality(), 2)
        for module in rack.modules.values():
            module.cut_off_s = cut_off_s
        async with Supervised(rack.driver) as run:
            await rack.deliver(CEILING, BEFORE_S)
            await rack.deliver(WISH, 5.0)
            assert telemetry(run)[-1].cut_off_s == CUT_OFF_S
            rack.driver.limit_talk(Talk.SILENT)
            await asyncio.sleep(0.1)  # what is on the wire comes to its end
            said, silent_s = len(rack.bus.sent), now_s()
            await rack.deliver(WISH, 13.0)
            assert len(rack.bus.sent) == said
            assert run.since(silent_s) == []
            asking_s = now_s()
            rack.driver.limit_talk(Talk.ASKING)
            await rack.deliver(WISH, 2.0)
            assert not any(at_s >= asking_s for module in rack.modules.values() for at_s in module.told_at_s)
            told = run.since(silent_s)
            assert told
            assert {reading.voltage_v for reading in told} == {0.0 if cut_off_s < 13.0 else 400.0}  # type: ignore[union-attr]
            rack.driver.apply(Setpoint())
            rack.driver.limit_talk(Talk.FREE)
            await asyncio.sleep(0.2)
            assert not any(module.is_on for module in rack.modules.values())
            assert run.errors == []

    run_virtual(scene())
    assert "module_silent" not in caplog.text


@every_family
def test_leaving_reaches_all_modules_though_the_interface_takes_few_frames(family: Family) -> None:
    """A Linux interface queues ten: four modules are off all the same."""

    async def scene() -> None:
        rack = rack_of(family, Quality(), 4)
        async with Supervised(rack.driver):
            await rack.deliver(CEILING, BEFORE_S)
            await rack.deliver(WISH, 5.0)
            rack.bus.room = 10
        assert rack.total_a == 0.0

    run_virtual(scene())


@every_family
def test_set_voltage_and_current_come_before_on(family: Family) -> None:
    """A module is never switched on with an old set-point."""

    async def scene() -> None:
        rack = rack_of(family, Quality(), 1)
        async with Supervised(rack.driver):
            await rack.deliver(CEILING, BEFORE_S)
            await rack.deliver(WISH, 2.0)
            await rack.deliver(CEILING, 2.0)
            await rack.deliver(Setpoint(300.0, 20.0, ceiling_v=450.0), 2.0)
        begun = rack.modules[1].begun_with
        assert [(one.voltage_v, round(one.current_a, 2)) for one in begun] == [(400.0, 60.0), (300.0, 20.0)]

    run_virtual(scene())


@every_family
def test_a_lower_wish_goes_out_at_once(family: Family) -> None:
    """It does not wait for the next refresh, nor for questions on their way."""

    async def scene() -> None:
        rack = rack_of(family, Quality(), 4)
        async with Supervised(rack.driver):
            await rack.deliver(CEILING, BEFORE_S)
            await rack.deliver(WISH, 5.2)
            await asyncio.sleep(0.11)  # when neither a question nor a refresh is due
            rack.driver.apply(CEILING)
            await asyncio.sleep(0.02)
            assert rack.total_a == 0.0

    run_virtual(scene())


@every_family
def test_setpoints_are_sent_again_at_least_once_a_second(family: Family) -> None:
    """Each module hears its set-point often enough not to cut off."""

    async def scene() -> None:
        rack = rack_of(family, Quality(), 4)
        async with Supervised(rack.driver):
            await rack.deliver(CEILING, BEFORE_S)
            await rack.deliver(WISH, 10.0)
        for module in rack.modules.values():
            assert max(later - earlier for earlier, later in itertools.pairwise(module.told_at_s)) <= 1.0

    run_virtual(scene())


@every_family
def test_a_wish_that_is_not_renewed_ends(family: Family) -> None:
    """After the time to live the output is off, though the driver goes on."""

    async def scene() -> None:
        rack = rack_of(family, Quality(), 2)
        async with Supervised(rack.driver) as run:
            await rack.deliver(CEILING, BEFORE_S)
            await rack.deliver(WISH, 5.0)
            await asyncio.sleep(2.6)
            assert rack.total_a == 0.0
            assert run.errors == []

    run_virtual(scene())


@every_family
def test_staleness_is_visible(family: Family) -> None:
    """While the modules answer something is told every second or so; when none does, nothing is."""

    async def scene() -> None:
        rack = rack_of(family, Quality(), 2)
        async with Supervised(rack.driver) as run:
            await rack.deliver(CEILING, BEFORE_S)
            await rack.deliver(WISH, 10.0)
            times_s = [at_s for at_s, _ in run.readings]
            assert max(later - earlier for earlier, later in itertools.pairwise(times_s)) <= 1.6
            rack.bus.quality.is_cut = True
            await rack.deliver(WISH, 5.0)
            assert run.since(now_s() - 2.0) == []

    run_virtual(scene())


@some_families(most=3)
def test_one_silent_module_is_an_alarm_and_its_share_stays_reserved(family: Family) -> None:
    """The sum never exceeds the wish while the silent one may still deliver; then the others take over."""

    async def scene() -> None:
        rack = rack_of(family, Quality(), 3)
        async with Supervised(rack.driver) as run:
            await rack.deliver(CEILING, BEFORE_S)
            await rack.deliver(WISH, 5.0)
            rack.modules[2].is_deaf = True
            for _ in range(40):
                await rack.deliver(WISH, 0.5)
                assert rack.total_a <= 60.001
            assert ModuleAlarm.MODULE_MISSING in telemetry(run)[-1].alarms
            assert telemetry(run)[-1].modules_present == 2
            assert rack.modules[1].delivers.current_a == pytest.approx(30.0, abs=0.001)
            rack.modules[2].is_deaf = False
            await rack.deliver(WISH, 8.0)
            assert telemetry(run)[-1].modules_present == 3
            assert telemetry(run)[-1].alarms == frozenset()
            assert rack.modules[2].delivers.current_a == pytest.approx(20.0, abs=0.001)
            assert run.errors == []

    run_virtual(scene())


@some_families(most=3)
def test_a_module_that_failed_leaves_its_share_to_the_others(family: Family) -> None:
    """It is told to be off, the others give the whole wish, and what they could give is less; healed, it shares again."""

    async def scene() -> None:
        rack = rack_of(family, Quality(), 3)
        async with Supervised(rack.driver) as run:
            await rack.deliver(CEILING, BEFORE_S)
            await rack.deliver(WISH, 5.0)
            rack.modules[3].has_failed, rack.modules[3].alarms = True, frozenset({ModuleAlarm.MODULE_FAULT})
            await rack.deliver(WISH, 6.0)
            last = telemetry(run)[-1]
            assert not rack.modules[3].is_on
            assert rack.total_a == pytest.approx(60.0, abs=0.01)
            assert (last.modules_present, last.max_current_a, last.alarms) == (3, 200.0, {ModuleAlarm.MODULE_FAULT})
            rack.modules[3].has_failed, rack.modules[3].alarms = False, frozenset()
            await rack.deliver(WISH, 6.0)
            assert rack.modules[3].delivers.current_a == pytest.approx(20.0, abs=0.01)
            assert run.errors == []

    run_virtual(scene())


@every_family
def test_when_all_modules_failed_no_current_can_be_had(family: Family) -> None:
    """They answer still, so the device is there; and it says that it can give nothing."""

    async def scene() -> None:
        rack = rack_of(family, Quality(), 2)
        async with Supervised(rack.driver) as run:
            await rack.deliver(CEILING, BEFORE_S)
            for module in rack.modules.values():
                module.has_failed, module.alarms = True, frozenset({ModuleAlarm.OVER_TEMPERATURE})
            await rack.deliver(CEILING, 3.0)
            last = telemetry(run)[-1]
            assert (last.modules_present, last.max_current_a, last.max_power_w) == (len(rack.modules), 0.0, 0.0)
            assert last.alarms == {ModuleAlarm.OVER_TEMPERATURE}
            assert run.errors == []

    run_virtual(scene())


@every_family
def test_all_modules_silent_is_unavailable_and_heals(family: Family) -> None:
    """The run ends when none answers; when they are back the wish is applied again."""

    async def scene() -> None:
        rack = rack_of(family, Quality(), 2)
        async with Supervised(rack.driver) as run:
            await rack.deliver(CEILING, BEFORE_S)
            await rack.deliver(WISH, 5.0)
            rack.bus.quality.is_cut = True
            await rack.deliver(WISH, 5.0)
            assert isinstance(run.errors[0][1], DeviceUnavailable)
            assert "psu1" in str(run.errors[0][1])
            rack.bus.quality.is_cut = False
            await rack.deliver(WISH, 16.0)
            assert rack.total_a == pytest.approx(60.0, abs=0.01)

    run_virtual(scene())


@every_family
def test_a_module_whose_answers_cannot_be_true_is_silent(family: Family) -> None:
    """Currents and ratings that no module has are no answers, however promptly they come; nothing of them is reported."""

    async def scene() -> None:
        rack = rack_of(family, Quality(), 1)
        async with Supervised(rack.driver) as run:
            await rack.deliver(CEILING, BEFORE_S)
            await rack.deliver(WISH, 5.0)
            rack.modules[1].is_mad = True
            await rack.deliver(WISH, 5.0)
            assert isinstance(run.errors[0][1], DeviceUnavailable)
            assert run.since(run.errors[0][0]) == []
            assert max(reading.current_a for reading in telemetry(run)) <= 60.1
            rack.modules[1].is_mad = False
            await rack.deliver(WISH, 20.0)
            assert rack.total_a == pytest.approx(60.0, abs=0.01)

    run_virtual(scene())


@every_family
def test_a_bus_that_goes_down_is_unavailable_and_heals(family: Family) -> None:
    """Sending on a dead bus ends the run; the next one goes on."""

    async def scene() -> None:
        rack = rack_of(family, Quality(), 1)
        async with Supervised(rack.driver) as run:
            await rack.deliver(CEILING, BEFORE_S)
            await rack.deliver(WISH, 3.0)
            rack.bus.is_up = False
            await rack.deliver(WISH, 3.0)
            assert run.errors
            rack.bus.is_up = True
            await rack.deliver(WISH, 8.0)
            assert rack.total_a == pytest.approx(60.0, abs=0.01)

    run_virtual(scene())


@every_family
def test_status_bits_become_alarms(family: Family) -> None:
    """A module that is too hot says so soon."""

    async def scene() -> None:
        rack = rack_of(family, Quality(), 1)
        async with Supervised(rack.driver) as run:
            await rack.deliver(CEILING, BEFORE_S)
            await rack.deliver(WISH, 3.0)
            rack.modules[1].alarms = frozenset({ModuleAlarm.OVER_TEMPERATURE})
            await rack.deliver(WISH, 3.0)
            assert telemetry(run)[-1].alarms == {ModuleAlarm.OVER_TEMPERATURE}
            assert telemetry(run)[-1].max_current_a == 100.0  # hot, but it delivers
            rack.modules[1].alarms = frozenset()
            await rack.deliver(WISH, 3.0)
            assert telemetry(run)[-1].alarms == frozenset()

    run_virtual(scene())


@every_family
def test_frames_of_others_do_no_harm(family: Family) -> None:
    """Another connector's module on the same bus is neither told anything nor reported."""

    async def scene() -> None:
        rack = rack_of(family, Quality(), 1)
        other = rack.modules[7] = BenchModule(7)
        other.is_on, other.voltage_v, other.current_a = True, 700.0, 90.0
        async with Supervised(rack.driver) as run:
            await rack.deliver(CEILING, BEFORE_S)
            for _, identifier, data in list(rack.bus.sent):  # what its own driver might ask it
                rack._let_answer(identifier, data, other)
            other.is_on, other.voltage_v, other.current_a = True, 700.0, 90.0
            await rack.deliver(WISH, 3.0)
            assert (other.is_on, other.voltage_v, other.current_a) == (True, 700.0, 90.0)
        assert run.errors == []
        assert {reading.voltage_v for reading in telemetry(run)} <= {0.0, 400.0}
        assert {reading.modules_present for reading in telemetry(run)} == {1}

    run_virtual(scene())


@some_families(has_groups=True)
def test_the_members_of_a_group_are_found(family: Family) -> None:
    """By their group alone; a module of another group on the bus is left alone, a missing one is an alarm until it comes."""

    async def scene() -> None:
        late = BenchModule(5, group=2)
        late.is_deaf = True
        stranger = BenchModule(4, group=1)
        rack = Rack(family, Quality(), BenchModule(3, group=2), stranger, late, group=2, modules=2)
        async with Supervised(rack.driver) as run:
            await rack.deliver(CEILING, BEFORE_S)
            await rack.deliver(WISH, 5.0)
            assert telemetry(run)[-1].alarms == {ModuleAlarm.MODULE_MISSING}
            assert rack.modules[3].delivers.current_a == pytest.approx(60.0, abs=0.01)
            late.is_deaf = False
            await rack.deliver(WISH, 10.0)
            assert telemetry(run)[-1].alarms == frozenset()
            assert [module.delivers.current_a for module in (rack.modules[3], late)] == pytest.approx([30.0, 30.0], abs=0.01)
            assert stranger.told_at_s == []
            assert run.errors == []

    run_virtual(scene())


@some_families(has_groups=True)
def test_nobody_of_the_group_is_unavailable(family: Family) -> None:
    """The error names the group."""

    async def scene() -> None:
        rack = Rack(family, Quality(), BenchModule(3, group=1), group=2, modules=1)
        async with Supervised(rack.driver) as run:
            await rack.deliver(CEILING, 4.0)
            assert isinstance(run.errors[0][1], DeviceUnavailable)
            assert "group 2" in str(run.errors[0][1])
            assert telemetry(run) == []

    run_virtual(scene())


@some_families(has_groups=True)
def test_a_dial_that_is_turned_takes_the_module_out(family: Family) -> None:
    """Found again in another group it is switched off and left alone."""

    async def scene() -> None:
        turned = BenchModule(4, group=2)
        rack = Rack(family, Quality(), BenchModule(3, group=2), turned, group=2, modules=2)
        async with Supervised(rack.driver) as run:
            await rack.deliver(CEILING, BEFORE_S)
            await rack.deliver(WISH, 5.0)
            turned.group = 1
            rack.modules[3].is_deaf = True  # so that members are looked for
            await rack.deliver(WISH, 8.0)
            rack.modules[3].is_deaf = False
            await rack.deliver(WISH, 16.0)
            assert isinstance(run.errors[0][1], DeviceFault)
            assert "module 4 has left group 2" in str(run.errors[0][1])
            assert not turned.is_on
            assert rack.modules[3].delivers.current_a == pytest.approx(60.0, abs=0.01)

    run_virtual(scene())


@some_families(has_ranges=True)
def test_the_range_is_chosen_while_the_output_is_off(family: Family) -> None:
    """By the ceiling, two seconds after the output went off; for two seconds afterwards nothing is given."""

    async def scene() -> None:
        rack = rack_of(family, Quality(), 2)
        async with Supervised(rack.driver):
            await rack.deliver(Setpoint(ceiling_v=450.0), BEFORE_S)
            await rack.deliver(Setpoint(400.0, 60.0, ceiling_v=450.0), 3.0)
            assert all(module.is_low_range for module in rack.modules.values())
            ended_s = now_s()
            await rack.deliver(Setpoint(), 0.5)
            begun_s = now_s()
            wish = Setpoint(800.0, 30.0, ceiling_v=900.0)
            while rack.total_a == 0.0:
                await rack.deliver(wish, 0.5)
            assert not any(module.is_low_range for module in rack.modules.values())
            for module in rack.modules.values():
                changed_s = module.ranges[-1][0]
                assert changed_s - ended_s >= 2.0
                assert now_s() - changed_s >= 2.0
            assert now_s() - begun_s <= 6.0
            assert [while_on for module in rack.modules.values() for _, _, while_on in module.ranges] == [False] * 4

    run_virtual(scene())


@some_families(has_ranges=True)
def test_a_range_that_is_already_chosen_costs_no_time(family: Family) -> None:
    """With the ceiling known early enough, precharge and the charge loop begin at once."""

    async def scene() -> None:
        rack = rack_of(family, Quality(), 2)
        async with Supervised(rack.driver):
            await rack.deliver(CEILING, BEFORE_S)
            rack.driver.apply(WISH)
            await asyncio.sleep(0.1)
            assert rack.total_a == pytest.approx(60.0, abs=0.01)

    run_virtual(scene())


@some_families(has_ranges=True)
def test_a_voltage_without_a_ceiling_is_given_in_the_high_range(family: Family) -> None:
    """It can give every voltage that may come."""

    async def scene() -> None:
        rack = rack_of(family, Quality(), 2)
        async with Supervised(rack.driver):
            await rack.deliver(Setpoint(400.0, 60.0), 8.0)
            assert rack.total_a == pytest.approx(60.0, abs=0.01)
            assert not any(module.is_low_range for module in rack.modules.values())

    run_virtual(scene())


@some_families(has_ranges=True)
def test_a_module_that_comes_back_is_put_into_its_range_first(family: Family) -> None:
    """It may have restarted; the others go on."""

    async def scene() -> None:
        rack = rack_of(family, Quality(), 2)
        async with Supervised(rack.driver):
            await rack.deliver(CEILING, BEFORE_S)
            await rack.deliver(WISH, 3.0)
            rack.modules[2].is_deaf = True
            await rack.deliver(WISH, 15.0)
            rack.modules[2].is_low_range = False
            rack.modules[2].is_deaf = False
            await rack.deliver(WISH, 8.0)
            assert rack.modules[2].is_low_range
            assert [module.delivers.current_a for module in rack.modules.values()] == pytest.approx([30.0, 30.0], abs=0.01)

    run_virtual(scene())
