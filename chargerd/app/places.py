"""Where configuration, state and sockets are, as the service manager or the user's session says."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from hal.ports import Place


def config_path(given: Path | None, environment: Mapping[str, str] = os.environ) -> Path:
    """The configuration file: as given, else `$CHARGERD_CONFIG`, else the system's."""
    return given or Path(environment.get("CHARGERD_CONFIG") or "/etc/chargerd/chargerd.yaml")


def place(state_dir: Path | None, runtime_dir: Path | None, environment: Mapping[str, str] = os.environ) -> Place:
    """State and runtime directories: as given, else the service manager's, else the system's for root and the user's own for others."""
    is_root = os.geteuid() == 0
    home = Path(environment.get("HOME") or "/")
    user_state = Path(environment.get("XDG_STATE_HOME") or home / ".local" / "state") / "chargerd"
    user_runtime = Path(environment.get("XDG_RUNTIME_DIR") or f"/run/user/{os.geteuid()}") / "chargerd"
    state = state_dir or _named(environment, "STATE_DIRECTORY") or (Path("/var/lib/chargerd") if is_root else user_state)
    runtime = runtime_dir or _named(environment, "RUNTIME_DIRECTORY") or (Path("/run/chargerd") if is_root else user_runtime)
    return Place(state, runtime)


def _named(environment: Mapping[str, str], name: str) -> Path | None:
    """The first of the colon-separated directories that systemd puts into a variable."""
    first = environment.get(name, "").split(":")[0]
    return Path(first) if first else None


def make(where: Place) -> None:
    """Make both directories, closed to others. Raises OSError naming the path."""
    for folder in (where.state_dir, where.runtime_dir):
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
