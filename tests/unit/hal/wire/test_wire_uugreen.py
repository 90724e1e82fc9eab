"""The UUGreenPower codec against published and built frames, a DBC reader, damage, and itself."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.errors import WireError
from hal.types import ModuleAlarm
from hal.wire import uugreen as wire
from hal.wire.uugreen import Command
from tests.unit.hal.wire.frame_checks import Codec, database, vectors

DBC = database("uugreen_ur1000")
ANSWER = 0x02204B23
CODEC = Codec(
    wire,
    wire.encode_request,
    wire.decode_request,
    wire.encode_answer,
    wire.decode_answer,
    {"Read": Command, "Value": Command, "Set": Command, "Taken": Command},
    module=1,
    answer_extras={"day": 5, "serial_bits": 0x123},
)
ROWS = vectors("uugreen")
volts = st.integers(0, 2_000_000).map(lambda raw: raw / 1000)
amperes = st.integers(0, 1_000_000).map(lambda raw: raw / 1000)
counts = st.integers(0, 0xFFFF_FFFF)
VALUES: dict[Command, tuple[str, st.SearchStrategy[float]]] = {
    Command.VOLTAGE_SLOW: ("OutputVoltage", volts),
    Command.CURRENT_SLOW: ("OutputCurrentSlow", amperes),
    Command.VOLTAGE_SET: ("VoltageReference", volts),
    Command.CURRENT_SET: ("CurrentLimit", amperes),
    Command.LINE_AB: ("LineVoltageAB", volts),
    Command.LINE_BC: ("LineVoltageBC", volts),
    Command.LINE_CA: ("LineVoltageCA", volts),
    Command.INLET_TEMPERATURE: ("InletTemperature", st.integers(-100_000, 250_000).map(lambda raw: raw / 1000)),
    Command.CURRENT_FASTEST: ("OutputCurrentFastest", amperes),
    Command.CURRENT_FAST: ("OutputCurrentFast", amperes),
    Command.RANGE_STATUS: ("HiLoModeStatus", counts),
    Command.VOLTAGE_FAST: ("OutputVoltageFast", volts),
    Command.RANGE_TRUE: ("TrueHiLo", counts),
    Command.CURRENT_CAPABILITY: ("CurrentCapability", amperes),
}
SETTINGS: dict[Command, tuple[str, st.SearchStrategy[float]]] = {
    Command.VOLTAGE_SET: ("SetVoltage", volts),
    Command.CURRENT_SET: ("SetCurrentLimit", amperes),
    Command.IS_OFF: ("ShutdownDcdc", st.integers(0, 1)),
    Command.FAN_SILENCE: ("FanSilentLevel", counts),
    Command.GROUP: ("GroupAddress", counts),
    Command.RANGE_SELECT: ("HiLoModeSelect", st.integers(0, 2)),
}
STATUS_WORDS = {
    "AcOverVoltage": ModuleAlarm.INPUT_OVER_VOLTAGE,
    "AcUnderVoltage": ModuleAlarm.INPUT_UNDER_VOLTAGE,
    "AcOverVoltageDisconnect": ModuleAlarm.INPUT_OVER_VOLTAGE,
    "PfcBusOverVoltage": ModuleAlarm.BUS_ABNORMAL,
    "PfcBusUnderVoltage": ModuleAlarm.BUS_ABNORMAL,
    "PfcBusUnbalanced": ModuleAlarm.BUS_ABNORMAL,
    "DcOverVoltage": ModuleAlarm.OUTPUT_OVER_VOLTAGE,
    "DcOverVoltageShutdown": ModuleAlarm.OUTPUT_OVER_VOLTAGE,
    "DcUnderVoltage": ModuleAlarm.OUTPUT_UNDER_VOLTAGE,
    "FanNotRunning": ModuleAlarm.FAN_FAULT,
    "FanDriverFault": ModuleAlarm.FAN_FAULT,
    "AmbientOverTemp": ModuleAlarm.OVER_TEMPERATURE,
    "AmbientUnderTemp": ModuleAlarm.UNDER_TEMPERATURE,
    "PfcOverTemp1": ModuleAlarm.OVER_TEMPERATURE,
    "DcOverTemp1": ModuleAlarm.OVER_TEMPERATURE,
    "DcOverTemp2": ModuleAlarm.OVER_TEMPERATURE,
    "PfcDcdcCommFault": ModuleAlarm.INTERNAL_COMMUNICATION,
    "PfcFail": ModuleAlarm.MODULE_FAULT,
    "DcdcFail": ModuleAlarm.MODULE_FAULT,
    "DcdcNotRunning": None,
    "OutputLoopState0": None,
    "OutputLoopState1": None,
    "DcVoltageUnbalanced": ModuleAlarm.OUTPUT_UNBALANCED,
    "DuplicateSerial": ModuleAlarm.DUPLICATE_ADDRESS,
    "BleederFault": ModuleAlarm.DISCHARGE_ABNORMAL,
}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["data"])
def test_known_frames(row: dict[str, Any]) -> None:
    """Frames mean what the sources say, both ways."""
    CODEC.check_golden(row)
    CODEC.check_lengths(row)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["data"])
def test_a_flipped_bit_is_never_passed_over(row: dict[str, Any]) -> None:
    """It is refused or changes what is read; only the kind of a serial number's message has two codes."""
    CODEC.check_flips(row)


@given(st.integers(0, (1 << 29) - 1), st.binary(max_size=9))
def test_noise_raises_only_wire_errors(identifier: int, data: bytes) -> None:
    """On any identifier, and on those of the protocol."""
    CODEC.check_noise(identifier, data)
    CODEC.check_noise(identifier & 0x1F_FFFF | 0x0220_0000, data)


@given(st.sampled_from(list(VALUES)), st.data())
def test_values_agree_with_the_dbc(command: Command, data: st.DataObject) -> None:
    """A DBC reader and we read the same, and read what the other one writes."""
    name, strategy = VALUES[command]
    value = data.draw(strategy)
    identifier, payload = wire.encode_answer(wire.Value(command, value), 1, 5, 0x123)
    signals = DBC.decode_message(identifier, payload, decode_choices=False)
    assert signals == {"MsgType": 3, "Group": 0, "Command": command, name: pytest.approx(value)}
    written = DBC.encode_message("PM1_Telemetry", signals)
    assert wire.decode_answer(ANSWER, written) == (wire.Header(1, 5, 0x123), wire.Value(command, value))


@given(st.sampled_from(list(SETTINGS)), st.data(), st.integers(0, 15))
def test_settings_agree_with_the_dbc(command: Command, data: st.DataObject, group: int) -> None:
    """A DBC reader and we mean the same setting."""
    name, strategy = SETTINGS[command]
    value = data.draw(strategy)
    identifier, payload = wire.encode_request(wire.Set(command, value), 1, group)
    signals = DBC.decode_message(identifier, payload, decode_choices=False)
    assert signals == {"MsgType": 0, "Group": group, "Command": command, name: pytest.approx(value)}
    assert wire.decode_request(identifier, payload) == (wire.Header(1, group=group), wire.Set(command, value))


@pytest.mark.parametrize("command", Command)
def test_every_read_has_its_type_and_number(command: Command) -> None:
    """And nothing else."""
    assert wire.encode_request(wire.Read(command), 1) == (0x02204000, bytes((2, command, 0, 0, 0, 0, 0, 0)))


@given(st.integers(0, 0xFFFF), counts, st.sampled_from([3, 4]))
def test_the_serial_number_agrees_with_the_dbc(high: int, low: int, kind: int) -> None:
    """Its high part stands where other messages have zeros; both types of message carry it."""
    _, payload = wire.encode_answer(wire.Serial(high, low), 1, 5, 0x123)
    signals = DBC.decode_message(ANSWER, bytes((kind,)) + payload[1:], decode_choices=False)
    assert (signals["SerialHigh"], signals["SerialLow"]) == (high, low)
    assert wire.decode_answer(ANSWER, bytes((kind,)) + payload[1:])[1] == wire.Serial(high, low)


def test_every_status_bit_agrees_with_the_dbc() -> None:
    """Each bit with a name has its word or is a known state; bit 15 and bits without a name are unexplained."""
    named = 0
    for bit in range(32):
        identifier, data = wire.encode_answer(wire.Value(Command.STATUS, 1 << bit), 1, 5, 0x123)
        read = DBC.decode_message(identifier, data, decode_choices=False)
        names = {name for name in STATUS_WORDS if read[name]}
        named += len(names)
        assert wire.STATUS_BITS.alarms(1 << bit) == {STATUS_WORDS[name] for name in names} - {None}
        assert wire.STATUS_BITS.unknown(1 << bit) == (frozenset() if names else {bit})
    assert named == len(STATUS_WORDS)


@given(st.integers(0, 127), st.integers(0, 31), st.integers(0, 511))
def test_day_and_serial_bits_do_not_change_whose_answer_it_is(module: int, day: int, serial_bits: int) -> None:
    """The mask leaves what is the same for every module of the address."""
    identifier, data = wire.encode_answer(wire.Taken(Command.IS_OFF), module, day, serial_bits)
    assert identifier & wire.ANSWER_MASK == 0x0220_0000 | module << 14
    assert wire.decode_answer(identifier, data)[0] == wire.Header(module, day, serial_bits)


@pytest.mark.parametrize("data", ["03620000001E8481", "03300000000F4241", "031E000100009664", "031E0000FFFE0000", "0304000000000002"])
def test_a_value_that_cannot_be_true_is_refused(data: str) -> None:
    """Above 2000 V, above 1000 A, with something where zero stands, a switch at 2."""
    with pytest.raises(WireError):
        wire.decode_answer(ANSWER, bytes.fromhex(data))
