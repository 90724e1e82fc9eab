"""What people and tests do to the simulated world: the `sim.*` methods."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence

from hal.mock.outlet import Outlet
from hal.mock.plant import Plant
from hal.mock.plant_bus import PlantBus
from hal.mock.steering import Health, Steered, flag, number
from hal.mock.vehicles import vehicle_from


class Simulation:
    """The hand that plugs in, swipes and breaks things. Every method raises ValueError with a sentence for the technician."""

    def __init__(self, bus: PlantBus, devices: Mapping[str, Steered]) -> None:
        self._bus = bus
        self._devices = devices
        self._methods: dict[str, Callable[..., None]] = {
            "plug_in": self.plug_in,
            "plug_out": self.plug_out,
            "swipe": self.swipe,
            "ev_pause": self.ev_pause,
            "ev_resume": self.ev_resume,
            "input": self.input,
            "device": self.device,
            "set": self.set,
            "power_loss": self.power_loss,
        }

    @property
    def plant(self) -> Plant:
        """The world itself, for those who compare."""
        return self._bus.plant

    @property
    def methods(self) -> tuple[str, ...]:
        """Names that `call` knows, with their prefix."""
        return tuple(f"sim.{name}" for name in self._methods)

    def call(self, method: str, params: Mapping[str, object]) -> object:
        """Run a method by its outward name, `sim.plug_in` for instance. Raises LookupError for a name that does not exist."""
        handler = self._methods.get(method.removeprefix("sim."))
        if handler is None:
            raise LookupError(f"there is no method {method}; there are {', '.join(self.methods)}")
        try:
            inspect.signature(handler).bind(**params)
        except TypeError as error:
            raise ValueError(f"{method}: {error}") from None
        handler(**params)
        return {}

    def adopt(self, before: Simulation) -> None:
        """Be the same world as another, whose daemon has ended: what is plugged in, set by hand and broken stays so."""
        self.plant.adopt(before.plant)
        for name, device in self._devices.items():
            device.health = before._devices[name].health

    # --- the vehicle ------------------------------------------------------------------------------------------------------------------

    def plug_in(self, connector: int, ev: Mapping[str, object] | None = None) -> None:
        """Hang a vehicle on the cable; `ev` as in the list of methods, all of it optional."""
        vehicle = vehicle_from(ev or {}, self._outlet(connector).kind)
        self._bus.advance()
        self.plant.plug_in(connector, vehicle)
        self._bus.poke()

    def plug_out(self, connector: int) -> None:
        """Take the vehicle away, whatever is going on; a plug that a socket's lock holds stays there."""
        self._outlet(connector)
        self._bus.advance()
        self.plant.plug_out(connector)
        self._bus.poke()

    def ev_pause(self, connector: int) -> None:
        """The vehicle asks for nothing until it is resumed."""
        self._pause(connector, paused=True)

    def ev_resume(self, connector: int) -> None:
        """The vehicle asks for energy again."""
        self._pause(connector, paused=False)

    def _pause(self, connector: int, *, paused: bool) -> None:
        car = self._outlet(connector).car
        if car is None:
            raise ValueError(f"no vehicle is plugged in at connector {connector}")
        self._bus.advance()
        car.is_paused = paused
        self._bus.poke()

    # --- cards, inputs, devices -------------------------------------------------------------------------------------------------------

    def swipe(self, id_tag: str, reader: str | None = None, connectors: Sequence[int] | None = None) -> None:
        """Put a card before a reader; without a name, the station's only one."""
        if not isinstance(id_tag, str) or not 1 <= len(id_tag) <= 20:
            raise ValueError("id_tag must be a text of 1 to 20 characters")
        chosen = tuple(connectors or ())
        for connector in chosen:
            self._outlet(connector)
        self._reader(reader).swipe(id_tag, chosen)

    def input(self, name: str, active: bool) -> None:
        """Press or release an input: `estop`, `door`, `mains`, or the label of a line."""
        behind = next((found for device in self._devices.values() if (found := device.plant_input(name)) is not None), name)
        self._bus.advance()
        self.plant.set_input(behind, flag(active))
        self._bus.poke()

    def device(self, device: str, online: bool = True, delay_s: float = 0.0, corrupt: bool = False) -> None:
        """Make a device fall silent, answer late or answer garbage; with the defaults it is well again."""
        self._device(device).misbehave(Health(flag(online), number(delay_s, 0.0, 3600.0), flag(corrupt)))

    def set(self, device: str, field: str, value: object) -> None:
        """Set a reading of a device: insulation, register, temperature, a welded contactor."""
        self._bus.advance()
        self._device(device).set_field(field, value)

    def power_loss(self) -> None:
        """Mains are gone; the input `mains`, made inactive, brings them back."""
        self.input("mains", True)

    # --- finding ----------------------------------------------------------------------------------------------------------------------

    def _outlet(self, connector: object) -> Outlet:
        if isinstance(connector, bool) or not isinstance(connector, int):
            raise ValueError(f"connector must be a number, not {connector!r}")  # noqa: TRY004 - one error for bad input
        return self.plant.outlet(connector)

    def _device(self, name: object) -> Steered:
        if not isinstance(name, str) or name not in self._devices:
            raise ValueError(f"there is no simulated device {name!r}; there are {', '.join(sorted(self._devices)) or 'none'}")
        return self._devices[name]

    def _reader(self, name: str | None) -> Steered:
        if name is not None:
            return self._device(name)
        readers = [device for device in self._devices.values() if device.is_reader]
        if len(readers) != 1:
            names = ", ".join(sorted(device.name for device in readers)) or "none"
            raise ValueError(f"say which reader: the station has {names}")
        return readers[0]
