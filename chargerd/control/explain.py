"""A fault for a technician: what it means, what follows, and what to do."""

from __future__ import annotations

from typing import Any

from chargerd.control.ports import ControlServices
from chargerd.control.protocol import Code, RpcError
from chargerd.core.faults import ERROR_CODES, FAULTS
from chargerd.core.reactions import end, stop_reason
from hal.options import nearest


def explained(code: str, services: ControlServices) -> dict[str, Any]:
    """Everything the table says of a code, with the times of this station. Raises RpcError for a code that is not in it."""
    row = FAULTS.get(code)
    if code in ERROR_CODES:
        told = ", ".join(other for other, one in FAULTS.items() if one.error_code == code)
        raise RpcError(Code.INVALID_PARAMS, f"{code} is an OCPP error code; the faults that are told with it: {told or 'none'}")
    if row is None:
        raise RpcError(Code.INVALID_PARAMS, f"fault.explain: there is no fault {code!r}; {nearest(code, list(FAULTS))}")
    reason = stop_reason(code)
    return {
        "code": code,
        "error_code": row.error_code,
        "severity": row.severity.name.lower(),
        "on": row.on.value,
        "cause": row.cause,
        "detection": row.detection,
        "effect": [one.words() for one in services.reactions(code)],
        "stop_reason": reason.value if reason is not None else None,
        "ends": end(code),
        "remedy": row.remedy,
    }
