"""Any Modbus energy meter whose registers stand in a file of `models/`."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Final

from hal.bus.modbus import ModbusLink
from hal.errors import ConfigError, DeviceUnavailable, WireError
from hal.options import load_yaml
from hal.ports import Emit
from hal.types import MeterReading, Range
from hal.wire.register_map import RegisterMap, decode_values, parse_map, plan_blocks

_log = logging.getLogger(__name__)

MODELS: Final = Path(__file__).parent / "models"
_QUANTITIES: Final = ("energy_wh", "power_w", "voltage_v", "current_a")
_FAILED_POLLS: Final = 3
_SLACK_WH: Final = 100  # resolution of the coarsest registers, and readings that are a poll apart


@dataclass(frozen=True, slots=True, kw_only=True)
class ModbusMeterOptions:
    """`energy_unit_wh`: Wh of one count of the energy register, where the model leaves it open.

    `max_power_w` bounds how far the energy register can move between two readings.
    """

    model: str
    unit: Annotated[int, Range(1, 247)] = 1
    poll_interval_s: Annotated[float, Range(0.1, 60.0, "s")] = 1.0
    energy_unit_wh: Annotated[float, Range(0.001, 100_000.0, "Wh")] = 1.0
    max_power_w: Annotated[float, Range(1_000.0, 5_000_000.0, "W")] = 1_000_000.0


class ModbusMapMeter:
    """Three failed polls in a row end `run` with their cause. A register that runs back or jumps is a failed poll."""

    Options = ModbusMeterOptions
    bus_kind: ClassVar[str | None] = "modbus"

    def __init__(self, name: str, options: ModbusMeterOptions, bus: ModbusLink) -> None:
        self.name = name
        self._options = options
        self._bus = bus
        self._model = load_model(name, options.model)
        wanted = [quantity for quantity in _QUANTITIES if quantity in self._model.registers]
        self._blocks = plan_blocks(self._model, wanted)
        self._last: tuple[float, int] | None = None  # kept over restarts of `run`: time and Wh of the last good reading

    async def run(self, emit: Emit) -> None:
        """Poll; see the port."""
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            begun_s = loop.time()
            try:
                reading = await self._read()
            except (DeviceUnavailable, WireError) as error:
                failures += 1
                _log.warning("meter_poll_failed device=%s failures=%d error=%s", self.name, failures, error)
                if failures >= _FAILED_POLLS:
                    raise
            else:
                failures = 0
                emit(reading)
            await asyncio.sleep(max(begun_s + self._options.poll_interval_s - loop.time(), 0.0))

    async def _read(self) -> MeterReading:
        words: dict[int, int] = {}
        for block in self._blocks:
            values = await self._bus.read(self._options.unit, block.address, block.count, self._model.function)
            words.update(enumerate(values, start=block.address))
        try:
            quantities = decode_values(self._model, words)
        except WireError as error:
            raise WireError(f"{self.name}: {error}") from error
        return MeterReading(
            energy_wh=self._judged_energy(quantities.get("energy_wh")),
            power_w=_optional(quantities.get("power_w")),
            voltage_v=_optional(quantities.get("voltage_v")),
            current_a=_optional(quantities.get("current_a")),
        )

    def _judged_energy(self, counts: float | None) -> int:
        """The register in Wh; raises WireError when the meter has none, or one that cannot be true."""
        if counts is None:
            raise WireError(f"{self.name}: the meter says that its energy register is undefined")
        energy_wh = int(counts * self._options.energy_unit_wh)
        now_s = asyncio.get_running_loop().time()
        if self._last is not None:
            at_s, last_wh = self._last
            highest_wh = last_wh + self._options.max_power_w * (now_s - at_s) / 3600.0 + _SLACK_WH
            if energy_wh < last_wh:
                raise WireError(f"{self.name}: energy register runs back from {last_wh} to {energy_wh} Wh")
            if energy_wh > highest_wh:
                raise WireError(f"{self.name}: energy register jumps from {last_wh} to {energy_wh} Wh in {now_s - at_s:.1f} s")
        self._last = now_s, energy_wh
        return energy_wh


def load_model(name: str, model: str) -> RegisterMap:
    """A model file of the package; raises ConfigError (with the device's name) when there is none or it is wrong."""
    path = MODELS / f"{model}.yaml"
    if path.parent != MODELS or not path.is_file():
        known = ", ".join(sorted(one.stem for one in MODELS.glob("*.yaml")))
        raise ConfigError([f"{name}: no meter model {model!r}; there are {known}"])
    parsed = parse_map(load_yaml(path), path.name)
    if "energy_wh" not in parsed.registers:
        raise ConfigError([f"{path.name}: registers: energy_wh is missing"])
    return parsed


def _optional(value: float | None) -> float | None:
    return None if value is None else float(value)
