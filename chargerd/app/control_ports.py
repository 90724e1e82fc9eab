"""The daemon's parts in the shapes that the control socket asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from enum import Enum
from typing import Any

from chargerd.core.events import ChangeSettings, Event, Reply
from chargerd.core.settings import Settings
from chargerd.ocpp.link import OcppLink
from chargerd.ocpp.v16.key_values import KeyTable, KeyValue, RefusedValueError, UnknownKeyError


class LinkControl:
    """The link for people: its status as plain values."""

    def __init__(self, link: OcppLink) -> None:
        self._link = link
        self.connect = link.connect
        self.disconnect = link.disconnect

    def status(self) -> Mapping[str, Any]:
        """`state` in one word, then everything the link tells of itself."""
        status = self._link.status()
        state = "connected" if status.is_connected else ("waiting" if status.is_wanted else "down")
        plain = {name: value.value if isinstance(value, Enum) else value for name, value in asdict(status).items()}
        return {"state": state, **plain}


class KeysControl:
    """OCPP keys by name; a change goes through the core as one from the central system does."""

    def __init__(self, keys: KeyTable, settings: Callable[[], Settings], dispatch: Callable[[Event], Reply]) -> None:
        self._keys = keys
        self._settings = settings
        self._dispatch = dispatch

    def get(self, key: str | None) -> Sequence[Mapping[str, Any]]:
        """One key or all; empty for one that does not exist."""
        try:
            found = self._keys.all(self._settings()) if key is None else [self._keys.get(key, self._settings())]
        except UnknownKeyError:
            return []
        return [_plain(value) for value in found]

    def set(self, key: str, value: str) -> str:
        """Set a key, also one that the product lets the central system only read; gives the word of ChangeConfiguration."""
        try:
            change = self._keys.change(key, value, is_local=True)
        except UnknownKeyError:
            return "NotSupported"
        except RefusedValueError:
            return "Rejected"
        return change.answer if self._dispatch(ChangeSettings({change.field: change.value})).is_accepted else "Rejected"


def _plain(value: KeyValue) -> Mapping[str, Any]:
    return {"key": value.name, "value": value.value, "readonly": value.is_read_only}
