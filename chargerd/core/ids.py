"""Names of things, spelled once."""

from __future__ import annotations

from typing import NewType

ConnectorId = NewType("ConnectorId", int)
"""1..n; 0 is the station itself (OCPP 1.6, 3.8)."""

LocalId = NewType("LocalId", str)
"""Our own transaction id, made before the central system gives its number."""

IdTag = NewType("IdTag", str)
"""Identity of a token, at most 20 characters, compared without case (OCPP 1.6, 3.9)."""

MAX_ID_TAG = 20
"""Characters that an IdToken may have (OCPP 1.6, 7.28)."""

STATION = ConnectorId(0)


def same_tag(one: str, other: str) -> bool:
    """Whether two id tags are the same token."""
    return one.casefold() == other.casefold()


def short_tag(id_tag: str) -> str:
    """An id tag as it may stand in a log: enough to recognise, not enough to copy."""
    return id_tag[:2] + "…" + id_tag[-2:] if len(id_tag) > 4 else "…"
