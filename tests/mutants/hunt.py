"""Puts a fault into a copy of the package and plays the cases that must notice."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from tests.mutants.faults import Mutant

ROOT = Path(__file__).parents[2]
PARTS = ("chargerd", "hal", "etc", "tests/data/stations")
LONGEST_S = 300.0


@dataclass(frozen=True, slots=True)
class Hunted:
    """What became of a mutant. `survived`: cases that should have failed; `problem`: why it could not be tried."""

    mutant: Mutant
    caught: tuple[str, ...] = ()
    survived: tuple[str, ...] = ()
    problem: str = ""

    @property
    def is_caught(self) -> bool:
        """Every case that must notice has failed."""
        return not self.survived and not self.problem


def problem_of(mutant: Mutant) -> str:
    """Why a mutant cannot be made from the program as it is now; empty when it can."""
    file = ROOT / mutant.file
    if not file.exists():
        return f"{mutant.file} does not exist"
    count = file.read_text(encoding="utf-8").count(mutant.old)
    return "" if count == 1 else f"the text to be replaced stands {count} times in {mutant.file}"


class Copy:
    """A copy of the package in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for part in PARTS:
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))

    def failed(self, station: str, cases: Iterable[str]) -> dict[str, bool]:
        """Whether each of these cases fails. Raises RuntimeError with the last words when they cannot be played."""
        command = ["-m", "chargerd.cli.bench", "certify", "--virtual", "--json", "--config", station, "--case", *cases]
        environment = {**os.environ, "PYTHONPATH": str(self._folder), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [sys.executable, *command], cwd=self._folder, env=environment, capture_output=True, text=True, timeout=LONGEST_S, check=False
        )
        if done.returncode not in (0, 1) or not done.stdout:
            raise RuntimeError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit code {done.returncode}")
        return {one["case"]: one["result"] == "failed" for one in json.loads(done.stdout)["cases"]}

    def hunt(self, mutant: Mutant) -> Hunted:
        """Try one mutant; the copy is whole again afterwards."""
        if problem := problem_of(mutant):
            return Hunted(mutant, problem=problem)
        file = self._folder / mutant.file
        whole = file.read_text(encoding="utf-8")
        file.write_text(whole.replace(mutant.old, mutant.new), encoding="utf-8")
        try:
            failed = self.failed(mutant.station, mutant.caught_by)
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            return Hunted(mutant, problem=str(error))
        finally:
            file.write_text(whole, encoding="utf-8")
        caught = tuple(case for case in mutant.caught_by if failed[case])
        return Hunted(mutant, caught, tuple(case for case in mutant.caught_by if not failed[case]))


def sound(copy: Copy, mutants: Sequence[Mutant]) -> list[str]:
    """Cases that fail without any fault: they could not tell anything."""
    cases: dict[str, set[str]] = defaultdict(set)
    for mutant in mutants:
        cases[mutant.station] |= set(mutant.caught_by)
    found = []
    for station, wanted in cases.items():
        found += [f"{case} on {station}" for case, is_failed in copy.failed(station, sorted(wanted)).items() if is_failed]
    return found


def hunt_all(mutants: Sequence[Mutant], folder: Path, workers: int) -> list[Hunted]:
    """Try each mutant, some side by side, each in a copy of its own."""
    copies: SimpleQueue[Copy] = SimpleQueue()
    for number in range(workers):
        copies.put(Copy(folder / str(number)))

    def hunt(mutant: Mutant) -> Hunted:
        copy = copies.get()
        try:
            return copy.hunt(mutant)
        finally:
            copies.put(copy)

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(hunt, mutants))
