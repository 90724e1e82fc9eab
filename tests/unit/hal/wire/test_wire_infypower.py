"""The Infypower V1.13 codec against published frames, a DBC reader, and itself."""

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
from hal.wire import infypower_v113 as wire
from hal.wire.infypower import ALL_MODULES, CONTROLLER, LAST_MODULE

DATA = Path(__file__).parents[3] / "data"
VECTORS: list[dict[str, Any]] = yaml.safe_load((DATA / "vectors/can.yaml").read_text())["infypower_v113"]
DBC = cantools.database.load_file(DATA / "dbc/infypower_v113.dbc")

words = st.integers(0, 0xFFFF)
octet = st.integers(0, 255)
modules = st.integers(0, LAST_MODULE)
floats = st.floats(width=32, allow_nan=False, allow_infinity=False)
answers = st.one_of(
    st.builds(wire.Output, floats, floats),
    st.builds(wire.SystemOutput, floats, floats),
    st.builds(lambda a, b, c: wire.LineVoltages(a / 10, b / 10, c / 10), words, words, words),
    st.builds(wire.Status, octet, st.integers(-128, 127), octet, octet, octet),
    st.builds(lambda a, b, c, d: wire.Capabilities(float(a), float(b), c / 10, d * 10.0), words, words, words, words),
    st.builds(lambda a, b: wire.External(a / 10, b / 10), words, words),
    st.builds(wire.ModuleCount, octet),
    st.builds(lambda n, s: wire.Barcode(f"{n:012d}V{s:04d}"), st.integers(0, 999_999_999_999), st.integers(0, 0xFFF)),
    st.sampled_from([wire.Taken(code) for code in wire.Code if code.name.startswith("SET_")]),
    st.builds(wire.Refused, st.integers(0, 0x3F), st.integers(1, 7)),
)
milli = st.integers(0, 0xFFFF_FFFF).map(lambda value: value / 1000)
requests = st.one_of(
    st.sampled_from([wire.Read(code) for code in wire.Code if code < wire.Code.SET_POWER]),
    st.builds(wire.SetPower, st.booleans()),
    st.builds(wire.SetOutput, milli, milli),
    st.builds(wire.SetSystemOutput, milli, milli),
)


def expected(row: dict[str, Any]) -> Any:
    fields = row["fields"]
    if row.get("request") == "Read":
        return wire.Read(wire.Code(fields[0]))
    return getattr(wire, row.get("request") or row["answer"])(*fields)


@pytest.mark.parametrize("row", VECTORS, ids=lambda row: row["data"])
def test_known_frames(row: dict[str, Any]) -> None:
    """Published frames decode to the values printed with them, with the addresses in the identifier."""
    decode = wire.decode_request if "request" in row else wire.decode_answer
    header, message = decode(row["id"], bytes.fromhex(row["data"]))
    assert message == expected(row)
    assert {header.source, header.destination} == {0x00, CONTROLLER}


@pytest.mark.parametrize("row", [row for row in VECTORS if "request" in row], ids=lambda row: row["data"])
def test_requests_encode_to_the_known_frame(row: dict[str, Any]) -> None:
    """The controller's frames are those of the vectors, byte by byte."""
    assert wire.encode_request(expected(row), 0) == (row["id"], bytes.fromhex(row["data"]))


def test_all_modules_and_other_addresses() -> None:
    """The destination goes into bits 15-8."""
    assert wire.encode_request(wire.Read(wire.Code.OUTPUT), ALL_MODULES).identifier == 0x02833FF0


@given(requests, modules)
def test_requests_round_trip(request: wire.Request, module: int) -> None:
    """A module reads what the controller asked of it."""
    header, read = wire.decode_request(*wire.encode_request(request, module))
    assert read == request
    assert (header.destination, header.source) == (module, CONTROLLER)


@given(answers, modules)
def test_answers_round_trip(answer: wire.Answer, module: int) -> None:
    """The controller reads what a module answered."""
    header, read = wire.decode_answer(*wire.encode_answer(answer, module))
    assert read == answer
    assert (header.destination, header.source) == (CONTROLLER, module)


@given(st.integers(0, (1 << 29) - 1), st.binary(max_size=8))
def test_arbitrary_frames_raise_only_wire_errors(identifier: int, data: bytes) -> None:
    """Whatever is on the bus gives a message or a WireError."""
    for decode in (wire.decode_request, wire.decode_answer):
        with contextlib.suppress(WireError):
            decode(identifier, data)


@given(floats, floats)
def test_output_agrees_with_the_dbc(voltage_v: float, current_a: float) -> None:
    """A DBC reader and we read the same output values."""
    identifier, data = wire.encode_answer(wire.Output(voltage_v, current_a), 0)
    assert DBC.decode_message(identifier, data) == {"ModuleVoltage": voltage_v, "ModuleCurrent": current_a}


@given(octet, octet, octet, octet, st.integers(-128, 127))
def test_status_bits_agree_with_the_dbc(group: int, state_0: int, state_1: int, state_2: int, ambient_c: int) -> None:
    """Each alarm word stands for the bit that the DBC gives its name."""
    status = wire.Status(group, ambient_c, state_0, state_1, state_2)
    names = {
        "OutputShortCircuit": "output-short-circuit",
        "InternalCommFault": "internal-communication",
        "InputOrBusAbnormal": "input-abnormal",
        "DischargeAbnormal": "discharge-abnormal",
        "FaultAlarm": "module-fault",
        "ProtectionAlarm": "protection",
        "FanFault": "fan-fault",
        "OverTemperature": "over-temperature",
        "OutputOverVoltage": "output-over-voltage",
        "CommInterrupted": "communication-interrupted",
        "DuplicateModuleId": "duplicate-address",
        "CurrentSharingUnbalanced": "current-sharing-unbalanced",
        "InputPhaseLost": "input-phase-lost",
        "InputUnbalanced": "input-unbalanced",
        "InputUnderVoltage": "input-under-voltage",
        "InputOverVoltage": "input-over-voltage",
    }
    signals = DBC.decode_message(*wire.encode_answer(status, 0))
    assert status.alarms == {word for signal, word in names.items() if signals[signal]}
    assert (signals["GroupNumber"], signals["AmbientTemperature"]) == (group, ambient_c)
    assert status.is_off == bool(signals["DcSideOff"])


@given(milli, milli)
def test_setpoints_agree_with_the_dbc(voltage_v: float, current_a: float) -> None:
    """A DBC reader and we mean the same set-points."""
    signals = DBC.decode_message(*wire.encode_request(wire.SetOutput(voltage_v, current_a), 0))
    assert signals == {"SetVoltage": pytest.approx(voltage_v), "SetCurrent": pytest.approx(current_a)}


@given(words, words, words, words)
def test_capabilities_agree_with_the_dbc(max_v: int, min_v: int, max_da: int, power_daw: int) -> None:
    """A DBC reader and we read the same capabilities."""
    signals = DBC.decode_message(*wire.encode_answer(wire.Capabilities(max_v, min_v, max_da / 10, power_daw * 10), 0))
    assert (signals["MaxVoltage"], signals["MinVoltage"], signals["RatedPower"]) == (max_v, min_v, power_daw * 10)
    assert signals["MaxCurrent"] == pytest.approx(max_da / 10)


def test_setpoints_outside_the_field_are_clamped() -> None:
    """A negative set-point is sent as zero."""
    assert wire.encode_request(wire.SetOutput(-1.0, -1.0), 0).data == bytes(8)
