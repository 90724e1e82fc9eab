"""What the bench central system prints for whoever drives it."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from chargerd.cli import bench


def test_an_answer_with_decimal_numbers_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """A composite schedule has some; the framing reads them exactly, JSON has numbers."""
    bench._announce({"answer": {"limit": Decimal("16.1")}})
    assert json.loads(capsys.readouterr().out) == {"answer": {"limit": 16.1}}
