from __future__ import annotations

import json
from typing import get_args

import pytest
from hypothesis import given
from journal_facts import any_fact, stopped

from chargerd.core.facts import ConnectorStatus, Fact, StatusChanged
from chargerd.core.ids import ConnectorId
from chargerd.journal.codec import KINDS, decode, encode


@given(any_fact())
def test_round_trip(fact: Fact) -> None:
    """Every fact comes back as it went in, the types of its fields included."""
    back = decode(*encode(fact))
    assert back == fact
    assert repr(back) == repr(fact)


def test_every_kind_is_known() -> None:
    """No fact of the core is forgotten here."""
    assert set(KINDS.values()) == set(get_args(Fact))


def test_unknown_kind_is_passed_over() -> None:
    """A kind of a newer version is nothing to this one, and no error."""
    assert decode("TransactionSigned", "{}") is None


def test_unknown_value_of_an_enumeration_is_passed_over() -> None:
    """A stop reason of a newer version is nothing to this one, and no error."""
    kind, body = encode(stopped())
    assert decode(kind, body.replace('"Local"', '"ReqEnergyTransferRejected"')) is None


def test_unknown_field_is_ignored() -> None:
    """A field that a newer version has added does not hide the rest."""
    kind, body = encode(stopped())
    assert decode(kind, json.dumps(json.loads(body) | {"signature": "abc"})) == stopped()


def test_missing_field_gets_its_default() -> None:
    """Rows from before a field was added are read with its default."""
    body = '{"connector":1,"status":"Available"}'
    assert decode("StatusChanged", body) == StatusChanged(ConnectorId(1), ConnectorStatus.AVAILABLE)


@pytest.mark.parametrize("body", ["{", "[]", '{"connector":1}'])
def test_damaged_body_is_an_error(body: str) -> None:
    """A body that no version has written is told apart from one of a newer version."""
    with pytest.raises(ValueError):
        decode("StatusChanged", body)
