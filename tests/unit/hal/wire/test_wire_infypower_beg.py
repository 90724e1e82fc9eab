"""The Infypower BEG codec against built frames, a DBC reader, damage, and itself."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.errors import WireError
from hal.types import ModuleAlarm
from hal.wire import infypower_beg as wire
from hal.wire.infypower import ALL_MODULES, GROUP, Header
from hal.wire.infypower_beg import Item
from tests.unit.hal.wire.frame_checks import Codec, database, vectors

DBC = database("infypower_beg_v104")
CODEC = Codec(
    wire,
    wire.encode_request,
    wire.decode_request,
    wire.encode_answer,
    wire.decode_answer,
    {"Read": Item, "Value": Item, "Write": Item, "Taken": Item},
    module=ALL_MODULES,
    answer_extras={},
)
ROWS = vectors("infypower_beg")
volts = st.integers(0, 2_000_000).map(lambda raw: raw / 1000)
VALUES: dict[Item, tuple[str, st.SearchStrategy[float]]] = {
    Item.SYSTEM_VOLTAGE: ("SysDcVoltage", volts),
    Item.SYSTEM_CURRENT: ("SysDcCurrent", st.integers(-5_000_000, 5_000_000).map(lambda raw: raw / 1000)),
    Item.MODULE_COUNT: ("ModuleCount", st.integers(0, 0xFFFF)),
    Item.LINE_AB: ("LineVoltageAB", volts),
    Item.LINE_BC: ("LineVoltageBC", volts),
    Item.LINE_CA: ("LineVoltageCA", volts),
    Item.AMBIENT_TEMPERATURE: ("AmbientTemperature", st.integers(-100_000, 250_000).map(lambda raw: raw / 1000)),
    Item.MAX_VOLTAGE: ("MaxVoltage", volts),
    Item.MIN_VOLTAGE: ("MinVoltage", volts),
    Item.MAX_CURRENT: ("MaxCurrent", volts),
    Item.RATED_POWER: ("RatedPower", volts),
}
SETTINGS: dict[Item, tuple[str, st.SearchStrategy[float]]] = {
    Item.SYSTEM_VOLTAGE: ("SetSysVoltage", volts),
    Item.SYSTEM_CURRENT: ("SetSysCurrent", volts),
    Item.STATUS: ("OnOff", st.integers(0, 1)),
    Item.WALK_IN: ("WalkIn", st.integers(0, 1)),
    Item.IS_INVERTER: ("WorkingMode", st.integers(0, 1)),
}
STATUS_WORDS = {
    "OutputShortCircuit": ModuleAlarm.OUTPUT_SHORT_CIRCUIT,
    "InternalCommFault": ModuleAlarm.INTERNAL_COMMUNICATION,
    "InputOrBusAbnormal": ModuleAlarm.INPUT_ABNORMAL,
    "Sleeping": None,
    "DischargeAbnormal": ModuleAlarm.DISCHARGE_ABNORMAL,
    "DcSideOff": None,
    "FaultAlarm": ModuleAlarm.MODULE_FAULT,
    "ProtectionAlarm": ModuleAlarm.PROTECTION,
    "FanFault": ModuleAlarm.FAN_FAULT,
    "OverTemperature": ModuleAlarm.OVER_TEMPERATURE,
    "OutputOverVoltage": ModuleAlarm.OUTPUT_OVER_VOLTAGE,
    "WalkInEnabled": None,
    "CommInterrupted": ModuleAlarm.COMMUNICATION_INTERRUPTED,
    "PowerLimited": None,
    "DuplicateModuleId": ModuleAlarm.DUPLICATE_ADDRESS,
    "CurrentSharingUnbalanced": ModuleAlarm.CURRENT_SHARING_UNBALANCED,
    "InputPhaseLost": ModuleAlarm.INPUT_PHASE_LOST,
    "InputUnbalanced": ModuleAlarm.INPUT_UNBALANCED,
    "InputUnderVoltage": ModuleAlarm.INPUT_UNDER_VOLTAGE,
    "InputOverVoltage": ModuleAlarm.INPUT_OVER_VOLTAGE,
    "PfcSideOff": None,
}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["data"])
def test_known_frames(row: dict[str, Any]) -> None:
    """Frames mean what the sources say, both ways; module 0 answers what everybody was asked."""
    answers = Codec(**{name: getattr(CODEC, name) for name in Codec.__dataclass_fields__} | {"module": 0})
    (CODEC if "request" in row else answers).check_golden(row)
    CODEC.check_lengths(row)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["data"])
def test_a_flipped_bit_is_never_passed_over(row: dict[str, Any]) -> None:
    """It is refused or changes what is read; the byte before the states has no known meaning."""
    CODEC.check_flips(row, frozenset({4}) if row.get("answer") == "Status" else frozenset())


@given(st.integers(0, (1 << 29) - 1), st.binary(max_size=9), st.sampled_from([0x23, 0x24]))
def test_noise_raises_only_wire_errors(identifier: int, data: bytes, command: int) -> None:
    """On any identifier, and on those of the protocol."""
    CODEC.check_noise(identifier, data)
    CODEC.check_noise(identifier & 0xFFFF | 0x0280_0000 | command << 16, data)


@given(st.sampled_from(list(VALUES)), st.data())
def test_values_agree_with_the_dbc(item: Item, data: st.DataObject) -> None:
    """A DBC reader and we read the same, and read what the other one writes."""
    name, strategy = VALUES[item]
    value = data.draw(strategy)
    if item is Item.RATED_POWER:
        value *= 10
    identifier, payload = wire.encode_answer(wire.Value(item, value), 0)
    signals = DBC.decode_message(identifier, payload)
    assert signals == {"Item": item, name: pytest.approx(value)}
    assert wire.decode_answer(identifier, DBC.encode_message("PM0_ReadResponse", signals))[1] == wire.Value(item, pytest.approx(value))


@given(st.sampled_from(list(SETTINGS)), st.data())
def test_settings_agree_with_the_dbc(item: Item, data: st.DataObject) -> None:
    """A DBC reader and we mean the same."""
    name, strategy = SETTINGS[item]
    value = data.draw(strategy)
    identifier, payload = wire.encode_request(wire.Write(item, value), ALL_MODULES)
    signals = DBC.decode_message(identifier, payload, decode_choices=False)
    is_switch = item not in (Item.SYSTEM_VOLTAGE, Item.SYSTEM_CURRENT)
    assert signals == {"Item": item, name: value + 0xA0 if is_switch else pytest.approx(value)}
    assert wire.decode_request(identifier, payload)[1] == wire.Write(item, value)


@pytest.mark.parametrize("item", sorted(set(VALUES) | {Item.STATUS, Item.INVERTER_STATUS}))
def test_every_read_agrees_with_the_dbc(item: Item) -> None:
    """The request has the item and nothing else."""
    frame = wire.encode_request(wire.Read(item), ALL_MODULES)
    assert DBC.decode_message(*frame) == {"ItemRequested": item}
    assert frame.data[2:] == bytes(6)


def test_every_status_bit_agrees_with_the_dbc() -> None:
    """Each bit with a name has its word or is a known state, each bit without one is unexplained."""
    named = 0
    for bit in range(24):
        frame = wire.encode_answer(wire.Status(1 << bit), 0)
        read = DBC.decode_message(*frame)
        names = {name for name in STATUS_WORDS if read[name]}
        named += len(names)
        _, status = wire.decode_answer(*frame)
        assert isinstance(status, wire.Status)
        assert status.alarms == {STATUS_WORDS[name] for name in names} - {None}
        assert status.unknown_bits == (frozenset() if names else {bit})
        assert status.is_off == ("DcSideOff" in names)
    assert named == len(STATUS_WORDS)


def test_a_group_is_written_by_its_number() -> None:
    """With another device field; the destination is the group."""
    frame = wire.encode_request(wire.Write(Item.SYSTEM_VOLTAGE, 400.0), 2, device=GROUP)
    assert frame.identifier == 0x02E402F0
    assert wire.decode_request(*frame)[0] == Header(0x24, 2, 0xF0, GROUP)


def test_a_refusal_says_what_was_refused() -> None:
    """By command and error code, whatever stands in the data."""
    assert wire.decode_answer(0x0EA4F000, bytes(8))[1] == wire.Refused(0x24, 3)
    assert wire.decode_answer(*wire.encode_answer(wire.Refused(0x23, 7), 5)) == (Header(0x23, 0xF0, 5, error=7), wire.Refused(0x23, 7))


@pytest.mark.parametrize("data", ["10010000001E8481", "1001000100061A80", "10020000004C4B41", "1010000000010001", "11220000000000A1"])
def test_a_value_that_cannot_be_true_is_refused(data: str) -> None:
    """Above 2000 V, something where zero stands, above 5000 A, more modules than a word holds, a setting as an answer."""
    with pytest.raises(WireError):
        wire.decode_answer(0x02A3F000, bytes.fromhex(data))
