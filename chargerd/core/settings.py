"""Every tunable of the core, with its unit and range. What a certificate or a station differs in is here, not in code."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Literal

from hal.types import Range


class StartPoint(Enum):
    """When StartTransaction is owed, and which reading it carries."""

    AUTHORIZED = "authorized"  # authorised and plugged in
    POWER_PATH_CLOSED = "power_path_closed"
    ENERGY_TRANSFER = "energy_transfer"


class FreeChoice(Enum):
    """What a remote start without a connector number does."""

    REJECT = "reject"
    FIRST = "first"  # the first free connector
    ANY = "any"  # a plugged-in one first, else the first free one


class OnReset(Enum):
    """What an OCPP Reset does to the process once everything has stopped."""

    EXIT = "exit"  # the service manager starts it again
    EXEC = "exec"  # it replaces itself; for benches without a service manager


class Sharing(Enum):
    """How sessions share the station's power where it is not enough for all that they want."""

    EQUAL = "equal"
    FIRST_COME = "first-come"  # who began first has all it can use
    WEIGHT = "weight"  # in proportion to the weights of the connectors


class ConnectorKind(Enum):
    """What hangs on the outlet."""

    CCS2 = "cCCS2"
    TYPE2_CABLE = "cType2"
    TYPE2_SOCKET = "sType2"

    @property
    def is_ac(self) -> bool:
        """Mode 3: mains through a contactor, the vehicle charges itself."""
        return self is not ConnectorKind.CCS2


Day = Range(0, 86400, "s")

MODE3_MIN_CURRENT_A, MODE3_MAX_CURRENT_A = 6.0, 80.0
"""The least and the most that a control pilot can offer (IEC 61851-1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the central system or the technician may change while the station runs (the source of the OCPP keys)."""

    allow_offline_tx_for_unknown_id: bool = False
    authorization_cache_enabled: bool = True
    authorize_remote_tx_requests: bool = False
    clock_aligned_data_interval_s: Annotated[int, Day] = 0
    connection_time_out_s: Annotated[int, Range(1, 86400, "s")] = 60
    connector_phase_rotation: tuple[str, ...] = ()  # such as "1.RST"; told, not acted upon
    heartbeat_interval_s: Annotated[int, Day] = 300
    local_auth_list_enabled: bool = True
    local_authorize_offline: bool = True
    local_pre_authorize: bool = False
    max_energy_on_invalid_id_wh: Annotated[int, Range(0, 100_000, "Wh")] = 0
    message_timeout_s: Annotated[int, Range(1, 3600, "s")] = 30
    meter_value_sample_interval_s: Annotated[int, Day] = 60
    meter_values_aligned_data: tuple[str, ...] = ("Energy.Active.Import.Register",)
    meter_values_sampled_data: tuple[str, ...] = (
        "Energy.Active.Import.Register",
        "Power.Active.Import",
        "Current.Import",
        "Voltage",
        "SoC",
    )
    minimum_status_duration_s: Annotated[int, Range(0, 3600, "s")] = 0
    reset_retries: Annotated[int, Range(0, 10)] = 1
    stop_transaction_on_ev_side_disconnect: bool = True
    stop_transaction_on_invalid_id: bool = True
    stop_txn_aligned_data: tuple[str, ...] = ()
    stop_txn_sampled_data: tuple[str, ...] = ()
    transaction_message_attempts: Annotated[int, Range(1, 1000)] = 3
    transaction_message_retry_interval_s: Annotated[int, Day] = 60
    unlock_connector_on_ev_side_disconnect: bool = False
    web_socket_ping_interval_s: Annotated[int, Range(0, 3600, "s")] = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Limits of the phases of a session (docs/architecture.md, table of phases; figures from DIN 70121 and ISO 15118-2 practice)."""

    authorization_s: Annotated[float, Range(1, 600, "s")] = 30.0  # then the offline rules hold
    lock_s: Annotated[float, Range(0.5, 30, "s")] = 5.0
    handshake_s: Annotated[float, Range(5, 600, "s")] = 150.0  # DIN 70121 ready-to-charge time
    cable_check_s: Annotated[float, Range(5, 120, "s")] = 38.0  # the vehicle gives up at 40 s
    precharge_s: Annotated[float, Range(2, 60, "s")] = 6.5  # the vehicle gives up at 7 s
    delivery_start_s: Annotated[float, Range(2, 86400, "s")] = 10.0  # between precharge and the first current request
    pause_in_loop_s: Annotated[float, Range(0, 86400, "s")] = 1800.0  # zero current in the loop; then the dialogue ends
    wake_s: Annotated[float, Range(5, 600, "s")] = 60.0  # for a sleeping vehicle to begin a dialogue
    mode3_ready_s: Annotated[float, Range(1, 120, "s")] = 10.0  # for the vehicle to ask, once the pilot offers current
    mode3_asleep_s: Annotated[float, Range(1, 86400, "s")] = 20.0  # more of B2, and then the vehicle is woken, once
    mode3_wake_s: Annotated[float, Range(3, 10, "s")] = 3.0  # without an offer, to wake it (IEC 61851-1)
    mode3_stop_s: Annotated[float, Range(6, 30, "s")] = 6.0  # a vehicle has 3 s to let go; opening under load only after 6 s (IEC 61851-1)
    ramp_down_s: Annotated[float, Range(0.5, 30, "s")] = 5.0  # on DC
    power_loss_s: Annotated[float, Range(0, 30, "s")] = 1.0  # instead of `ramp_down_s` while mains are gone: within the hold-up time
    opening_s: Annotated[float, Range(0.5, 30, "s")] = 5.0
    stale_s: Annotated[float, Range(0.5, 60, "s")] = 3.0  # silence of a device before it counts as lost
    meter_stale_s: Annotated[float, Range(1, 300, "s")] = 10.0
    restart_s: Annotated[float, Range(5, 300, "s")] = 30.0  # a process that is still here so long after a reset has not restarted
    recovery_s: Annotated[float, Range(0, 60, "s")] = 5.0  # wait for the meter's register after a power loss
    checkpoint_s: Annotated[float, Range(5, 3600, "s")] = 60.0  # longest time without the register on disk
    mode3_follow_s: Annotated[float, Range(1, 30, "s")] = 5.0  # for a vehicle to take no more than a lower duty allows (IEC 61851-1)
    share_idle_s: Annotated[float, Range(2, 600, "s")] = 10.0  # a share left alone for so long goes to others


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """A limit for each connector, in A (of each phase on AC), in W (of all phases), or both; None: no limit."""

    max_current_a: Annotated[float, Range(0, 1000, "A")] | None = None
    max_power_w: Annotated[float, Range(0, 1_000_000, "W")] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What OCPP leaves to the vendor."""

    transaction_start_point: StartPoint = StartPoint.AUTHORIZED
    remote_start_without_connector: FreeChoice = FreeChoice.ANY
    on_reset: OnReset = OnReset.EXIT
    charge_before_first_acceptance: bool = False  # by the offline rules, at a station that no central system has accepted yet
    sharing: Sharing = Sharing.EQUAL
    offline: Ceiling = field(default_factory=Ceiling)  # holds while the central system has not accepted the station
    unprofiled: Ceiling = field(default_factory=Ceiling)  # holds where no charging profile of the central system speaks


@dataclass(frozen=True, slots=True, kw_only=True)
class Derating:
    """The current over the temperature of the connector: all of it up to `full_c`, in a straight line down to a share of it at `reduced_c`.

    That share is also what a sensor that cannot be trusted leaves: one outside its range, or with a jump that no contact can make.
    """

    full_c: Annotated[float, Range(-40, 150, "degC")] = 70.0
    reduced_c: Annotated[float, Range(-40, 150, "degC")] = 85.0
    reduced_percent: Annotated[float, Range(0, 100, "%")] = 50.0
    stop_c: Annotated[float, Range(-40, 150, "degC")] = 90.0
    sensor_min_c: Annotated[float, Range(-60, 0, "degC")] = -40.0
    sensor_max_c: Annotated[float, Range(90, 300, "degC")] = 150.0
    sensor_jump_k_per_s: Annotated[float, Range(0.1, 100, "K/s")] = 10.0

    def __post_init__(self) -> None:
        if not self.full_c < self.reduced_c <= self.stop_c <= self.sensor_max_c:
            raise ValueError("full_c, reduced_c, stop_c and sensor_max_c should rise in this order")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorSettings:
    """What is built behind one connector; limits are the hardware's own, on AC those of each phase in amperes and of all in watts."""

    id: int
    kind: ConnectorKind = ConnectorKind.CCS2
    has_lock: bool = False  # a lock motor of the station's own
    min_voltage_v: Annotated[float, Range(0, 500, "V")] = 150.0
    max_voltage_v: Annotated[float, Range(50, 1500, "V")] = 1000.0
    max_current_a: Annotated[float, Range(1, 1000, "A")] = 200.0
    max_power_w: Annotated[float, Range(1000, 1_000_000, "W")] = 120_000.0
    phases: Literal[1, 3] = 3  # AC only
    nominal_voltage_v: Annotated[float, Range(100, 300, "V")] = 230.0  # AC only: of each phase to neutral
    cable_check_current_a: Annotated[float, Range(0.1, 5, "A")] = 2.0
    open_below_current_a: Annotated[float, Range(0.1, 20, "A")] = 1.0
    safe_voltage_v: Annotated[float, Range(5, 120, "V")] = 60.0
    module_test_voltage_v: Annotated[float, Range(20, 250, "V")] = 50.0  # touch-safe, should a welded contactor lead it to the plug
    share_weight: Annotated[float, Range(0.01, 100)] = 1.0  # with `Sharing.WEIGHT`
    derating: Derating = field(default_factory=Derating)

    @property
    def min_current_a(self) -> float:
        """A limit or a request below this is none."""
        return MODE3_MIN_CURRENT_A if self.kind.is_ac else 0.5

    def watts_per_ampere(self, voltage_v: float) -> float:
        """What one ampere is worth: on DC at the output voltage, or the highest while there is none; on AC in all phases, nominally."""
        if self.kind.is_ac:
            return self.nominal_voltage_v * self.phases
        return voltage_v if voltage_v > 1.0 else self.max_voltage_v

    @property
    def rated_power_w(self) -> float:
        """The most that can come out."""
        return min(self.max_power_w, self.max_current_a * self.watts_per_ampere(0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class StationSettings:
    """All the core is built from."""

    connectors: tuple[ConnectorSettings, ...]
    max_power_w: Annotated[float, Range(1000, 10_000_000, "W")] = 240_000.0
    settings: Settings = field(default_factory=Settings)
    timing: Timing = field(default_factory=Timing)
    policy: Policy = field(default_factory=Policy)
