"""What all drivers of CAN power modules are told by the configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from hal.types import Range


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleOptions:
    """Which modules are this connector's: either their `addresses`, or a `group` and how many `modules` it should have.

    cut_off_s: after how long without a controller a module surely is off; until then the share of a silent one is given to no other.
    time_to_live_s: a set-point that is not renewed for so long becomes off.
    """

    first_address: ClassVar[int] = 0
    has_groups: ClassVar[bool] = True  # False: the family's groups cannot be found out

    addresses: tuple[int, ...] = ()
    group: int | None = None
    modules: Annotated[int, Range(1, 60)] | None = None
    poll_s: Annotated[float, Range(0.02, 1.0, "s")] = 0.25
    refresh_s: Annotated[float, Range(0.05, 1.0, "s")] = 0.5
    silence_s: Annotated[float, Range(0.5, 10.0, "s")] = 2.5
    time_to_live_s: Annotated[float, Range(0.5, 10.0, "s")] = 2.0
    cut_off_s: Annotated[float, Range(1.0, 600.0, "s")] = 60.0

    def __post_init__(self) -> None:
        if self.group is None and self.modules is None:
            self._check_addresses()
        elif self.addresses:
            raise ValueError("give either addresses, or group and modules, not both")
        else:
            self._check_group()

    def _check_addresses(self) -> None:
        if not self.addresses or len(set(self.addresses)) != len(self.addresses):
            way = ", or give group and modules instead" if self.has_groups else ""
            raise ValueError(f"addresses needs at least one module address, each once{way}")

    def _check_group(self) -> None:
        if not self.has_groups:
            raise ValueError("the groups of these modules cannot be found out: give addresses instead of group and modules")
        if self.group is None or self.modules is None:
            raise ValueError("group and modules go together: the group's number, and how many modules it should have")

    @property
    def expected(self) -> int:
        """How many modules there should be."""
        return self.modules or len(self.addresses)
