"""A composite schedule in words and as a plot, from the JSON of the control socket."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chargerd.cli.plot import plot

Json = Mapping[str, Any]

_WIDTH, _HEIGHT = 72, 6


def schedule_rows(schedule: Json) -> list[tuple[str, ...]]:
    """Each stretch: from when to when, how much, and whose it is."""
    return [
        (_time(one["from"]), _time(one["until"]), _current(one["current_a"]), f"{one['power_w'] / 1000:.1f}", str(one["ruled_by"]))
        for one in schedule["stretches"]
    ]


def schedule_plot(schedule: Json) -> list[str]:
    """The power over the whole time, with what an edge means."""
    stretches: Sequence[Json] = schedule["stretches"]
    points = [(float(one["begin_s"]), float(one["power_w"])) for one in stretches]
    points.append((float(schedule["duration_s"]), points[-1][1]))
    top_w = max(max(power_w for _, power_w in points), 1.0)
    lines = plot(points, label=f"{top_w / 1000:.1f} kW", top=top_w, width=_WIDTH, height=_HEIGHT)
    margin = len(lines[0].split("┤")[0]) + 1
    begin, end = _time(schedule["from"]), _time(schedule["until"])
    return [*lines, f"{'':{margin}}{begin}{end:>{max(_WIDTH - len(begin), len(end) + 1)}}"]


def _time(text: str) -> str:
    """To the second: that is as exact as a schedule is told."""
    return text[:19].replace("T", " ")


def _current(current_a: float | None) -> str:
    return "" if current_a is None else f"{current_a:.1f}"
