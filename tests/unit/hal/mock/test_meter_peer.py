"""A meter on a Modbus line shows what it takes for true."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from hal.meter.modbus_map import ModbusMeterOptions
from hal.mock.peers.modbus_meter import MeterPeer
from hal.mock.plant_bus import PlantBus, PlantOptions
from hal.ports import Place

CURRENT = 0x0006  # of an Eastron SDM230: a 32-bit float, read by function 4


@pytest.mark.parametrize(("factor", "shown_a"), [(1.0, 20.0), (1.5, 30.0)])
def test_a_wrong_factor_is_in_its_registers(factor: float, shown_a: float) -> None:
    """On the wire as in the plant."""
    plant = PlantBus("plant", PlantOptions(outlets=1, register_file=None), Place(Path(), Path()))
    outlet = plant.plant.outlet(1)
    peer = MeterPeer("meter1", ModbusMeterOptions(model="eastron-sdm230"), outlet, plant)
    outlet.current_a = 20.0
    peer.set_field("current_factor", factor)
    assert struct.unpack(">f", struct.pack(">HH", *peer.read(4, CURRENT, 2))) == (shown_a,)
