"""The table of faults: cause, how it is found, what it does, what to do about it.

Adding a fault is adding a row, and a provocation of it in `tests/support/fault_provocations.py`. The severity says what the core does
(`reactions.py`, with the deadlines); what must act without the core has its rule in the gate as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, IntEnum

from chargerd.core import derating, module_faults
from chargerd.core.events import StopReason

ERROR_CODES = (
    "ConnectorLockFailure",
    "EVCommunicationError",
    "GroundFailure",
    "HighTemperature",
    "InternalError",
    "LocalListConflict",
    "OtherError",
    "OverCurrentFailure",
    "OverVoltage",
    "PowerMeterFailure",
    "PowerSwitchFailure",
    "ReaderFailure",
    "ResetFailure",
    "UnderVoltage",
    "WeakSignal",
)
"""OCPP 1.6, 7.6 ChargePointErrorCode, without NoError."""


class Severity(IntEnum):
    """What a fault does to the connector."""

    NOTE = 0  # shown, nothing else
    BLOCK = 1  # no new session, a running one goes on
    STOP = 2  # ordinary stop
    TRIP = 3  # contactor open in the same step


class On(Enum):
    """The kinds of connectors that can have a fault."""

    BOTH = "AC and DC"
    DC = "DC"
    AC = "AC"


_DRIVER = "Its driver hears nothing from it, or nothing it can understand"
_IN_SESSION = "or the core has no news of it in a session for"
_LINE = "The gate reads the line."
_BOARD = "The pilot board tells."
_PHASE = "The core: the phase lasts longer than"


@dataclass(frozen=True, slots=True)
class FaultRow:
    """error_code: OCPP 1.6, 7.6 ChargePointErrorCode; clears_on_unplug: the cause sat in the cable or the vehicle.

    detection: who notices it, and how; is_found_at_end: when a session is being ended anyway; cannot_open: the contactor is what fails;
    holds_plug: a plug that may be live is not let go; suspends: a session gets nothing meanwhile; is_consequence: beside the fault that
    has led to it, that one is told.
    """

    severity: Severity
    error_code: str
    cause: str
    remedy: str
    detection: str = field(kw_only=True)
    on: On = field(default=On.BOTH, kw_only=True)
    is_latching: bool = False
    clears_on_unplug: bool = False
    stop_reason: StopReason = StopReason.OTHER
    is_found_at_end: bool = field(default=False, kw_only=True)
    cannot_open: bool = field(default=False, kw_only=True)
    holds_plug: bool = field(default=False, kw_only=True)
    suspends: bool = field(default=False, kw_only=True)
    is_consequence: bool = field(default=False, kw_only=True)


FAULTS: dict[str, FaultRow] = {
    "emergency-stop": FaultRow(
        Severity.TRIP,
        "OtherError",
        "The emergency stop is pressed, or its wire is broken.",
        "Release the button, find out why it was pressed, then clear the fault.",
        is_latching=True,
        stop_reason=StopReason.EMERGENCY_STOP,
        detection=_LINE,
    ),
    "door-open": FaultRow(
        Severity.TRIP,
        "OtherError",
        "The cabinet door is open, or its switch wire is broken.",
        "Close the door.",
        stop_reason=StopReason.EMERGENCY_STOP,
        detection=_LINE,
    ),
    "power-loss": FaultRow(
        Severity.STOP,
        "UnderVoltage",
        "Mains are gone.",
        "Wait for mains.",
        stop_reason=StopReason.POWER_LOSS,
        detection=_LINE,
    ),
    "residual-current": FaultRow(
        Severity.TRIP,
        "GroundFailure",
        "The residual-current device found a leak to earth, or its wire is broken.",
        "Have cable, vehicle and insulation checked, reset the device, then clear the fault.",
        is_latching=True,
        detection=_LINE,
    ),
    "over-temperature": FaultRow(
        Severity.TRIP,
        "HighTemperature",
        "The temperature switch of the connector is open, or its wire is broken.",
        "Let the connector cool down; if it comes back, check contacts and cable.",
        detection=_LINE,
    ),
    "safety-inputs": FaultRow(
        Severity.TRIP,
        "InternalError",
        "The safety lines cannot be read.",
        "Check the I/O board and its wiring.",
        detection="The gate cannot read or drive its lines.",
        is_consequence=True,
    ),
    "guard-lost": FaultRow(
        Severity.TRIP,
        "InternalError",
        "The guard that owns the contactors does not answer.",
        "See the log of the guard; restart its service.",
        detection="The daemon hears nothing from the guard for `safety.lease_s`.",
    ),
    "lease-lost": FaultRow(
        Severity.TRIP,
        "InternalError",
        "The daemon did not renew its lease in time.",
        "See the log for what blocked the daemon.",
        detection="The gate: no renewal for `safety.lease_s` with a contactor wished closed.",
    ),
    "over-voltage": FaultRow(
        Severity.TRIP,
        "OverVoltage",
        "The output voltage was above what vehicle, connector and modules bear.",
        "Unplug; if it comes back, check the modules and what measures their voltage.",
        detection="The gate holds the measured voltage against the lowest limit.",
        on=On.DC,
    ),
    "over-current": FaultRow(
        Severity.TRIP,
        "OverCurrentFailure",
        "The modules gave more current than they were asked for.",
        "Unplug; if it comes back, check the modules and their addresses.",
        detection="The gate holds the modules' current against the set-point.",
        on=On.DC,
    ),
    "reverse-current": FaultRow(
        Severity.TRIP,
        "PowerSwitchFailure",
        "Current flowed out of the vehicle.",
        "Unplug; check the output diodes of the modules and the wiring of the meter.",
        detection="The gate: modules or meter measure it.",
    ),
    "current-while-open": FaultRow(
        Severity.TRIP,
        "PowerSwitchFailure",
        "Current flows although the contactor says that it is open.",
        "Disconnect mains, measure, check contactor and auxiliary contact.",
        detection="The gate: modules or meter measure it with the feedback open.",
        cannot_open=True,
    ),
    "voltage-while-open": FaultRow(
        Severity.TRIP,
        "PowerSwitchFailure",
        "The output is live although nothing is asked of the modules.",
        "Disconnect mains, measure, check the modules and their bleeder.",
        detection="The gate: modules or meter measure it with the feedback open.",
        on=On.DC,
    ),
    "power-mismatch": FaultRow(
        Severity.STOP,
        "PowerMeterFailure",
        "The meter and the modules do not agree on the power.",
        "Check the meter's wiring, transformer ratio and model; compare with the modules' readings.",
        detection="The gate holds the meter's power against the modules' own.",
        on=On.DC,
    ),
    "contactor-stuck-open": FaultRow(
        Severity.STOP,
        "PowerSwitchFailure",
        "The contactor did not close within its time.",
        "Check coil supply, contactor and auxiliary contact.",
        clears_on_unplug=True,
        detection="The gate: coil on, and the feedback open after `safety.close_s`, or opening by itself.",
    ),
    "contactor-welded": FaultRow(
        Severity.STOP,
        "PowerSwitchFailure",
        "The contactor is still closed after it was told to open.",
        "Disconnect mains, measure, replace the contactor, then clear the fault.",
        is_latching=True,
        detection="The gate: coil off, and the feedback closed after `safety.open_s`; also at rest.",
        cannot_open=True,
        holds_plug=True,
    ),
    "not-discharged": FaultRow(
        Severity.STOP,
        "PowerSwitchFailure",
        "The output did not fall below the touch-safe voltage.",
        "Check the modules' bleeder and the contactor, then clear the fault.",
        is_latching=True,
        detection="The core: modules or meter still tell such a voltage when `timing.opening_s` is over.",
        on=On.DC,
        is_found_at_end=True,
        holds_plug=True,
    ),
    "discharge-unverified": FaultRow(
        Severity.NOTE,
        "OtherError",
        "No device could tell the output voltage after opening.",
        "Restore modules or meter.",
        clears_on_unplug=True,
        detection="The core: neither modules nor meter have told a voltage when `timing.opening_s` is over.",
        on=On.DC,
        is_found_at_end=True,
    ),
    "insulation-fault": FaultRow(
        Severity.STOP,
        "GroundFailure",
        "Insulation between output and earth is too low.",
        "Try another vehicle; if it stays, check cable and output.",
        clears_on_unplug=True,
        detection="The insulation monitor tells, in the cable check and as long as the output is energised.",
        on=On.DC,
    ),
    "insulation-silent": FaultRow(
        Severity.STOP,
        "GroundFailure",
        "The insulation monitor does not answer.",
        "Check its supply and wiring.",
        detection=f"{_DRIVER}.",
        on=On.DC,
    ),
    "meter-silent": FaultRow(
        Severity.STOP,
        "PowerMeterFailure",
        "The energy meter does not answer.",
        "Check its supply and bus.",
        detection=f"{_DRIVER}, {_IN_SESSION} `timing.meter_stale_s`.",
    ),
    "power-silent": FaultRow(
        Severity.STOP,
        "PowerSwitchFailure",
        "The power modules do not answer.",
        "Check mains and module bus.",
        detection=f"{_DRIVER}, {_IN_SESSION} `timing.stale_s`.",
        on=On.DC,
    ),
    module_faults.MODULES_FAILED: FaultRow(
        Severity.STOP,
        "PowerSwitchFailure",
        "No power module can deliver any more.",
        "See the alarms of the modules beside it.",
        detection="The modules tell alarms, and that they can give nothing.",
        on=On.DC,
    ),
    module_faults.MODULES_UNPOWERED: FaultRow(
        Severity.STOP,
        "UnderVoltage",
        "No power module has mains.",
        "Wait for mains; check fuses.",
        stop_reason=StopReason.POWER_LOSS,
        detection="The modules tell that their mains are low, and that they can give nothing.",
        on=On.DC,
    ),
    "secc-silent": FaultRow(
        Severity.TRIP,
        "OtherError",
        "The vehicle controller does not answer.",
        "Check its supply and bus.",
        detection=f"{_DRIVER}, {_IN_SESSION} `timing.stale_s`; in a session a pilot that it does not tell any more is enough.",
    ),
    "lock-silent": FaultRow(
        Severity.STOP,
        "ConnectorLockFailure",
        "The connector lock does not answer.",
        "Check its wiring.",
        detection=f"{_DRIVER}.",
    ),
    "indicator-silent": FaultRow(
        Severity.NOTE,
        "OtherError",
        "The light of the connector cannot be driven.",
        "Check its board and lines.",
        detection="Its board cannot drive it.",
    ),
    "reader-silent": FaultRow(
        Severity.NOTE,
        "ReaderFailure",
        "The card reader does not answer.",
        "Check its plug and port.",
        detection=f"{_DRIVER}.",
    ),
    "io-silent": FaultRow(
        Severity.TRIP,
        "InternalError",
        "The I/O board does not answer.",
        "Check the board and its wiring.",
        detection=f"{_DRIVER}.",
    ),
    "lock-failure": FaultRow(
        Severity.STOP,
        "ConnectorLockFailure",
        "The connector lock did not hold the plug.",
        "Push the plug in to the end; if it stays, clean the socket and check the lock.",
        clears_on_unplug=True,
        detection="The lock tells another position than locked: `timing.lock_s` after the order, or in a session.",
    ),
    "unlock-failure": FaultRow(
        Severity.NOTE,
        "ConnectorLockFailure",
        "The connector lock did not release the plug.",
        "Press the plug in while unlocking; if it stays, clean the socket and check the lock.",
        clears_on_unplug=True,
        detection="The lock does not tell that it is open `timing.lock_s` after the order.",
        is_found_at_end=True,
    ),
    "vehicle-emergency": FaultRow(
        Severity.TRIP,
        "EVCommunicationError",
        "The vehicle asked for an emergency shutdown.",
        "Unplug and try again.",
        clears_on_unplug=True,
        detection="The vehicle tells, by its controller; it does so too when the station has tripped.",
        on=On.DC,
        is_consequence=True,
    ),
    "pilot-diode": FaultRow(
        Severity.TRIP,
        "EVCommunicationError",
        "The control pilot finds no diode in the vehicle.",
        "Try another vehicle; if it stays, check the cable and reset the pilot board.",
        detection=_BOARD,
        on=On.AC,
    ),
    "pilot-short": FaultRow(
        Severity.TRIP,
        "EVCommunicationError",
        "The control pilot is shorted to earth.",
        "Unplug and check the cable; if it stays, reset the pilot board.",
        detection=_BOARD,
        on=On.AC,
    ),
    "pilot-invalid": FaultRow(
        Severity.TRIP,
        "EVCommunicationError",
        "The control pilot has a level that is none of its states.",
        "Unplug and check cable and contacts; if it stays, check the pilot board.",
        detection=_BOARD,
        on=On.AC,
    ),
    "proximity-error": FaultRow(
        Severity.TRIP,
        "OtherError",
        "The plug in the socket is coded for no cable that there is, or not at all.",
        "Try another cable; if it stays, check the contact PP and reset the pilot board.",
        detection=_BOARD,
        on=On.AC,
    ),
    "ventilation-required": FaultRow(
        Severity.NOTE,
        "EVCommunicationError",
        "The vehicle asks for ventilation (pilot D), which this station does not have: it is given nothing.",
        "Charge it where there is ventilation; a vehicle that should need none has a fault in its pilot circuit.",
        detection="The pilot shows state D, by its controller.",
        on=On.AC,
        suspends=True,
    ),
    "vehicle-over-current": FaultRow(
        Severity.STOP,
        "OverCurrentFailure",
        "The vehicle takes more current than the control pilot allows it.",
        "Unplug and try again; if it comes back, have the vehicle's charger checked, and the meter and its wiring.",
        clears_on_unplug=True,
        detection="The core holds the meter's current against what the pilot allows.",
        on=On.AC,
    ),
    "contactor-error": FaultRow(
        Severity.TRIP,
        "PowerSwitchFailure",
        "The pilot board saw a contactor that did not do what it was told.",
        "Disconnect mains, measure, check contactor and auxiliary contact, then reset the pilot board.",
        detection=_BOARD,
        on=On.AC,
    ),
    "contact-temperature": FaultRow(
        Severity.TRIP,
        "HighTemperature",
        "The pilot board stopped the charging for a temperature.",
        "Let the connector cool down; if it comes back, check contacts and cable. Reset the pilot board.",
        detection=_BOARD,
        on=On.AC,
    ),
    "temperature-sensor": FaultRow(
        Severity.TRIP,
        "InternalError",
        "A temperature sensor of the pilot board is broken.",
        "Check sensor and wire, then reset the pilot board.",
        detection=_BOARD,
        on=On.AC,
    ),
    "pilot-off": FaultRow(
        Severity.TRIP,
        "InternalError",
        "The pilot board has switched itself off after a fault, and shows the vehicle that the station is not available.",
        "Remove the cause, which is told beside, then reset the pilot board (switch its supply off and on).",
        detection="The pilot board shows state F.",
        on=On.AC,
        is_consequence=True,
    ),
    derating.HOT: FaultRow(
        Severity.STOP,
        "HighTemperature",
        "The connector is as hot as it may become, although less current was let through before.",
        "Let it cool down; if it comes back, check contacts, cable and the derating of the configuration.",
        detection="The core: its temperature has reached the end of the derating curve.",
    ),
    derating.SENSOR: FaultRow(
        Severity.NOTE,
        "InternalError",
        "The connector's temperature sensor tells what cannot be; the current is held down.",
        "Check sensor and wire.",
        detection="The core: a temperature below -40 or above 150 °C, or one that runs away.",
    ),
    "handshake-timeout": FaultRow(
        Severity.NOTE,
        "EVCommunicationError",
        "The vehicle did not come to the cable check in time.",
        "Unplug and try again.",
        clears_on_unplug=True,
        detection=f"{_PHASE} `timing.handshake_s`.",
        on=On.DC,
    ),
    "wake-timeout": FaultRow(
        Severity.NOTE,
        "EVCommunicationError",
        "The vehicle slept, and could not be woken over the pilot.",
        "Unplug and plug in again.",
        clears_on_unplug=True,
        detection=f"{_PHASE} `timing.wake_s`.",
        on=On.DC,
    ),
    "cable-check-timeout": FaultRow(
        Severity.NOTE,
        "EVCommunicationError",
        "The cable check was not over in time.",
        "Unplug and try again; check modules and insulation monitor.",
        clears_on_unplug=True,
        detection=f"{_PHASE} `timing.cable_check_s`.",
        on=On.DC,
    ),
    "precharge-timeout": FaultRow(
        Severity.NOTE,
        "EVCommunicationError",
        "Vehicle and output did not come to the same voltage in time.",
        "Unplug and try again; check the modules.",
        clears_on_unplug=True,
        detection=f"{_PHASE} `timing.precharge_s`.",
        on=On.DC,
    ),
    "power-delivery-timeout": FaultRow(
        Severity.NOTE,
        "EVCommunicationError",
        "The vehicle had precharged, but did not ask for current in time.",
        "Unplug and try again; a vehicle that is to charge later may need a longer `timing.delivery_start_s`.",
        clears_on_unplug=True,
        detection=f"{_PHASE} `timing.delivery_start_s`.",
        on=On.DC,
    ),
    "voltage-request": FaultRow(
        Severity.NOTE,
        "EVCommunicationError",
        "The vehicle asks for more voltage than it said it bears, or than there is here; it gets the least of these.",
        "None, as long as it charges.",
        clears_on_unplug=True,
        detection="The core holds the request against what the vehicle told, and against connector and modules.",
        on=On.DC,
    ),
    "ramp-down-timeout": FaultRow(
        Severity.NOTE,
        "PowerSwitchFailure",
        "The current did not fall in time, so the contactor was opened under load.",
        "Contactors bear few of these: find out why the modules did not go down.",
        clears_on_unplug=True,
        detection=f"{_PHASE} `timing.ramp_down_s`.",
        on=On.DC,
        is_found_at_end=True,
    ),
    "meter-register": FaultRow(
        Severity.NOTE,
        "PowerMeterFailure",
        "The meter's register went round, ran back or jumped while a transaction counted; the step is left out of its energy.",
        "Compare the transaction with the meter; was the meter exchanged or reset?",
        clears_on_unplug=True,
        detection="The meter's driver tells a step without energy, believed when it has been read three times.",
    ),
    "reset-failure": FaultRow(
        Severity.NOTE,
        "ResetFailure",
        "A reset was ordered, but the process could not be restarted.",
        "See the log; restart the service by hand, or clear the fault.",
        is_latching=True,
        detection="The core: the process is still there `timing.restart_s` after the last of the attempts (ResetRetries).",
    ),
    "local-list-conflict": FaultRow(
        Severity.NOTE,
        "LocalListConflict",
        "The central system answers otherwise of a token than the local list that it has sent.",
        "Have the central system send its list again.",
        detection="The core compares each answer with the list.",
    ),
    "storage": FaultRow(
        Severity.BLOCK,
        "InternalError",
        "The journal cannot be written, so no new session may begin.",
        "Free space on the state directory or mount it writable.",
        detection="The journal: a commit failed. It is tried again every second.",
    ),
} | {
    module_faults.code_of(alarm): FaultRow(
        Severity.NOTE, meaning.error_code, meaning.cause, meaning.remedy, detection="The module tells, as one of its alarms.", on=On.DC
    )
    for alarm, meaning in module_faults.MEANINGS.items()
}

UNKNOWN_ROW = FaultRow(
    Severity.STOP, "OtherError", "A fault raised from outside.", "See its text, then clear it.", detection="Whoever raised it."
)
