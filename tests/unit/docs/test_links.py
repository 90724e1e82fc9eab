"""What the documents point at is there: files, headings, make targets, names in the code."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from tests.support.generated_docs import ROOT

FILES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
ROOMS = ("chargerd", "hal", "etc", "tests", "docs", "systemd", "requirements")

each_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)


@cache
def text_of(file: Path) -> str:
    return file.read_text(encoding="utf-8")


def prose(file: Path) -> str:
    """Without blocks of code."""
    return re.sub(r"^```.*?^```$", "", text_of(file), flags=re.MULTILINE | re.DOTALL)


def anchors(file: Path) -> set[str]:
    """Headings as links name them."""
    headings = re.findall(r"^#+ (.*)$", prose(file), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_file
def test_relative_links_lead_somewhere(file: Path) -> None:
    """Every link to a file of the repository, and to a heading in one."""
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(file)):
        path, _, anchor = target.partition("#")
        if "://" in target:
            continue
        found = (file.parent / path).resolve() if path else file
        if not found.exists() or (anchor and anchor not in anchors(found)):
            broken.append(target)
    assert broken == []


@each_file
def test_named_files_exist(file: Path) -> None:
    """A path in backticks that begins with a room of the repository."""
    paths = re.findall(rf"`((?:{'|'.join(ROOMS)})/[\w./\-]*)`", prose(file))
    assert [path for path in paths if not (ROOT / path).exists()] == []


@each_file
def test_make_targets_exist(file: Path) -> None:
    """Every `make x`, in prose and in blocks of commands."""
    targets = set(re.findall(r"^([a-z-]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    named = set(re.findall(r"(?:`|^|\$ )(?:[A-Z]+=\S+ )?make ([a-z-]+)", text_of(file), re.MULTILINE))
    assert named <= targets


@cache
def code() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for room in ("chargerd", "hal") for path in sorted((ROOT / room).rglob("*.py")))


def test_the_path_of_a_kilowatt_hour_names_what_exists() -> None:
    """Each `Class.method` of the architecture document is a class and a name in it."""
    names = re.findall(r"`([A-Z]\w+)\.(\w+)`", prose(ROOT / "docs" / "architecture.md"))
    assert len(names) > 15
    missing = [
        f"{cls}.{name}"
        for cls, name in names
        if not re.search(rf"^class {cls}\b", code(), re.MULTILINE) or not re.search(rf"^    (?:async )?def {name}\b", code(), re.MULTILINE)
    ]
    assert missing == []
