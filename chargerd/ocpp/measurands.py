"""What a station says it measures, in the names of OCPP 1.6 (7.31 Measurand, 7.37 Phase)."""

from __future__ import annotations

from collections.abc import Sequence

from chargerd.core.metering import PHASES, REGISTER
from chargerd.core.settings import ConnectorSettings

MEASURANDS = (
    "Current.Export",
    "Current.Import",
    "Current.Offered",
    "Energy.Active.Export.Interval",
    "Energy.Active.Export.Register",
    "Energy.Active.Import.Interval",
    REGISTER,
    "Energy.Reactive.Export.Interval",
    "Energy.Reactive.Export.Register",
    "Energy.Reactive.Import.Interval",
    "Energy.Reactive.Import.Register",
    "Frequency",
    "Power.Active.Export",
    "Power.Active.Import",
    "Power.Factor",
    "Power.Offered",
    "Power.Reactive.Export",
    "Power.Reactive.Import",
    "RPM",
    "SoC",
    "Temperature",
    "Voltage",
)

_MEASURED = (REGISTER, "Power.Active.Import", "Current.Import", "Voltage", "Current.Offered", "Power.Offered")
_MEASURED_IN_DC = ("SoC", "Temperature")  # by the vehicle's controller and the power modules
_OF_ONE_PHASE = ("Current.Import", "Voltage")


def measured(connectors: Sequence[ConnectorSettings]) -> tuple[str, ...]:
    """What a station of such connectors measures by itself, where its configuration declares nothing else."""
    is_dc = any(not connector.kind.is_ac for connector in connectors)
    return _MEASURED + (_MEASURED_IN_DC if is_dc else ())


def with_phases(measurands: Sequence[str]) -> list[str]:
    """The measurands, and each that is measured on every phase once more for each phase, such as `Voltage.L1` (OCPP 1.6, 9.1.17)."""
    return [*measurands, *(f"{name}.{phase}" for name in measurands if name in _OF_ONE_PHASE for phase in PHASES)]
