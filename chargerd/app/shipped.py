"""Files that ship with the program: the examples of `etc/`, from a wheel as from a checkout."""

from __future__ import annotations

from pathlib import Path

import chargerd


def shipped(name: str) -> Path:
    """Path of a file of `etc/`. Raises FileNotFoundError when the installation lacks it."""
    package = Path(chargerd.__file__).parent
    for folder in (package / "etc", package.parent / "etc"):
        if (folder / name).exists():
            return folder / name
    raise FileNotFoundError(f"{name} is not part of this installation of chargerd")
