"""The parameters of one call, taken one by one with their types checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chargerd.control.protocol import Code, RpcError
from chargerd.core.ids import ConnectorId


class Params:
    """Every getter raises RpcError (invalid params) with words; `done` refuses what nobody asked for."""

    def __init__(self, method: str, values: Mapping[str, Any]) -> None:
        self._method = method
        self._values = dict(values)
        self._known: list[str] = []

    def text(self, name: str, default: str | None = None) -> str:
        value = self._take(name, default)
        if not isinstance(value, str) or not value:
            raise self._wrong(name, "a text")
        return value

    def integer(self, name: str, default: int | None = None, low: int = 0, high: int = 1_000_000) -> int:
        value = self._take(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self._wrong(name, f"a whole number from {low} to {high}")
        return value

    def flag(self, name: str, default: bool | None = None) -> bool:
        value = self._take(name, default)
        if not isinstance(value, bool):
            raise self._wrong(name, "true or false")
        return value

    def one_of(self, name: str, allowed: tuple[str, ...]) -> str:
        value = self._take(name, None)
        if value not in allowed:
            raise self._wrong(name, f"one of {', '.join(allowed)}")
        return str(value)

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts; empty when it is absent or null."""
        value = self._take(name, []) or []
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise self._wrong(name, "a list of texts")
        return tuple(value)

    def has(self, name: str) -> bool:
        """Whether a value was given for an optional parameter; null counts as none."""
        self._known.append(name)
        if self._values.get(name) is None:
            self._values.pop(name, None)
            return False
        return True

    def connector(self, low: int = 1) -> ConnectorId:
        """The connector's number under its name; 0 is the station."""
        return ConnectorId(self.integer("connector", low=low, high=1000))

    def done(self) -> None:
        """Every parameter has been taken."""
        if self._values:
            known = ", ".join(dict.fromkeys(self._known)) or "none"
            raise RpcError(Code.INVALID_PARAMS, f"{self._method}: unknown parameter {min(self._values)!r}; known: {known}")

    def _take(self, name: str, default: object) -> object:
        self._known.append(name)
        if name not in self._values and default is None:
            raise RpcError(Code.INVALID_PARAMS, f"{self._method}: parameter {name!r} is missing")
        return self._values.pop(name, default)

    def _wrong(self, name: str, words: str) -> RpcError:
        return RpcError(Code.INVALID_PARAMS, f"{self._method}: {name} should be {words}")
