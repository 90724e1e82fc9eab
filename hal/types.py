"""Values that cross the hardware boundary.

Frozen dataclasses with the unit at the end of each name. Sign convention: current, power and energy are positive into the vehicle
(import). `None` means "not measured or not told", never zero.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, StrEnum


@dataclass(frozen=True, slots=True)
class Range:
    """Allowed span of a configuration value, both ends included; put into `Annotated[...]`."""

    low: float
    high: float
    unit: str = ""


class ControlPilot(Enum):
    """State of the control pilot line (IEC 61851-1, Annex A)."""

    UNKNOWN = "unknown"
    A = "A"  # no vehicle
    B = "B"  # vehicle plugged, not ready
    C = "C"  # vehicle ready to take energy
    D = "D"  # ready, ventilation required
    E = "E"  # pilot short or station without power
    F = "F"  # station not available

    @property
    def is_plugged(self) -> bool:
        """A vehicle hangs on the cable."""
        return self in (ControlPilot.B, ControlPilot.C, ControlPilot.D)

    @property
    def is_ready(self) -> bool:
        """The vehicle asks for energy and, on CCS2 and fixed cables, has locked its inlet."""
        return self in (ControlPilot.C, ControlPilot.D)


class SeccPhase(Enum):
    """Where the dialogue between vehicle and SECC stands (DIN 70121, ISO 15118-2), reduced to what the power side must know."""

    IDLE = "idle"  # no vehicle, or no dialogue
    HANDSHAKE = "handshake"  # SLAC, session set-up, service selection
    AUTHORIZATION = "authorization"  # waits for our answer
    PARAMETERS = "parameters"  # limits are exchanged
    CABLE_CHECK = "cable-check"
    PRECHARGE = "precharge"
    READY = "ready"  # precharged, power delivery not yet started
    CURRENT_DEMAND = "current-demand"
    STOPPING = "stopping"
    WELDING_DETECTION = "welding-detection"
    FINISHED = "finished"
    PAUSED = "paused"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class EvRequest:
    """What the vehicle asks for now, as its SECC tells it."""

    control_pilot: ControlPilot = ControlPilot.UNKNOWN
    phase: SeccPhase = SeccPhase.IDLE
    target_voltage_v: float = 0.0
    target_current_a: float = 0.0
    is_contactor_wanted: bool = False  # ours; in an ordinary end it is held closed as long as the SECC wants it
    max_voltage_v: float | None = None
    max_current_a: float | None = None
    max_power_w: float | None = None
    soc_percent: float | None = None
    target_soc_percent: float | None = None
    capacity_wh: float | None = None
    wants_stop: bool = False  # the vehicle ends the session
    is_emergency: bool = False  # the vehicle or its SECC asks for an emergency shutdown
    protocol: str | None = None  # the standard it speaks, such as "ISO 15118-2"
    evccid: str | None = None
    is_cable_present: bool | None = None  # by proximity: a plug is in the station's socket; None: a fixed cable
    connector_temperature_c: float | None = None
    cable_max_current_a: float | None = None  # what a cable of the driver's own can bear, by proximity
    pilot_offer_a: float | None = None  # what the pilot's duty tells the vehicle now, read back; None: nobody reads it
    faults: frozenset[str] = frozenset()  # what the SECC finds wrong with cable, vehicle or itself, as long as it does: codes of the core


class Isolation(Enum):
    """Insulation verdict as told to the vehicle (DIN 70121 IsolationLevel)."""

    INVALID = "invalid"
    SAFE = "safe"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class SeccOutput:
    """What the SECC should tell the vehicle; the default is the safe level."""

    is_enabled: bool = False  # False in the charge loop is an emergency shutdown, not the normal stop
    authorization: bool | None = None  # None: still asking
    wants_stop: bool = False  # the normal stop
    min_voltage_v: float = 0.0
    max_voltage_v: float = 0.0
    max_current_a: float = 0.0
    max_power_w: float = 0.0
    present_voltage_v: float = 0.0
    present_current_a: float = 0.0
    isolation: Isolation = Isolation.INVALID
    insulation_ohm: float | None = None
    is_waking: bool = False  # wake a vehicle that sleeps: AC: take the offer back for a moment; DC: over the pilot, for a new dialogue

    @property
    def offer_a(self) -> float:
        """What a control pilot may offer, where nothing else is said to the vehicle; 0: nothing."""
        is_on = self.is_enabled and self.authorization is True and not self.wants_stop and not self.is_waking
        return self.max_current_a if is_on else 0.0


@dataclass(frozen=True, slots=True)
class Setpoint:
    """What the power modules of one connector should give; the default is off.

    ceiling_v: the highest voltage this session will need, 0 as long as nobody knows. It asks for no energy: modules that have voltage
    ranges choose one by it while their output is still off.
    """

    voltage_v: float = 0.0
    current_a: float = 0.0
    ceiling_v: float = 0.0

    @property
    def is_on(self) -> bool:
        """Modules are to run at all."""
        return self.voltage_v > 0.0


class ModuleAlarm(StrEnum):
    """Everything that can be wrong with power modules: the words that the bits of all families are mapped to."""

    MODULE_MISSING = "module-missing"
    MODULE_FAULT = "module-fault"
    PROTECTION = "protection"
    OVER_TEMPERATURE = "over-temperature"
    UNDER_TEMPERATURE = "under-temperature"
    FAN_FAULT = "fan-fault"
    OUTPUT_SHORT_CIRCUIT = "output-short-circuit"
    OUTPUT_OVER_VOLTAGE = "output-over-voltage"
    OUTPUT_UNDER_VOLTAGE = "output-under-voltage"
    OUTPUT_UNBALANCED = "output-unbalanced"
    DISCHARGE_ABNORMAL = "discharge-abnormal"
    CURRENT_SHARING_UNBALANCED = "current-sharing-unbalanced"
    INPUT_ABNORMAL = "input-abnormal"
    INPUT_OVER_VOLTAGE = "input-over-voltage"
    INPUT_UNDER_VOLTAGE = "input-under-voltage"
    INPUT_PHASE_LOST = "input-phase-lost"
    INPUT_UNBALANCED = "input-unbalanced"
    INPUT_MODE = "input-mode"
    BUS_ABNORMAL = "bus-abnormal"
    FUSE = "fuse"
    MEMORY = "memory"
    INTERNAL_COMMUNICATION = "internal-communication"
    COMMUNICATION_INTERRUPTED = "communication-interrupted"
    DUPLICATE_ADDRESS = "duplicate-address"


class Talk(Enum):
    """How much a driver may say to its power modules. Beyond a self-test it is free."""

    FREE = "free"
    ASKING = "asking"  # it asks for values and commands nothing, not even "off"
    SILENT = "silent"  # not a word


@dataclass(frozen=True, slots=True)
class ModuleTelemetry:
    """What the power modules of one connector do and could do. `max_current_a`: of those that are able to deliver.

    cut_off_s: after so long without a word of their controller they are off by themselves; None: nobody knows, and it cannot be tried.
    """

    voltage_v: float = 0.0
    current_a: float = 0.0
    max_voltage_v: float = 0.0
    max_current_a: float = 0.0
    max_power_w: float = 0.0
    modules_present: int = 0
    temperature_c: float | None = None
    alarms: frozenset[str] = frozenset()  # words of `ModuleAlarm`
    cut_off_s: float | None = None


@dataclass(frozen=True, slots=True)
class MeterReading:
    """One reading of an energy meter; `energy_wh` is the import register, never re-based.

    moved_wh: by how much the register has stepped without energy since the reading before, up or down: it went round, was reset, or belongs
    to another meter now. Told once, in the first reading after it.

    On AC `power_w` is the sum of the phases, `voltage_v` the mean to neutral, `current_a` the highest; the phases are L1, L2, L3, and a
    single-phase meter tells no phases. `current_export_a` is positive out of the vehicle.
    """

    energy_wh: int
    power_w: float | None = None
    voltage_v: float | None = None
    current_a: float | None = None
    phase_voltages_v: tuple[float, float, float] | None = None
    phase_currents_a: tuple[float, float, float] | None = None
    export_wh: int | None = None
    reactive_import_varh: int | None = None
    reactive_export_varh: int | None = None
    current_export_a: float | None = None
    temperature_c: float | None = None
    moved_wh: int = 0


@dataclass(frozen=True, slots=True)
class InsulationReading:
    """Verdict of an insulation monitor; a yes/no monitor gives no resistance."""

    is_safe: bool
    resistance_ohm: float | None = None


@dataclass(frozen=True, slots=True)
class TokenRead:
    """A card was put before a reader (once for each time it is put there).

    `connectors`: those the holder chose at the reader; empty: all that the reader serves.
    """

    id_tag: str
    connectors: tuple[int, ...] = ()


class LockState(Enum):
    """State of a connector lock of the station's own (sockets only)."""

    UNKNOWN = "unknown"
    UNLOCKED = "unlocked"
    LOCKED = "locked"
    FAILED = "failed"


class IndicatorState(Enum):
    """What the light of a connector says; colours and blinking are the driver's business."""

    OFF = "off"
    AVAILABLE = "available"
    PREPARING = "preparing"
    CHARGING = "charging"
    SUSPENDED = "suspended"
    FINISHING = "finishing"
    RESERVED = "reserved"
    UNAVAILABLE = "unavailable"
    FAULTED = "faulted"


@dataclass(frozen=True, slots=True)
class SafetyInputs:
    """Lines the gate judges by. A broken wire reads as active."""

    is_estop_pressed: bool = True
    is_door_open: bool = True
    closed_contactors: frozenset[int] = field(default_factory=frozenset)  # by auxiliary feedback, connector numbers
    is_mains_lost: bool = False
    leaking: frozenset[int] = field(default_factory=frozenset)  # residual current found, connector numbers
    overheated: frozenset[int] = field(default_factory=frozenset)  # temperature switch open, connector numbers
    is_readable: bool = True  # False: the lines could not be read at all


@dataclass(frozen=True, slots=True)
class SafetyOutputs:
    """Coils the gate drives, and enable lines of modules; the default is everything open and off."""

    closed_contactors: frozenset[int] = field(default_factory=frozenset)
    enabled_modules: frozenset[int] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """What is measured at one output beside what may be there; what the gate holds against one another. None: nobody tells.

    voltage_v, current_a: by the modules on DC, by the meter on AC; meter_power_w: by the meter. max_voltage_v: the lowest of what vehicle,
    connector and modules bear; max_current_a: what is asked of the modules; has_output: they are asked for a voltage.
    """

    voltage_v: float | None = None
    current_a: float | None = None
    meter_power_w: float | None = None
    max_voltage_v: float | None = None
    max_current_a: float | None = None
    has_output: bool = False


Reading = EvRequest | ModuleTelemetry | MeterReading | InsulationReading | TokenRead | LockState
