"""The level wanted of the hardware of one connector, and what of a wish may be applied before the disk has answered."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hal.types import IndicatorState, SeccOutput, Setpoint, Talk


@dataclass(frozen=True, slots=True)
class Outputs:
    """What the hardware of one connector should be doing; the default is everything off."""

    lock: bool = False
    lock_attempt: int = 0  # a new number: the lock is to try again, though the same is wanted of it
    contactor: bool = False  # a wish: the gate must agree
    setpoint: Setpoint = Setpoint()
    secc: SeccOutput = SeccOutput()
    indicator: IndicatorState = IndicatorState.OFF
    talk: Talk = Talk.FREE  # with the power modules


def lowered(applied: Outputs, wanted: Outputs) -> Outputs:
    """The part of `wanted` that adds no energy to `applied`: what may be applied before the facts behind it are durable.

    Never above `applied` nor above `wanted` in contactor, voltage, current or permission; everything that says stop passes at once, and so
    does the ceiling of the voltage, which asks for no energy. The lock stays as it is when it would have to engage and follows when it may
    open (the core opens it only when that is safe).
    """
    setpoint = Setpoint(
        min(applied.setpoint.voltage_v, wanted.setpoint.voltage_v),
        min(applied.setpoint.current_a, wanted.setpoint.current_a),
        wanted.setpoint.ceiling_v,
    )
    authorization = wanted.secc.authorization
    if authorization is True and applied.secc.authorization is not True:
        authorization = None
    secc = replace(
        wanted.secc,
        is_enabled=applied.secc.is_enabled and wanted.secc.is_enabled,
        authorization=authorization,
        max_current_a=min(applied.secc.max_current_a, wanted.secc.max_current_a),
        max_power_w=min(applied.secc.max_power_w, wanted.secc.max_power_w),
        is_waking=applied.secc.is_waking or wanted.secc.is_waking,
    )
    return Outputs(
        lock=applied.lock and wanted.lock,
        lock_attempt=wanted.lock_attempt,
        contactor=applied.contactor and wanted.contactor,
        setpoint=setpoint,
        secc=secc,
        indicator=wanted.indicator,
        talk=wanted.talk,
    )
