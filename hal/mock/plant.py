"""The simulated physical world: outlets with their vehicles, one mains supply, the station's inputs. Deterministic, without a clock."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TypeVar

from hal.mock.battery import Vehicle
from hal.mock.dc_outlet import DcOutlet
from hal.mock.outlet import Outlet

AnOutlet = TypeVar("AnOutlet", bound=Outlet)


class Activity(Enum):
    """How closely the plant must be followed."""

    IDLE = "idle"  # nothing changes before somebody acts
    SETTLED = "settled"  # something slow goes on, such as charging
    MOVING = "moving"


class Plant:
    """All outlets of a station, each by `make`, numbered from 1. `speed`: simulated seconds per second of the caller's time."""

    def __init__(self, outlets: int, make: Callable[[], Outlet] = DcOutlet, *, speed: float = 1.0) -> None:
        self._speed = speed
        self._at_mono_s: float | None = None
        self._outlets = {number: make() for number in range(1, outlets + 1)}
        self._inputs = {"estop": False, "door": False, "mains": False}

    @property
    def connectors(self) -> tuple[int, ...]:
        """The numbers of the outlets."""
        return tuple(self._outlets)

    def outlet(self, connector: int) -> Outlet:
        """One outlet. Raises ValueError for a connector that does not exist."""
        try:
            return self._outlets[connector]
        except KeyError:
            raise ValueError(f"there is no connector {connector}; the simulated plant has {len(self._outlets)}") from None

    def outlet_of(self, connector: int, kind: type[AnOutlet]) -> AnOutlet:
        """One outlet that has to be of this kind. Raises ValueError where it is not."""
        outlet = self.outlet(connector)
        if not isinstance(outlet, kind):
            raise ValueError(f"outlet {connector} of the simulated plant gives {outlet.kind}, not {kind.kind}")  # noqa: TRY004 - the caller's choice, not a bug
        return outlet

    def adopt(self, before: Plant) -> None:
        """Go on where another plant of the same station stopped; from then on nobody drives its contactors and modules."""
        self._at_mono_s = before._at_mono_s
        self._inputs |= before._inputs
        for number, outlet in self._outlets.items():
            outlet.adopt(before.outlet(number))
            self._interlock(outlet)

    def plug_in(self, connector: int, vehicle: Vehicle) -> None:
        """Hang a vehicle on a cable. Raises ValueError where one hangs already."""
        outlet = self.outlet(connector)
        if outlet.car is not None:
            raise ValueError(f"a vehicle is already plugged in at connector {connector}; take it away with sim.plug_out first")
        outlet.plug_in(vehicle)

    def plug_out(self, connector: int) -> None:
        """Take a vehicle away. Raises ValueError where there is nothing to pull, or it is held."""
        outlet = self.outlet(connector)
        if not outlet.has_plug:
            raise ValueError(f"no vehicle is plugged in at connector {connector}")
        outlet.plug_out()

    # --- inputs -----------------------------------------------------------------------------------------------------------------------

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the station's inputs."""
        return tuple(self._inputs)

    def add_input(self, name: str) -> None:
        """Let the station have one more input."""
        self._inputs.setdefault(name, False)

    def is_active(self, name: str) -> bool:
        """State of an input: pressed, open, lost."""
        return self._inputs[name]

    def set_input(self, name: str, active: bool) -> None:
        """Press or release, open or close. `estop` and `door` also open the coil supply, as the hard wiring does; `mains`: lost."""
        if name not in self._inputs:
            raise ValueError(f"the station has no input {name!r}; it has {', '.join(self._inputs)}")
        self._inputs[name] = active
        for outlet in self._outlets.values():
            self._interlock(outlet)

    def _interlock(self, outlet: Outlet) -> None:
        outlet.is_interlock_open = self._inputs["estop"] or self._inputs["door"]
        outlet.is_mains_lost = self._inputs["mains"]

    # --- time -------------------------------------------------------------------------------------------------------------------------

    @property
    def activity(self) -> Activity:
        """How closely the plant must be followed now."""
        if any(outlet.is_moving for outlet in self._outlets.values()):
            return Activity.MOVING
        return Activity.IDLE if all(outlet.is_idle for outlet in self._outlets.values()) else Activity.SETTLED

    def advance(self, mono_s: float) -> None:
        """Live on until this moment of the caller's monotonic clock; the first call only sets the clock."""
        if self._at_mono_s is None:
            self._at_mono_s = mono_s
        passed_s = mono_s - self._at_mono_s
        if passed_s <= 0.0:
            return
        self._at_mono_s = mono_s
        for outlet in self._outlets.values():
            outlet.advance(passed_s * self._speed, self._speed)
