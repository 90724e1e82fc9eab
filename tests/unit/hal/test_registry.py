"""The tables of buses and drivers against the classes they name."""

from __future__ import annotations

from dataclasses import is_dataclass

import pytest

from hal.registry import BUSES, DEVICES, bus_class, driver_class, resolve


@pytest.mark.parametrize("name", BUSES)
def test_every_bus_type_is_a_class_of_its_kind(name: str) -> None:
    """The class exists, has options with the preset fields, and is of the kind the table says."""
    cls = bus_class(name)
    assert cls.kind == BUSES[name].kind
    assert is_dataclass(cls.Options)
    assert set(BUSES[name].preset) <= set(cls.Options.__dataclass_fields__)


@pytest.mark.parametrize("name", DEVICES)
def test_every_driver_is_a_class_that_hangs_on_what_the_table_says(name: str) -> None:
    """The class exists, has options, and its bus kind is that of the table."""
    cls = driver_class(name)
    assert cls.bus_kind == DEVICES[name].bus_kind
    assert is_dataclass(cls.Options)


def test_names_of_both_tables_are_distinct() -> None:
    """One name means one class; an unknown one is a KeyError."""
    assert not set(BUSES) & set(DEVICES)
    assert resolve("pn532") is driver_class("pn532")
    with pytest.raises(KeyError):
        resolve("pn53")
