"""The Advantics codec against documented frames, a DBC reader, and itself."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import cantools
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hal.errors import WireError
from hal.wire import advantics_evse as wire

DATA = Path(__file__).parents[3] / "data"
VECTORS: list[dict[str, Any]] = yaml.safe_load((DATA / "vectors/can.yaml").read_text())["advantics_evse"]
DBC = cantools.database.load_file(DATA / "dbc/advantics_evse_v36_subset.dbc")

octet = st.integers(0, 255)
tenths = st.integers(0, 0xFFFF).map(lambda value: value / 10)
signed_tenths = st.integers(-0x8000, 0x7FFF).map(lambda value: value / 10)
celsius = st.integers(-40, 215)
kilo = st.integers(0, 0xFFFF).map(lambda value: value * 1000)
flag = st.booleans()
messages = st.one_of(
    st.builds(wire.ControllerStatus, st.sampled_from(wire.State)),
    st.builds(wire.NewChargeSession, octet, octet),
    st.builds(wire.ChargeStatusChange, flag),
    st.builds(wire.DcPowerControl, tenths, signed_tenths, signed_tenths, st.sampled_from(wire.PowerFunction), flag, flag, flag),
    st.builds(wire.ChargeSessionFinished, flag),
    st.builds(wire.EmergencyStop, st.sampled_from(wire.StopOrigin)),
    st.builds(wire.EvBattery, kilo, st.integers(0, 100), octet, octet, octet),
    st.builds(wire.EvVoltages, tenths, tenths, tenths),
    st.builds(wire.EvChargeLimits, tenths, tenths, kilo, kilo),
    st.builds(wire.EvccId, st.binary(min_size=6, max_size=6)),
    st.builds(wire.SeccInputs, st.tuples(flag, flag, flag, flag), celsius, st.tuples(celsius, celsius)),
    st.builds(wire.PilotState, st.sampled_from(wire.Pilot), tenths),
    st.builds(wire.PowerModulesStatus, tenths, signed_tenths, celsius, celsius, flag, octet.map(lambda value: value * 2000)),
    st.builds(wire.DcPowerParameters, tenths, tenths, tenths, signed_tenths),
    st.builds(wire.SequenceControl, flag, flag, flag, flag, flag),
)


def signals(message: wire.Message) -> dict[str, Any]:
    """What a DBC reader makes of a frame."""
    return dict(DBC.decode_message(*wire.encode(message, 0), decode_choices=False))


@pytest.mark.parametrize("row", VECTORS, ids=lambda row: row["data"])
def test_known_frames(row: dict[str, Any]) -> None:
    """Documented frames mean what they should, and are what we send for it."""
    outlet, message = wire.decode(row["id"], bytes.fromhex(row["data"]))
    assert message == getattr(wire, row["message"])(*row["fields"])
    assert outlet == row["id"] >> 24
    assert wire.encode(message, outlet) == (row["id"], bytes.fromhex(row["data"]))


@given(messages, st.integers(0, 31))
def test_round_trip(message: wire.Message, outlet: int) -> None:
    """What one side says for an outlet the other side reads for it."""
    assert wire.decode(*wire.encode(message, outlet)) == (outlet, message)


@given(messages)
def test_longer_payloads_are_taken(message: wire.Message) -> None:
    """Newer interfaces lengthen messages; the known part stays."""
    identifier, data = wire.encode(message, 1)
    assert wire.decode(identifier, data + b"\x00")[1] == message


@given(st.one_of(st.sampled_from(wire.MessageId), st.integers(0, (1 << 29) - 1)), st.binary(max_size=8))
def test_arbitrary_frames_raise_only_wire_errors(identifier: int, data: bytes) -> None:
    """Whatever is on the bus gives a message or a WireError."""
    with contextlib.suppress(WireError):
        wire.decode(identifier, data)


@given(messages)
def test_every_message_has_its_length_in_the_dbc(message: wire.Message) -> None:
    """Identifiers and lengths are those of the database."""
    identifier, data = wire.encode(message, 0)
    assert DBC.get_message_by_frame_id(identifier).length == len(data)


@given(tenths, signed_tenths, signed_tenths, st.sampled_from(wire.PowerFunction), flag, flag, flag)
def test_power_control_agrees_with_the_dbc(
    target_v: float, high_a: float, low_a: float, function: wire.PowerFunction, is_range: bool, is_closed: bool, is_lowering: bool
) -> None:
    """A DBC reader and we mean the same wish."""
    read = signals(wire.DcPowerControl(target_v, high_a, low_a, function, is_range, is_closed, is_lowering))
    assert read == {
        "Target_Voltage": pytest.approx(target_v),
        "Current_Range_Max": pytest.approx(high_a),
        "Current_Range_Min": pytest.approx(low_a),
        "Power_Function": function,
        "Setpoints_Mode": is_range,
        "Output_Contactors": is_closed,
        "Lower_Output_Voltage": is_lowering,
    }


@given(tenths, signed_tenths, celsius, celsius, flag, octet)
def test_modules_status_agrees_with_the_dbc(voltage_v: float, current_a: float, module: int, cabinet: int, enable: bool, ohm: int) -> None:
    """A DBC reader and we report the same present values."""
    read = signals(wire.PowerModulesStatus(voltage_v, current_a, module, cabinet, enable, ohm * 2000))
    assert read == {
        "Present_Voltage": pytest.approx(voltage_v),
        "Present_Current": pytest.approx(current_a),
        "Power_Modules_Temperature": module,
        "Enclosure_Temperature": cabinet,
        "System_Enable": enable,
        "Insulation_Resistance": ohm * 2,
    }


@given(flag, flag, flag, flag, flag)
def test_sequence_control_agrees_with_the_dbc(start: bool, done: bool, valid: bool, parameters: bool, stop: bool) -> None:
    """A DBC reader and we give the same answers."""
    assert signals(wire.SequenceControl(start, done, valid, parameters, stop)) == {
        "Start_Charge_Authorisation": start,
        "CHAdeMO_Start_Button": 0,
        "CCS_Authorisation_Done": done,
        "CCS_Authorisation_Valid": valid,
        "Charge_Parameters_Done": parameters,
        "User_Stop_Button": stop,
    }


@given(kilo, st.integers(0, 100), tenths, tenths, kilo)
def test_vehicle_information_agrees_with_the_dbc(capacity_wh: int, soc: int, volt: float, amps: float, power_w: int) -> None:
    """A DBC reader and we know the same of the vehicle."""
    battery = signals(wire.EvBattery(capacity_wh, soc))
    assert (battery["Battery_Capacity"], battery["Present_State_of_Charge"]) == (capacity_wh // 1000, soc)
    assert signals(wire.EvVoltages(0.0, volt, 0.0))["EV_Maximum_Voltage"] == pytest.approx(volt)
    limits = signals(wire.EvChargeLimits(0.0, amps, 0, power_w))
    assert (limits["EV_Maximum_Charge_Current"], limits["EV_Maximum_Charge_Power"]) == (pytest.approx(amps), power_w // 1000)


def test_insulation_is_never_told_better_than_it_is() -> None:
    """The field counts 2 kOhm; what is between is rounded down, what is above is its end."""
    assert wire.encode(wire.PowerModulesStatus(insulation_ohm=49_999), 1).data[7] == 24
    assert wire.encode(wire.PowerModulesStatus(insulation_ohm=10_000_000), 1).data[7] == 255
