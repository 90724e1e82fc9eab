"""Lines out of a stream."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.errors import WireError
from hal.wire.lines import LineParser


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n", b"\r\r\n"])
def test_any_end_of_a_line_ends_it(end: bytes) -> None:
    """CR, LF or both; nothing is said of empty lines."""
    assert LineParser(20).feed(b"one" + end + b"two" + end) == [b"one", b"two"]


@given(st.lists(st.binary(min_size=1, max_size=20).filter(lambda line: not {13, 10} & set(line)), max_size=5), st.integers(1, 7))
def test_pieces_do_not_matter(said: list[bytes], piece: int) -> None:
    """However the stream is cut, the same lines come out."""
    stream, parser = b"".join(line + b"\r\n" for line in said), LineParser(20)
    assert [line for start in range(0, len(stream), piece) for line in parser.feed(stream[start : start + piece])] == said


def test_a_line_without_end_is_given_up() -> None:
    """Memory is bounded, what follows is read."""
    parser = LineParser(20)
    assert parser.feed(bytes([65]) * 10_000) == []
    (line,) = parser.feed(b"\r")
    assert isinstance(line, WireError)
    assert parser.feed(b"next\r") == [b"next"]


def test_a_pause_ends_a_line() -> None:
    """For readers that end nothing."""
    parser = LineParser(20)
    parser.feed(b"04A2")
    assert parser.flush() == [b"04A2"]
    assert parser.flush() == []
