"""The error tree of the hardware side. Each message starts with the device's configured name."""

from __future__ import annotations


class HalError(Exception):
    """Base of everything a device or its bus may raise on purpose."""


class DeviceUnavailable(HalError):
    """The device or its bus does not answer, or cannot be opened."""


class DeviceFault(HalError):
    """The device answers and says that it cannot work."""


class WireError(HalError):
    """What came over the wire does not follow the protocol."""


class ConfigError(HalError):
    """Configuration that cannot work; `problems` holds one `file:line: message` each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
