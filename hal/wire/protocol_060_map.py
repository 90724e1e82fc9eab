"""What modules of protocol 0x060 can be asked and told: registers with their forms and bounds, and the bits of the status.

Sources: see `protocol_060.py`. The bounds are ours: no module is near them, so a value beyond is no value.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, IntEnum
from typing import Final

from hal.types import ModuleAlarm
from hal.wire.alarm_bits import AlarmBits
from hal.wire.number_field import Form, NumberField

_SCU_GROUP: Final = 0b011
_FLOAT, _INTEGER = 0x41, 0x42


class Variant(Enum):
    """Whose modules."""

    WINLINE = "winline"
    UXR = "uxr"
    SCU = "scu"

    @property
    def read_function(self) -> int:
        """Function code that reads."""
        return 0x01 if self is Variant.SCU else 0x10

    @property
    def group(self) -> int:
        """What stands in the group's bits of the identifier."""
        return _SCU_GROUP if self is Variant.SCU else 0


class Register(IntEnum):
    """What can be read."""

    VOLTAGE = 0x0001
    CURRENT = 0x0002
    CURRENT_POINT = 0x0003
    DC_TEMPERATURE = 0x0004
    INPUT_VOLTAGE = 0x0005
    PFC_POSITIVE = 0x0008
    PFC_NEGATIVE = 0x000A
    AMBIENT_TEMPERATURE = 0x000B
    PHASE_A_VOLTAGE = 0x000C
    PHASE_B_VOLTAGE = 0x000D
    PHASE_C_VOLTAGE = 0x000E
    PFC_TEMPERATURE = 0x0010
    RATED_POWER = 0x0011
    RATED_CURRENT = 0x0012
    STATUS = 0x0040
    GROUP_AND_ADDRESS = 0x0043
    INPUT_POWER = 0x0048
    ALTITUDE = 0x004A
    INPUT_MODE = 0x004B
    SERIAL_LOW = 0x0054
    SERIAL_HIGH = 0x0055
    DC_VERSION = 0x0056
    PFC_VERSION = 0x0057


class Setting(IntEnum):
    """What can be set. CURRENT in A, CURRENT_POINT as a part of the rated current, VOLTAGE and CEILING in V."""

    ALTITUDE = 0x0017
    CURRENT = 0x001B
    GROUP = 0x001E
    IS_ADDRESS_BY_SWITCH = 0x001F
    POWER = 0x0020
    VOLTAGE = 0x0021
    CURRENT_POINT = 0x0022
    CEILING = 0x0023
    IS_OFF = 0x0030
    RESETS_OVER_VOLTAGE = 0x0031
    IS_PROTECTION_DISABLED = 0x003E
    RESETS_SHORT_CIRCUIT = 0x0044
    INPUT_MODE = 0x0046


_VOLTS: Final = NumberField(Form.FLOAT, -100.0, 2000.0)
_AMPERES: Final = NumberField(Form.FLOAT, -500.0, 1000.0)
_PART: Final = NumberField(Form.FLOAT, -0.01, 2.0)
_CELSIUS: Final = NumberField(Form.FLOAT, -100.0, 250.0)
_WATTS: Final = NumberField(Form.FLOAT, 0.0, 1e6)
_COUNT: Final = NumberField(Form.INTEGER)
_FLAG: Final = NumberField(Form.FLAG, 0, 1)

READ: Final[Mapping[Register, NumberField]] = {register: _COUNT for register in Register if register >= Register.STATUS} | {
    Register.VOLTAGE: _VOLTS,
    Register.CURRENT: _AMPERES,
    Register.CURRENT_POINT: _PART,
    Register.DC_TEMPERATURE: _CELSIUS,
    Register.INPUT_VOLTAGE: _VOLTS,
    Register.PFC_POSITIVE: _VOLTS,
    Register.PFC_NEGATIVE: _VOLTS,
    Register.AMBIENT_TEMPERATURE: _CELSIUS,
    Register.PHASE_A_VOLTAGE: _VOLTS,
    Register.PHASE_B_VOLTAGE: _VOLTS,
    Register.PHASE_C_VOLTAGE: _VOLTS,
    Register.PFC_TEMPERATURE: _CELSIUS,
    Register.RATED_POWER: _WATTS,
    Register.RATED_CURRENT: _AMPERES,
}
SETTINGS: Final[Mapping[Setting, NumberField]] = {
    Setting.ALTITUDE: NumberField(Form.INTEGER, 1000, 5000),
    Setting.CURRENT: NumberField(Form.X1024, 0.0, 1000.0),
    Setting.GROUP: NumberField(Form.INTEGER, 0, 7),
    Setting.IS_ADDRESS_BY_SWITCH: _FLAG,
    Setting.POWER: _WATTS,
    Setting.VOLTAGE: NumberField(Form.FLOAT, 0.0, 2000.0),
    Setting.CURRENT_POINT: NumberField(Form.FLOAT, 0.0, 2.0),
    Setting.CEILING: NumberField(Form.FLOAT, 0.0, 2000.0),
    Setting.IS_OFF: _FLAG,
    Setting.RESETS_OVER_VOLTAGE: _FLAG,
    Setting.IS_PROTECTION_DISABLED: _FLAG,
    Setting.RESETS_SHORT_CIRCUIT: _FLAG,
    Setting.INPUT_MODE: NumberField(Form.INTEGER, 1, 2),
}
"""Read and set registers share no number, so an answer tells by its register what it answers."""
_SCU_IS_OFF: Final = NumberField(Form.INTEGER, 0, 1)

_ALL: Final[Mapping[ModuleAlarm, tuple[int, ...]]] = {
    ModuleAlarm.MODULE_FAULT: (0,),
    ModuleAlarm.PROTECTION: (1,),
    ModuleAlarm.INTERNAL_COMMUNICATION: (3,),
    ModuleAlarm.INPUT_MODE: (4, 5),
    ModuleAlarm.BUS_ABNORMAL: (7, 8),
    ModuleAlarm.INPUT_OVER_VOLTAGE: (9,),
    ModuleAlarm.INPUT_UNDER_VOLTAGE: (14,),
    ModuleAlarm.COMMUNICATION_INTERRUPTED: (16,),
    ModuleAlarm.CURRENT_SHARING_UNBALANCED: (17,),
    ModuleAlarm.FAN_FAULT: (27,),
    ModuleAlarm.OUTPUT_SHORT_CIRCUIT: (28,),
    ModuleAlarm.OVER_TEMPERATURE: (30,),
    ModuleAlarm.OUTPUT_OVER_VOLTAGE: (31,),
}
_SCU: Final[Mapping[ModuleAlarm, tuple[int, ...]]] = {
    ModuleAlarm.FUSE: (2,),
    ModuleAlarm.BUS_ABNORMAL: (6, 7, 8, 11),
    ModuleAlarm.DUPLICATE_ADDRESS: (10,),
    ModuleAlarm.INPUT_PHASE_LOST: (12,),
    ModuleAlarm.MEMORY: (26, 29),
}
DC_OFF: Final = 22  # bit of the status
_STATES: Final = frozenset({DC_OFF, 23, 24, 25})  # off; power limited, by temperature, by the mains
_SCU_STATES: Final = frozenset({19, 21})  # PFC off, fan at full speed


def status_bits(variant: Variant) -> AlarmBits:
    """What the bits of register STATUS mean."""
    table, states = ({**_ALL, **_SCU}, _STATES | _SCU_STATES) if variant is Variant.SCU else (_ALL, _STATES)
    return AlarmBits({bit: word for word, bits in table.items() for bit in bits}, states)


def setting_field(setting: Setting, variant: Variant) -> NumberField:
    """How a setting stands in its bytes: SCU modules have a switch of their own."""
    return _SCU_IS_OFF if setting is Setting.IS_OFF and variant is Variant.SCU else SETTINGS[setting]


def answer_functions(field: NumberField, variant: Variant) -> tuple[int, ...]:
    """The function codes with which a register may be answered, the usual one first."""
    if field.form is Form.FLOAT:
        return (_FLOAT,)
    return (_FLOAT, _INTEGER) if variant is Variant.SCU else (_INTEGER,)
