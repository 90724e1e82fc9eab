"""Status bits of power modules as words: which bit means which trouble, which is a mere state, and which nobody has explained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hal.types import ModuleAlarm


@dataclass(frozen=True, slots=True)
class AlarmBits:
    """The bits of one family, counted from the least significant one. `states`: those that are known and no trouble."""

    words: Mapping[int, ModuleAlarm]
    states: frozenset[int] = frozenset()

    def alarms(self, status: int) -> frozenset[ModuleAlarm]:
        """What is wrong."""
        return frozenset(self.words[bit] for bit in _set_bits(status) if bit in self.words)

    def unknown(self, status: int) -> frozenset[int]:
        """Bits that are set and have no meaning here, or one that sources disagree on."""
        return frozenset(bit for bit in _set_bits(status) if bit not in self.words and bit not in self.states)

    def status(self, alarms: frozenset[str]) -> int:
        """The bits that tell these alarms; words that the family cannot tell are left out."""
        return sum(1 << bit for bit, word in self.words.items() if word in alarms and bit == self._first(word))

    def _first(self, word: ModuleAlarm) -> int:
        return min(bit for bit, one in self.words.items() if one is word)


def _set_bits(status: int) -> Iterator[int]:
    return (bit for bit in range(status.bit_length()) if status >> bit & 1)
