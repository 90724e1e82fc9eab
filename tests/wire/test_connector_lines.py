"""What a connector has on the lines of a board, by the real driver: residual-current device, temperature switch, the lock of a socket."""

from __future__ import annotations

from pathlib import Path

from chargerd.app.shipped import shipped
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

SOCKET = """
name: a socket
config:
  devices:
    pilot1: {is_socket: true}
    pilot2: {is_socket: true}
    io:
      lines:
        lock1_lock: {number: 5, direction: out}
        lock1_unlock: {number: 6, direction: out}
        lock1_locked: {number: 7, direction: in}
        lock1_unlocked: {number: 8, direction: in}
        led1_green: {number: 9, direction: out}
  connectors:
    - {id: 1, type: sType2, secc: pilot1, contactor: pilot1.k1, meter: meter1, reader: reader, lock: io.lock1, indicator: io.led1,
       limits: {phases: 3, max_current_a: 32}}
    - {id: 2, type: cType2, secc: pilot2, contactor: pilot2.k1, meter: meter2, reader: reader, limits: {phases: 3, max_current_a: 32}}
  sim: {plant: {supply: {is_socket: true}}}
steps:
  - {always: energized_implies_locked}
  - {plug_in: {connector: 1}}
  - {expect: {connector: 1, status: Preparing}, within: 10s}
  - {csms: RemoteStartTransaction, payload: {idTag: ONE, connectorId: 1}}
  - {expect: {connector: 1, status: Charging}, within: 30s}
  - {set: {device: io, field: lock1_jammed, value: true}}
  - {csms: RemoteStopTransaction}
  - {expect: {message: StatusNotification, connectorId: 1, status: Finishing, errorCode: ConnectorLockFailure}, within: 30s}
  - {wait: 15s}
  - {set: {device: io, field: lock1_jammed, value: false}}
  - {csms: UnlockConnector, payload: {connectorId: 1}, answer: {status: Unlocked}}
  - {plug_out: {connector: 1}}
  - {expect: {connector: 1, status: Available}, within: 10s}
"""


def played(folder: Path, scenario: str, station: str) -> list[str]:
    file = folder / "scenario.yaml"
    file.write_text(scenario)
    return play(load(file), Mode.WIRES, station=shipped(station)).failures


def test_each_trips_its_own_connector(tmp_path: Path) -> None:
    """Open at once, Faulted with the error code of the cause; a leak stays up until it is cleared, heat goes by itself."""
    assert played(tmp_path, SCENARIO, "demo-wires.yaml") == []


def test_a_motor_holds_the_plug_and_tries_again_when_it_is_ordered(tmp_path: Path) -> None:
    """Its tries are used up while the bolt is jammed; the next UnlockConnector finds the way free."""
    assert played(tmp_path, SOCKET, "demo-wires-ac.yaml") == []
