"""GPIO lines of one board by label, as logical values: 1 is active, whatever the voltage.

The pin factory is constructed by name; gpiozero's own fallback through its factories ends in one that may drive nothing.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from gpiozero import GPIOZeroError, PinFactoryFallback

from hal.errors import ConfigError, DeviceUnavailable
from hal.types import Range

FactoryName = Literal["mock", "native", "lgpio"]

_FACTORIES = {
    "mock": ("gpiozero.pins.mock", "MockFactory"),
    "native": ("gpiozero.pins.native", "NativeFactory"),
    "lgpio": ("gpiozero.pins.lgpio", "LGPIOFactory"),
}
_PULLS = {"up": "up", "down": "down", "none": "floating"}


@dataclass(frozen=True, slots=True, kw_only=True)
class LineOptions:
    """One line: BCM number, direction, polarity, pull resistor (inputs), and how long a change must last to count (inputs)."""

    number: Annotated[int, Range(0, 63)]
    direction: Literal["in", "out"]
    active_low: bool = False
    pull: Literal["up", "down", "none"] = "none"
    debounce_s: Annotated[float, Range(0.0, 1.0, "s")] = 0.0


class GpioLines:
    """The lines of one board; each is claimed by one user, driven or read by label, and released."""

    def __init__(self, name: str, factory: FactoryName, lines: Mapping[str, LineOptions]) -> None:
        self.name = name
        self._factory_name = factory
        self._lines = lines
        self._factory: Any = None
        self._errors: tuple[type[Exception], ...] = (GPIOZeroError, OSError)
        self._pins: dict[str, Any] = {}

    def line(self, label: str) -> LineOptions:
        """Options of a line; raises ConfigError for a label that is not there."""
        if label not in self._lines:
            raise ConfigError([f"{self.name}: no line {label!r}; there are {', '.join(sorted(self._lines)) or 'none'}"])
        return self._lines[label]

    def claim(self, label: str) -> None:
        """Take a line; an output starts inactive. Raises DeviceUnavailable, naming the line, when it is held or does not exist."""
        options = self.line(label)
        if label in self._pins:
            raise DeviceUnavailable(f"{self.name}: line {label} is already claimed")
        try:
            factory = self._open_factory()
            self._refuse_shared(label, options)
            pin = factory.pin(options.number)
            if options.direction == "out":
                pin.output_with_state(int(options.active_low))
            else:
                pin.input_with_pull(_PULLS[options.pull])
                pin.bounce = options.debounce_s or None
        except self._errors as error:
            raise DeviceUnavailable(f"{self.name}: line {label} (GPIO{options.number}) cannot be claimed: {error}") from error
        self._pins[label] = pin

    def release(self, label: str) -> None:
        """Give a line back, an output inactive; harmless when it is not claimed."""
        pin = self._pins.pop(label, None)
        if pin is None:
            return
        options = self._lines[label]
        try:
            if options.direction == "out":
                pin.state = int(options.active_low)
            pin.close()
        except self._errors as error:
            raise DeviceUnavailable(f"{self.name}: line {label} (GPIO{options.number}) cannot be released: {error}") from error

    def is_claimed(self, label: str) -> bool:
        """Somebody holds the line."""
        return label in self._pins

    def read(self, label: str) -> bool:
        """The line is active. Raises DeviceUnavailable when it cannot be read."""
        options, pin = self._lines[label], self._pin(label)
        try:
            return bool(pin.state) != options.active_low
        except self._errors as error:
            raise DeviceUnavailable(f"{self.name}: line {label} (GPIO{options.number}) cannot be read: {error}") from error

    def drive(self, label: str, is_active: bool) -> None:
        """Set an output. Raises DeviceUnavailable when it cannot be set."""
        options, pin = self._lines[label], self._pin(label)
        try:
            pin.state = int(is_active != options.active_low)
        except self._errors as error:
            raise DeviceUnavailable(f"{self.name}: line {label} (GPIO{options.number}) cannot be driven: {error}") from error

    def simulate(self, label: str, is_active: bool) -> None:
        """Put a level on a claimed input of the mock factory, as the world outside would."""
        pin = self._pin(label)
        if is_active != self._lines[label].active_low:
            pin.drive_high()
        else:
            pin.drive_low()

    def _pin(self, label: str) -> Any:
        if label not in self._pins:
            raise DeviceUnavailable(f"{self.name}: line {label} is not claimed")
        return self._pins[label]

    def _refuse_shared(self, label: str, options: LineOptions) -> None:
        for other in self._pins:
            if self._lines[other].number == options.number:
                raise DeviceUnavailable(f"{self.name}: line {label} (GPIO{options.number}) is already claimed as {other}")

    def _open_factory(self) -> Any:
        if self._factory is None:
            module_name, class_name = _FACTORIES[self._factory_name]
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("error", PinFactoryFallback)
                    module = importlib.import_module(module_name)
                    if self._factory_name == "lgpio":  # whose errors are a family of their own
                        self._errors = (*self._errors, importlib.import_module("lgpio").error)
                    self._factory = getattr(module, class_name)()
            except (ImportError, PinFactoryFallback) as error:
                raise DeviceUnavailable(f"{self.name}: GPIO by {self._factory_name} is not possible here: {error}") from error
        return self._factory
