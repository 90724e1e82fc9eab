"""What a session seems to want, by what it was seen to take of its share.

Theory of operation. A session wants all it can get, until it has left a good part of its share alone for a while; then it wants the most it
took in that time and a margin. Once it has eaten into the margin it is hungry again, at once and for all. A session that was wrongly taken
for a modest one is given twice the time before it is judged again, so that a slow one does not make the shares of the others go to and fro.
"""

from __future__ import annotations

from chargerd.core.now import NEVER

_MARGIN = 0.1  # of the most it could use
_LONGEST_S = 320.0


class Appetite:
    """`wanted_w`: infinite for all it can. `judged_at_s`: when what it has left alone so far counts."""

    def __init__(self, idle_s: float, now_s: float) -> None:
        self.wanted_w = NEVER
        self.judged_at_s = NEVER
        self._patience_s = idle_s
        self._peak_w = 0.0
        self.hunger(now_s)

    def hunger(self, now_s: float) -> None:
        """It uses what it has, or could not use any: it is watched anew from now on."""
        self._peak_w = 0.0
        self.judged_at_s = now_s + self._patience_s

    def see(self, taken_w: float, share_w: float, most_w: float, now_s: float) -> None:
        """It takes so much of its share now; `most_w` is what it could use at the most."""
        margin_w = _MARGIN * most_w
        if taken_w >= self.wanted_w - margin_w / 2:
            self.wanted_w = NEVER
            self._patience_s = min(2 * self._patience_s, max(_LONGEST_S, self._patience_s))
            self.hunger(now_s)
        elif taken_w >= share_w - margin_w / 2:
            self.hunger(now_s)
        else:
            self._peak_w = max(self._peak_w, taken_w)
            if now_s >= self.judged_at_s:
                if self._peak_w + margin_w < self.wanted_w - margin_w / 4:
                    self.wanted_w = self._peak_w + margin_w
                self.hunger(now_s)
