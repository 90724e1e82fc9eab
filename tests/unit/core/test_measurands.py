"""Which measurands a sample holds, and from whom they come."""

from __future__ import annotations

import pytest

from chargerd.core.facts import Sample
from chargerd.core.metering import REGISTER, Offered, samples
from hal.types import EvRequest, MeterReading, ModuleTelemetry

METER = MeterReading(
    *(5000, 11_000.0, 231.0, 16.2),
    phase_voltages_v=(230.0, 231.0, 232.0),
    phase_currents_a=(15.8, 16.2, 16.0),
    export_wh=12,
    reactive_import_varh=34,
    reactive_export_varh=56,
    current_export_a=0.0,
    temperature_c=31.0,
)
DC = MeterReading(5000, 50_000.0, 400.0, 125.0)
OFFER = Offered(150.0, 60_000.0)


def taken(
    *measurands: str, meter: MeterReading | None = METER, ev: EvRequest = EvRequest(), supply: ModuleTelemetry | None = None
) -> dict[str, float]:
    found = samples(measurands, 5100, meter, ev, supply, OFFER)
    return {sample.measurand: sample.value for sample in found}


def test_each_phase_that_is_measured_is_told() -> None:
    """OCPP 1.6, 3.16.3: all measurable phases of a configured measurand."""
    told = {"Voltage.L1": 230.0, "Voltage.L2": 231.0, "Voltage.L3": 232.0}
    assert taken("Voltage") == told
    assert taken("Current.Import") == {"Current.Import.L1": 15.8, "Current.Import.L2": 16.2, "Current.Import.L3": 16.0}


def test_one_phase_can_be_asked_for_alone() -> None:
    """OCPP 1.6, 9.1.17: `Measurand.Phase`."""
    assert taken("Voltage.L2", "Current.Import.L3") == {"Voltage.L2": 231.0, "Current.Import.L3": 16.0}
    assert taken("Voltage.L2", meter=DC) == {}


def test_direct_current_has_no_phases() -> None:
    """One value each, in the order asked."""
    assert list(taken("Voltage", "Current.Import", "Power.Active.Import", REGISTER, meter=DC).items()) == [
        ("Voltage", 400.0),
        ("Current.Import", 125.0),
        ("Power.Active.Import", 50_000.0),
        (REGISTER, 5100),
    ]


@pytest.mark.parametrize(
    ("measurand", "value", "unit"),
    [
        ("Current.Export", 0.0, "A"),
        ("Energy.Active.Export.Register", 12, "Wh"),
        ("Energy.Reactive.Import.Register", 34, "varh"),
        ("Energy.Reactive.Export.Register", 56, "varh"),
        ("Temperature", 31.0, "Celcius"),
        ("Current.Offered", 150.0, "A"),
        ("Power.Offered", 60_000.0, "W"),
    ],
)
def test_what_certificates_declare_is_told_where_it_is_measured(measurand: str, value: float, unit: str) -> None:
    """The measurands of XCharge C6 and BSEC; `Celcius` as the first schema spells it (OCPP-J errata 2.1)."""
    assert samples((measurand,), 5100, METER, EvRequest(), None, OFFER) == (Sample(measurand, value, unit),)


@pytest.mark.parametrize("measurand", ["SoC", "Temperature", "Current.Export", "Energy.Active.Export.Register", "Frequency", "RPM"])
def test_what_nobody_measures_is_left_out(measurand: str) -> None:
    """Rules, section 8 (choice): SoC in plain AC, a meter without export; never invented."""
    assert taken(measurand, meter=DC) == {}
    assert taken(measurand, "Current.Offered", meter=None) == {"Current.Offered": 150.0}


def test_the_temperature_is_that_of_the_connector_where_it_is_measured() -> None:
    """Then that of the modules, then of the meter."""
    hot, warm = EvRequest(connector_temperature_c=55.0), ModuleTelemetry(temperature_c=48.0)
    assert taken("Temperature", ev=hot, supply=warm) == {"Temperature": 55.0}
    assert taken("Temperature", supply=warm) == {"Temperature": 48.0}
    assert taken("Temperature") == {"Temperature": 31.0}
