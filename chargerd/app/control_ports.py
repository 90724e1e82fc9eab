"""The daemon's parts in the shapes that the control socket asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from enum import Enum
from typing import TYPE_CHECKING, Any, cast

from chargerd.app.devices import DeviceRunner
from chargerd.control.ports import DeviceEntry
from chargerd.core.events import ChangeSettings, Event, Reply
from chargerd.core.settings import Settings
from chargerd.ocpp.link import OcppLink
from chargerd.ocpp.v16.key_values import KeyTable, KeyValue, RefusedValueError, UnknownKeyError
from hal.ports import Bus

if TYPE_CHECKING:
    from hal.bus.can import CanLink


class LinkControl:
    """The link for people: its status as plain values."""

    def __init__(self, link: OcppLink) -> None:
        self._link = link
        self.connect = link.connect
        self.disconnect = link.disconnect

    def status(self) -> Mapping[str, Any]:
        """`state` in one word, then everything the link tells of itself."""
        status = self._link.status()
        state = "connected" if status.is_connected else ("waiting" if status.is_wanted else "down")
        plain = {name: value.value if isinstance(value, Enum) else value for name, value in asdict(status).items()}
        return {"state": state, **plain}


class KeysControl:
    """OCPP keys by name; a change goes through the core as one from the central system does."""

    def __init__(self, keys: KeyTable, settings: Callable[[], Settings], dispatch: Callable[[Event], Reply]) -> None:
        self._keys = keys
        self._settings = settings
        self._dispatch = dispatch

    def get(self, key: str | None) -> Sequence[Mapping[str, Any]]:
        """One key or all; empty for one that does not exist."""
        try:
            found = self._keys.all(self._settings()) if key is None else [self._keys.get(key, self._settings())]
        except UnknownKeyError:
            return []
        return [_plain(value) for value in found]

    def set(self, key: str, value: str) -> str:
        """Set a key, also one that the product lets the central system only read; gives the word of ChangeConfiguration."""
        try:
            change = self._keys.change(key, value, is_local=True)
        except UnknownKeyError:
            return "NotSupported"
        except RefusedValueError:
            return "Rejected"
        return change.answer if self._dispatch(ChangeSettings({change.field: change.value})).is_accepted else "Rejected"


class BusScan:
    """Who answers on a CAN bus, by the name of the bus; without a name, on the station's only one."""

    def __init__(self, buses: Mapping[str, Bus]) -> None:
        self._buses = buses

    async def __call__(self, name: str | None) -> Sequence[Mapping[str, Any]]:
        """One entry a module, with `is_double` where another answers to the same address. Raises LookupError with words, HalError."""
        bus = self._chosen(name)
        from hal.power.scan import doubles, scan  # not in the memory of a station without CAN

        found = await scan(bus)
        twice = doubles(found)
        return [{**asdict(one), "is_double": one.address in twice} for one in found]

    def _chosen(self, name: str | None) -> CanLink:
        can = {bus_name: cast("CanLink", bus) for bus_name, bus in self._buses.items() if bus.kind == "can"}
        if not can:
            raise LookupError("this station has no CAN bus")
        if name is None and len(can) == 1:
            return next(iter(can.values()))
        if name in can:
            return can[name]
        problem = "say which bus" if name is None else f"{name} is no CAN bus of this station"
        raise LookupError(f"{problem}: {', '.join(sorted(can))}")


def device_entry(runner: DeviceRunner, now_s: float) -> DeviceEntry:
    """A device for people; `now_s` on the loop's clock."""
    return DeviceEntry(
        name=runner.device.name,
        driver=runner.driver,
        role=runner.role.value,
        bus=runner.bus,
        connectors=tuple(runner.connectors),
        is_available=runner.is_available,
        detail=runner.detail,
        reading=runner.last_reading,
        age_s=None if runner.last_reading_s is None else now_s - runner.last_reading_s,
    )


def _plain(value: KeyValue) -> Mapping[str, Any]:
    return {"key": value.name, "value": value.value, "readonly": value.is_read_only}
