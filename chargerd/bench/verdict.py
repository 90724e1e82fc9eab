"""How a case ends when it does not pass."""

from __future__ import annotations


class CaseFailedError(Exception):
    """The station did something else than the case allows; the text says what was expected and what came."""


def require(claim: bool, words: str) -> None:
    """Raises CaseFailedError with these words unless the claim holds."""
    if not claim:
        raise CaseFailedError(words)
