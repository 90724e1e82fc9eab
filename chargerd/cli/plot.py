"""A small plot of text: filled columns of block characters under a scale. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

_BLOCKS = " ▁▂▃▄▅▆▇█"


def plot(points: Sequence[tuple[float, float]], *, label: str, top: float, width: int, height: int) -> list[str]:
    """Lines of a plot, the highest first.

    points: (x, value), in order of x; each value holds until the next. top: the value at the upper edge. width, height: of the filled
    part, in characters. The label stands left of the highest line, 0 left of the lowest.
    """
    columns = [value / top * height * 8 for value in resampled(points, width)]
    left = [label, *[""] * (height - 2), "0"] if height > 1 else [label]
    margin = max(len(text) for text in left)
    return [f"{text:>{margin}} ┤{_row(columns, height - 1 - index)}".rstrip() for index, text in enumerate(left)]


def resampled(points: Sequence[tuple[float, float]], count: int) -> list[float]:
    """The values that hold at `count` places between the first and the last x."""
    if not points:
        return []
    places = [x for x, _ in points]
    step = (places[-1] - places[0]) / max(1, count - 1)
    return [points[max(0, bisect_right(places, places[0] + index * step + 1e-9) - 1)][1] for index in range(count)]


def _row(eighths: Sequence[float], row: int) -> str:
    return "".join(_BLOCKS[max(0, min(8, round(value) - row * 8))] for value in eighths)
