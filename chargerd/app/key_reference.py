"""The OCPP configuration keys as Markdown, drawn from their table, for `docs/configuration-keys.md`; not needed to run a station."""

from __future__ import annotations

from chargerd.core.settings import ConnectorSettings
from chargerd.ocpp.options import OcppOptions
from chargerd.ocpp.v16.key_row import Key, Value
from chargerd.ocpp.v16.key_values import KeyTable, as_text, field_kind
from chargerd.ocpp.v16.keys import KEYS

_TYPES = {bool: "boolean", int: "integer", tuple: "list"}
_NOTHING = "–"


def table() -> str:
    """Every key, with the values of a station that has two CCS2 connectors and default options."""
    keys = KeyTable(OcppOptions(url="ws://csms.example/ocpp"), [ConnectorSettings(id=1), ConnectorSettings(id=2)])
    values = keys.values(keys.factory())
    lines = ["| key | type | access | allowed | default | effect | there | meaning |", "|---|---|---|---|---|---|---|---|"]
    lines += [_row(key, values[key.name]) for key in sorted(KEYS, key=lambda one: one.name.casefold())]
    return "\n".join(lines)


def _row(key: Key, value: Value) -> str:
    shown = f"`{text}`" if (text := as_text(value)) else _NOTHING
    effect = key.effect.value if key.field is not None else _NOTHING
    cells = [f"`{key.name}`", _TYPES[type(value)], key.access.value, _allowed(key), shown, effect, _presence(key), key.meaning]
    return f"| {' | '.join(cells)} |"


def _allowed(key: Key) -> str:
    if key.field is None:
        return _NOTHING
    kind, span = field_kind(key.field)
    if span is not None:
        return f"{span.low:.0f} to {span.high:.0f} {span.unit}".rstrip()
    return "true, false" if kind is bool else ""


def _presence(key: Key) -> str:
    if key.is_required:
        return "always"
    return f"`features.{key.feature}`" if key.feature is not None else "unless in `absent_keys`"
