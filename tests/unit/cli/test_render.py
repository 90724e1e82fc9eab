"""Screens from JSON: words, alignment, and that a terminal gets the same content as a pipe."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from chargerd.cli import render


def test_tables_are_aligned_and_numbers_to_the_right() -> None:
    """Columns are as wide as their widest cell; no line ends in blanks."""
    table = render.Table("t", ("name", ">V"), [("a", "1"), ("long", "1000")])
    assert render.plain_lines([table]) == ["name     V", "a        1", "long  1000"]


def test_an_empty_table_says_so() -> None:
    """An empty list is an answer too."""
    assert render.plain_lines(render.queue([])) == ["nothing waits"]


@pytest.mark.parametrize(("percent", "expected"), [(0, "░░░░"), (50, "██░░"), (100, "████"), (140, "████"), (-3, "░░░░")])
def test_the_bar_shows_a_share(percent: float, expected: str) -> None:
    """Full blocks by share, never outside the bar."""
    assert render.bar(percent, 4) == expected


def test_id_tags_are_shortened_for_people() -> None:
    """Enough to recognise, not enough to copy."""
    assert render.short_tag("04A2B1C9D0") == "04…D0"
    line = render.event_line({"seq": 1, "kind": "TransactionStarted", "time": None, "connector": 1, "id_tag": "04A2B1C9D0"})
    assert "04A2B1C9D0" not in line
    assert "id_tag=04…D0" in line


def test_answers_are_shown_with_their_action() -> None:
    """A CALLRESULT is named after the CALL it answers."""
    lines = render.MessageLines()

    def line(direction: str, frame: Any, **more: Any) -> str:
        return lines.line({"direction": direction, "time": "2026-01-02T03:04:05.000Z", "message": frame, **more})

    assert line("out", [2, "a", "Heartbeat", {}]) == "2026-01-02 03:04:05.000 -> Heartbeat {}"
    assert line("in", [3, "a", {"currentTime": "x"}], latency_s=0.0123).endswith('<- Heartbeat.conf {"currentTime": "x"}  (12 ms)')
    assert line("in", [4, "b", "InternalError", "", {}]).endswith('<- answer error ["InternalError", "", {}]')
    assert line("in", "garbage").endswith("<- garbage")


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ({"state": "connected", "is_accepted": True, "url": "ws://c"}, "connected, accepted, ws://c"),
        ({"state": "waiting", "retry_in_s": 12.4, "last_error": "refused"}, "waiting, next attempt in 12 s, last error: refused"),
    ],
)
def test_the_link_in_words(link: dict[str, Any], expected: str) -> None:
    """State, address, and why it is not up."""
    status: dict[str, Any] = {"station": {}, "link": link, "queue": None, "connectors": [], "devices": [], "faults": []}
    lines = [part for part in render.status(status) if isinstance(part, str)]
    assert f"central system: {expected}" in lines
    assert "queue: journal does not answer" in lines


def test_a_terminal_gets_the_same_words() -> None:
    """rich draws every cell of every table."""
    screen = ["head", *render.faults([{"connector": 1, "code": "door-open", "error_code": "OtherError", "info": "The door is open."}])]
    out = io.StringIO()
    Console(file=out, width=120).print(render._rich(screen))
    for word in ("head", "door-open", "OtherError", "The door is open."):
        assert word in out.getvalue()
