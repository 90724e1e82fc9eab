"""Deliberate faults in the daemon: a few of them are tried, all of them can be made. `make mutants` tries them all."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from chargerd.bench.catalogue import chosen
from tests.mutants.faults import MUTANTS, Mutant
from tests.mutants.hunt import ROOT, Copy, problem_of, sound

SOME = random.Random(int(os.environ.get("SEED") or 1)).sample(MUTANTS, 3)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda one: one.name)
def test_a_fault_can_be_put_in(mutant: Mutant) -> None:
    """Its text stands in the program once, and what stands for it is another; its cases and its station exist."""
    assert problem_of(mutant) == "", "adapt tests/mutants/faults.py"
    assert mutant.new != mutant.old
    assert len(chosen(mutant.caught_by)) == len(mutant.caught_by) > 0
    assert (ROOT / mutant.station).exists()


def test_faults_have_names_of_their_own() -> None:
    """A name tells which one survived."""
    assert len({one.name for one in MUTANTS}) == len(MUTANTS)


def test_a_few_faults_are_caught(tmp_path: Path) -> None:
    """Their cases pass without a fault and fail with it; another few with another SEED."""
    copy = Copy(tmp_path)
    assert sound(copy, SOME) == []
    assert [hunted for one in SOME if not (hunted := copy.hunt(one)).is_caught] == []


def test_a_harmless_change_survives(tmp_path: Path) -> None:
    """And is told, with the cases that did not notice; a text that is not there cannot be tried."""
    harmless = Mutant("nothing", "chargerd/ocpp/standing.py", "is Registration.ACCEPTED", "is  Registration.ACCEPTED", ("TC_027_CS",))
    copy = Copy(tmp_path)
    assert copy.hunt(harmless).survived == ("TC_027_CS",)
    gone = Mutant("gone", "chargerd/ocpp/standing.py", "no such text", "", ("TC_027_CS",))
    assert copy.hunt(gone).problem == "the text to be replaced stands 0 times in chargerd/ocpp/standing.py"
