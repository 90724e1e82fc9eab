"""The frames of 125 kHz readers: published ones, round trips, and a stream that is damaged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hal.errors import WireError
from hal.wire import rdm6300 as wire

VECTORS: dict[str, list[dict[str, Any]]] = yaml.load((Path(__file__).parents[3] / "data/vectors/rdm6300.yaml").read_text(), yaml.BaseLoader)

tags = st.builds(wire.Tag, version=st.integers(0, 255), number=st.binary(min_size=4, max_size=4))


def fed(data: bytes, sizes: list[int]) -> list[wire.Item]:
    """Items of a stream that arrives in chunks of these sizes, then the rest."""
    parser, items = wire.FrameParser(), []
    for size in sizes:
        items += parser.feed(data[:size])
        data = data[size:]
    return items + parser.feed(data)


@pytest.mark.parametrize("row", VECTORS["tags"], ids=lambda row: row["number"])
def test_frames_match_their_tags(row: dict[str, Any]) -> None:
    """Each frame gives the version and the number that is printed on the card, and is what the tag encodes to."""
    tag = wire.Tag(int(row["version"], 0), bytes.fromhex(row["number"]))
    assert fed(bytes.fromhex(row["frame"]), []) == [tag]
    assert wire.encode_tag(tag).hex().upper() == row["frame"]
    assert f"{int.from_bytes(tag.number, 'big'):010d}" == row["decimal"]


@pytest.mark.parametrize("row", VECTORS["damaged"], ids=lambda row: row["why"])
def test_damaged_frames_give_no_tag(row: dict[str, Any]) -> None:
    """One error, no tag."""
    (item,) = fed(bytes.fromhex(row["frame"]), [])
    assert isinstance(item, WireError)


@given(st.lists(tags, min_size=1, max_size=4), st.lists(st.integers(0, 9), max_size=30))
def test_chunks_do_not_matter(said: list[wire.Tag], sizes: list[int]) -> None:
    """However the stream is cut, the same tags come out in order."""
    assert fed(b"".join(map(wire.encode_tag, said)), sizes) == said


@given(st.binary(max_size=60), tags, st.binary(max_size=60))
def test_a_tag_is_found_between_noise(before: bytes, tag: wire.Tag, after: bytes) -> None:
    """Noise costs at most what it runs into; of a frame that repeats, the second one is read."""
    frame = wire.encode_tag(tag)
    assert tag in fed(before + frame + frame + after, [])


@given(st.binary(max_size=300), st.lists(st.integers(0, 9), max_size=30))
def test_arbitrary_bytes_raise_nothing(noise: bytes, sizes: list[int]) -> None:
    """Noise gives tags or errors, and never stays in memory."""
    assert all(isinstance(item, wire.Tag | WireError) for item in fed(noise, sizes))


@given(tags)
def test_no_flipped_bit_gives_another_tag(tag: wire.Tag) -> None:
    """The exclusive or tells, or the frame is none; only the case of a letter may change unseen."""
    frame = wire.encode_tag(tag)
    for bit in range(8 * len(frame)):
        flipped = bytearray(frame)
        flipped[bit // 8] ^= 1 << bit % 8
        assert {item for item in fed(bytes(flipped), []) if isinstance(item, wire.Tag)} <= {tag}
