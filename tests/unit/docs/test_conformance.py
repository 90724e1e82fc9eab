"""The table of conformance names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs/conformance.md").read_text()
ROWS = [line for line in TEXT.splitlines() if line.startswith("| ") and not line.startswith(("| rule", "|---"))]


def test_every_rule_is_proved() -> None:
    """Each row names a source and at least one test."""
    bare = [row for row in ROWS if not re.search(r"`tests/[\w/]+\.py::\w+`", row) or not row.split(" | ")[1].strip()]
    assert bare == []
    assert len(ROWS) > 50


def test_every_test_that_is_named_exists() -> None:
    """A proof that was renamed or deleted is no proof."""
    missing = []
    for file, name in sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXT))):
        path = ROOT / file
        if not path.exists() or not re.search(rf"^ *(async )?def {name}\(", path.read_text(), re.MULTILINE):
            missing.append(f"{file}::{name}")
    assert missing == []
