"""`chargerd pics`: what the station with this configuration would declare for its certification."""

from __future__ import annotations

import json
from pathlib import Path

from chargerd.app.config import load
from chargerd.app.pics import pics
from chargerd.app.pics_page import markdown
from chargerd.cli import exitcodes
from hal.errors import ConfigError
from hal.options import as_yaml


def show(path: Path, form: str) -> int:
    """Print the PICS as `form` (md, yaml, json). Returns the exit code: 0, or 78 with every problem of the configuration on stderr."""
    try:
        statement = pics(load(path))
    except ConfigError as error:
        return exitcodes.fail(*error.problems, code=exitcodes.CONFIG)
    match form:
        case "json":
            print(json.dumps(statement, indent=2, ensure_ascii=False))
        case "yaml":
            print(as_yaml(statement), end="")
        case _:
            print(markdown(statement), end="")
    return exitcodes.DONE
