"""Devices that fail at random: silent, garbled or late, for a moment or for long; what is long must be reported, and everything cleared."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from chargerd.core.facts import FaultCleared, FaultRaised
from chargerd.sim.rig import Rig

DEVICES: Final[Mapping[str, tuple[int, str]]] = {
    "reader": (0, "reader-silent"),
    "meter1": (1, "meter-silent"),
    "meter2": (2, "meter-silent"),
    "psu1": (1, "power-silent"),
    "psu2": (2, "power-silent"),
    "secc1": (1, "secc-silent"),
    "secc2": (2, "secc-silent"),
    "insulation1": (1, "insulation-silent"),
    "insulation2": (2, "insulation-silent"),
    "io": (0, "safety-inputs"),
}
"""Connector (0: the station) and code of the fault that tells of the device's silence."""

_ILLS: Final[Mapping[str, Mapping[str, Any]]] = {
    "silent": {"online": False},
    "garbled": {"corrupt": True},
    "late": {"delay_s": 0.05},
}
_DECEPTIVE: Final = {("io", "garbled"), ("psu1", "garbled"), ("psu2", "garbled")}
"""What may look sound: a line has two values, and a frame of CAN no checksum of its own against a module that has lost its wits."""
_SHORT_S: Final = (0.5, 3.0)
_LONG_S: Final = (20.0, 30.0)
_RECOVERY_S: Final = 40.0
_LOOK_S: Final = 0.25


@dataclass(frozen=True, slots=True)
class Outage:
    """What was done to a device, and when on the loop's clock. `must_tell`: so long and so bad that it has to be reported."""

    device: str
    ill: str
    began_s: float
    duration_s: float

    @property
    def must_tell(self) -> bool:
        return self.ill != "late" and self.duration_s >= _LONG_S[0] and (self.device, self.ill) not in _DECEPTIVE


class Outages:
    """One after the other until cancelled. `problems` are sentences; `told` counts the outages that were reported."""

    def __init__(self, stage: Rig, random: Random, devices: Mapping[str, tuple[int, str]] = DEVICES) -> None:
        self._stage = stage
        self._random = random
        self._devices = devices
        self.past: list[Outage] = []
        self.told = 0
        self.problems: list[str] = []

    def has_touched(self, connector: int, since_s: float) -> bool:
        """A device that the connector needs was ill since then, or had not yet had the time to come back."""
        own = {device for device, (served, _) in self._devices.items() if served in (0, connector)}
        return any(one.device in own and one.began_s + one.duration_s + _RECOVERY_S >= since_s for one in self.past)

    async def run(self) -> None:
        """Choose, harm, heal, judge."""
        while True:
            await asyncio.sleep(self._random.uniform(1.0, 15.0))
            device, ill = self._random.choice(sorted(self._devices)), self._random.choice(sorted(_ILLS))
            began_s = asyncio.get_running_loop().time()
            outage = Outage(device, ill, began_s, self._random.uniform(*self._random.choice((_SHORT_S, _LONG_S))))
            self.past.append(outage)
            began = len(self._stage.facts)
            await self._stage.simulate("device", {"device": device, **_ILLS[ill]})
            await asyncio.sleep(outage.duration_s)
            await self._stage.simulate("device", {"device": device})
            await self._judge(outage, began)

    async def _judge(self, outage: Outage, began: int) -> None:
        """The fault is there, and goes once the device is well."""
        connector, code = self._devices[outage.device]
        is_told = self._has(FaultRaised, connector, code, began)
        self.told += is_told
        if outage.must_tell and not is_told:
            self.problems.append(f"{outage}: {code} was not raised")
        try:
            async with asyncio.timeout(_RECOVERY_S):
                while self._is_up(connector, code) or (is_told and not self._has(FaultCleared, connector, code, began)):
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError:
            self.problems.append(f"{outage}: {code} is still up {_RECOVERY_S:g} s after the device was well again")

    def _has(self, kind: type[FaultRaised] | type[FaultCleared], connector: int, code: str, began: int) -> bool:
        facts = (stamped.fact for stamped in self._stage.facts[began:])
        return any(isinstance(fact, kind) and (fact.connector, fact.code) == (connector, code) for fact in facts)

    def _is_up(self, connector: int, code: str) -> bool:
        station = self._stage.daemon.reactor.view()
        faults = station.faults if connector == 0 else station.connectors[connector - 1].faults
        return any(fault.code == code for fault in faults)
