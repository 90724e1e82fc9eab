"""Committed facts as log lines: what the station decided, for who reads the journal of the service manager."""

from __future__ import annotations

import logging
from dataclasses import fields
from enum import Enum

from chargerd.core.facts import Fact, FaultRaised, JournalReplaced, MessageAbandoned, MeterSampled, Stamped
from chargerd.core.ids import short_tag

log = logging.getLogger("chargerd.fact")

_TAGS = frozenset({"id_tag", "parent_id_tag"})
_TOO_LONG = frozenset({"values", "stop_values", "begin_values", "end_values", "value", "entries"})


def log_fact(stamped: Stamped) -> None:
    """One line a fact; samples only at debug level, faults and the like as warnings. Id tags are shortened, values of settings left out."""
    fact = stamped.fact
    level = logging.DEBUG if isinstance(fact, MeterSampled) else logging.INFO
    if isinstance(fact, FaultRaised | JournalReplaced | MessageAbandoned):
        level = logging.WARNING
    if log.isEnabledFor(level):
        log.log(level, "%s seq=%d %s", type(fact).__name__, stamped.seq, _words(fact))


def _words(fact: Fact) -> str:
    shown = ((one.name, getattr(fact, one.name)) for one in fields(fact) if one.name not in _TOO_LONG)
    return " ".join(f"{name}={_text(name, value)}" for name, value in shown if value not in (None, ""))


def _text(name: str, value: object) -> str:
    if isinstance(value, Enum):
        return str(value.value)
    if name in _TAGS:
        return short_tag(str(value))
    text = str(value)
    return repr(text) if " " in text else text
