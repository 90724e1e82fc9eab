"""How each fault of the catalogue is brought about, on which stations, and how its cause is taken away again: one row, or a few, a code.

A provocation is made of the deeds of scenarios (`sim.*`). Where nothing in the simulated world can cause a fault, what its witness would
say is said in its place, and the row says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from chargerd.core import derating
from chargerd.core.errors import StorageError
from chargerd.core.events import (
    AuthorizationStatus,
    Event,
    GateCleared,
    GateTripped,
    ListEntry,
    RaiseFault,
    TokenPresented,
    UpdateLocalList,
)
from chargerd.core.facts import Phase
from chargerd.core.faults import On
from chargerd.core.ids import STATION, ConnectorId, IdTag
from chargerd.core.module_faults import MEANINGS, code_of
from chargerd.sim.rig import Mode
from chargerd.sim.virtual_loop import VirtualLoop
from hal.options import load_yaml
from tests.support.presets import ETC, PRESETS
from tests.support.station_bench import CARD

ONE = ConnectorId(1)
Deed = tuple[str, Mapping[str, Any]] | Event | Callable[[], None]
"""A word of the scenarios with its arguments, an event for the core, or something done to the process."""


# --- stations --------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stage:
    """A station to provoke faults on."""

    on: On
    file: Path
    overlay: Mapping[str, Any] = field(default_factory=dict)
    mode: Mode = Mode.VIRTUAL


def _connectors(file: Path, **more: str) -> list[dict[str, Any]]:
    """Those of a configuration, each with more on it; # is its number."""
    known = cast("dict[str, Any]", load_yaml(file))["connectors"]
    return [{**one, **{key: value.replace("#", str(one["id"])) for key, value in more.items()}} for one in known]


_LINES = {"residual_current": "io.rcd#", "over_temperature": "io.hot#", "indicator": "io.led#"}
_LOCKS = {f"lock{number}": {"driver": "mock-lock", "bus": "plant", "connector": number} for number in (1, 2)}
_DC, _AC = PRESETS["bsec-240k-dc"], PRESETS["bsec-22k-ac"]

_LISTED = IdTag("0BADCAFE")  # a card of somebody else
_COOL = {"full_c": 60.0, "reduced_c": 75.0, "stop_c": 80.0}  # below where the board stops by itself

STAGES: Mapping[str, Stage] = {
    "dc": Stage(On.DC, _DC, {"connectors": _connectors(_DC, **_LINES)}),
    "ac": Stage(On.AC, _AC, {"connectors": _connectors(_AC, **_LINES)}),
    "dc with lock": Stage(On.DC, _DC, {"connectors": _connectors(_DC, lock="lock#"), "devices": _LOCKS}),
    "ac socket": Stage(
        On.AC,
        _AC,
        {
            "connectors": _connectors(_AC, type="sType2", lock="lock#"),
            "devices": _LOCKS,
            "buses": {"plant": {"supply": {"is_socket": True}}},
        },
    ),
    "ac that stops at 80 degC": Stage(
        On.AC, _AC, {"connectors": [{**one, "limits": {**one["limits"], "derating": _COOL}} for one in _connectors(_AC)]}
    ),
    "dc with patience": Stage(On.DC, _DC, {"buses": {"plant": {"handshake": {"stopping_patience_s": 30}}}}),
    "dc without mains line": Stage(On.DC, _DC, {"safety": {"mains": None}}),
    "dc on wires": Stage(On.DC, ETC / "demo-wires.yaml", mode=Mode.MEMORY_WIRES),
    "ac on wires": Stage(On.AC, ETC / "demo-wires-ac.yaml", mode=Mode.MEMORY_WIRES),
    "ac socket on wires": Stage(
        On.AC,
        ETC / "demo-wires-ac.yaml",
        {
            "connectors": _connectors(ETC / "demo-wires-ac.yaml", type="sType2"),
            "devices": {f"pilot{number}": {"is_socket": True} for number in (1, 2)},
            "sim": {"plant": {"supply": {"is_socket": True}}},
        },
        Mode.MEMORY_WIRES,
    ),
}
"""The two presets with every part that is optional, and what differs where a fault needs it."""

BOTH, SIMPLE_DC, SIMPLE_AC = ("dc", "ac"), ("dc",), ("ac",)
LOCKED = ("dc with lock", "ac socket")
WIRED, WIRED_AC = ("dc on wires", "ac on wires"), ("ac on wires",)


# --- deeds -----------------------------------------------------------------------------------------------------------------------------


def change(device: str, name: str, value: object) -> Deed:
    return "set", {"device": device, "field": name, "value": value}


def line(name: str, *, is_active: bool) -> Deed:
    return "input", {"name": name, "active": is_active}


def silent(device: str) -> Deed:
    return "device", {"device": device, "online": False}


def heard(device: str) -> Deed:
    return "device", {"device": device}


def wait(seconds: float) -> Deed:
    return "wait", {"value": seconds}


PLUG_IN: Deed = ("plug_in", {"connector": 1})
SWIPE: Deed = ("swipe", {"id_tag": CARD, "connectors": [1]})
SHOW_CARD: Deed = ("swipe", {"id_tag": CARD})  # a reader on a wire cannot say for which connector


def _fail_disk() -> None:
    def refuse() -> None:
        raise StorageError("disk full")

    cast("VirtualLoop", asyncio.get_running_loop()).on_executor = refuse


def _mend_disk() -> None:
    cast("VirtualLoop", asyncio.get_running_loop()).on_executor = None


# --- provocations ------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Provocation:
    """One way to a fault and back.

    noticed_s: how long it takes at most until the fault is up; during: the phase it begins in (idle: `do` plugs in and swipes); reason: of
    the stop, where the session ends by something else than the fault, empty where there is no transaction; beside: worse faults that come
    with it, whose status is told before its own; latches: other faults that stay until they are cleared; is_written_later: while the cause
    is there nothing can be written, nor told.
    """

    stations: tuple[str, ...] = BOTH
    do: tuple[Deed, ...]
    undo: tuple[Deed, ...] = ()
    noticed_s: float = 1.0
    during: Phase = Phase.DELIVERING
    reason: str | None = None
    beside: tuple[str, ...] = ()
    latches: tuple[str, ...] = ()
    is_written_later: bool = False


def _line(name: str, stations: tuple[str, ...] = BOTH) -> Provocation:
    return Provocation(stations=stations, do=(line(name, is_active=True),), undo=(line(name, is_active=False),))


def _silent(device: str, noticed_s: float, stations: tuple[str, ...] = SIMPLE_DC) -> Provocation:
    return Provocation(stations=stations, do=(silent(device),), undo=(heard(device),), noticed_s=noticed_s)


def _changed(device: str, name: str, value: object, back: object, stations: tuple[str, ...] = SIMPLE_DC) -> Provocation:
    return Provocation(stations=stations, do=(change(device, name, value),), undo=(change(device, name, back),), noticed_s=2.0)


def _warmed(device: str, to_c: float, stations: tuple[str, ...] = SIMPLE_DC) -> Provocation:
    """As slowly as a contact that can be believed; it cools down as slowly before the vehicle leaves."""
    up_c = [to_c - 9.0 * step for step in range(7, -1, -1)]
    warming = [deed for value_c in up_c[:-1] for deed in (change(device, "temperature_c", value_c), wait(2.0))]
    cooling = [deed for value_c in reversed(up_c[:-1]) for deed in (change(device, "temperature_c", value_c), wait(2.0))]
    return Provocation(
        stations=stations,
        do=(*warming, change(device, "temperature_c", to_c)),
        undo=(*cooling, change(device, "temperature_c", None)),
        noticed_s=20.0,
    )


_LIVE = ("not-discharged",)  # what an output leaves that stays live
_LYING: dict[str, tuple[object, object]] = {"io k1_welded": (True, False), "io k1_feedback": ("open", None)}
"""A contactor that stays closed and says that it is open."""


def _flawed(
    flaws: Mapping[str, tuple[object, object]], noticed_s: float, stations: tuple[str, ...] = SIMPLE_DC, latches: tuple[str, ...] = ()
) -> Provocation:
    """Several things at once, by device and field: what is set, and what is set again."""
    do = tuple(change(*where.split(), value) for where, (value, _) in flaws.items())
    undo = tuple(change(*where.split(), back) for where, (_, back) in flaws.items())
    return Provocation(stations=stations, do=do, undo=undo, noticed_s=noticed_s, latches=latches)


def _told_by_gate(code: str) -> Provocation:
    return Provocation(do=(GateTripped(STATION, code),), undo=(GateCleared(STATION, code),))


def _on_board(name: str, value: object = True, back: object = False, **more: tuple[str, ...]) -> Provocation:
    """What a pilot board finds; after that it has to be reset."""
    undo = (change("pilot1", name, back), wait(1.0), change("pilot1", "reset", True))
    return replace(Provocation(stations=WIRED_AC, do=(change("pilot1", name, value),), undo=undo), **more)


def _stuck(phase: str, noticed_s: float) -> Provocation:
    """A vehicle that does not go on; the next one does."""
    return Provocation(stations=SIMPLE_DC, do=(PLUG_IN, change("secc1", "stays_in", phase), SWIPE), noticed_s=noticed_s, during=Phase.IDLE)


PROVOCATIONS: Mapping[str, tuple[Provocation, ...]] = {
    derating.HOT: (_warmed("secc1", 91.0), _warmed("pilot1", 82.0, ("ac that stops at 80 degC",))),
    derating.SENSOR: (
        _changed("secc1", "temperature_c", 180.0, None),
        _changed("pilot1", "temperature_c", 70.0, None, SIMPLE_AC),  # a jump
    ),
    "emergency-stop": (_line("estop"),),
    "door-open": (_line("door"),),
    "power-loss": (_line("mains"),),
    "residual-current": (_line("rcd1"),),
    "over-temperature": (_line("hot1"),),
    "safety-inputs": (Provocation(do=(("device", {"device": "io", "corrupt": True}),), undo=(heard("io"),)),),
    # The gate of a simulated station lives in the daemon and hangs with it: what a guard of its own would tell is told in its place, and
    # what the daemon's end of it would.
    "lease-lost": (_told_by_gate("lease-lost"),),
    "guard-lost": (_told_by_gate("guard-lost"),),
    "over-voltage": (_flawed({"psu1 voltage_v": (600.0, None), "secc1 inlet": ("open", None)}, 3.0, latches=_LIVE),),
    "over-current": (_flawed({"psu1 current_a": (300.0, None)}, 8.0),),
    "reverse-current": (
        _flawed({"psu1 reverse_current_a": (30.0, 0.0), "psu1 voltage_v": (200.0, None)}, 5.0, latches=_LIVE),
        # No vehicle here gives current back on AC: what the gate would tell is told in its place.
        Provocation(stations=SIMPLE_AC, do=(GateTripped(ONE, "reverse-current"),), undo=(GateCleared(ONE, "reverse-current"),)),
    ),
    "current-while-open": (
        _flawed(
            _LYING | {"secc1 inlet": ("closed", None), "psu1 voltage_v": (450.0, None), "psu1 current_a": (30.0, None)}, 6.0, latches=_LIVE
        ),
        _flawed(_LYING | {"pilot1 stubborn": (True, False)}, 6.0, SIMPLE_AC),
    ),
    "voltage-while-open": (
        Provocation(
            stations=SIMPLE_DC,
            do=(change("psu1", "no_bleeder", True), SWIPE),
            undo=(change("psu1", "no_bleeder", False),),
            noticed_s=20.0,
            reason="Local",
            latches=_LIVE,
        ),
    ),
    "power-mismatch": (_flawed({"meter1 current_factor": (0.5, 1.0)}, 40.0),),
    "vehicle-over-current": (Provocation(stations=SIMPLE_AC, do=(change("pilot1", "draw_a", 40.0),), noticed_s=15.0),),
    "ventilation-required": (_changed("pilot1", "ventilation", True, False, SIMPLE_AC),),
    "contactor-stuck-open": (_changed("io", "k1_stuck", True, False, BOTH),),
    "contactor-welded": (
        Provocation(
            stations=(*BOTH, *LOCKED),
            do=(change("io", "k1_welded", True), SWIPE),
            undo=(change("io", "k1_welded", False),),
            noticed_s=7.0,
            reason="Local",
        ),
        Provocation(  # the contactor opens in a pause already
            stations=("ac", "ac socket"),
            do=(change("io", "k1_welded", True), ("ev_pause", {"connector": 1})),
            undo=(change("io", "k1_welded", False),),
            noticed_s=3.0,
        ),
    ),
    "not-discharged": (
        Provocation(
            stations=("dc", "dc with lock"),
            do=(change("psu1", "no_bleeder", True), SWIPE),
            undo=(change("psu1", "no_bleeder", False),),
            noticed_s=12.0,
            reason="Local",
        ),
    ),
    "discharge-unverified": (
        Provocation(
            stations=SIMPLE_DC,
            do=(silent("psu1"), silent("meter1")),
            undo=(heard("psu1"), heard("meter1")),
            noticed_s=12.0,
            reason="Other",
            beside=("power-silent", "meter-silent"),
        ),
    ),
    "insulation-fault": (_changed("insulation1", "resistance_ohm", 20_000, 1_000_000),),
    "insulation-silent": (_silent("insulation1", 2.0),),
    "meter-silent": (_silent("meter1", 2.0, BOTH),),
    "power-silent": (_silent("psu1", 2.0),),
    "modules-failed": (_changed("psu1", "modules_failed", 8, 0),),
    "modules-unpowered": (_line("mains", ("dc without mains line",)),),
    "secc-silent": (_silent("secc1", 2.0), _silent("pilot1", 2.0, SIMPLE_AC)),
    "lock-silent": (_silent("lock1", 2.0, LOCKED),),
    "indicator-silent": (_changed("io", "led1_broken", True, False, BOTH),),
    "reader-silent": (_silent("reader", 2.0, BOTH),),
    "io-silent": (_silent("io", 1.0, BOTH),),
    "lock-failure": (
        Provocation(
            stations=LOCKED,
            do=(change("lock1", "half_plugged", True), PLUG_IN, SWIPE),
            undo=(change("lock1", "half_plugged", False),),
            noticed_s=10.0,
            during=Phase.IDLE,
            reason="",
        ),
    ),
    "unlock-failure": (
        Provocation(
            stations=LOCKED,
            do=(change("lock1", "jammed", True), SWIPE),
            undo=(change("lock1", "jammed", False), wait(1.0)),
            noticed_s=16.0,
            reason="Local",
        ),
    ),
    "vehicle-emergency": (Provocation(stations=SIMPLE_DC, do=(change("secc1", "emergency", True),)),),
    "pilot-diode": (_changed("pilot1", "diode_fault", True, False, SIMPLE_AC), _on_board("diode_fault")),
    "pilot-short": (_changed("pilot1", "short_circuit", True, False, SIMPLE_AC), _on_board("short_circuit")),
    "pilot-invalid": (_changed("pilot1", "invalid_level", True, False, SIMPLE_AC), _on_board("invalid_level")),
    "proximity-error": (
        _changed("pilot1", "proximity_error", True, False, ("ac socket",)),
        _on_board("proximity_error", stations=("ac socket on wires",)),
    ),
    "contactor-error": (
        _changed("pilot1", "contactor_error", True, False, SIMPLE_AC),
        replace(_on_board("k1_stuck"), do=(change("pilot1", "k1_stuck", True), PLUG_IN, SHOW_CARD), noticed_s=10.0, during=Phase.IDLE),
    ),
    "contact-temperature": (_on_board("temperature_c", 95.0, None),),
    "temperature-sensor": (_changed("pilot1", "sensor_failed", True, False, SIMPLE_AC), _on_board("sensor_failed")),
    "pilot-off": (_changed("pilot1", "board_off", True, False, SIMPLE_AC), _on_board("diode_fault", beside=("pilot-diode",))),
    "handshake-timeout": (_stuck("parameters", 160.0),),
    "cable-check-timeout": (_stuck("cable-check", 45.0),),
    "precharge-timeout": (_stuck("precharge", 30.0),),
    "power-delivery-timeout": (_stuck("ready", 60.0),),
    "wake-timeout": (
        Provocation(
            stations=SIMPLE_DC,
            do=(
                ("plug_in", {"connector": 1, "ev": {"zero_current_s": 20, "can_be_woken": False}}),
                SWIPE,
                wait(60.0),
                change("psu1", "max_power_w", 0),
                wait(60.0),
                change("psu1", "max_power_w", 120_000),
            ),
            noticed_s=90.0,
            during=Phase.IDLE,
        ),
    ),
    "voltage-request": (_changed("secc1", "target_voltage_v", 900.0, None),),
    "ramp-down-timeout": (
        Provocation(
            stations=("dc with patience",),
            do=(change("psu1", "voltage_v", 450), change("psu1", "current_a", 4), SWIPE),
            undo=(change("psu1", "voltage_v", None), change("psu1", "current_a", None)),
            noticed_s=7.0,
            reason="Local",
            latches=_LIVE,
        ),
    ),
    "meter-register": (Provocation(stations=WIRED, do=(change("meter1", "energy_wh", 500_000),), noticed_s=15.0),),
    # Whoever runs the station in a test restarts it whenever it asks.
    "reset-failure": (Provocation(do=(RaiseFault(STATION, "reset-failure", "ResetFailure"),)),),
    "local-list-conflict": (
        Provocation(
            do=(UpdateLocalList(1, True, (ListEntry(_LISTED, AuthorizationStatus.BLOCKED),), most=1), TokenPresented(_LISTED)),
            undo=(UpdateLocalList(2, True, (), most=1), TokenPresented(_LISTED)),  # the card is taken back, too
        ),
    ),
    "storage": (Provocation(do=(_fail_disk,), undo=(_mend_disk,), noticed_s=10.0, is_written_later=True),),
} | {code_of(alarm): (_changed("psu1", "alarm", alarm.value, ""),) for alarm in MEANINGS}
"""By code. A row of `FAULTS` without one here, or without one on a kind of connector that can have it, fails the catalogue's test."""

CASES = tuple(
    (code, station, provocation) for code, rows in PROVOCATIONS.items() for provocation in rows for station in provocation.stations
)
