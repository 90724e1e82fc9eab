"""What the tool is set up with for a run: who charges, where, and how long things take.

The figures are the bench's to choose (OCTT has the same list of test parameters). They are short in real time, so that a whole run
takes minutes; in virtual time waiting costs nothing, and they are those of a laboratory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

CONNECTOR = 1
"""The connector under test."""

TAG, OTHER_TAG = "BENCH-VALID-1", "BENCH-VALID-2"
INVALID_TAG = "BENCH-INVALID"
PARENT_TAG = "BENCH-PARENT"
"""The tokens of the run: two valid ones, which have a common parent where a case says so, and one that is refused."""

RESERVATION = 4711
"""The number of the reservation that cases make."""

NOBODYS_NUMBER = 2_000_000_000
"""Of a transaction or a reservation that there is not."""

RESERVED_S = 3600
"""How long a reservation stands while no case is about its end."""

QUIET_HEARTBEAT_S = 3600
"""The heartbeat interval while no case is about it."""

VENDOR = "org.example.unknown"
"""A vendor whose data no station takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """Times in seconds. `answer_s` and `message_s` are limits; `absence_s` is how long nothing may come; others are set or waited for."""

    boot_wait_s: int  # interval of a BootNotification that is not accepted
    heartbeat_s: int
    connection_time_out_s: int
    expiry_s: int  # from a reservation to its expiryDate where a case waits for it
    sample_s: int
    aligned_s: int
    minimum_status_s: int  # MinimumStatusDuration where a case sets it
    deviation_s: float  # so long ago charging schedules have begun, and so far from now a composite one may begin
    later_s: float  # from the last charging profile to the question what holds now
    settle_s: float  # from the last step of a case to its end; whatever comes meanwhile is unexpected
    absence_s: float
    plug_s: float  # until the station has certainly seen a plug that it cannot tell of
    session_s: float  # until a session has certainly begun or ended that it cannot tell of
    message_s: float
    answer_s: float = 30.0
    tolerance_s: float = 0.02  # of times that should be exact
    timer_tolerance_s: float = 0.5  # of waits that the station times by itself
    rate_unit: str = "A"  # of charging profiles, where the station takes it


VIRTUAL = Parameters(
    boot_wait_s=30,
    heartbeat_s=20,
    connection_time_out_s=30,
    expiry_s=45,
    sample_s=10,
    aligned_s=20,
    minimum_status_s=10,
    deviation_s=10.0,
    later_s=20.0,
    settle_s=3.0,
    absence_s=20.0,
    plug_s=5.0,
    session_s=20.0,
    message_s=60.0,
)
REAL = Parameters(
    boot_wait_s=2,
    heartbeat_s=2,
    connection_time_out_s=3,
    expiry_s=3,
    sample_s=1,
    aligned_s=2,
    minimum_status_s=2,
    deviation_s=2.0,
    later_s=1.0,
    settle_s=0.3,
    absence_s=2.0,
    plug_s=0.5,
    session_s=3.0,
    message_s=20.0,
    timer_tolerance_s=1.0,  # the machine may have other work
)


def overlay(plant: str, *, is_virtual: bool) -> dict[str, Any]:
    """What is changed of the station's configuration for the run; nothing that it says of what it can do.

    It redials at once, ends on a Reset as under a service manager, keeps its files where the bench wants them and, in real time, has
    vehicles that act fast. plant: the name of the bus that simulates.
    """
    world: dict[str, Any] = {"register_file": "mock-meter.bin"}
    return {
        "ocpp": {"backoff_minimum_s": 0.1, "backoff_range_s": 0.1, "backoff_maximum_s": 1},
        "policy": {"on_reset": "exit"},
        "journal": {"path": "chargerd.db"},
        "control": {"socket": "control.sock"},
        "buses": {plant: world if is_virtual else {**world, "speed": FAST}},
    }


FAST = 20
"""Simulated seconds per second."""
