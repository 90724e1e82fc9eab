"""Lines by gpiozero: on a Raspberry Pi, and in memory.

The pin factory is constructed by name; gpiozero's own fallback through its factories ends in one that may drive nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import warnings
from collections.abc import Callable
from typing import Any

from gpiozero import GPIOZeroError, PinFactoryFallback

from hal.bus.gpio.backend import LineError
from hal.bus.gpio.options import FactoryName, LineOptions

_FACTORIES = {
    "mock": ("gpiozero.pins.mock", "MockFactory"),
    "native": ("gpiozero.pins.native", "NativeFactory"),
    "lgpio": ("gpiozero.pins.lgpio", "LGPIOFactory"),
}
_PULLS = {"up": "up", "down": "down", "none": "floating"}


class Pins:
    """One pin factory. Raises ImportError or LineError where it does not work on this machine."""

    def __init__(self, factory: FactoryName) -> None:
        module, name = _FACTORIES[factory]
        self.errors: tuple[type[Exception], ...] = (GPIOZeroError, OSError)
        if factory == "lgpio":  # whose errors are a family of their own
            self.errors = (*self.errors, importlib.import_module("lgpio").error)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", PinFactoryFallback)
                self._factory = getattr(importlib.import_module(module), name)()
        except (PinFactoryFallback, *self.errors) as error:
            raise LineError(str(error)) from error

    def claim(self, label: str, options: LineOptions, debounce_s: float) -> Pin:
        """Take a line. gpiozero debounces what it tells of edges, never what is read: that is left to the caller."""
        pin = self._factory.pin(options.number)
        if options.direction == "out":
            pin.output_with_state(int(options.active_low))
        else:
            pin.input_with_pull(_PULLS[options.pull])
        return Pin(pin, options, self.errors)


class Pin:
    """A line as gpiozero has it."""

    is_debounced = False

    def __init__(self, pin: Any, options: LineOptions, errors: tuple[type[Exception], ...]) -> None:
        self._pin = pin
        self._options = options
        self._errors = errors
        self._changed: Callable[[float, int], None] | None = None  # kept here: gpiozero holds it by a weak reference

    def read(self) -> bool:
        return bool(self._pin.state) != self._options.active_low

    def drive(self, is_active: bool) -> None:
        self._pin.state = int(is_active != self._options.active_low)

    def watch(self, moved: Callable[[], None]) -> bool:
        """Edges come from a thread of gpiozero's own."""
        loop = asyncio.get_running_loop()

        def changed(_ticks: float, _state: int) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(moved)

        try:
            self._pin.when_changed = changed
        except self._errors:
            return False
        self._changed = changed
        return True

    def release(self) -> None:
        if self._options.direction == "out":
            self.drive(False)
        else:
            self._pin.when_changed = self._changed = None
        self._pin.close()

    def simulate(self, is_active: bool) -> None:
        """Put a level on an input of the mock factory, as the world outside would."""
        if is_active != self._options.active_low:
            self._pin.drive_high()
        else:
            self._pin.drive_low()
