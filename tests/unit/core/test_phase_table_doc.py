"""The phase table that people read is the one that runs."""

from __future__ import annotations

import pytest

from chargerd.core.facts import Phase
from chargerd.core.session import AC, DC
from tests.support import phase_table
from tests.support.generated_docs import written


@pytest.mark.parametrize(("name", "drawn"), [("phases", phase_table.phases), ("phase table", phase_table.table)])
def test_the_architecture_document_has_it(name: str, drawn: object) -> None:
    """To the letter; otherwise `make docs` writes it anew."""
    assert callable(drawn)
    assert written("docs/architecture.md", name) == drawn()


def test_every_row_and_phase_is_drawn() -> None:
    """One line each below the two of the head; a row that both paths share stands once."""
    assert len(phase_table.table().splitlines()) == 2 + len({*DC.rows, *AC.rows})
    assert len(phase_table.phases().splitlines()) == 2 + len(Phase)
