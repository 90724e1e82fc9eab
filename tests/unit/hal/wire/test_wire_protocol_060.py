"""The codec of protocol 0x060 against built frames, a DBC reader, damage, and itself."""

from __future__ import annotations

import struct
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.errors import WireError
from hal.types import ModuleAlarm
from hal.wire import protocol_060 as wire
from hal.wire.protocol_060_map import Register, Setting, Variant, status_bits
from tests.unit.hal.wire.frame_checks import Codec, database, vectors

DBC = database("protno060_winline_uxr")
NAMES: dict[str, Any] = {"Read": Register, "Value": Register, "Set": Setting, "Taken": Setting}


def codec(variant: Variant) -> Codec:
    return Codec(
        wire,
        partial(wire.encode_request, variant=variant),
        partial(wire.decode_request, variant=variant),
        partial(wire.encode_answer, variant=variant),
        partial(wire.decode_answer, variant=variant),
        NAMES,
        module=3,
        answer_extras={},
    )


ROWS = [(codec(Variant.WINLINE), row) for row in vectors("protocol_060")] + [
    (codec(Variant.SCU), row) for row in vectors("protocol_060_scu")
]
SIGNALS: dict[Register, str] = {
    Register.VOLTAGE: "Voltage",
    Register.CURRENT: "Current",
    Register.CURRENT_POINT: "CurrentLimitPoint",
    Register.DC_TEMPERATURE: "DcBoardTemperature",
    Register.INPUT_VOLTAGE: "InputVoltage",
    Register.PFC_POSITIVE: "PfcBusPositive",
    Register.PFC_NEGATIVE: "PfcBusNegative",
    Register.AMBIENT_TEMPERATURE: "AmbientTemperature",
    Register.PHASE_A_VOLTAGE: "PhaseAVoltage",
    Register.PHASE_B_VOLTAGE: "PhaseBVoltage",
    Register.PHASE_C_VOLTAGE: "PhaseCVoltage",
    Register.PFC_TEMPERATURE: "PfcBoardTemperature",
    Register.RATED_POWER: "RatedPower",
    Register.RATED_CURRENT: "RatedCurrent",
    Register.INPUT_POWER: "InputPower",
    Register.ALTITUDE: "Altitude",
    Register.INPUT_MODE: "InputWorkingMode",
    Register.SERIAL_LOW: "SerialLow",
    Register.SERIAL_HIGH: "SerialHigh",
    Register.DC_VERSION: "DcdcVersion",
    Register.PFC_VERSION: "PfcVersion",
}
SET_SIGNALS: dict[Setting, tuple[str, st.SearchStrategy[float]]] = {
    Setting.VOLTAGE: ("SetVoltage", st.floats(0, 2000, width=32)),
    Setting.CURRENT_POINT: ("SetCurrentLimitPoint", st.floats(0, 2, width=32)),
    Setting.CEILING: ("SetVoltageUpperLimit", st.floats(0, 2000, width=32)),
    Setting.CURRENT: ("SetCurrentX1024", st.integers(0, 1000 * 1024).map(lambda raw: raw / 1024)),
    Setting.ALTITUDE: ("SetAltitude", st.integers(1000, 5000)),
    Setting.GROUP: ("SetGroup", st.integers(0, 7)),
    Setting.IS_ADDRESS_BY_SWITCH: ("SetAddressMode", st.integers(0, 1)),
    Setting.IS_OFF: ("PowerOff", st.integers(0, 1)),
    Setting.RESETS_OVER_VOLTAGE: ("OverVoltageReset", st.integers(0, 1)),
    Setting.IS_PROTECTION_DISABLED: ("OverVoltageProtectionDisable", st.integers(0, 1)),
    Setting.RESETS_SHORT_CIRCUIT: ("ShortCircuitReset", st.integers(0, 1)),
    Setting.INPUT_MODE: ("InputMode", st.integers(1, 2)),
}
FLAGS = {Setting.IS_ADDRESS_BY_SWITCH, Setting.IS_OFF, Setting.RESETS_OVER_VOLTAGE, Setting.IS_PROTECTION_DISABLED}
FLAGS |= {Setting.RESETS_SHORT_CIRCUIT}
STATUS_WORDS = {
    "Fault": ModuleAlarm.MODULE_FAULT,
    "Protection": ModuleAlarm.PROTECTION,
    "InternalSciCommFault": ModuleAlarm.INTERNAL_COMMUNICATION,
    "InputModeError": ModuleAlarm.INPUT_MODE,
    "InputModeMismatch": ModuleAlarm.INPUT_MODE,
    "DcdcOverVoltage": ModuleAlarm.BUS_ABNORMAL,
    "PfcVoltageAbnormal": ModuleAlarm.BUS_ABNORMAL,
    "AcOverVoltage": ModuleAlarm.INPUT_OVER_VOLTAGE,
    "AcUnderVoltage": ModuleAlarm.INPUT_UNDER_VOLTAGE,
    "CanCommFault": ModuleAlarm.COMMUNICATION_INTERRUPTED,
    "CurrentImbalance": ModuleAlarm.CURRENT_SHARING_UNBALANCED,
    "DcdcOff": None,
    "PowerLimited": None,
    "TemperatureDerated": None,
    "AcPowerLimited": None,
    "FanFault": ModuleAlarm.FAN_FAULT,
    "OutputShortCircuit": ModuleAlarm.OUTPUT_SHORT_CIRCUIT,
    "DcdcOverTemperature": ModuleAlarm.OVER_TEMPERATURE,
    "OutputOverVoltage": ModuleAlarm.OUTPUT_OVER_VOLTAGE,
}


def values(register: Register) -> st.SearchStrategy[float]:
    if register < Register.STATUS:
        return st.floats(0, 1, width=32) if register is Register.CURRENT_POINT else st.floats(0, 250, width=32)
    return st.integers(0, 0xFFFF_FFFF)


@pytest.mark.parametrize(("codec", "row"), ROWS, ids=lambda one: one["data"] if isinstance(one, dict) else "")
def test_known_frames(codec: Codec, row: dict[str, Any]) -> None:
    """Built frames mean what the documents say, both ways; SCU modules have theirs."""
    codec.check_golden(row)
    codec.check_lengths(row)


@pytest.mark.parametrize(("codec", "row"), ROWS, ids=lambda one: one["data"] if isinstance(one, dict) else "")
def test_a_flipped_bit_is_never_passed_over(codec: Codec, row: dict[str, Any]) -> None:
    """It is refused or changes what is read; only the value of an answer without one, and what refused, carry nothing."""
    nothing_said = {"Taken": {0, 4, 5, 6, 7}, "Refused": {0, 4, 5, 6, 7}}
    codec.check_flips(row, frozenset(nothing_said.get(row.get("answer", ""), ())))


@given(st.integers(0, (1 << 29) - 1), st.binary(max_size=9), st.sampled_from(Variant))
def test_noise_raises_only_wire_errors(identifier: int, data: bytes, variant: Variant) -> None:
    """On any identifier, and on those of the protocol."""
    codec(variant).check_noise(identifier, data)
    codec(variant).check_noise(identifier & 0xFFFFF | 0x0600_0000, data)


@given(st.sampled_from(list(SIGNALS)), st.data(), st.sampled_from(Variant))
def test_values_agree_with_the_dbc(register: Register, data: st.DataObject, variant: Variant) -> None:
    """A DBC reader and we read the same, and read what the other one writes; SCU answers differ in the first byte only."""
    value = data.draw(values(register))
    frame = wire.encode_answer(wire.Value(register, value), 3, variant)
    signals = DBC.decode_message(0x060F8018, frame.data, decode_choices=False)
    assert (signals["Register"], signals["ErrorCode"], signals[SIGNALS[register]]) == (register, 0xF0, value)
    written = DBC.encode_message("PM3_Response", signals)
    header, answer = wire.decode_answer(0x060F8018, written, variant)
    assert (header, answer) == (wire.Header(0xF0, 3), wire.Value(register, value))


@given(st.sampled_from(list(SET_SIGNALS)), st.data())
def test_settings_agree_with_the_dbc(setting: Setting, data: st.DataObject) -> None:
    """A DBC reader and we mean the same setting."""
    name, strategy = SET_SIGNALS[setting]
    value = data.draw(strategy)
    frame = wire.encode_request(wire.Set(setting, value), 3)
    signals = DBC.decode_message(frame.identifier, frame.data, decode_choices=False)
    assert signals == {"Function": 3, "Register": setting, name: value * 0x10000 if setting in FLAGS else value}
    assert wire.decode_request(0x06081F80, DBC.encode_message("PM3_Request", signals))[1] == wire.Set(setting, value)


@pytest.mark.parametrize("register", Register)
def test_every_read_agrees_with_the_dbc(register: Register) -> None:
    """The request has the function, the register and nothing else."""
    frame = wire.encode_request(wire.Read(register), 3)
    assert DBC.decode_message(frame.identifier, frame.data, decode_choices=False) == {"Function": 0x10, "Register": register, "ReadZero": 0}


def test_every_status_bit_agrees_with_the_dbc() -> None:
    """Each bit with a name has its word or is a known state, each bit without one is unexplained."""
    bits, named = status_bits(Variant.UXR), 0
    for bit in range(32):
        data = wire.encode_answer(wire.Value(Register.STATUS, 1 << bit), 3).data
        read = DBC.decode_message(0x060F8018, data, decode_choices=False)
        names = {name for name in STATUS_WORDS if read[name]}
        named += len(names)
        assert bits.alarms(1 << bit) == {STATUS_WORDS[name] for name in names} - {None}
        assert bits.unknown(1 << bit) == (frozenset() if names else {bit})
    assert named == len(STATUS_WORDS)


def test_scu_modules_tell_more() -> None:
    """Fuse, address, phase and memory are theirs; full fan and PFC off are states."""
    bits = status_bits(Variant.SCU)
    assert bits.alarms(1 << 2 | 1 << 10 | 1 << 12 | 1 << 29) == {
        ModuleAlarm.FUSE,
        ModuleAlarm.DUPLICATE_ADDRESS,
        ModuleAlarm.INPUT_PHASE_LOST,
        ModuleAlarm.MEMORY,
    }
    assert bits.alarms(1 << 19 | 1 << 21) == bits.unknown(1 << 19 | 1 << 21) == frozenset()


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF))
def test_group_and_address_agree_with_the_dbc(group: int, address: int) -> None:
    """The group is the high half."""
    data = wire.encode_answer(wire.Value(Register.GROUP_AND_ADDRESS, group << 16 | address), 3).data
    read = DBC.decode_message(0x060F8018, data, decode_choices=False)
    assert wire.group_and_address(group << 16 | address) == (group, address) == (read["GroupNumber"], read["DipAddress"])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 2000.5, -101.0])
def test_a_voltage_that_no_module_has_is_refused(value: float) -> None:
    """No number, infinite, or far out of range."""
    with pytest.raises(WireError, match="cannot be true"):
        wire.decode_answer(0x060F8018, bytes.fromhex("41F00001") + struct.pack(">f", value))


@pytest.mark.parametrize("error", [0x00, 0x01, 0xEF, 0xF5, 0xFF])
def test_a_value_beside_an_unknown_error_code_is_refused(error: int) -> None:
    """Only F0 says that the value counts."""
    with pytest.raises(WireError, match="error code"):
        wire.decode_answer(0x060F8018, bytes((0x41, error, 0, 1)) + struct.pack(">f", 400.0))


@pytest.mark.parametrize("error", [0xF1, 0xF2, 0xF3, 0xF4])
def test_a_refusal_has_no_value(error: int) -> None:
    """Whatever stands behind it."""
    _, answer = wire.decode_answer(0x060F8018, bytes((0x41, error, 0, 1)) + struct.pack(">f", 400.0))
    assert answer == wire.Refused(1, error)


def test_settings_outside_the_field_are_clamped() -> None:
    """A negative set-point is sent as zero, a current never rounded up."""
    assert wire.encode_request(wire.Set(Setting.VOLTAGE, -1.0), 3).data == bytes.fromhex("0300002100000000")
    assert wire.encode_request(wire.Set(Setting.CURRENT, 0.9999), 3).data == bytes.fromhex("0300001B000003FF")


@pytest.mark.parametrize("raw", [1, 0x8000, 0x0001_0001, 0x0002_0000])
def test_a_switch_between_its_positions_is_refused(raw: int) -> None:
    """Off is 0x00010000, on is 0; what is neither is no order."""
    with pytest.raises(WireError, match="cannot be true"):
        wire.decode_request(0x06081F80, struct.pack(">BxHI", 0x03, Setting.IS_OFF, raw))
