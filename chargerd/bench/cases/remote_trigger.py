"""Remote Trigger.

Numbers and names are those of the OCTT 1.6 test case document (OCA); the wording is ours.
"""

from __future__ import annotations

from functools import partial

from chargerd.bench import case as cases
from chargerd.bench.kpi import Kpi
from chargerd.bench.metering import check_measurands
from chargerd.bench.parameters import CONNECTOR
from chargerd.bench.patterns import Pattern, diagnostics_status, firmware_status, heartbeat, meter_values, status
from chargerd.bench.product import TRIGGERS
from chargerd.bench.stream import Heard
from chargerd.bench.verdict import require
from chargerd.bench.workbench import CALLERROR, Answer, Workbench

case = partial(cases.case, profile="RemoteTrigger")


@case("TC_054_CS", "Trigger message", TRIGGERS)
async def tc_054(bench: Workbench) -> None:
    """Each message that is triggered comes once, after the answer, and tells what is so at the moment."""
    await bench.configure("ClockAlignedDataInterval", 0)
    sample = await _triggered(bench, meter_values(None), connectorId=CONNECTOR)
    check_measurands(sample, "Trigger", (await bench.read_keys())["MeterValuesSampledData"].value)
    await _triggered(bench, heartbeat())
    await _triggered(bench, status("Available"), connectorId=CONNECTOR)
    await _triggered(bench, diagnostics_status("Idle"))
    sent_s, told = bench.now_s, firmware_status("Idle")
    if (await _trigger(bench, told.action, "Accepted", "NotImplemented")).status == "Accepted":
        await _said(bench, told, sent_s)


async def _triggered(bench: Workbench, wanted: Pattern, **fields: object) -> Heard:
    """The station says this message because it is told to."""
    sent_s = bench.now_s
    await _trigger(bench, wanted.action, **fields)
    return await _said(bench, wanted, sent_s)


async def _trigger(bench: Workbench, message: str, *allowed: str, **fields: object) -> Answer:
    bench.attend_to(message)
    return await bench.order("TriggerMessage", {"requestedMessage": message, **fields}, *allowed)


async def _said(bench: Workbench, wanted: Pattern, sent_s: float) -> Heard:
    """The message to a trigger that was sent at this time, and just answered."""
    answered = bench.record.answered
    heard = await bench.expect(wanted)
    require(heard.answered >= answered, f"{wanted.action} came before the answer to its trigger")
    bench.measured.add(Kpi.OCPP_TRIGGERED_FUNCTION, heard.at_s - sent_s)
    return heard


@case("TC_055_CS", "Trigger message, rejected", TRIGGERS)
async def tc_055(bench: Workbench) -> None:
    """What is triggered of a connector that there is not is refused, and nothing comes."""
    await bench.configure("ClockAlignedDataInterval", 0)
    await _trigger(bench, "MeterValues", "Rejected", CALLERROR, connectorId=len(bench.connectors) + 1)
    await bench.expect_nothing()
