"""The OCPP keys as the technician has them."""

from __future__ import annotations

import pytest

from chargerd.app.control_ports import KeysControl
from chargerd.core.events import ChangeSettings
from chargerd.ocpp.v16.key_values import KeyTable
from tests.support.ocpp_fakes import CONNECTORS, FakeStation, FakeStore, options


@pytest.mark.parametrize(
    ("key", "value", "status"),
    [
        ("HeartbeatInterval", "9", "Accepted"),
        ("AuthorizeRemoteTxRequests", "true", "Accepted"),
        ("HeartbeatInterval", "-9", "Rejected"),
        ("NumberOfConnectors", "9", "Rejected"),
        ("Nonsense", "9", "NotSupported"),
    ],
)
async def test_technician_sets_a_key(key: str, value: str, status: str) -> None:
    """As ChangeConfiguration would, and beyond it what the product lets the central system only read."""
    table = KeyTable(options(read_only_keys=("AuthorizeRemoteTxRequests",)), CONNECTORS)
    station = FakeStation(FakeStore())
    keys = KeysControl(table, lambda: station.settings, station.dispatch)
    assert keys.set(key, value) == status
    assert len(station.events) == (status == "Accepted")
    assert all(isinstance(event, ChangeSettings) for event in station.events)


def test_technician_reads_keys() -> None:
    """All, one, or none; an empty value is an empty text."""
    table = KeyTable(options(), CONNECTORS)
    station = FakeStation(FakeStore(), table.factory())
    keys = KeysControl(table, lambda: station.settings, station.dispatch)
    assert len(keys.get(None)) == len(table.all(station.settings))
    assert keys.get("stoptxnsampleddata") == [{"key": "StopTxnSampledData", "value": "", "readonly": False}]
    assert keys.get("Nonsense") == []
