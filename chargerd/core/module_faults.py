"""What the alarms of power modules mean as faults.

Each alarm is a fault of its own that ends with the alarm. It is a note, for the rest of the group still delivers and a station that charges
is not Faulted (OCPP 1.6, 4.9); only when no module can deliver any more a fault of `FAILURES` stops the session.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hal.types import ModuleAlarm, ModuleTelemetry

MODULES_FAILED: Final = "modules-failed"
MODULES_UNPOWERED: Final = "modules-unpowered"
FAILURES: Final = (MODULES_FAILED, MODULES_UNPOWERED)


@dataclass(frozen=True, slots=True)
class AlarmMeaning:
    """error_code: OCPP 1.6, 7.6 ChargePointErrorCode."""

    error_code: str
    cause: str
    remedy: str


_REPLACE: Final = "If it stays, replace the module."
_MAINS: Final = "Measure the mains at the module."
_NO_MAINS: Final = frozenset({ModuleAlarm.INPUT_UNDER_VOLTAGE, ModuleAlarm.INPUT_PHASE_LOST})

MEANINGS: Final[Mapping[ModuleAlarm, AlarmMeaning]] = {
    ModuleAlarm.MODULE_MISSING: AlarmMeaning(
        "PowerSwitchFailure", "A power module does not answer.", "Check its supply, its plug and its address."
    ),
    ModuleAlarm.MODULE_FAULT: AlarmMeaning("PowerSwitchFailure", "A power module has a fault.", _REPLACE),
    ModuleAlarm.PROTECTION: AlarmMeaning("PowerSwitchFailure", "A power module protects itself.", "See its other alarms. " + _REPLACE),
    ModuleAlarm.OVER_TEMPERATURE: AlarmMeaning(
        "HighTemperature", "A power module is too hot.", "Clean the filters, check fans and air flow."
    ),
    ModuleAlarm.UNDER_TEMPERATURE: AlarmMeaning("OtherError", "A power module is too cold.", "Heat the cabinet."),
    ModuleAlarm.FAN_FAULT: AlarmMeaning("OtherError", "A fan of a power module does not turn.", "Free the fan, or replace it."),
    ModuleAlarm.OUTPUT_SHORT_CIRCUIT: AlarmMeaning(
        "OverCurrentFailure", "A power module sees a short circuit at its output.", "Disconnect mains, measure output and cable."
    ),
    ModuleAlarm.OUTPUT_OVER_VOLTAGE: AlarmMeaning("OverVoltage", "The output of a power module is too high.", _REPLACE),
    ModuleAlarm.OUTPUT_UNDER_VOLTAGE: AlarmMeaning("UnderVoltage", "The output of a power module is too low.", _REPLACE),
    ModuleAlarm.OUTPUT_UNBALANCED: AlarmMeaning("OtherError", "The halves of a power module's output differ.", _REPLACE),
    ModuleAlarm.DISCHARGE_ABNORMAL: AlarmMeaning(
        "PowerSwitchFailure", "A power module cannot discharge its output.", "Mind the voltage at the output. " + _REPLACE
    ),
    ModuleAlarm.CURRENT_SHARING_UNBALANCED: AlarmMeaning(
        "OtherError", "The power modules share the current unevenly.", "Check their output wiring."
    ),
    ModuleAlarm.INPUT_ABNORMAL: AlarmMeaning("OtherError", "The input of a power module is not as it should be.", _MAINS),
    ModuleAlarm.INPUT_OVER_VOLTAGE: AlarmMeaning("OverVoltage", "The mains at a power module are too high.", _MAINS),
    ModuleAlarm.INPUT_UNDER_VOLTAGE: AlarmMeaning("UnderVoltage", "The mains at a power module are too low, or gone.", _MAINS),
    ModuleAlarm.INPUT_PHASE_LOST: AlarmMeaning("UnderVoltage", "A power module lacks a phase.", "Check its fuses and terminals."),
    ModuleAlarm.INPUT_UNBALANCED: AlarmMeaning("OtherError", "The phases at a power module differ.", _MAINS),
    ModuleAlarm.INPUT_MODE: AlarmMeaning(
        "OtherError", "A power module is set to another kind of input than it has.", "Set its input mode as it is wired."
    ),
    ModuleAlarm.BUS_ABNORMAL: AlarmMeaning("InternalError", "The inner DC bus of a power module is not as it should be.", _REPLACE),
    ModuleAlarm.FUSE: AlarmMeaning("PowerSwitchFailure", "A fuse inside a power module has blown.", "Replace the module."),
    ModuleAlarm.MEMORY: AlarmMeaning("InternalError", "A power module cannot read its memory.", _REPLACE),
    ModuleAlarm.INTERNAL_COMMUNICATION: AlarmMeaning("InternalError", "The halves of a power module do not hear one another.", _REPLACE),
    ModuleAlarm.COMMUNICATION_INTERRUPTED: AlarmMeaning(
        "OtherError", "A power module missed the controller on its bus.", "Check the module bus: wiring, termination, bit rate."
    ),
    ModuleAlarm.DUPLICATE_ADDRESS: AlarmMeaning("OtherError", "Two power modules have one address.", "Give each an address of its own."),
}


def code_of(alarm: ModuleAlarm) -> str:
    """The fault's code."""
    return alarm.value if alarm.value.startswith("module-") else f"module-{alarm.value}"


def known_alarms(telemetry: ModuleTelemetry) -> tuple[ModuleAlarm, ...]:
    """The alarms that are up, in the table's order; words that are not in it mean nothing here."""
    return tuple(alarm for alarm in MEANINGS if alarm in telemetry.alarms) if telemetry.alarms else ()


def failure_of(telemetry: ModuleTelemetry) -> str | None:
    """The fault that stops: no module can deliver, and an alarm says why. None: one can, or nobody says what is wrong."""
    if not telemetry.alarms or min(telemetry.max_current_a, telemetry.max_power_w) > 0.0:
        return None
    return MODULES_FAILED if _NO_MAINS.isdisjoint(telemetry.alarms) else MODULES_UNPOWERED
