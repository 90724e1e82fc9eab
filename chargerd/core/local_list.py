"""The local authorisation list (OCPP 1.6, 3.5.2, 5.10 and 5.15): tokens that the central system has told in advance. Pure.

Only SendLocalList changes it, whole or not at all. A list without entries has the version 0, whatever it was sent with.
"""

from __future__ import annotations

from collections.abc import Iterable

from chargerd.core.authorization import as_of
from chargerd.core.events import ACCEPTED, IdTagInfo, ListEntry, Reply, UpdateLocalList, Verdict, rejected
from chargerd.core.ids import IdTag


class LocalList:
    """`version` is 0 while the list is empty."""

    def __init__(self, version: int = 0, entries: Iterable[ListEntry] = ()) -> None:
        self._known: dict[str, IdTagInfo] = {}
        self._take(entries)
        self.version = version if self._known else 0

    def __len__(self) -> int:
        return len(self._known)

    def get(self, id_tag: IdTag, utc_s: float) -> IdTagInfo | None:
        """What the list says of a token; an entry past its expiry reads Expired."""
        return as_of(self._known.get(id_tag.casefold()), utc_s)

    def update(self, update: UpdateLocalList) -> Reply:
        """Take a new list, or changes to the present one. Rejected, or VERSION_MISMATCH: nothing has changed."""
        if not update.is_full and update.version <= self.version:
            return Reply(Verdict.VERSION_MISMATCH, f"version {update.version} is not above {self.version}")
        why_not = self._why_not(update)
        if why_not:
            return rejected(why_not)
        if update.is_full:
            self._known.clear()
        self._take(update.entries)
        self.version = update.version if self._known else 0
        return ACCEPTED

    def _why_not(self, update: UpdateLocalList) -> str:
        keys = {entry.id_tag.casefold(): entry.status is not None for entry in update.entries}
        if update.version <= 0:
            return "a list has a version above 0 (errata 3.52)"
        if len(keys) < len(update.entries):
            return "a token stands in it twice"
        if update.is_full and not all(keys.values()):
            return "an entry of a full list says nothing of its token"
        kept = set() if update.is_full else self._known.keys() - keys.keys()
        count = len(kept) + sum(keys.values())
        return f"the list would have {count} entries, and may have {update.most}" if count > update.most else ""

    def _take(self, entries: Iterable[ListEntry]) -> None:
        for entry in entries:
            if entry.status is None:
                self._known.pop(entry.id_tag.casefold(), None)
            else:
                self._known[entry.id_tag.casefold()] = IdTagInfo(entry.status, entry.parent_id_tag, entry.expiry_utc_s)
