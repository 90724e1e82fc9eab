"""The command `chargerbench certify`: runs the cases, shows how they go, and writes the report."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from chargerd.bench.catalogue import chosen
from chargerd.bench.certify import Outcome, Result, certify
from chargerd.bench.report import Report, read_certificate
from chargerd.cli import exitcodes


def run(
    config: Path, numbers: Sequence[str], against: Path | None, folder: Path | None, *, is_virtual: bool, as_json: bool, rate_unit: str
) -> int:
    """The exit code. Raises LookupError for an unknown case, ValueError and ConfigError for files that cannot be used, OSError."""
    cases = chosen(numbers)
    certificate = read_certificate(against) if against is not None else None
    logging.getLogger("chargerd").addHandler(logging.NullHandler())  # in virtual time the daemon is in this process
    began_utc_s = time.time()
    finished = certify(config, cases, is_virtual=is_virtual, progress=_show, rate_unit=rate_unit)
    report = Report(finished, config, is_virtual, began_utc_s, certificate)
    if folder is not None:
        report.write(folder)
    print(json.dumps(report.as_json(), default=str) if as_json else report.summary(), end="\n" if as_json else "")
    return exitcodes.DONE if finished.is_passed else exitcodes.FAILED


def _show(result: Result) -> None:
    """One line for each case, as it ends; what failed is said at once."""
    words = f": {result.words}" if result.outcome is not Outcome.PASSED else ""
    print(f"{result.case.number:12} {result.outcome.value:14} {result.case.name}{words}", file=sys.stderr, flush=True)
