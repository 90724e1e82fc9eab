"""Residual-current device and temperature switch of a connector, on lines of a real board driver: what trips, and what goes on."""

from __future__ import annotations

from pathlib import Path

from chargerd.sim.rig import Mode
from chargerd.sim.runner import play
from chargerd.sim.scenario import load

SCENARIO = """
name: lines of a connector
config:
  devices: {io: {lines: {rcd1: {number: 23, direction: in, pull: up}, rcd2: {number: 24, direction: in, pull: up}}}}
  connectors:
    - {id: 1, type: cCCS2, secc: secc1, power: psu1, meter: meter1, insulation: io.imd1, contactor: io.k1, residual_current: io.rcd1,
       over_temperature: io.hot1, reader: reader}
    - {id: 2, type: cCCS2, secc: secc2, power: psu2, meter: meter2, insulation: io.imd2, contactor: io.k2, residual_current: io.rcd2,
       over_temperature: io.hot2, reader: reader}
steps:
  - {always: energized_implies_sound}
  - {plug_in: {connector: 1}}
  - {plug_in: {connector: 2}}
  - {expect: {connector: 2, status: Preparing}, within: 10s}
  - {csms: RemoteStartTransaction, payload: {idTag: ONE, connectorId: 1}}
  - {csms: RemoteStartTransaction, payload: {idTag: TWO, connectorId: 2}}
  - {expect: {connector: 1, status: Charging}, within: 30s}
  - {expect: {connector: 2, status: Charging}, within: 30s}
  - {input: {name: rcd1, active: true}}
  - {expect: {fact: TransactionStopped, connector: 1, reason: Other}, within: 10s}
  - {expect: {message: StatusNotification, connectorId: 1, status: Faulted, errorCode: GroundFailure}, within: 10s}
  - {input: {name: rcd1, active: false}}
  - {wait: 500ms}
  - {expect: {connector: 1, status: Faulted}}
  - {clear_fault: {connector: 1, vendor_error_code: residual-current}}
  - {expect: {fact: FaultCleared, connector: 1, code: residual-current}}
  - {expect: {connector: 2, status: Charging}}
  - {input: {name: hot2, active: true}}
  - {expect: {fact: TransactionStopped, connector: 2, reason: Other}, within: 10s}
  - {expect: {message: StatusNotification, connectorId: 2, status: Faulted, errorCode: HighTemperature}, within: 10s}
  - {input: {name: hot2, active: false}}
  - {expect: {fact: FaultCleared, connector: 2, code: over-temperature}}
"""


def test_each_trips_its_own_connector(tmp_path: Path) -> None:
    """Open at once, Faulted with the error code of the cause; a leak stays up until it is cleared, heat goes by itself."""
    file = tmp_path / "lines.yaml"
    file.write_text(SCENARIO)
    assert play(load(file), Mode.WIRES).failures == []
