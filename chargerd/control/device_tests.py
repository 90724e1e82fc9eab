"""Self-tests of devices, as the technician asks for them: which device is meant, and what who asked is told while its test runs.

What moves hardware is decided by the core (`chargerd/core/self_tests.py`), and its facts are passed on. A reader or a meter is only
listened to. Each test belongs to the client that asked for it: when that leaves, the test ends. The end is told as
`is_passed` and `detail`, everything before it as a `step`.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from chargerd.control.meter_check import Read, doubts, longest_gap_s
from chargerd.control.ports import ControlServices, DeviceEntry, StationPort
from chargerd.control.protocol import Code, RpcError
from chargerd.control.snapshot import plain
from chargerd.core.events import CancelSelfTest, SelfTest, StartSelfTest, Verdict
from chargerd.core.facts import DeviceStateChanged, SelfTestFinished, SelfTestStepped, Stamped
from chargerd.core.ids import MAX_ID_TAG, ConnectorId
from hal.types import MeterReading, TokenRead

ROLES: Mapping[str, str] = {"rfid": "reader", "meter": "meter", "contactor": "io", "lock": "lock", "module-timeout": "power"}
"""Which test is for devices of which role."""

READINGS = 5
READING_S = 10.0
"""How many readings of a meter are taken, and how long each may take."""

Tell = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for; what is None has to follow from the rest. `for_s`: how long a reader waits for a card."""

    device: str | None = None
    test: str | None = None
    connector: int | None = None
    for_s: int = 30


class Running(Protocol):
    """A test on its way."""

    def end(self) -> None:
        """Nobody wants to hear of it any more; without effect once it is over."""


class Asker(Protocol):
    """The client that asked."""

    def notify(self, method: str, params: dict[str, Any]) -> None: ...

    def follow(self, what: str, end: Callable[[], None]) -> None: ...


class DeviceTests:
    """Begins tests over the services of the daemon."""

    def __init__(self, services: ControlServices) -> None:
        self._services = services
        self._listened = 0

    def start(self, wanted: Wanted, asker: Asker) -> dict[str, Any]:
        """Begin a test, at once. Gives its id; raises RpcError with what would help."""
        moved = _moved(wanted.test)
        if moved is not None and wanted.device is None and wanted.connector is not None:
            return self._move(moved, wanted.connector, None, asker)
        test, entry = chosen(self._services.devices(), wanted)
        moved = _moved(test)
        if moved is not None:
            return self._move(moved, _connector_of(entry, wanted.connector), entry.name, asker)
        return self._listen(test, entry, wanted.for_s, asker)

    def _move(self, test: SelfTest, connector: int, device: str | None, asker: Asker) -> dict[str, Any]:
        station = self._services.station
        reply = station.dispatch(StartSelfTest(ConnectorId(connector), test))
        if reply.verdict is not Verdict.PENDING:
            raise RpcError(Code.REFUSED, reply.reason)
        head = {"test_id": f"{test.value}-{reply.ticket}", "test": test.value, "device": device, "connector": connector}
        running = _Moving(station, ConnectorId(connector), reply.ticket, _teller(asker, head))
        asker.follow(f"test of connector {connector}", running.end)
        return head

    def _listen(self, test: str, entry: DeviceEntry, for_s: int, asker: Asker) -> dict[str, Any]:
        if entry.is_available is False:
            raise RpcError(Code.REFUSED, f"{entry.name}: it does not answer: {_without_name(entry.name, entry.detail)}")
        self._listened += 1
        head = {"test_id": f"{test}-{self._listened}", "test": test, "device": entry.name, "connector": None}
        tell = _teller(asker, head)
        running = _CardTest(self._services, entry, tell, for_s) if test == "rfid" else _MeterTest(self._services, entry, tell)
        asker.follow(f"test of {entry.name}", running.end)
        return head


def chosen(devices: Sequence[DeviceEntry], wanted: Wanted) -> tuple[str, DeviceEntry]:
    """The test and the one device that are meant. Raises RpcError with the names that there are."""
    testable = [one for one in devices if one.role in ROLES.values()]
    found = testable if wanted.device is None else _named(devices, wanted.device)
    if wanted.test is not None:
        found = [one for one in found if one.role == ROLES[wanted.test]]
    if not found:
        raise _wrong(f"{wanted.device or 'this station'} has no {wanted.test} test; tests: {_offers(testable)}")
    if wanted.connector is not None:
        found = [one for one in found if wanted.connector in one.connectors]
        if not found:
            raise _wrong(f"connector {wanted.connector} has nothing for this test; tests: {_offers(testable)}")
    if len(found) > 1:
        raise _wrong(f"say which device or connector: {_offers(found)}")
    (entry,) = found
    return wanted.test or next(test for test, role in ROLES.items() if role == entry.role), entry


def _named(devices: Sequence[DeviceEntry], name: str) -> list[DeviceEntry]:
    found = [one for one in devices if one.name == name]
    if not found:
        raise _wrong(f"there is no device {name!r}; there are {', '.join(sorted({one.name for one in devices}))}")
    if all(one.role not in ROLES.values() for one in found):
        raise _wrong(f"{name}: there is no test for the role {found[0].role}; there are {', '.join(ROLES)}")
    return found


def _offers(devices: Sequence[DeviceEntry]) -> str:
    tests = {role: test for test, role in ROLES.items()}
    return ", ".join(f"{tests[one.role]} of {one.name}" for one in devices) or "none"


def _connector_of(entry: DeviceEntry, connector: int | None) -> int:
    if connector is not None:
        return connector
    if len(entry.connectors) != 1:
        raise _wrong(f"{entry.name} serves connectors {', '.join(map(str, entry.connectors))}: say which")
    return entry.connectors[0]


def _moved(test: str | None) -> SelfTest | None:
    """The core's test of this name."""
    return next((one for one in SelfTest if one.value == test), None)


def _wrong(words: str) -> RpcError:
    return RpcError(Code.INVALID_PARAMS, words)


def _without_name(name: str, detail: str) -> str:
    return detail.removeprefix(f"{name}: ")


def _teller(asker: Asker, head: Mapping[str, Any]) -> Tell:
    known = {"test_id": head["test_id"], "test": head["test"]}
    return lambda **more: asker.notify("test", {**known, **more})


class _Moving:
    """Passes the facts of one test on, and cancels it when who asked has left."""

    def __init__(self, station: StationPort, connector: ConnectorId, ticket: int, tell: Tell) -> None:
        self._station = station
        self._connector = connector
        self._ticket = ticket
        self._tell = tell
        self._is_over = False
        self._unsubscribe = station.subscribe(self._hear)

    def _hear(self, stamped: Stamped) -> None:
        match stamped.fact:
            case SelfTestStepped(ticket=self._ticket, step=step, took_s=took_s):
                self._tell(step=step, took_s=took_s)
            case SelfTestFinished(ticket=self._ticket, is_passed=is_passed, detail=detail):
                self._close()
                self._tell(is_passed=is_passed, detail=detail)
            case _:
                pass

    def end(self) -> None:
        if not self._is_over:
            self._close()
            self._station.dispatch(CancelSelfTest(self._connector, self._ticket))

    def _close(self) -> None:
        self._is_over = True
        self._unsubscribe()


class _Listening(ABC):
    """A device is listened to until enough was heard, time is up, or it is lost."""

    def __init__(self, services: ControlServices, entry: DeviceEntry, tell: Tell, limit_s: float) -> None:
        self._device = entry.name
        self._tell = tell
        self._loop = asyncio.get_running_loop()
        self._began_s = self._loop.time()
        self._is_over = False
        self._timer = self._loop.call_later(limit_s, self._timed_out)
        self._closers = (services.listen(entry.name, self._hear), services.station.subscribe(self._watch))

    @abstractmethod
    def _hear(self, reading: object) -> None:
        """The device says something."""

    @abstractmethod
    def _timed_out(self) -> None:
        """It did not, for too long."""

    def _watch(self, stamped: Stamped) -> None:
        match stamped.fact:
            case DeviceStateChanged(device=self._device, is_available=False, detail=detail):
                self._finish(f"it does not answer: {_without_name(self._device, detail)}", is_passed=False)
            case _:
                pass

    def _finish(self, detail: str, *, is_passed: bool, **more: object) -> None:
        self.end()
        self._tell(is_passed=is_passed, detail=f"{self._device}: {detail}", **more)

    def end(self) -> None:
        if not self._is_over:
            self._is_over = True
            self._timer.cancel()
            for close in self._closers:
                close()


class _CardTest(_Listening):
    """Waits for one card."""

    def __init__(self, services: ControlServices, entry: DeviceEntry, tell: Tell, for_s: float) -> None:
        self._for_s = for_s
        super().__init__(services, entry, tell, for_s)

    def _hear(self, reading: object) -> None:
        if isinstance(reading, TokenRead):
            is_passed = 1 <= len(reading.id_tag) <= MAX_ID_TAG
            words = f"a card after {self._loop.time() - self._began_s:.1f} s"
            if not is_passed:
                words += f", but its id tag has {len(reading.id_tag)} characters, and OCPP takes 1 to {MAX_ID_TAG}"
            self._finish(words, is_passed=is_passed, id_tag=reading.id_tag)

    def _timed_out(self) -> None:
        self._finish(f"no card within {self._for_s:g} s", is_passed=False)


class _MeterTest(_Listening):
    """Takes some readings and looks whether they can be true."""

    def __init__(self, services: ControlServices, entry: DeviceEntry, tell: Tell) -> None:
        kinds = {one.connector: one.kind for one in services.station.view().connectors}
        self._is_ac = any(kinds[ConnectorId(one)].is_ac for one in entry.connectors)
        self._reads: list[Read] = []
        super().__init__(services, entry, tell, READING_S)

    def _hear(self, reading: object) -> None:
        if not isinstance(reading, MeterReading):
            return
        now_s = self._loop.time()
        took_s = now_s - (self._reads[-1].at_s if self._reads else self._began_s)
        self._reads.append(Read(now_s, reading))
        self._tell(step=f"reading {len(self._reads)} of {READINGS}", took_s=round(took_s, 3), reading=plain(reading))
        self._timer.cancel()
        if len(self._reads) < READINGS:
            self._timer = self._loop.call_later(READING_S, self._timed_out)
            return
        found = doubts(self._reads, is_ac=self._is_ac)
        good = f"{READINGS} readings, at most {longest_gap_s(self._reads):.1f} s apart; register and values fit together"
        self._finish("; ".join(found) or good, is_passed=not found)

    def _timed_out(self) -> None:
        self._finish(f"no reading within {READING_S:g} s, after {len(self._reads)} of {READINGS}", is_passed=False)
