"""Inputs that bounce: when a change counts, where the kernel does not decide it."""

from __future__ import annotations

from dataclasses import dataclass, field

_SOON_S = 1e-6  # a timer may ring a rounding early


@dataclass(slots=True)
class Debouncer:
    """A change counts once it has been seen for `span_s`; the first state counts at once. `is_eager`: becoming active counts at once too.

    It is fed by looks: a change that was over between two of them was none.
    """

    span_s: float
    is_eager: bool = False
    _counted: bool | None = field(default=None, init=False)
    _since_s: float | None = field(default=None, init=False)

    def see(self, is_active: bool, now_s: float) -> bool:
        """What counts, with the line seen like this now."""
        if self._counts_at_once(is_active):
            self._counted, self._since_s = is_active, None
        elif self._since_s is None:
            self._since_s = now_s
        elif now_s >= self._since_s + self.span_s - _SOON_S:
            self._counted, self._since_s = is_active, None
        return bool(self._counted)

    def forget(self) -> None:
        """The line could not be seen for a while: the next look is the first."""
        self._counted = self._since_s = None

    def _counts_at_once(self, is_active: bool) -> bool:
        return self._counted in (None, is_active) or self.span_s == 0.0 or (self.is_eager and is_active)

    @property
    def settles_s(self) -> float | None:
        """When a change that waits will count, should it last; None: none waits."""
        return None if self._since_s is None else self._since_s + self.span_s
