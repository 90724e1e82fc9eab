"""Charging profiles as cases set them, and composite schedules as they look at them. Pure.

Figures are those of the tool's document: amperes, or thousands of watts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, cast

from chargerd.bench.verdict import require
from chargerd.ocpp.iso_time import parse_time, render_time
from chargerd.ocpp.rpc import Payload

MAXIMUM, DEFAULT, OF_TRANSACTION = "ChargePointMaxProfile", "TxDefaultProfile", "TxProfile"
ABSOLUTE, RELATIVE = "Absolute", "Relative"

VALID_S = 86_400
"""So long a profile is valid."""

START_TOLERANCE_S = 1.0
"""Of a period: its start is told in whole seconds."""

LIMIT_TOLERANCE = 0.1
"""Of a limit, which has one decimal place (OCPP 1.6, 7.14)."""

PER_FIGURE = {"A": 1, "W": 1000}

Steps = Sequence[tuple[float, float]]
"""From when on, in seconds, and how much; in their order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A charging profile. `steps`: figures, by the time since the schedule began. A relative one begins with its transaction."""

    number: int
    purpose: str
    steps: Steps
    duration_s: int | None
    level: int = 0
    kind: str = ABSOLUTE
    transaction: int | None = None

    def payload(self, unit: str, began_utc_s: float) -> Payload:
        """As it is sent. numberPhases is left out: three (OCPP 1.6, 7.14)."""
        schedule: dict[str, object] = {"chargingRateUnit": unit, "chargingSchedulePeriod": _periods(self.steps, unit)}
        if self.duration_s is not None:
            schedule["duration"] = self.duration_s
        if self.kind == ABSOLUTE:
            schedule["startSchedule"] = render_time(began_utc_s)
        profile: dict[str, object] = {
            "chargingProfileId": self.number,
            "stackLevel": self.level,
            "chargingProfilePurpose": self.purpose,
            "chargingProfileKind": self.kind,
            "validFrom": render_time(began_utc_s),
            "validTo": render_time(began_utc_s + VALID_S),
            "chargingSchedule": schedule,
        }
        return profile if self.transaction is None else {**profile, "transactionId": self.transaction}


def _periods(steps: Steps, unit: str) -> list[Payload]:
    return [{"startPeriod": at_s, "limit": figure * PER_FIGURE[unit]} for at_s, figure in steps]


@dataclass(frozen=True, slots=True)
class Composite:
    """A composite schedule. `steps`: limits in its unit, by the time since it begins; no two neighbours with the same."""

    start_utc_s: float
    unit: str
    steps: Steps

    @staticmethod
    def of(answer: Payload, connector: int, duration_s: int, unit: str) -> Composite:
        """What was answered for this connector, time and unit. Raises CaseFailedError when it is for something else."""
        schedule = cast("dict[str, Any]", answer.get("chargingSchedule", {}))
        asked = {"connectorId": connector, "duration": duration_s, "chargingRateUnit": unit}
        told = {"connectorId": answer.get("connectorId"), **{name: schedule.get(name) for name in ("duration", "chargingRateUnit")}}
        require(told == asked, f"a composite schedule for {told}, not for {asked}")
        require("scheduleStart" in answer, "a composite schedule without scheduleStart")
        start_utc_s = parse_time(cast("str", answer["scheduleStart"]))
        steps = [(float(one["startPeriod"]), float(one["limit"])) for one in schedule["chargingSchedulePeriod"]]
        require(bool(steps) and steps[0][0] == 0, f"the first period does not begin with the schedule: {steps}")
        return Composite(start_utc_s, unit, _joined(steps))

    def check(self, figures: Steps, began_utc_s: float) -> None:
        """It is what these figures come to, which are told by the time since their schedules began. Raises CaseFailedError when not."""
        since_s = self.start_utc_s - began_utc_s
        wanted = [(max(0.0, at_s - since_s), figure * PER_FIGURE[self.unit]) for at_s, figure in figures]
        is_same = all(one is not None and other is not None and _are_alike(one, other) for one, other in zip_longest(self.steps, wanted))
        require(is_same, f"the composite schedule is {_words(self.steps, self.unit)}, not {_words(wanted, self.unit)}")


def _joined(steps: Steps) -> Steps:
    return [step for place, step in enumerate(steps) if place == 0 or step[1] != steps[place - 1][1]]


def _are_alike(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return abs(one[0] - other[0]) <= START_TOLERANCE_S and abs(one[1] - other[1]) <= LIMIT_TOLERANCE


def _words(steps: Steps, unit: str) -> str:
    return ", ".join(f"{limit:g} {unit} from {at_s:.1f} s" for at_s, limit in steps)
