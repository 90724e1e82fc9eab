"""A day at a DC station with two cables: random vehicles come, charge and leave, and the station's power is watched every second."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import cast

from chargerd.core.facts import Phase
from hal.mock.dc_outlet import DcOutlet
from hal.mock.plant import Plant
from hal.mock.plant_bus import PlantBus
from hal.types import SeccPhase
from tests.support.station_bench import Bench

HOUR_S = 3600.0

_CARS: tuple[Mapping[str, float], ...] = (
    {"voltage_v": 400.0, "capacity_kwh": 60.0, "max_current_a": 350.0, "max_power_w": 135e3},
    {"voltage_v": 400.0, "capacity_kwh": 80.0, "max_current_a": 400.0, "max_power_w": 170e3},
    {"voltage_v": 800.0, "capacity_kwh": 90.0, "max_current_a": 320.0, "max_power_w": 240e3},
    {"voltage_v": 400.0, "capacity_kwh": 70.0, "max_current_a": 200.0, "max_power_w": 75e3},  # a van
    {"voltage_v": 350.0, "capacity_kwh": 36.0, "max_current_a": 125.0, "max_power_w": 46e3},
)


@dataclass(frozen=True, slots=True)
class Visit:
    """One vehicle. `ends`: how; `pauses_s`: how long it asks for nothing in between."""

    number: int
    connector: int
    arrives_s: float
    ev: Mapping[str, float]
    ends: str  # "full", "card" or "remote"
    stays_s: float
    pauses_s: float

    @property
    def card(self) -> str:
        """Of its driver."""
        return f"04DA{self.number:04X}"


def visits(random: Random, vehicles: int, hours: float) -> list[Visit]:
    """So many over so many hours, at either cable alike; who finds it taken waits."""
    found = []
    for number in range(vehicles):
        soc_percent = random.uniform(5.0, 50.0)
        ev = {**random.choice(_CARS), "soc_percent": soc_percent, "target_soc_percent": random.uniform(70.0, 95.0)}
        found.append(
            Visit(
                number=number,
                connector=1 + number % 2,
                arrives_s=random.uniform(0.0, max(hours - 0.5, 0.1)) * HOUR_S,
                ev=ev,
                ends=random.choice(("full", "full", "card", "remote")),
                stays_s=random.uniform(300.0, 1800.0),
                pauses_s=random.choice((0.0, 0.0, 0.0, random.uniform(60.0, 300.0))),
            )
        )
    return sorted(found, key=lambda visit: visit.arrives_s)


@dataclass(slots=True)
class Use:
    """The station's power in an hour, in watt-seconds and seconds. Contended: its vehicles would take more than there is."""

    given_ws: float = 0.0
    seconds: float = 0.0
    most_w: float = 0.0
    contended_s: float = 0.0
    contended_ws: float = 0.0
    wanted_ws: float = 0.0  # while it was enough for all
    served_ws: float = 0.0


@dataclass(slots=True)
class Day:
    """What was seen. `taken_wh`: what batteries and cable took, by connector, with what became heat in them; `problems` are sentences."""

    budget_w: float
    hours: dict[int, Use] = field(default_factory=dict)
    taken_wh: dict[int, float] = field(default_factory=dict)
    served: int = 0
    problems: list[str] = field(default_factory=list)

    def total(self) -> Use:
        """The whole day."""
        uses = self.hours.values()
        return Use(
            sum(use.given_ws for use in uses),
            sum(use.seconds for use in uses),
            max((use.most_w for use in uses), default=0.0),
            *(sum(getattr(use, name) for use in uses) for name in ("contended_s", "contended_ws", "wanted_ws", "served_ws")),
        )

    def table(self) -> list[str]:
        """The figures, for people."""
        lines = ["hour   kWh  mean kW  most kW  contended min  used of the supply then  served of what was wanted else"]
        for name, use in (*((f"{hour:4}", use) for hour, use in sorted(self.hours.items())), (" day", self.total())):
            contended = f"{100 * use.contended_ws / (self.budget_w * use.contended_s):5.1f} %" if use.contended_s else "      -"
            served = f"{100 * use.served_ws / use.wanted_ws:5.1f} %" if use.wanted_ws else "      -"
            mean_kw = use.given_ws / use.seconds / 1e3 if use.seconds else 0.0
            kwh = use.given_ws / 3.6e6
            lines.append(
                f"{name} {kwh:5.0f}  {mean_kw:7.1f}  {use.most_w / 1e3:7.1f}  {use.contended_s / 60:13.1f}  {contended:>23}  {served:>30}"
            )
        return lines


class Days:
    """Lets a day pass at a station that is accepted and at rest."""

    def __init__(self, station: Bench, budget_w: float) -> None:
        self._station = station
        self.day = Day(budget_w)

    @property
    def _plant(self) -> Plant:
        return cast("PlantBus", self._station.stage.daemon.buses["plant"]).plant

    def _outlet(self, connector: int) -> DcOutlet:
        return self._plant.outlet_of(connector, DcOutlet)

    async def pass_(self, todays: list[Visit], hours: float) -> Day:
        """Until the last vehicle has left and the day is over."""
        began_s = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(self._watch(began_s))
            cables = [group.create_task(self._serve([one for one in todays if one.connector == number], began_s)) for number in (1, 2)]
            await asyncio.wait(cables)
            await asyncio.sleep(max(0.0, began_s + hours * HOUR_S - asyncio.get_running_loop().time()))
            watching.cancel()
        for number in (1, 2):
            cable = self._outlet(number).cable
            self.day.taken_wh[number] = self.day.taken_wh.get(number, 0.0) + cable.stored_wh + cable.heat_wh
        return self.day

    # --- vehicles -----------------------------------------------------------------------------------------------------------------------

    async def _serve(self, queue: list[Visit], began_s: float) -> None:
        for visit in queue:
            await asyncio.sleep(max(0.0, began_s + visit.arrives_s - asyncio.get_running_loop().time()))
            await self._charge(visit)

    async def _charge(self, visit: Visit) -> None:
        station, connector = self._station, visit.connector
        await station.do("plug_in", connector=connector, ev=visit.ev)
        await station.until(lambda: station.view(connector).phase is Phase.WAIT_AUTH)
        await station.do("swipe", id_tag=visit.card, connectors=[connector])
        await station.until(lambda: station.view(connector).phase is Phase.DELIVERING, 120.0)
        if visit.pauses_s:
            await asyncio.sleep(visit.stays_s / 3)
            await station.do("ev_pause", connector=connector)
            await asyncio.sleep(visit.pauses_s)
            await station.do("ev_resume", connector=connector)
        ends_s = 3 * HOUR_S if visit.ends == "full" else visit.stays_s
        try:
            await station.until(lambda: self._is_over(connector), ends_s)
        except TimeoutError:
            await self._stop(visit)
        await station.until(lambda: station.view(connector).phase is Phase.WAIT_UNPLUG)
        car = self._outlet(connector).car
        if car is None:
            self.day.problems.append(f"vehicle {visit.number} is gone")
            return
        self.day.taken_wh[connector] = self.day.taken_wh.get(connector, 0.0) + car.battery.stored_wh + car.battery.heat_wh
        self.day.served += 1
        await station.do("plug_out", connector=connector)
        await station.until(lambda: station.view(connector).phase is Phase.IDLE)

    def _is_over(self, connector: int) -> bool:
        return self._station.view(connector).transaction is None

    async def _stop(self, visit: Visit) -> None:
        station, running = self._station, self._station.view(visit.connector).transaction
        if visit.ends == "full":
            self.day.problems.append(f"vehicle {visit.number} was not full after three hours")
        if visit.ends == "remote" and running is not None:
            await station.stage.central.call(station.stage.identity, "RemoteStopTransaction", {"transactionId": running.remote_id})
        else:
            await station.do("swipe", id_tag=visit.card, connectors=[visit.connector])

    # --- power --------------------------------------------------------------------------------------------------------------------------

    async def _watch(self, began_s: float) -> None:
        """Look every second: nothing above what station and modules may, and how much of it is used."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(1.0)
            self._look(self.day.hours.setdefault(int((loop.time() - began_s) / HOUR_S), Use()))

    def _look(self, use: Use) -> None:
        outlets = [self._outlet(number) for number in (1, 2)]
        flows_w = [outlet.power_w for outlet in outlets]
        wants_w = [_wanted_w(outlet) for outlet in outlets]
        given_w = sum(flows_w)
        use.seconds += 1.0
        use.given_ws += given_w
        use.most_w = max(use.most_w, given_w)
        if given_w > self.day.budget_w + 1e-6:
            self.day.problems.append(f"{given_w:.1f} W flow, of {self.day.budget_w:.1f} W")
        for number, (outlet, flow_w) in enumerate(zip(outlets, flows_w, strict=True), 1):
            if flow_w > outlet.limits.max_power_w + 1e-6 or outlet.current_a > outlet.limits.max_current_a + 1e-6:
                self.day.problems.append(f"outlet {number} gives {flow_w:.1f} W, {outlet.current_a:.1f} A")
        if sum(wants_w) > self.day.budget_w:
            use.contended_s += 1.0
            use.contended_ws += given_w
        else:
            use.wanted_ws += sum(wants_w)
            use.served_ws += given_w


def _wanted_w(outlet: DcOutlet) -> float:
    """What the vehicle would take if the station gave all that the outlet can."""
    car = outlet.car
    if car is None or car.phase is not SeccPhase.CURRENT_DEMAND or car.is_paused:
        return 0.0
    battery, limits = car.battery, outlet.limits
    current_a = min(battery.wanted_current_a(), limits.max_current_a)
    at_v = battery.open_circuit_voltage_v + current_a * (battery.resistance_ohm + outlet.cable.resistance_ohm)
    return min(current_a * at_v, limits.max_power_w)
