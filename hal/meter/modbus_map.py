"""Any Modbus energy meter whose registers stand in a file of `models/`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, ClassVar, Final

from hal.bus.modbus import ModbusLink
from hal.errors import ConfigError, DeviceFault, DeviceUnavailable, WireError
from hal.meter.counter import Counter
from hal.options import load_yaml
from hal.ports import Emit
from hal.types import MeterReading, Range
from hal.wire.register_map import Block, Register, RegisterMap, decode_values, parse_map, plan_blocks

_log = logging.getLogger(__name__)

MODELS: Final = Path(__file__).parent / "models"
_FAILED_POLLS: Final = 3
_PHASES: Final = ("l1", "l2", "l3")
_QUANTITIES: Final = frozenset(
    {"energy_wh", "export_wh", "power_w", "voltage_v", "current_a", "temperature_c"}
    | {f"{quantity}_{phase}_{unit}" for quantity, unit in (("voltage", "v"), ("current", "a")) for phase in _PHASES}
)
_DECIMAL_DIGITS: Final = range(5, 11)  # of registers that go round as their display does

Values = Mapping[str, int | float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModbusMeterOptions:
    """`energy_unit_wh`: Wh of one count of the energy registers, where the model leaves it open. `function`: instead of the model's.

    `is_reversed`: the meter counts what goes into the vehicle as export. `max_power_w` bounds how far the energy register can move between
    two readings.
    """

    model: str
    unit: Annotated[int, Range(1, 247)] = 1
    poll_interval_s: Annotated[float, Range(0.1, 60.0, "s")] = 1.0
    energy_unit_wh: Annotated[float, Range(0.001, 100_000.0, "Wh")] = 1.0
    max_power_w: Annotated[float, Range(1_000.0, 5_000_000.0, "W")] = 1_000_000.0
    function: Annotated[int, Range(3, 4)] | None = None
    is_reversed: bool = False


@dataclass(frozen=True, slots=True)
class _Version:
    """One version of a meter model, and the requests that read it."""

    model: RegisterMap
    blocks: tuple[Block, ...]


class ModbusMapMeter:
    """Three failed polls in a row end `run` with their cause. A register that runs back or jumps is a failed poll, until it is sure."""

    Options = ModbusMeterOptions
    bus_kind: ClassVar[str | None] = "modbus"

    def __init__(self, name: str, options: ModbusMeterOptions, bus: ModbusLink) -> None:
        self.name = name
        self._options = options
        self._bus = bus
        model = load_model(name, options.model)
        if options.function is not None:
            model = replace(model, function=options.function)
        self._import = "export_wh" if options.is_reversed else "energy_wh"
        if self._import not in model.registers:
            raise ConfigError([f"{name}: the model {options.model} tells no export, so the meter cannot be reversed"])
        self._versions = [_Version(one, plan_blocks(one)) for one in (model, model.alternative()) if one is not None]
        register = model.registers[self._import]
        # kept over restarts of `run`: what was counted while the meter was away counts
        self._counter = Counter(options.max_power_w, (round(one * options.energy_unit_wh) for one in _wraps(register)))

    async def run(self, emit: Emit) -> None:
        """Poll; see the port."""
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            begun_s = loop.time()
            try:
                reading = self._reading(await self._poll())
            except (DeviceUnavailable, WireError) as error:
                failures += 1
                _log.warning("meter_poll_failed device=%s failures=%d error=%s", self.name, failures, error)
                if failures >= _FAILED_POLLS:
                    raise
            else:
                failures = 0
                emit(reading)
            await asyncio.sleep(max(begun_s + self._options.poll_interval_s - loop.time(), 0.0))

    async def _poll(self) -> Values:
        """The values of the model, or those of its other version where only that one counts."""
        found: list[tuple[_Version, Values]] = []
        refusals: list[DeviceFault] = []
        for version in self._versions:
            try:
                found.append((version, await self._read(version)))
            except DeviceFault as error:
                refusals.append(error)
        if not found:
            raise refusals[-1]
        counting = [(version, values) for version, values in found if values.get("energy_wh") or values.get("export_wh")]
        version, values = (counting or found)[0]
        # a new meter stands at zero in both versions: which one it is, is seen when it has counted something
        if len(self._versions) > 1 and (counting or refusals):
            _log.info("meter_version device=%s energy_address=%#x", self.name, version.model.registers["energy_wh"].address)
            self._versions = [version]
        return values

    async def _read(self, version: _Version) -> Values:
        words: dict[int, int] = {}
        for block in version.blocks:
            values = await self._bus.read(self._options.unit, block.address, block.count, version.model.function)
            words.update(enumerate(values, start=block.address))
        try:
            return decode_values(version.model, words)
        except WireError as error:
            raise WireError(f"{self.name}: {error}") from error

    def _reading(self, values: Values) -> MeterReading:
        sign = -1.0 if self._options.is_reversed else 1.0
        register_wh = self._energy_wh(values.get(self._import))
        if register_wh is None:
            raise WireError(f"{self.name}: the meter says that its energy register is undefined")
        try:
            counted = self._counter.read(register_wh, asyncio.get_running_loop().time())
        except WireError as error:
            raise WireError(f"{self.name}: {error}") from error
        if counted.moved_wh:
            _log.warning("meter_register_moved device=%s register_wh=%d moved_wh=%d", self.name, counted.register_wh, counted.moved_wh)
        voltages, currents = _phases(values, "voltage_{}_v"), _phases(values, "current_{}_a", sign)
        return MeterReading(
            energy_wh=counted.register_wh,
            moved_wh=counted.moved_wh,
            export_wh=self._energy_wh(values.get("energy_wh" if self._options.is_reversed else "export_wh")),
            power_w=_signed(values.get("power_w"), sign),
            voltage_v=_signed(values.get("voltage_v")) if not voltages else sum(voltages) / len(voltages),
            current_a=_signed(values.get("current_a"), sign) if not currents else max(currents),
            phase_voltages_v=_three(voltages),
            phase_currents_a=_three(currents),
            temperature_c=_signed(values.get("temperature_c")),
        )

    def _energy_wh(self, counts: float | None) -> int | None:
        return None if counts is None else round(counts * self._options.energy_unit_wh)


def load_model(name: str, model: str) -> RegisterMap:
    """A model file of the package; raises ConfigError (with the device's name) when there is none or it is wrong."""
    path = MODELS / f"{model}.yaml"
    if path.parent != MODELS or not path.is_file():
        known = ", ".join(sorted(one.stem for one in MODELS.glob("*.yaml")))
        raise ConfigError([f"{name}: no meter model {model!r}; there are {known}"])
    parsed = parse_map(load_yaml(path), path.name)
    problems = [f"{path.name}: registers: no reading has {one!r}" for one in sorted(parsed.registers.keys() - _QUANTITIES)]
    if "energy_wh" not in parsed.registers:
        problems.append(f"{path.name}: registers: energy_wh is missing")
    if problems:
        raise ConfigError(problems)
    return parsed


def _wraps(register: Register) -> Iterator[float]:
    """Counts at which a register may go round: with its type, or with the digits of the meter's display."""
    if register.type != "f32":
        yield (register.highest + 1) * register.scale
    for digits in _DECIMAL_DIGITS:
        yield 10**digits * register.scale


def _phases(values: Values, name: str, sign: float = 1.0) -> list[float]:
    """The phases that the meter tells now, in order."""
    told = (values.get(name.format(phase)) for phase in _PHASES)
    return [float(value) * sign for value in told if value is not None]


def _three(phases: list[float]) -> tuple[float, float, float] | None:
    return (phases[0], phases[1], phases[2]) if len(phases) == len(_PHASES) else None


def _signed(value: float | None, sign: float = 1.0) -> float | None:
    return None if value is None else float(value) * sign
