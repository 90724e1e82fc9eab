"""A vehicle that loses no time: tests in real time need not wait for what they do not look at."""

from __future__ import annotations

HANDSHAKE_S: dict[str, float] = {
    "handshake_s": 0.3,
    "authorization_s": 0.1,
    "parameters_s": 0.2,
    "cable_check_s": 0.2,
    "precharge_s": 0.1,
    "ready_s": 0.1,
    "stopping_s": 0.1,
    "welding_detection_s": 0.2,
}
