from __future__ import annotations

import json
from dataclasses import MISSING, fields
from typing import get_args

import pytest
from hypothesis import given
from journal_facts import any_fact, stopped

from chargerd.core.facts import ConnectorStatus, Fact, MeterSampled, ReadingContext, Sample, StatusChanged
from chargerd.core.ids import ConnectorId, LocalId
from chargerd.journal.codec import KINDS, MEASURANDS, decode, encode


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
    assert decode("TransactionSigned", 1, "{}") is None


def test_unknown_value_of_an_enumeration_is_passed_over() -> None:
    """A stop reason of a newer version is nothing to this one, and no error."""
    kind, connector, body = encode(stopped())
    assert decode(kind, connector, body.replace('"Local"', '"ReqEnergyTransferRejected"')) is None


def test_unknown_field_is_ignored() -> None:
    """A field that a newer version has added does not hide the rest."""
    kind, connector, body = encode(stopped())
    assert decode(kind, connector, json.dumps(json.loads(body) | {"signature": "abc"})) == stopped()


def test_missing_field_gets_its_default() -> None:
    """Rows from before a field was added are read with its default."""
    assert decode("StatusChanged", 1, '{"status":"Available"}') == StatusChanged(ConnectorId(1), ConnectorStatus.AVAILABLE)


def test_defaults_do_not_change() -> None:
    """What is left out of a row is read with the default of the version that reads it; new fields bring new ones, these stay."""
    defaults = {(cls.__name__, item.name): item.default for cls in KINDS.values() for item in fields(cls) if item.default is not MISSING}
    assert {key: value for key, value in defaults.items() if value not in (None, "", (), False)} == {
        ("StatusChanged", "error_code"): "NoError",
        ("MeterSampled", "context"): ReadingContext.PERIODIC,
    }


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("StatusChanged", "{"),
        ("StatusChanged", "[]"),
        ("StatusChanged", "{}"),
        ("MeterSampled", '{"local_id":"a","energy_wh":15.5,"context":"Trigger"}'),
        ("MeterSampled", '{"local_id":"a","energy_wh":true,"context":"Trigger"}'),
        ("MeterSampled", '{"local_id":7,"energy_wh":15,"context":"Trigger"}'),
        ("MeterSampled", '{"local_id":"a","energy_wh":15,"context":"Trigger","values":[6,15]}'),
        ("MeterSampled", '{"local_id":"a","energy_wh":15,"context":"Trigger","values":[[6,"15"]]}'),
        ("MeterSampled", '{"local_id":"a","energy_wh":15,"context":"Trigger","values":[["SoC",15]]}'),
    ],
)
def test_damaged_body_is_an_error(kind: str, body: str) -> None:
    """A body that no version has written is told apart from one of a newer version; no field comes back as another type."""
    with pytest.raises(ValueError):
        decode(kind, 1, body)


def test_samples_are_short() -> None:
    """A known measurand is a number, with its phase where it has one and without its usual unit; an unknown one is written out."""
    values = (Sample("Voltage.L1", 230.5, "V"), Sample("SoC", 80, "Percent"), Sample("SoC", 80, "kWh"), Sample("Noise", 40.0, "dB"))
    _, _, body = encode(MeterSampled(ConnectorId(1), LocalId("a"), 15, ReadingContext.TRIGGER, values))
    assert json.loads(body)["values"] == [[[21, "L1"], 230.5], [19, 80], [19, 80, "kWh"], ["Noise", 40.0, "dB"]]


def test_measurand_of_a_newer_version_is_passed_over() -> None:
    """A sample with a number that this version has no name for is nothing to it, and no error."""
    body = '{"local_id":"a","energy_wh":15,"context":"Trigger","values":[[99,15]]}'
    assert decode("MeterSampled", 1, body) is None


def test_measurands_keep_their_places() -> None:
    """The numbers are in journals out there: this list may only grow at its end."""
    assert MEASURANDS[6] == ("Energy.Active.Import.Register", "Wh")
    assert MEASURANDS[21] == ("Voltage", "V")
    assert len({name for name, _ in MEASURANDS}) == len(MEASURANDS) == 22
