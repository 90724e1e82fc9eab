"""The faults that are up in one place: a connector, or the station as a whole."""

from __future__ import annotations

from dataclasses import dataclass

from chargerd.core.facts import Fact, FaultCleared, FaultRaised
from chargerd.core.faults import ERROR_CODES, FAULTS, UNKNOWN_ROW, FaultRow, Severity
from chargerd.core.ids import ConnectorId
from chargerd.core.view import FaultView


@dataclass(slots=True)
class _Active:
    row: FaultRow
    error_code: str
    info: str
    is_present: bool  # the condition itself; False with a latching row: waits for the technician


class FaultSet:
    """See the module. What changes the set gives the facts that tell of it."""

    def __init__(self, connector: ConnectorId) -> None:
        self._connector = connector
        self._active: dict[str, _Active] = {}

    # --- changes --------------------------------------------------------------------------------------------------------------

    def raise_(self, code: str, info: str = "", error_code: str | None = None, *, is_present: bool = True) -> list[Fact]:
        """Put a fault up, once. is_present: somebody will tell when its cause has gone; else it stays until it is cleared."""
        known = self._active.get(code)
        if known is not None:
            known.is_present |= is_present
            return []
        row = FAULTS.get(code, UNKNOWN_ROW)
        self._active[code] = _Active(row, error_code or row.error_code, info, is_present)
        return [FaultRaised(self._connector, code, error_code or row.error_code, info, row.is_latching)]

    def restore(self, fault: FaultRaised, *, is_present: bool) -> None:
        """A latched fault from before a restart is up again; nothing new has happened. One that latches no more is forgotten."""
        row = FAULTS.get(fault.code, UNKNOWN_ROW)
        if row.is_latching or row is UNKNOWN_ROW:
            error_code = fault.error_code if fault.error_code in ERROR_CODES else row.error_code
            self._active[fault.code] = _Active(row, error_code, fault.info, is_present)

    def condition_over(self, code: str) -> list[Fact]:
        """The condition is gone: a latching fault stays up, another one ends."""
        active = self._active.get(code)
        if active is None:
            return []
        active.is_present = False
        return [] if active.row.is_latching else self._end(code)

    def why_not_clear(self, code: str) -> str:
        """Why a technician cannot clear a fault, or an empty text.

        What ends with its cause, or stays until then, cannot be wished away: a device that is silent still is.
        """
        active = self._active.get(code)
        if active is None:
            return f"no fault {code!r} is up here"
        if active.is_present and not active.row.clears_on_unplug:
            return f"{code!r} is still there: {active.row.remedy}"
        return ""

    def clear(self, code: str) -> list[Fact]:
        """The technician clears a fault, for which `why_not_clear` has no reason against."""
        return self._end(code)

    def unplugged(self) -> list[Fact]:
        """The vehicle has left: the faults that were its own end."""
        gone = [code for code, active in self._active.items() if active.row.clears_on_unplug]
        return [fact for code in gone for fact in self._end(code)]

    def _end(self, code: str) -> list[Fact]:
        return [FaultCleared(self._connector, code, self._active.pop(code).row.is_latching)]

    # --- what is up -------------------------------------------------------------------------------------------------------------

    def worst(self) -> Severity | None:
        """The highest severity that is up."""
        if not self._active:  # nearly always, and asked several times an event
            return None
        return max((active.row.severity for active in self._active.values()), default=None)

    def first_at(self, severity: Severity) -> tuple[str, FaultRow] | None:
        """The oldest fault of at least this severity."""
        return next(((code, active.row) for code, active in self._active.items() if active.row.severity >= severity), None)

    def has_cause(self) -> bool:
        """Whether something that stops is up by itself, not only what another fault has led to."""
        return any(active.row.severity >= Severity.STOP and not active.row.is_consequence for active in self._active.values())

    def has(self, code: str) -> bool:
        """Whether this fault is up."""
        return code in self._active

    def holds_plug(self) -> bool:
        """Whether a plug may be live."""
        return any(active.row.holds_plug for active in self._active.values())

    def error_code(self) -> tuple[str, str, str]:
        """OCPP error code, vendor code and text of the worst fault; NoError and empty texts when nothing is up."""
        if not self._active:
            return ("NoError", "", "")
        code, active = max(self._active.items(), key=lambda item: (item[1].row.severity, not item[1].row.is_consequence))
        return (active.error_code, code, active.info or active.row.cause)

    def views(self) -> tuple[FaultView, ...]:
        """For people."""
        return tuple(
            FaultView(code, active.error_code, active.info or active.row.cause, active.row.is_latching)
            for code, active in self._active.items()
        )
