"""What must be true of a lane after its kills: nothing lost, nothing doubled, no energy that nobody allowed."""

from __future__ import annotations

import json
from typing import Any

from chargerd.csms.model import Transaction
from tests.support.journal_file import StoredTransaction
from tests.support.kill_lane import Fate, Lane

ENERGISED = ("cable-check", "precharge", "delivering")
TOLD = ("StartTransaction", "MeterValues", "StopTransaction")


def check_transactions(lane: Lane) -> None:
    """Journal and central system know the same transactions, each with the same start and the same end."""
    stored = {one.remote_id: one for one in lane.picture.transactions.values()}
    assert sorted(lane.station.transactions) == sorted(number for number in stored if number is not None)
    assert None not in stored, "a transaction on disk was never told"
    for number, told in lane.station.transactions.items():
        one = stored[number]
        check_transaction(one, told, lane.fates[one.local_id])
        samples = [fact for fact in lane.picture.owed if fact.kind == "MeterSampled" and fact.body["local_id"] == one.local_id]
        assert len(told.meter_values) == len(samples), f"{one}: MeterValues"


def check_transaction(stored: StoredTransaction, told: Transaction, fate: Fate) -> None:
    """One transaction, as the disk and as the central system has it; registers and times in order."""
    assert told.stop is not None, f"{stored} was never stopped"
    assert (told.connector, told.start["meterStart"]) == (stored.connector, stored.meter_start_wh)
    assert (told.stop["reason"], told.stop["meterStop"]) == (fate.reason, fate.meter_stop_wh), f"{stored}"
    values = [reading for payload in told.meter_values for reading in payload["meterValue"]]
    registers = [_energy_wh(reading) for reading in values]
    assert [told.start["meterStart"], *registers, told.stop["meterStop"]] == sorted(
        [told.start["meterStart"], *registers, told.stop["meterStop"]]
    )
    times = [told.start["timestamp"], *(reading["timestamp"] for reading in values), told.stop["timestamp"]]
    assert times == sorted(times), f"{stored}: times {times}"


def _energy_wh(reading: dict[str, Any]) -> int:
    (value,) = (one["value"] for one in reading["sampledValue"] if one["measurand"] == "Energy.Active.Import.Register")
    return int(value)


def check_wire(lane: Lane) -> None:
    """What went over the wire, repetitions aside, is what the disk owes, in its order; a repetition is the same text to the letter."""
    texts: dict[str, str] = {}
    actions: list[str] = []
    assert len(lane.station.trace) < (lane.station.trace.maxlen or 0)
    for message in lane.station.trace:
        frame = json.loads(message.text)
        if message.direction != "in" or frame[0] != 2 or frame[2] not in TOLD:
            continue
        if frame[1] not in texts:
            actions.append(frame[2])
        assert texts.setdefault(frame[1], message.text) == message.text, "a repetition under the same id differs"
    assert actions == [fact.message for fact in lane.picture.owed]


def check_energised_only_when_allowed(lane: Lane) -> None:
    """In each run of the process a connector gets energy only after an authorisation of that run: no session goes on after a kill."""
    granted: set[tuple[int, int]] = set()
    for fact in lane.picture.facts:
        if fact.kind == "AuthorizationGranted":
            granted.add((fact.boot, fact.connector))
        elif fact.kind == "PhaseChanged" and fact.body["phase"] in ENERGISED:
            assert (fact.boot, fact.connector) in granted, f"{fact} without an authorisation"
