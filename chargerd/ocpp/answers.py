"""Answers to the central system's commands, kept so that a command which comes again is not done again."""

from __future__ import annotations

from collections import OrderedDict

QUESTIONS = frozenset({"GetConfiguration", "GetLocalListVersion", "GetCompositeSchedule", "GetInstalledCertificateIds"})
"""Requests that change nothing: asked again they are answered anew, with what holds then."""

Key = tuple[str, int]
"""Message id and a hash of the message: some central systems count their ids from 1 again, and then mean something new."""


class AnswerMemory:
    """The last answers, byte for byte. Ids are unique over connections (OCPP-J errata 3.1), so this may outlive one."""

    def __init__(self, kept: int = 64) -> None:
        self._kept = kept
        self._answers: OrderedDict[Key, str] = OrderedDict()

    def keep(self, key: Key, action: str, answer: str) -> None:
        """An answer was given; the oldest one is forgotten for it."""
        if action in QUESTIONS:
            return
        self._answers[key] = answer
        while len(self._answers) > self._kept:
            self._answers.popitem(last=False)

    def get(self, key: Key) -> str | None:
        """The answer that was given to this very message, or None."""
        return self._answers.get(key)
