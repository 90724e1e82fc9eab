"""The conversation of a whole station with its central system, in virtual time: what goes over the wire, and in which order."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from chargerd.app.shipped import shipped
from chargerd.core.facts import ConnectorStatus, MeterSampled, Phase, StatusChanged
from chargerd.core.ids import ConnectorId
from chargerd.csms.policy import Misbehaviour, Policy, Twist
from chargerd.ocpp.iso_time import parse_time
from chargerd.ocpp.v16.transitions import is_allowed
from tests.support.station_bench import Bench, bench, virtual

# --- statuses -------------------------------------------------------------------------------------------------------------------------


async def at_random(station: Bench, chance: random.Random, deeds: int) -> None:
    """Whatever drivers, technicians, the weather and the central system may do, without waiting for one another."""
    central, identity = station.stage.central, station.stage.identity

    def somewhere() -> int:
        return chance.choice((1, 2))

    def availability() -> dict[str, Any]:
        return {"connectorId": chance.choice((0, 1, 2)), "type": chance.choice(("Operative",) * 4 + ("Inoperative",))}

    choices: list[Callable[[], Any]] = [
        lambda: station.do("plug_in", connector=somewhere()),
        lambda: station.do("plug_out", connector=somewhere()),
        lambda: station.do("swipe", id_tag=chance.choice(("A", "B")), connectors=[1, 2]),
        lambda: station.do("ev_pause", connector=somewhere()),
        lambda: station.do("ev_resume", connector=somewhere()),
        lambda: station.do("input", name="door", active=chance.random() < 0.2),
        lambda: station.do("fault", connector=chance.choice((0, 1, 2)), error_code="HighTemperature", vendor_error_code="hot"),
        lambda: station.do("clear_fault", connector=chance.choice((0, 1, 2)), error_code="HighTemperature", vendor_error_code="hot"),
        lambda: central.call(identity, "ChangeAvailability", availability()),
        lambda: central.call(identity, "RemoteStartTransaction", {"idTag": "C", "connectorId": somewhere()}),
    ]
    for _ in range(deeds):
        with suppress(ValueError):  # nothing to unplug, no fault to clear
            await chance.choice(choices)()
        await asyncio.sleep(chance.choice((0.0, 0.1, 1.0, 5.0, 30.0)))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("latency_s", [0.0, 4.0], ids=["prompt", "slow"])
def test_statuses_on_the_wire_follow_the_table(seed: int, latency_s: float, tmp_path: Path) -> None:
    """OCPP 1.6, 4.9 and errata 3.19: each change is told, in its order, with its own time, and none leaves the table of transitions."""
    slow = (Misbehaviour(action="StatusNotification", twist=Twist.LATE, delay_s=latency_s),) if latency_s else ()

    async def main() -> None:
        async with bench(tmp_path, Policy(misbehaviours=slow)) as station:
            await asyncio.sleep(60)
            first = len(station.calls("StatusNotification"))
            facts = len(station.stage.facts)
            await at_random(station, random.Random(seed), deeds=120)
            await station.stage.daemon.reactor.committed()
            await asyncio.sleep(600)
            told = station.calls("StatusNotification")[first:]
            changes = [one for one in station.stage.facts[facts:] if isinstance(one.fact, StatusChanged)]
            assert len(changes) > 20
            assert [(payload["connectorId"], payload["status"], payload["errorCode"]) for _, _, payload, _ in told] == [
                (one.fact.connector, one.fact.status.value, one.fact.error_code) for one in changes
            ]
            times = [parse_time(payload["timestamp"]) for _, _, payload, _ in told]
            assert times == pytest.approx([one.utc_s for one in changes], abs=0.002)
            ways: dict[ConnectorId, list[ConnectorStatus]] = defaultdict(lambda: [ConnectorStatus.AVAILABLE])
            for _, _, payload, _ in told:
                ways[payload["connectorId"]].append(ConnectorStatus(payload["status"]))
            assert all(is_allowed(*step) for way in ways.values() for step in itertools.pairwise(way))

    virtual(main())


def test_what_happened_offline_is_told_as_it_is_now(tmp_path: Path) -> None:
    """libocpp#1130: nothing of a session that came and went offline; of one that runs, where it stands now."""

    async def main() -> None:
        async with bench(tmp_path, AllowOfflineTxForUnknownId="true") as station:
            await station.link("down")
            await station.begin(1)
            await station.end(1)
            await station.begin(2)
            await station.stage.daemon.reactor.committed()  # what is not on disk yet is told later, as a change
            before = len(station.calls("StatusNotification"))
            await station.link("up")
            await asyncio.sleep(30)
            ((_, _, payload, at_utc_s),) = station.calls("StatusNotification")[before:]
            assert (payload["connectorId"], payload["status"]) == (2, "Charging")
            assert parse_time(payload["timestamp"]) == pytest.approx(at_utc_s, abs=0.1)

    virtual(main())


# --- messages -------------------------------------------------------------------------------------------------------------------------


def test_message_ids_are_used_once(tmp_path: Path) -> None:
    """OCPP-J errata 3.1: over connections and restarts no id comes twice, unless the same message is sent again; none is too long."""

    async def main() -> None:
        async with bench(tmp_path, AllowOfflineTxForUnknownId="true") as station:
            await station.begin()
            await asyncio.sleep(20)
            await station.stage.power_cut()
            await station.accepted()
            await station.do("plug_out", connector=1)
            await station.link("down")
            await station.begin()
            await station.end()
            await station.link("up")
            await station.settled()
            seen: dict[str, tuple[str, Any]] = {}
            for message_id, action, payload, _ in station.calls():
                assert 0 < len(message_id) <= 36
                assert seen.setdefault(message_id, (action, payload)) == (action, payload)
            assert len(seen) > 20

    virtual(main())


def test_hundreds_of_messages_are_told(tmp_path: Path) -> None:
    """ocpp-rpc#69, open-ocpp#174: a long queue is told to its end, in order, nothing lost on the way."""

    async def main() -> None:
        async with bench(tmp_path, AllowOfflineTxForUnknownId="true", MeterValueSampleInterval=1) as station:
            await station.link("down")
            await station.begin()
            await asyncio.sleep(500)
            await station.end()
            await station.link("up")
            await station.settled()
            (transaction,) = station.central.transactions.values()
            sampled = [one for one in station.kinds(MeterSampled) if one.values]
            assert len(transaction.meter_values) == len(sampled) > 490
            times = [parse_time(one["meterValue"][0]["timestamp"]) for one in transaction.meter_values]  # type: ignore[index]
            assert times == sorted(times)
            assert transaction.stop is not None

    virtual(main())


def order(station: Bench, begin: int) -> list[str]:
    """The frames of the station from one place of the trace on: answers as `answer`, requests by action and status."""
    found = []
    for message in list(station.central.trace)[begin:]:
        frame = json.loads(message.text)
        if message.direction == "in":
            found.append("answer" if frame[0] == 3 else " ".join(filter(None, (frame[2], frame[3].get("status")))))
    return found


@pytest.mark.parametrize(
    ("action", "payload", "after"),
    [
        ("ChangeAvailability", {"connectorId": 1, "type": "Inoperative"}, "StatusNotification Unavailable"),
        ("RemoteStartTransaction", {"connectorId": 1, "idTag": "A"}, "StatusNotification Preparing"),
        ("Reset", {"type": "Soft"}, "BootNotification"),
        ("Reset", {"type": "Hard"}, "BootNotification"),
    ],
)
def test_answer_goes_before_what_it_brings_about(action: str, payload: dict[str, Any], after: str, tmp_path: Path) -> None:
    """The central system hears that something will be done before it hears that it was."""

    async def main() -> None:
        async with bench(tmp_path) as station:
            await asyncio.sleep(10)
            begin = len(station.central.trace)
            await station.stage.central.call(station.stage.identity, action, payload)
            await asyncio.sleep(30)
            heard = order(station, begin)
            assert heard[0] == "answer"
            assert heard[1] == after

    virtual(main())


@pytest.mark.parametrize("kind", ["Soft", "Hard"])
def test_reset_in_a_transaction_is_answered_first(kind: str, tmp_path: Path) -> None:
    """Then the transaction ends, with the reason of the reset, and the station boots."""

    async def main() -> None:
        async with bench(tmp_path) as station:
            await station.begin()
            await asyncio.sleep(10)
            begin = len(station.central.trace)
            await station.stage.central.call(station.stage.identity, "Reset", {"type": kind})
            await station.until(lambda: station.central.received["BootNotification"] == 2)
            await station.settled()
            heard = order(station, begin)
            assert heard[0] == "answer"
            assert heard.count("StopTransaction") == 1
            (transaction,) = station.central.transactions.values()
            assert transaction.stop is not None
            assert transaction.stop["reason"] == f"{kind}Reset"

    virtual(main())


def test_unlock_in_a_transaction_is_answered_first(tmp_path: Path) -> None:
    """TC_018_1, on a socket: Unlocked, and only then StopTransaction with UnlockCommand and Finishing."""

    async def main() -> None:
        async with bench(tmp_path, station=shipped("demo-ac.yaml")) as station:
            await station.do("plug_in", connector=1)
            await station.until(lambda: station.view(1).phase is Phase.WAIT_AUTH)
            await station.do("swipe", id_tag="A", connectors=[1])
            await station.until(lambda: station.view(1).phase is Phase.DELIVERING)
            await asyncio.sleep(10)
            begin = len(station.central.trace)
            answer = await station.stage.central.call(station.stage.identity, "UnlockConnector", {"connectorId": 1})
            await asyncio.sleep(10)
            heard = order(station, begin)
            assert answer == {"status": "Unlocked"}
            assert heard[0] == "answer"
            assert set(heard[1:3]) == {"StopTransaction", "StatusNotification Finishing"}
            (transaction,) = station.central.transactions.values()
            assert transaction.stop is not None
            assert transaction.stop["reason"] == "UnlockCommand"

    virtual(main())


# --- the boot -------------------------------------------------------------------------------------------------------------------------


def test_interval_of_the_boot_is_kept(tmp_path: Path) -> None:
    """It becomes HeartbeatInterval, is shown, and outlives a power cut; interval 0 leaves it as it is."""

    async def shown(station: Bench) -> object:
        answer = await station.stage.central.call(station.stage.identity, "GetConfiguration", {"key": ["HeartbeatInterval"]})
        return answer["configurationKey"]

    async def main() -> None:
        async with bench(tmp_path, Policy(interval_s=77)) as station:
            expected = [{"key": "HeartbeatInterval", "readonly": False, "value": "77"}]
            assert await shown(station) == expected
            station.stage.central.policy = Policy(interval_s=0)
            await station.stage.power_cut()
            await station.accepted()
            assert await shown(station) == expected

    virtual(main())


def test_heartbeats_of_an_idle_station(tmp_path: Path) -> None:
    """At the interval since the last message, and nothing else is said."""

    async def main() -> None:
        async with bench(tmp_path, Policy(interval_s=100)) as station:
            begin = len(station.central.trace)
            await asyncio.sleep(1000)
            beats = station.calls("Heartbeat")
            assert set(order(station, begin)) == {"Heartbeat"}
            gaps = [later[3] - earlier[3] for earlier, later in itertools.pairwise(beats)]
            assert len(gaps) >= 8
            assert gaps == pytest.approx([100.0] * len(gaps), abs=0.1)

    virtual(main())
