"""A DC session brought into any phase from the handshake to the loop and its pauses, and what a vehicle does on the way."""

from __future__ import annotations

from chargerd.core.events import ContactorUpdated, MeterUpdated
from chargerd.core.facts import Phase
from hal.types import ControlPilot, MeterReading, SeccPhase
from tests.support.core_bench import ONE, CoreBench

POWER_W = 120e3
TO_THE_LOOP = (Phase.HANDSHAKE, Phase.CABLE_CHECK, Phase.PRECHARGE, Phase.POWER_DELIVERY, Phase.DELIVERING)
PAUSES = (Phase.PAUSED_EV, Phase.PAUSED_EVSE, Phase.LEAVING, Phase.ASLEEP, Phase.WAKING)


def in_phase(phase: Phase, bench: CoreBench | None = None) -> CoreBench:
    """A bench whose first connector is in this phase, by the way that leads there."""
    bench = bench or CoreBench()
    bench.plug()
    bench.swipe()
    bench.answer()
    if phase in TO_THE_LOOP:
        _to_the_loop(bench, phase)
    else:
        _to_the_loop(bench, Phase.DELIVERING)
        bench.step()
        _pause(bench, phase)
    assert bench.phase() is phase
    return bench


def _to_the_loop(bench: CoreBench, phase: Phase) -> None:
    bench.drive_to(Phase.PRECHARGE if phase is Phase.POWER_DELIVERY else phase)
    if phase is Phase.POWER_DELIVERY:
        bench.ev(ONE, phase=SeccPhase.READY, target_voltage_v=0.0, target_current_a=0.0)
    if phase is Phase.CABLE_CHECK:
        bench.step()  # the contactor closes


def _pause(bench: CoreBench, phase: Phase) -> None:
    if phase is Phase.PAUSED_EV:
        bench.ev(ONE, target_current_a=0.0)
        return
    bench.allow(ONE, 0.0)
    steps = {Phase.LEAVING: leave_the_loop, Phase.ASLEEP: fall_asleep, Phase.WAKING: lambda b: b.allow(ONE, POWER_W)}
    for target, step in steps.items():
        if bench.phase() is phase:
            return
        step(bench)
        assert bench.phase() is target


def leave_the_loop(bench: CoreBench) -> None:
    """The vehicle ends the loop by itself; its own contactor is closed yet."""
    bench.ev(ONE, phase=SeccPhase.STOPPING, target_current_a=0.0, is_contactor_wanted=True, wants_stop=True)


def fall_asleep(bench: CoreBench) -> None:
    """It opens its contactor and ends the dialogue; ours follows, and the output discharges."""
    bench.supply(ONE, 400.0)
    bench.ev(ONE, phase=SeccPhase.FINISHED, control_pilot=ControlPilot.B, is_contactor_wanted=False)
    assert not bench.outputs().contactor
    bench.mono_s += 0.1
    bench.send(ContactorUpdated(ONE, is_closed=False))
    bench.supply(ONE, 0.0)
    bench.send(MeterUpdated(ONE, MeterReading(bench.energy_wh[ONE])))
