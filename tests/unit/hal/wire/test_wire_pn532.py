"""The PN532 codec: published frames, round trips, and a stream that is damaged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hal.errors import WireError
from hal.wire import pn532 as wire

VECTORS: dict[str, list[dict[str, Any]]] = yaml.load((Path(__file__).parents[3] / "data/vectors/pn532.yaml").read_text(), yaml.BaseLoader)

targets = st.builds(
    wire.Target,
    number=st.integers(1, 2),
    sens_res=st.integers(0, 0xFFFF),
    sel_res=st.sampled_from([0x00, 0x08, 0x18]),
    uid=st.sampled_from([4, 7, 10]).flatmap(lambda size: st.binary(min_size=size, max_size=size)),
)
bytes_ = st.integers(0, 255)
answers = st.one_of(
    st.builds(wire.FirmwareVersion, bytes_, bytes_, bytes_, bytes_),
    st.just(wire.SamConfigured()),
    st.builds(wire.TargetsFound, st.lists(targets, max_size=2).map(tuple)),
    st.builds(wire.Released, bytes_),
)
commands = st.one_of(
    st.just(wire.GetFirmwareVersion()),
    st.builds(wire.SamConfiguration, bytes_, bytes_, bytes_),
    st.builds(wire.InListPassiveTarget, bytes_, bytes_),
    st.builds(wire.InRelease, bytes_),
)


def only_item(data: bytes) -> wire.Item:
    (item,) = wire.FrameParser().feed(data)
    return item


def only_frame(data: bytes) -> wire.Frame:
    item = only_item(data)
    assert isinstance(item, wire.Frame)
    return item


def fed(data: bytes, sizes: list[int]) -> list[wire.Item]:
    """Items of a stream that arrives in chunks of these sizes, then the rest."""
    parser, items = wire.FrameParser(), []
    for size in sizes:
        items += parser.feed(data[:size])
        data = data[size:]
    return items + parser.feed(data)


@pytest.mark.parametrize("row", VECTORS["frames"], ids=lambda row: row["item"])
def test_short_frames_are_recognised(row: dict[str, Any]) -> None:
    """ACK, NACK and the error frame come out as what they are."""
    kinds = {"ack": wire.Ack(), "nack": wire.Nack(), "syntax-error": wire.SyntaxErrorFrame()}
    assert only_item(bytes.fromhex(row["frame"])) == kinds[row["item"]]


@pytest.mark.parametrize("row", VECTORS["commands"], ids=lambda row: row["command"])
def test_commands_match_their_bytes(row: dict[str, Any]) -> None:
    """Each command encodes to the known frame, and the reader's side reads it back."""
    command = {"InListPassiveTarget": wire.InListPassiveTarget(), "InRelease": wire.InRelease()}.get(row["command"])
    command = command or {"GetFirmwareVersion": wire.GetFirmwareVersion(), "SamConfiguration": wire.SamConfiguration()}[row["command"]]
    assert wire.encode_command(command).hex().upper() == row["frame"]
    assert wire.decode_command(only_frame(bytes.fromhex(row["frame"]))) == command


@pytest.mark.parametrize("row", VECTORS["answers"], ids=lambda row: row["answer"])
def test_answers_match_their_bytes(row: dict[str, Any]) -> None:
    """Each answer decodes to the known values and encodes to the same frame."""
    answer = getattr(wire, row["answer"])(*(int(field, 0) for field in row["fields"]))
    assert wire.decode_answer(only_frame(bytes.fromhex(row["frame"]))) == answer
    assert wire.encode_answer(answer).hex().upper() == row["frame"]


@pytest.mark.parametrize("row", VECTORS["cards"], ids=lambda row: str(row["uid"]))
def test_captured_cards_give_their_uid(row: dict[str, Any]) -> None:
    """The UID of a captured answer is the one on the card."""
    answer = wire.decode_answer(only_frame(bytes.fromhex(row["frame"])))
    assert isinstance(answer, wire.TargetsFound)
    assert [target.uid.hex().upper() for target in answer.targets] == ([] if row["uid"] == "null" else [row["uid"]])


def test_a_card_with_an_ats_is_read() -> None:
    """The ATS of an ISO 14443-4 card does not disturb its UID."""
    target = wire.Target(1, 0x0344, 0x20, bytes.fromhex("04A224B26D4980"), bytes.fromhex("067577810280"))
    found = wire.TargetsFound((target,))
    assert wire.decode_answer(only_frame(wire.encode_answer(found))) == found


@given(commands, answers)
def test_round_trip(command: wire.Command, answer: wire.Answer) -> None:
    """What is encoded on one side is decoded on the other."""
    assert wire.decode_command(only_frame(wire.encode_command(command))) == command
    assert wire.decode_answer(only_frame(wire.encode_answer(answer))) == answer


@given(st.lists(answers, min_size=1, max_size=4), st.lists(st.integers(0, 9), max_size=30))
def test_chunks_do_not_matter(said: list[wire.Answer], sizes: list[int]) -> None:
    """However the stream is cut, the same frames come out in order."""
    stream = b"".join(wire.ACK + wire.encode_answer(answer) for answer in said)
    frames = [item for item in fed(stream, sizes) if isinstance(item, wire.Frame)]
    assert [wire.decode_answer(frame) for frame in frames] == said


@given(st.binary(max_size=300), st.lists(st.integers(0, 9), max_size=30))
def test_arbitrary_bytes_raise_nothing_but_wire_errors(noise: bytes, sizes: list[int]) -> None:
    """Noise gives items or WireErrors, and what it happens to give can be decoded or is refused."""
    for item in fed(noise, sizes):
        if isinstance(item, wire.Frame):
            for decode in (wire.decode_answer, wire.decode_command):
                try:
                    decode(item)
                except WireError:
                    continue


@given(st.binary(max_size=60), answers)
def test_the_parser_finds_the_next_frames_after_noise(noise: bytes, answer: wire.Answer) -> None:
    """After any noise, frames are found again as soon as what looked like a frame is over (at most 261 bytes)."""
    frame = wire.encode_answer(answer)
    parser = wire.FrameParser()
    parser.feed(noise)
    found = [item for _ in range(2 + 262 // len(frame)) for item in parser.feed(frame)]
    assert wire.decode_answer(next(item for item in reversed(found) if isinstance(item, wire.Frame))) == answer


@given(answers, st.integers(min_value=0), st.integers(1, 255))
def test_a_damaged_byte_is_never_a_wrong_answer(answer: wire.Answer, position: int, change: int) -> None:
    """One changed byte after the start code gives no other answer than the true one."""
    frame = bytearray(wire.encode_answer(answer))
    frame[3 + position % (len(frame) - 4)] ^= change
    for item in wire.FrameParser().feed(bytes(frame) + wire.ACK):
        assert not isinstance(item, wire.Frame)


def test_a_bad_checksum_is_reported_and_skipped() -> None:
    """A wrong data checksum comes out as a WireError, and the frame after it is read."""
    damaged = bytearray(wire.encode_answer(wire.FirmwareVersion(0x32, 1, 6, 7)))
    damaged[-2] ^= 1
    items = wire.FrameParser().feed(bytes(damaged) + wire.encode_answer(wire.SamConfigured()))
    assert isinstance(items[0], WireError)
    assert items[-1] == wire.Frame(wire.TO_HOST, 0x15)
