"""The presets of certified stations, and what their certificates say."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from hal.options import load_yaml

_ROOT = Path(__file__).parents[2]

ETC = _ROOT / "etc"

PRESETS = {path.stem: path for path in sorted((ETC / "stations").glob("*.yaml"))}
"""Every preset by name."""

CERTIFICATES = {path.stem: cast("dict[str, Any]", load_yaml(path)) for path in sorted((_ROOT / "tests/data/certificates").glob("*.yaml"))}
"""The facts of each certificate, by the name of the preset that follows it."""
