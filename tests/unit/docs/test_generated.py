"""What is drawn from the code in docs/ is what the code says now."""

from __future__ import annotations

import re

import pytest

from chargerd.app.reference import described
from chargerd.app.reference_words import MEANINGS
from chargerd.core.settings import Settings, Timing
from chargerd.ocpp.v16.keys import KEYS
from tests.support.generated_docs import PARTS, ROOT, written

READERS = [
    path.read_text(encoding="utf-8")
    for path in (ROOT / "chargerd").rglob("*.py")
    if path.name not in ("settings.py", "keys.py", "reference.py", "reference_words.py")
]


@pytest.mark.parametrize(("file", "name"), [key for key in PARTS if key[0] != "docs/architecture.md"])
def test_the_part_is_up_to_date(file: str, name: str) -> None:
    """Otherwise `make docs` writes it anew."""
    assert written(file, name) == PARTS[file, name](), f"{file}: make docs"


def test_every_key_is_described_and_nothing_else() -> None:
    """A new option needs a line in reference_words.py, a removed one loses it."""
    assert sorted(described() ^ MEANINGS.keys()) == []


TOLD_ONLY = {"ConnectorPhaseRotation"}
"""What the station keeps for the central system to know, and has no use for itself."""


def test_nothing_is_without_effect() -> None:
    """Each field of `Settings` and `Timing` is read by another module; a key is not there only to be shown."""
    names = {key.name: key.field for key in KEYS if key.field is not None}
    assert set(names.values()) == set(Settings.__dataclass_fields__)
    names |= {f"Timing.{field}": field for field in Timing.__dataclass_fields__}
    unread = {name for name, field in names.items() if not any(re.search(rf"[.\"]{field}\b", text) for text in READERS)}
    assert unread == TOLD_ONLY
