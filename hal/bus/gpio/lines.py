"""GPIO lines of one board by label: each is claimed by one user, driven or read, and released."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from hal.bus.gpio.backend import Backend, Line, LineError
from hal.bus.gpio.options import FactoryName, LineOptions
from hal.errors import DeviceUnavailable

if TYPE_CHECKING:
    from hal.bus.gpio.pins import Pin


class GpioLines:
    """See the module. Every method raises DeviceUnavailable, with the board's and the line's name, for what the hardware refuses."""

    def __init__(self, name: str, factory: FactoryName, lines: Mapping[str, LineOptions], chip: str | None = None) -> None:
        self.name = name
        self._factory = factory
        self._options = lines
        self._chip = chip
        self._backend: Backend | None = None
        self._claimed: dict[str, Line] = {}

    def claim(self, label: str, debounce_s: float = 0.0) -> bool:
        """Take a line; an output starts inactive. Returns whether the kernel debounces an input: where it cannot, somebody else has to."""
        if label in self._claimed:
            raise DeviceUnavailable(f"{self.name}: line {label} is already claimed")
        backend = self._open()
        with self._naming(label, "claimed"):
            line = self._claimed[label] = backend.claim(label, self._options[label], debounce_s)
        return line.is_debounced

    def release(self, label: str) -> None:
        """Give a line back, an output inactive; harmless when it is not claimed."""
        line = self._claimed.pop(label, None)
        if line is not None:
            with self._naming(label, "released"):
                line.release()

    def is_claimed(self, label: str) -> bool:
        """Somebody holds the line."""
        return label in self._claimed

    def read(self, label: str) -> bool:
        """The line is active."""
        line = self._held(label)
        with self._naming(label, "read"):
            return line.read()

    def drive(self, label: str, is_active: bool) -> None:
        """Set an output."""
        line = self._held(label)
        with self._naming(label, "driven"):
            line.drive(is_active)

    def watch(self, label: str, moved: Callable[[], None]) -> bool:
        """Have `moved` called when an input may have moved, until it is released. False: it cannot tell, it has to be read."""
        line = self._held(label)
        with self._naming(label, "watched"):
            return line.watch(moved)

    def simulate(self, label: str, is_active: bool) -> None:
        """Put a level on a claimed input of the mock factory, as the world outside would."""
        cast("Pin", self._held(label)).simulate(is_active)

    def _held(self, label: str) -> Line:
        if label not in self._claimed:
            raise DeviceUnavailable(f"{self.name}: line {label} is not claimed")
        return self._claimed[label]

    @contextmanager
    def _naming(self, label: str, deed: str) -> Iterator[None]:
        try:
            yield
        except self._open().errors as error:
            raise DeviceUnavailable(f"{self.name}: line {label} ({self._options[label].words}) cannot be {deed}: {error}") from error

    def _open(self) -> Backend:
        if self._backend is None:
            try:
                self._backend = self._made()
            except (ImportError, LineError) as error:
                raise DeviceUnavailable(f"{self.name}: GPIO by {self._factory} is not possible here: {error}") from error
        return self._backend

    def _made(self) -> Backend:
        """Only the library that is used is imported."""
        if self._factory == "gpiod":
            from hal.bus.gpio.chips import Chips

            return Chips(self._chip)
        from hal.bus.gpio.pins import Pins

        return Pins(self._factory)
