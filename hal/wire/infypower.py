"""What the protocols of Infypower modules have in common: the identifier and the bits of the status.

Source: Infypower V1.13 and BEG/BEC V1.04 CAN protocols as used by EVerest (`PowerSupplies/InfyPower`, `PowerSupplies/InfyPower_BEG1K075G`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hal.errors import WireError
from hal.types import ModuleAlarm
from hal.wire.alarm_bits import AlarmBits

CONTROLLER: Final = 0xF0
ALL_MODULES: Final = 0x3F
LAST_MODULE: Final = 0x3B
SINGLE: Final = 0x0A  # device field: one module, or all of them
GROUP: Final = 0x0B  # device field: the destination is a group number


@dataclass(frozen=True, slots=True)
class Header:
    """What the identifier says. Error: 0 ok, 2 invalid command, 3 invalid data, 7 starting up."""

    command: int
    destination: int
    source: int
    device: int = SINGLE
    error: int = 0


def encode_header(header: Header) -> int:
    """The identifier."""
    return header.error << 26 | header.device << 22 | header.command << 16 | header.destination << 8 | header.source


def decode_header(identifier: int) -> Header:
    """The fields of any identifier; raises WireError when it has more than 29 bits."""
    if not 0 <= identifier < 1 << 29:
        raise WireError(f"identifier {identifier:#x} has more than 29 bits")
    return Header(
        error=identifier >> 26 & 0x7,
        device=identifier >> 22 & 0xF,
        command=identifier >> 16 & 0x3F,
        destination=identifier >> 8 & 0xFF,
        source=identifier & 0xFF,
    )


STATUS_BITS: Final = AlarmBits(
    words={
        0: ModuleAlarm.OUTPUT_SHORT_CIRCUIT,
        2: ModuleAlarm.INTERNAL_COMMUNICATION,
        3: ModuleAlarm.INPUT_ABNORMAL,
        5: ModuleAlarm.DISCHARGE_ABNORMAL,
        9: ModuleAlarm.MODULE_FAULT,
        10: ModuleAlarm.PROTECTION,
        11: ModuleAlarm.FAN_FAULT,
        12: ModuleAlarm.OVER_TEMPERATURE,
        13: ModuleAlarm.OUTPUT_OVER_VOLTAGE,
        15: ModuleAlarm.COMMUNICATION_INTERRUPTED,
        17: ModuleAlarm.DUPLICATE_ADDRESS,
        18: ModuleAlarm.CURRENT_SHARING_UNBALANCED,
        19: ModuleAlarm.INPUT_PHASE_LOST,
        20: ModuleAlarm.INPUT_UNBALANCED,
        21: ModuleAlarm.INPUT_UNDER_VOLTAGE,
        22: ModuleAlarm.INPUT_OVER_VOLTAGE,
    },
    states=frozenset({4, 8, 14, 16, 23}),  # sleeping, DC side off, walk-in, power limited, PFC side off
)
"""State 0 in bits 0-7, state 1 in 8-15, state 2 in 16-23."""
