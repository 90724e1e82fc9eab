"""The frames of the control pilot and safety board: known ones, a DBC reader, round trips, and a stream that is damaged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cantools
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hal.errors import WireError
from hal.wire import safety_board as wire

DATA = Path(__file__).parents[3] / "data"
VECTORS: dict[str, list[dict[str, Any]]] = yaml.safe_load((DATA / "vectors/safety_board.yaml").read_text())
DBC = cantools.database.load_file(DATA / "dbc/safety_mcu_uart.dbc")

flag = st.booleans()
octet = st.integers(0, 255)
duty = st.integers(0, 1000)
contactors = st.builds(wire.ContactorState, st.sampled_from(wire.Contact), flag)
stop = st.sampled_from(wire.Stop)
states = st.builds(
    wire.ChargeState,
    flag,
    duty,
    st.sampled_from(wire.Pilot),
    flag,
    flag,
    st.sampled_from(wire.Proximity),
    contactors,
    contactors,
    flag,
    st.tuples(stop, stop, stop),
)
celsius = st.integers(-0x2000, 0x1FFE).map(lambda raw: raw / 10)
channel = st.builds(wire.Channel, st.none() | celsius, flag, flag)
controls = st.builds(wire.ChargeControl, flag, duty, flag, flag)
temperatures = st.builds(wire.Temperatures, st.tuples(channel, channel, channel, channel))
messages = st.one_of(
    controls,
    states,
    temperatures,
    st.builds(wire.FirmwareVersion, octet, octet, octet, octet, octet),
    st.builds(wire.FirmwareHash, st.binary(min_size=8, max_size=8)),
    st.builds(wire.Inquiry, st.sampled_from(wire.PacketId)),
)


def fed(data: bytes, sizes: list[int]) -> list[wire.Item]:
    """Items of a stream that arrives in chunks of these sizes, then the rest."""
    parser, items = wire.FrameParser(), []
    for size in sizes:
        items += parser.feed(data[:size])
        data = data[size:]
    return items + parser.feed(data)


def signals(message: wire.Message) -> dict[str, Any]:
    """What a DBC reader makes of a frame's data."""
    frame = wire.encode(message)
    return dict(DBC.decode_message(frame[1], frame[2:10], decode_choices=False))


def test_the_check_value_of_the_checksum() -> None:
    """CRC-8 SAE J1850 of "123456789"."""
    assert wire.crc8(b"123456789") == 0x4B


@pytest.mark.parametrize("row", VECTORS["frames"], ids=lambda row: row["frame"])
def test_known_frames_mean_what_they_should(row: dict[str, Any]) -> None:
    """They decode, encode to themselves, and say to a DBC reader what they are known to say."""
    frame = bytes.fromhex(row["frame"])
    message = wire.decode(frame)
    assert wire.encode(message) == frame
    assert {name: signals(message)[name] for name in row["signals"]} == pytest.approx(row["signals"])


def test_a_state_by_its_fields() -> None:
    """Pilot C, a cable for 32 A, both contactors closed; no stop."""
    closed = wire.ContactorState(wire.Contact.CLOSED)
    stops = (wire.Stop.NOT_TRIPPED, wire.Stop.NOT_TRIPPED, wire.Stop.NOT_TRIPPED)
    state = wire.ChargeState(True, 50, wire.Pilot.C, False, False, wire.Proximity.A32, closed, closed, False, stops)
    assert wire.decode(bytes.fromhex("A5078032030309000000FF03")) == state


def test_temperatures_by_their_channels() -> None:
    """A channel without a sensor has none."""
    heard = wire.decode(bytes.fromhex("A50803E804B07FFC7FFC2303"))
    assert heard == wire.Temperatures((wire.Channel(25.0), wire.Channel(30.0), wire.Channel(), wire.Channel()))


def test_the_versions_by_their_bytes() -> None:
    """Asked with FF and the packet's id; three numbers, the product and the kind of firmware; the first half of a hash."""
    assert wire.encode(wire.Inquiry(wire.PacketId.FIRMWARE_VERSION))[:10] == bytes.fromhex("A5FF0A00000000000000")
    assert wire.encode(wire.FirmwareVersion(1, 2, 3))[:10] == bytes.fromhex("A50A0102038103000000")
    assert wire.encode(wire.FirmwareHash(bytes(range(8))))[:10] == bytes.fromhex("A50B0001020304050607")


@given(states)
def test_a_dbc_reader_finds_the_fields_of_a_state(state: wire.ChargeState) -> None:
    """Each at its place."""
    one, two = state.contactor_1, state.contactor_2
    assert signals(state) == {
        "PwmActive": state.is_pwm_on,
        "DutyCycle": pytest.approx(state.duty_permille / 10),
        "CpState": state.pilot,
        "CpShortCircuit": state.is_pilot_shorted,
        "DiodeFault": state.has_diode_fault,
        "PpState": state.proximity,
        "Contactor1State": one.contact,
        "Contactor1Error": one.has_error,
        "Contactor2State": two.contact,
        "Contactor2Error": two.has_error,
        "HvReady": state.is_hv_ready,
        **{f"EStop{number}": stop for number, stop in enumerate(state.stops, start=1)},
    }


@given(controls)
def test_a_dbc_reader_finds_the_fields_of_a_control(control: wire.ChargeControl) -> None:
    """Each at its place."""
    assert signals(control) == {
        "PwmActive": control.is_pwm_on,
        "TargetDutyCycle": pytest.approx(control.duty_permille / 10),
        "Contactor1Request": control.is_contactor_1_wanted,
        "Contactor2Request": control.is_contactor_2_wanted,
    }


@given(temperatures)
def test_a_dbc_reader_finds_the_fields_of_temperatures(told: wire.Temperatures) -> None:
    """Each at its place; 1FFF for no sensor."""
    found = signals(told)
    for number, one in enumerate(told.channels, start=1):
        assert found[f"Temperature{number}"] == pytest.approx(819.1 if one.temperature_c is None else one.temperature_c)
        assert found[f"ChargingStopped{number}"] == one.has_stopped_charging
        assert found[f"SelftestFailed{number}"] == one.has_failed


@given(st.lists(messages, min_size=1, max_size=5), st.lists(st.integers(0, 9), max_size=60))
def test_chunks_do_not_matter(said: list[wire.Message], sizes: list[int]) -> None:
    """However the stream is cut, the same messages come out in order."""
    assert fed(b"".join(map(wire.encode, said)), sizes) == said


@given(st.binary(max_size=40), messages, st.binary(max_size=40))
def test_a_message_is_found_between_noise(before: bytes, message: wire.Message, after: bytes) -> None:
    """Noise costs at most the frame it runs into; the next one is read."""
    frame = wire.encode(message)
    assert message in fed(before + frame + frame + after + bytes(wire.FRAME_SIZE), [])


@given(st.binary(max_size=400), st.lists(st.integers(0, 9), max_size=30))
def test_arbitrary_bytes_raise_nothing_and_do_not_pile_up(noise: bytes, sizes: list[int]) -> None:
    """Noise gives messages or errors, each for at least one byte."""
    assert len(fed(noise, sizes)) <= len(noise)


@given(messages)
def test_no_flipped_bit_gives_another_message(message: wire.Message) -> None:
    """The checksum tells, or the frame is none."""
    frame = wire.encode(message)
    for bit in range(8 * len(frame)):
        flipped = bytearray(frame)
        flipped[bit // 8] ^= 1 << bit % 8
        assert [item for item in fed(bytes(flipped), []) if not isinstance(item, WireError)] == []


@pytest.mark.parametrize("row", VECTORS["damaged"], ids=lambda row: row["why"])
def test_damaged_frames_give_an_error(row: dict[str, Any]) -> None:
    """And no message."""
    with pytest.raises(WireError):
        wire.decode(bytes.fromhex(row["frame"]))
    (item,) = fed(bytes.fromhex(row["frame"]), [])
    assert isinstance(item, WireError)


def test_a_frame_of_an_unknown_kind_is_passed_over_whole() -> None:
    """Newer boards may say more; what follows is read."""
    body = bytes.fromhex("10A5A5A5A5A5A5A5A5")
    unknown = b"\xa5" + body + bytes((wire.crc8(body), 0x03))
    known = wire.Temperatures()
    error, message = fed(unknown + wire.encode(known), [])
    assert isinstance(error, WireError)
    assert message == known


@pytest.mark.parametrize(
    "message",
    [
        wire.ChargeControl(True, 1024),
        wire.ChargeControl(True, -1),
        wire.Temperatures((wire.Channel(820.0), wire.Channel(), wire.Channel(), wire.Channel())),
        wire.FirmwareHash(b"short"),
        wire.FirmwareVersion(256, 0, 0),
    ],
)
def test_what_no_field_holds_is_not_encoded(message: wire.Message) -> None:
    """A mistake of ours, not of the wire."""
    with pytest.raises(ValueError):
        wire.encode(message)
