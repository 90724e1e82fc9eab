"""What both yardstick stations say: as many keys as a station has, and the messages of a transaction."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

KEYS = {f"Key{number}": str(number) for number in range(1, 51)}
ID_TAG = "CARD1"
BOOT = {"chargePointVendor": "Example", "chargePointModel": "Yardstick"}


def now() -> str:
    """The time of a message."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def sampled(register_wh: int) -> list[dict[str, Any]]:
    """One meterValue with a register."""
    value = {"value": str(register_wh), "measurand": "Energy.Active.Import.Register", "unit": "Wh"}
    return [{"timestamp": now(), "sampledValue": [value]}]
