"""`chargerd check`: is the configuration in order? Reads files, opens nothing else."""

from __future__ import annotations

import sys
from pathlib import Path

from chargerd.app.build import Sources, build
from chargerd.app.config import Config, load
from chargerd.cli import exitcodes
from hal.errors import ConfigError, HalError
from hal.ports import Place


def check(path: Path) -> int:
    """Print every problem as `file:line: message` on stderr. Returns the exit code: 0, or 78 with problems (warnings are none)."""
    try:
        config = load(path)
        _try_to_build(config)
    except ConfigError as error:
        return exitcodes.fail(*error.problems, code=exitcodes.CONFIG)
    for warning in config.warnings:
        print(f"{warning} (warning)", file=sys.stderr)
    print(f"{path}: in order; connectors {len(config.connectors)}, devices {len(config.devices)}, buses {len(config.buses)}")
    return exitcodes.DONE


def _try_to_build(config: Config) -> None:
    """Make all parts, which does no I/O, and throw them away: each refuses options that it cannot work with."""
    nowhere = Place(Path(), Path())
    try:
        build(config, nowhere, Sources(mono=lambda: 0.0))
    except ConfigError as error:
        raise ConfigError([config.placed(problem) for problem in error.problems]) from None
    except HalError as error:
        raise ConfigError([config.placed(str(error))]) from None
