"""The table of faults, and the set of those that are up on one connector.

Adding a fault is adding a row. The severity says what the core does; what must act without the core has its rule in the gate as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from chargerd.core import derating, module_faults
from chargerd.core.events import StopReason
from chargerd.core.view import FaultView

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


@dataclass(frozen=True, slots=True)
class FaultRow:
    """error_code: OCPP 1.6, 7.6 ChargePointErrorCode; clears_on_unplug: the cause sat in the cable or the vehicle."""

    severity: Severity
    error_code: str
    cause: str
    remedy: str
    is_latching: bool = False
    clears_on_unplug: bool = False
    stop_reason: StopReason = StopReason.OTHER


FAULTS: dict[str, FaultRow] = {
    "emergency-stop": FaultRow(
        Severity.TRIP,
        "OtherError",
        "The emergency stop is pressed, or its wire is broken.",
        "Release the button, find out why it was pressed, then clear the fault.",
        is_latching=True,
        stop_reason=StopReason.EMERGENCY_STOP,
    ),
    "door-open": FaultRow(
        Severity.TRIP,
        "OtherError",
        "The cabinet door is open, or its switch wire is broken.",
        "Close the door.",
        stop_reason=StopReason.EMERGENCY_STOP,
    ),
    "power-loss": FaultRow(Severity.TRIP, "UnderVoltage", "Mains are gone.", "Wait for mains.", stop_reason=StopReason.POWER_LOSS),
    "residual-current": FaultRow(
        Severity.TRIP,
        "GroundFailure",
        "The residual-current device found a leak to earth, or its wire is broken.",
        "Have cable, vehicle and insulation checked, reset the device, then clear the fault.",
        is_latching=True,
    ),
    "over-temperature": FaultRow(
        Severity.TRIP,
        "HighTemperature",
        "The temperature switch of the connector is open, or its wire is broken.",
        "Let the connector cool down; if it comes back, check contacts and cable.",
    ),
    "safety-inputs": FaultRow(Severity.TRIP, "InternalError", "The safety lines cannot be read.", "Check the I/O board and its wiring."),
    "guard-lost": FaultRow(
        Severity.TRIP,
        "InternalError",
        "The guard that owns the contactors does not answer.",
        "See the log of the guard; restart its service.",
    ),
    "lease-lost": FaultRow(
        Severity.TRIP, "InternalError", "The daemon did not renew its lease in time.", "See the log for what blocked the daemon."
    ),
    "over-voltage": FaultRow(
        Severity.TRIP,
        "OverVoltage",
        "The output voltage was above what vehicle, connector and modules bear.",
        "Unplug; if it comes back, check the modules and what measures their voltage.",
    ),
    "over-current": FaultRow(
        Severity.TRIP,
        "OverCurrentFailure",
        "The modules gave more current than they were asked for.",
        "Unplug; if it comes back, check the modules and their addresses.",
    ),
    "reverse-current": FaultRow(
        Severity.TRIP,
        "PowerSwitchFailure",
        "Current flowed out of the vehicle.",
        "Unplug; check the output diodes of the modules and the wiring of the meter.",
    ),
    "current-while-open": FaultRow(
        Severity.TRIP,
        "PowerSwitchFailure",
        "Current flows although the contactor says that it is open.",
        "Disconnect mains, measure, check contactor and auxiliary contact.",
    ),
    "voltage-while-open": FaultRow(
        Severity.TRIP,
        "PowerSwitchFailure",
        "The output is live although nothing is asked of the modules.",
        "Disconnect mains, measure, check the modules and their bleeder.",
    ),
    "power-mismatch": FaultRow(
        Severity.STOP,
        "PowerMeterFailure",
        "The meter and the modules do not agree on the power.",
        "Check the meter's wiring, transformer ratio and model; compare with the modules' readings.",
    ),
    "contactor-stuck-open": FaultRow(
        Severity.STOP,
        "PowerSwitchFailure",
        "The contactor did not close within its time.",
        "Check coil supply, contactor and auxiliary contact.",
        clears_on_unplug=True,
    ),
    "contactor-welded": FaultRow(
        Severity.STOP,
        "PowerSwitchFailure",
        "The contactor is still closed after it was told to open.",
        "Disconnect mains, measure, replace the contactor, then clear the fault.",
        is_latching=True,
    ),
    "not-discharged": FaultRow(
        Severity.STOP,
        "PowerSwitchFailure",
        "The output did not fall below the touch-safe voltage.",
        "Check the modules' bleeder and the contactor, then clear the fault.",
        is_latching=True,
    ),
    "discharge-unverified": FaultRow(
        Severity.NOTE,
        "OtherError",
        "No device could tell the output voltage after opening.",
        "Restore modules or meter.",
        clears_on_unplug=True,
    ),
    "insulation-fault": FaultRow(
        Severity.STOP,
        "GroundFailure",
        "Insulation between output and earth is too low.",
        "Try another vehicle; if it stays, check cable and output.",
        clears_on_unplug=True,
    ),
    "insulation-silent": FaultRow(
        Severity.STOP, "GroundFailure", "The insulation monitor does not answer.", "Check its supply and wiring."
    ),
    "meter-silent": FaultRow(Severity.STOP, "PowerMeterFailure", "The energy meter does not answer.", "Check its supply and bus."),
    "power-silent": FaultRow(Severity.STOP, "PowerSwitchFailure", "The power modules do not answer.", "Check mains and module bus."),
    module_faults.MODULES_FAILED: FaultRow(
        Severity.STOP, "PowerSwitchFailure", "No power module can deliver any more.", "See the alarms of the modules beside it."
    ),
    module_faults.MODULES_UNPOWERED: FaultRow(
        Severity.STOP, "UnderVoltage", "No power module has mains.", "Wait for mains; check fuses.", stop_reason=StopReason.POWER_LOSS
    ),
    "secc-silent": FaultRow(Severity.TRIP, "OtherError", "The vehicle controller does not answer.", "Check its supply and bus."),
    "lock-silent": FaultRow(Severity.STOP, "ConnectorLockFailure", "The connector lock does not answer.", "Check its wiring."),
    "indicator-silent": FaultRow(Severity.NOTE, "OtherError", "The light of the connector cannot be driven.", "Check its board and lines."),
    "reader-silent": FaultRow(Severity.NOTE, "ReaderFailure", "The card reader does not answer.", "Check its plug and port."),
    "io-silent": FaultRow(Severity.TRIP, "InternalError", "The I/O board does not answer.", "Check the board and its wiring."),
    "lock-failure": FaultRow(
        Severity.STOP,
        "ConnectorLockFailure",
        "The connector lock did not hold the plug.",
        "Push the plug in to the end; if it stays, clean the socket and check the lock.",
        clears_on_unplug=True,
    ),
    "unlock-failure": FaultRow(
        Severity.NOTE,
        "ConnectorLockFailure",
        "The connector lock did not release the plug.",
        "Press the plug in while unlocking; if it stays, clean the socket and check the lock.",
        clears_on_unplug=True,
    ),
    "vehicle-emergency": FaultRow(
        Severity.TRIP,
        "EVCommunicationError",
        "The vehicle asked for an emergency shutdown.",
        "Unplug and try again.",
        clears_on_unplug=True,
    ),
    "pilot-diode": FaultRow(
        Severity.TRIP,
        "EVCommunicationError",
        "The control pilot finds no diode in the vehicle.",
        "Try another vehicle; if it stays, check the cable and reset the pilot board.",
    ),
    "pilot-short": FaultRow(
        Severity.TRIP,
        "EVCommunicationError",
        "The control pilot is shorted to earth.",
        "Unplug and check the cable; if it stays, reset the pilot board.",
    ),
    "pilot-invalid": FaultRow(
        Severity.TRIP,
        "EVCommunicationError",
        "The control pilot has a level that is none of its states.",
        "Unplug and check cable and contacts; if it stays, check the pilot board.",
    ),
    "pilot-off": FaultRow(
        Severity.TRIP,
        "InternalError",
        "The pilot board has switched itself off after a fault, and shows the vehicle that the station is not available.",
        "Remove the cause, which is told beside, then reset the pilot board (switch its supply off and on).",
    ),
    "proximity-error": FaultRow(
        Severity.TRIP,
        "OtherError",
        "The plug in the socket is coded for no cable that there is, or not at all.",
        "Try another cable; if it stays, check the contact PP and reset the pilot board.",
    ),
    "ventilation-required": FaultRow(
        Severity.NOTE,
        "EVCommunicationError",
        "The vehicle asks for ventilation (pilot D), which this station does not have: it is given nothing.",
        "Charge it where there is ventilation; a vehicle that should need none has a fault in its pilot circuit.",
    ),
    "vehicle-over-current": FaultRow(
        Severity.STOP,
        "OverCurrentFailure",
        "The vehicle takes more current than the control pilot allows it.",
        "Unplug and try again; if it comes back, have the vehicle's charger checked, and the meter and its wiring.",
        clears_on_unplug=True,
    ),
    "contactor-error": FaultRow(
        Severity.TRIP,
        "PowerSwitchFailure",
        "The pilot board saw a contactor that did not do what it was told.",
        "Disconnect mains, measure, check contactor and auxiliary contact, then reset the pilot board.",
    ),
    "contact-temperature": FaultRow(
        Severity.TRIP,
        "HighTemperature",
        "The pilot board stopped the charging for a temperature.",
        "Let the connector cool down; if it comes back, check contacts and cable. Reset the pilot board.",
    ),
    "temperature-sensor": FaultRow(
        Severity.TRIP,
        "InternalError",
        "A temperature sensor of the pilot board is broken.",
        "Check sensor and wire, then reset the pilot board.",
    ),
    derating.HOT: FaultRow(
        Severity.STOP,
        "HighTemperature",
        "The connector is as hot as it may become, although less current was let through before.",
        "Let it cool down; if it comes back, check contacts, cable and the derating of the configuration.",
    ),
    derating.SENSOR: FaultRow(
        Severity.NOTE,
        "InternalError",
        "The connector's temperature sensor tells what cannot be; the current is held down.",
        "Check sensor and wire.",
    ),
    "handshake-timeout": FaultRow(
        Severity.NOTE,
        "EVCommunicationError",
        "The vehicle did not come to the cable check in time.",
        "Unplug and try again.",
        clears_on_unplug=True,
    ),
    "cable-check-timeout": FaultRow(
        Severity.NOTE,
        "EVCommunicationError",
        "The cable check was not over in time.",
        "Unplug and try again; check modules and insulation monitor.",
        clears_on_unplug=True,
    ),
    "precharge-timeout": FaultRow(
        Severity.NOTE,
        "EVCommunicationError",
        "Vehicle and output did not come to the same voltage in time.",
        "Unplug and try again; check the modules.",
        clears_on_unplug=True,
    ),
    "meter-register": FaultRow(
        Severity.NOTE,
        "PowerMeterFailure",
        "The meter's register went round, ran back or jumped while a transaction counted; the step is left out of its energy.",
        "Compare the transaction with the meter; was the meter exchanged or reset?",
        clears_on_unplug=True,
    ),
    "reset-failure": FaultRow(
        Severity.NOTE,
        "ResetFailure",
        "A reset was ordered, but the process could not be restarted.",
        "See the log; restart the service by hand, or clear the fault.",
        is_latching=True,
    ),
    "storage": FaultRow(
        Severity.BLOCK,
        "InternalError",
        "The journal cannot be written, so no new session may begin.",
        "Free space on the state directory or mount it writable.",
    ),
} | {
    module_faults.code_of(alarm): FaultRow(Severity.NOTE, meaning.error_code, meaning.cause, meaning.remedy)
    for alarm, meaning in module_faults.MEANINGS.items()
}

UNKNOWN_ROW = FaultRow(Severity.STOP, "OtherError", "A fault raised from outside.", "See its text, then clear it.")


def error_code_of(code: str, given: str | None = None) -> str:
    """The OCPP error code a fault is told with: as given, else as its row says."""
    return given or FAULTS.get(code, UNKNOWN_ROW).error_code


@dataclass(slots=True)
class _Active:
    row: FaultRow
    error_code: str
    info: str
    is_present: bool  # the condition itself; False with a latching row: waits for the technician


class FaultSet:
    """The faults that are up, by code."""

    def __init__(self) -> None:
        self._active: dict[str, _Active] = {}

    def raise_(self, code: str, info: str = "", error_code: str | None = None) -> bool:
        """Put a fault up. Returns whether it is new."""
        row = FAULTS.get(code, UNKNOWN_ROW)
        known = self._active.get(code)
        if known is not None:
            known.is_present = True
            return False
        self._active[code] = _Active(row, error_code_of(code, error_code), info, is_present=True)
        return True

    def condition_over(self, code: str) -> bool:
        """The condition is gone: a latching fault stays up, another one ends. Returns whether it ended."""
        active = self._active.get(code)
        if active is None:
            return False
        active.is_present = False
        if active.row.is_latching:
            return False
        del self._active[code]
        return True

    def clear(self, code: str) -> str:
        """The technician clears a fault. Returns why it cannot be done, or an empty text when it is done.

        What ends with its cause, or stays until then, cannot be wished away: a device that is silent still is.
        """
        active = self._active.get(code)
        if active is None:
            return f"no fault {code!r} is up here"
        if active.is_present and code in FAULTS and not active.row.clears_on_unplug:
            return f"{code!r} is still there: {active.row.remedy}"
        del self._active[code]
        return ""

    def unplugged(self) -> list[str]:
        """The vehicle has left: the faults that were its own end. Returns their codes."""
        gone = [code for code, active in self._active.items() if active.row.clears_on_unplug]
        for code in gone:
            del self._active[code]
        return gone

    def worst(self) -> Severity | None:
        """The highest severity that is up."""
        if not self._active:  # nearly always, and asked several times an event
            return None
        return max((active.row.severity for active in self._active.values()), default=None)

    def first_at(self, severity: Severity) -> tuple[str, FaultRow] | None:
        """The oldest fault of at least this severity."""
        return next(((code, active.row) for code, active in self._active.items() if active.row.severity >= severity), None)

    def has(self, code: str) -> bool:
        """Whether this fault is up."""
        return code in self._active

    def error_code(self) -> tuple[str, str, str]:
        """OCPP error code, vendor code and text of the worst fault; NoError and empty texts when nothing is up."""
        if not self._active:
            return ("NoError", "", "")
        code, active = max(self._active.items(), key=lambda item: item[1].row.severity)
        return (active.error_code, code, active.info or active.row.cause)

    def views(self) -> tuple[FaultView, ...]:
        """For people."""
        return tuple(
            FaultView(code, active.error_code, active.info or active.row.cause, active.row.is_latching)
            for code, active in self._active.items()
        )
