"""Registers of the insulation monitor: golden channels, both directions, and what makes no sense."""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hal.errors import WireError
from hal.wire import bender_isocha as wire
from hal.wire.bender_isocha import Alarm, Channel, SelfTest, Unit, Validity

VECTORS: dict[str, Any] = yaml.safe_load((Path(__file__).parents[3] / "data/vectors/bender.yaml").read_text())
WORDS = st.lists(st.integers(0, 0xFFFF), min_size=4, max_size=4)


@pytest.mark.parametrize("row", VECTORS["channels"], ids=lambda row: row["words"])
def test_known_channels(row: dict[str, Any]) -> None:
    """Each reads as documented, and is written the same way."""
    words = struct.unpack(">4H", bytes.fromhex(row["words"]))
    channel = wire.decode_channel(words)
    assert (channel.value, channel.unit.name, channel.validity.name) == (row["value"], row["unit"], row["validity"])
    assert (channel.alarm.name, channel.test.name) == (row["alarm"], row["test"])
    assert wire.encode_channel(channel) == words


def test_a_device_error_counts_outside_of_a_test_only() -> None:
    """The alarm field stands for the test while that goes on."""
    broken = Channel(0.0, Unit.OHM, alarm=Alarm.DEVICE_ERROR)
    assert broken.is_device_error
    assert not Channel(0.0, Unit.OHM, alarm=Alarm.DEVICE_ERROR, test=SelfTest.EXTERNAL).is_device_error


@given(WORDS)
def test_any_registers_give_a_channel_or_a_wire_error(words: list[int]) -> None:
    """Nothing else, and what is read is written as it was, but for bits without a meaning."""
    try:
        channel = wire.decode_channel(words)
    except WireError:
        return
    if channel.validity is not Validity.INVALID:
        assert math.isfinite(channel.value)
        again = wire.decode_channel(wire.encode_channel(channel))
        assert again == channel


@pytest.mark.parametrize("words", [[], [0, 0, 2], [0, 0, 2, 0, 0]])
def test_a_channel_has_four_registers(words: list[int]) -> None:
    """One more or less is none."""
    with pytest.raises(WireError, match="4 registers"):
        wire.decode_channel(words)


@pytest.mark.parametrize("status", [0x0302, 0x0602, 0x0702, 0xC002, 0x0007, 0x0009, 0x001F])
def test_codes_without_a_meaning_are_refused(status: int) -> None:
    """Alarm 3, 6 and 7, test 3, and units that are not in the list."""
    with pytest.raises(WireError, match="makes no sense"):
        wire.decode_channel([0x4874, 0x2400, status, 0])


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=20))
def test_texts_pass_both_ways(text: str) -> None:
    """A device name fills its registers with zeros."""
    assert wire.decode_text(wire.encode_text(text, 10)) == text
