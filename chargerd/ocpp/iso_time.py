"""Times as they travel: ISO 8601 in UTC with `Z` and milliseconds when sent; any offset and fraction when received."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def render_time(utc_s: float) -> str:
    """Seconds since 1970 as text, rounded to milliseconds."""
    return (_EPOCH + round(utc_s * 1000) * _MILLISECOND).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_time(text: str) -> float:
    """Text as seconds since 1970; without an offset it counts as UTC. Raises ValueError for anything that is no date with a time."""
    if "T" not in text.upper() or len(text) > 64:
        raise ValueError(f"not a date with a time: {text[:64]!r}")
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH).total_seconds()
