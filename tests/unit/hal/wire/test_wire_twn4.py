"""The lines of the Elatec Simple Protocol: known ones, round trips, and lines that make no sense."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hal.errors import WireError
from hal.wire import twn4 as wire

VECTORS: dict[str, list[dict[str, Any]]] = yaml.load((Path(__file__).parents[3] / "data/vectors/twn4.yaml").read_text(), yaml.BaseLoader)

DECODERS = (wire.decode_command, wire.decode_status, wire.decode_found, wire.decode_version)
masks = st.integers(0, 0xFFFF_FFFF)
commands = st.one_of(
    st.builds(wire.SearchTag, st.integers(0, 255)),
    st.builds(wire.SetTagTypes, masks, masks),
    st.builds(wire.GetVersionString, st.integers(0, 255)),
)
cards = st.binary(min_size=1, max_size=16).flatmap(
    lambda uid: st.builds(wire.Found, st.integers(0, 255), st.integers(8 * len(uid) - 7, 8 * len(uid)), st.just(uid))
)


@pytest.mark.parametrize("row", VECTORS["commands"], ids=lambda row: row["command"])
def test_commands_match_their_lines(row: dict[str, Any]) -> None:
    """Each command encodes to the known line, and the reader's side reads it back."""
    command = getattr(wire, row["command"])(*(int(field, 0) for field in row["fields"]))
    assert wire.encode_command(command) == row["line"].encode() + b"\r"
    assert wire.decode_command(row["line"].encode()) == command


@pytest.mark.parametrize("row", VECTORS["cards"], ids=lambda row: str(row["uid"]))
def test_answers_give_the_uid(row: dict[str, Any]) -> None:
    """The UID in the order the reader tells it, or no card."""
    found = None if row["uid"] == "null" else wire.Found(int(row["tag_type"], 0), int(row["bits"]), bytes.fromhex(row["uid"]))
    assert wire.decode_found(row["line"].encode()) == found
    assert wire.encode_found(found) == row["line"].encode() + b"\r"


@pytest.mark.parametrize("row", VECTORS["refused"], ids=lambda row: row["line"])
def test_refusals_have_a_status(row: dict[str, Any]) -> None:
    """An answer that is a status alone says why, and is no card and no version."""
    line = row["line"].encode()
    assert wire.STATUSES[wire.decode_status(line)]
    assert wire.encode_status(int(row["status"])) == line + b"\r"
    for decode in (wire.decode_found, wire.decode_version):
        with pytest.raises(WireError):
            decode(line)


@given(commands, cards, st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=255))
def test_round_trip(command: wire.Command, card: wire.Found, version: str) -> None:
    """What is encoded on one side is decoded on the other."""
    assert wire.decode_command(wire.encode_command(command)) == command
    assert wire.decode_found(wire.encode_found(card)) == card
    assert wire.decode_version(wire.encode_version(version)) == version


@given(st.binary(max_size=80) | st.binary(max_size=40).map(lambda body: body.hex().encode()))
def test_arbitrary_lines_raise_nothing_but_wire_errors(line: bytes) -> None:
    """Nothing a reader writes ends a driver in any other way."""
    for decode in DECODERS:
        try:
            decode(line)
        except WireError:
            continue


@given(cards)
def test_a_line_cut_short_is_no_card(card: wire.Found) -> None:
    """There is no checksum, but the lengths have to agree."""
    line = wire.encode_found(card)[:-1]
    for size in range(4, len(line)):
        with pytest.raises(WireError):
            wire.decode_found(line[:size])
