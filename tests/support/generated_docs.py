"""The parts of `docs/` that are drawn from the code: `python -m tests.support.generated_docs` (`make docs`) writes them anew.

A part stands between `<!-- generated: NAME -->` and `<!-- end -->`; what is around it is written by people.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from chargerd.app import fault_table, key_reference, reference
from tests.support import phase_table

ROOT = Path(__file__).parents[2]

PARTS: Mapping[tuple[str, str], Callable[[], str]] = {
    ("docs/architecture.md", "phases"): phase_table.phases,
    ("docs/architecture.md", "phase table"): phase_table.table,
    ("docs/configuration.md", "sections"): reference.sections,
    ("docs/configuration-keys.md", "keys"): key_reference.table,
    ("docs/faults.md", "faults"): fault_table.table,
}


def written(file: str, name: str) -> str:
    """The part as it stands in the file. Raises ValueError when the file has no such part, or has it twice."""
    (found,) = _part(name).findall((ROOT / file).read_text(encoding="utf-8"))
    return str(found)


def _part(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<=<!-- generated: {re.escape(name)} -->\n\n)(.*?)(?=\n\n<!-- end -->)", re.DOTALL)


def main() -> None:
    """Write every part."""
    for (file, name), drawn in PARTS.items():
        path, part = ROOT / file, drawn()
        path.write_text(_part(name).sub(lambda _, part=part: part, path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
