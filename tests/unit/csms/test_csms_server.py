from __future__ import annotations

import asyncio
import base64
import json
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from csms_station import BOOT, TinyStation, start, stop
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from chargerd.csms.connection import OperationError
from chargerd.csms.operations import perform
from chargerd.csms.policy import Misbehaviour, Policy, Twist
from chargerd.csms.serve import serve
from chargerd.csms.server import CentralSystem, Options, station_url
from chargerd.ocpp.rpc import ErrorCode
from chargerd.sim.virtual_loop import VirtualLoop

DEADLINE_S = 10


@pytest.fixture
async def central() -> AsyncIterator[CentralSystem]:
    async with CentralSystem(Options(utc_s=lambda: 0.0)) as central:
        yield central


def station(central: CentralSystem, identity: str = "CP001", **settings: Any) -> TinyStation:
    return TinyStation(station_url(central.url, identity), **settings)


def misbehave(central: CentralSystem, action: str, twist: Twist, **details: Any) -> None:
    central.policy = Policy(misbehaviours=(Misbehaviour(action=action, twist=twist, nth=1, **details),))


async def test_whole_session(central: CentralSystem) -> None:
    """Boot, start, stop: each is answered and kept."""
    async with station(central) as cp:
        boot = await cp.call("BootNotification", BOOT)
        assert boot == {"status": "Accepted", "currentTime": "1970-01-01T00:00:00.000Z", "interval": 300}
        await cp.call("StatusNotification", {"connectorId": 1, "status": "Charging", "errorCode": "NoError"})
        number = (await cp.call("StartTransaction", start()))["transactionId"]
        assert await cp.call("StopTransaction", stop(number, idTag="04A2B1")) == {"idTagInfo": {"status": "Accepted"}}
    record = central.station("CP001")
    assert record.is_accepted
    assert record.status(1) == "Charging"
    assert record.transactions[number].energy_wh == 2000
    assert record.problems == []
    assert len(record.trace) == 8


async def test_records_outlive_the_connection(central: CentralSystem) -> None:
    """A retry after a reconnect gets the number it was given before."""
    async with station(central) as cp:
        await cp.call("BootNotification", BOOT)
        first = await cp.call("StartTransaction", start(), "same")
    await central.until(lambda: not central.station("CP001").is_connected)
    async with station(central) as cp:
        assert await cp.call("StartTransaction", start(), "same") == first
    assert central.station("CP001").retries == ["StartTransaction same"]


async def test_identity_is_decoded(central: CentralSystem) -> None:
    """The last part of the path is the identity, percent-encoded (OCPP-J 3.1.1)."""
    async with station(central, "CP 001/ü") as cp:
        assert cp.socket.subprotocol == "ocpp1.6"
        await central.until(lambda: central.station("CP 001/ü").is_connected)


async def test_unknown_identity_is_not_found() -> None:
    """HTTP 404 tells a station that it is not known here."""
    async with CentralSystem(Options(stations=frozenset({"CP001"}))) as central:
        with pytest.raises(InvalidStatus) as refusal:
            await TinyStation(station_url(central.url, "CP002")).__aenter__()
        assert refusal.value.response.status_code == 404
        async with station(central):
            pass


async def test_wrong_password_is_unauthorized() -> None:
    """With keys configured a station must prove who it is (security profile 1)."""
    async with CentralSystem(Options(keys={"CP001": b"\x00\xffsecret"})) as central:
        with pytest.raises(InvalidStatus) as refusal:
            await station(central).__aenter__()
        assert refusal.value.response.status_code == 401
        password = base64.b64encode(b"CP001:\x00\xffsecret").decode()
        async with station(central, additional_headers={"Authorization": f"Basic {password}"}):
            pass


@pytest.mark.parametrize("offered", [[], ["ocpp2.0.1"]])
async def test_without_common_subprotocol_it_is_refused(offered: list[str], central: CentralSystem) -> None:
    """A station that speaks another version gets no connection."""
    with pytest.raises(InvalidHandshake):
        await connect(station_url(central.url, "CP001"), subprotocols=[Subprotocol(name) for name in offered] or None, proxy=None)


async def test_invalid_message_is_answered(central: CentralSystem) -> None:
    """A CALL that breaks its schema gets a CALLERROR and is noted."""
    async with station(central) as cp:
        await cp.send("BootNotification", {})
        assert (await cp.receive())[2] == "ProtocolError"
        await cp.socket.send("garbage")
        await cp.socket.send(b"\x00")
        await cp.call("BootNotification", BOOT)
    assert len(central.station("CP001").problems) == 3


async def test_newer_connection_replaces_the_old(central: CentralSystem) -> None:
    """A station that dials again after a half-open connection is talked to on the new one."""
    async with station(central) as old, station(central) as new:
        with pytest.raises(ConnectionClosed):
            await old.receive()
        asking = asyncio.create_task(central.call("CP001", "ClearCache", {}), name="ask")
        assert await new.answer({"status": "Accepted"}) == ("ClearCache", {})
        assert await asking == {"status": "Accepted"}
        assert central.station("CP001").is_connected


async def test_calls_go_one_after_the_other(central: CentralSystem) -> None:
    """The second request waits for the answer to the first; a message of the station in between is served."""
    async with station(central) as cp, asyncio.TaskGroup() as tasks:
        await central.until(lambda: central.station("CP001").is_connected)
        first = tasks.create_task(central.call("CP001", "ClearCache", {}), name="first")
        second = tasks.create_task(central.call("CP001", "Reset", {"type": "Soft"}), name="second")
        _, message_id, action, _ = await cp.receive()
        assert action == "ClearCache"
        await cp.call("BootNotification", BOOT)
        await cp.socket.send(json.dumps([3, message_id, {"status": "Rejected"}]))
        assert (await cp.answer({"status": "Accepted"}))[0] == "Reset"
    assert (first.result(), second.result()) == ({"status": "Rejected"}, {"status": "Accepted"})
    assert central.station("CP001").answered == 2


async def test_failed_operations_say_why(central: CentralSystem) -> None:
    """Not connected, refused, unanswered, gone: each is an OperationError of its own words."""
    with pytest.raises(OperationError, match="not connected"):
        await central.call("CP001", "ClearCache", {})
    async with station(central) as cp:
        await central.until(lambda: central.station("CP001").is_connected)
        with pytest.raises(OperationError, match="did not answer"):
            await central.call("CP001", "ClearCache", {}, timeout_s=0.001)
        await cp.receive()
        asking = asyncio.create_task(central.call("CP001", "ClearCache", {}), name="ask")
        await cp.socket.send(json.dumps([4, (await cp.receive())[1], "NotSupported", "no cache", {}]))
        with pytest.raises(OperationError, match="NotSupported no cache") as refusal:
            await asking
        assert refusal.value.code == "NotSupported"
        assert central.station("CP001").answered == 1
        asking = asyncio.create_task(central.call("CP001", "ClearCache", {}), name="ask")
        await cp.receive()
        await cp.socket.close()
        with pytest.raises(OperationError, match="is gone"):
            await asking


async def test_error_on_order(central: CentralSystem) -> None:
    """The message is refused and not taken; its retry under the same id is a first."""
    misbehave(central, "StartTransaction", Twist.ERROR, code=ErrorCode.GENERIC_ERROR)
    async with station(central) as cp:
        await cp.call("BootNotification", BOOT)
        await cp.send("StartTransaction", start(), "same")
        assert (await cp.receive())[:3] == [4, "same", "GenericError"]
        assert (await cp.call("StartTransaction", start(), "same"))["transactionId"] == 1
    assert central.station("CP001").retries == []


async def test_silence_on_order(central: CentralSystem) -> None:
    """The message is taken without an answer; its retry on the same connection is answered as such."""
    misbehave(central, "StartTransaction", Twist.SILENCE)
    async with station(central) as cp:
        await cp.call("BootNotification", BOOT)
        await cp.send("StartTransaction", start(), "same")
        await cp.call("StartTransaction", start(), "same")
    assert (len(central.station("CP001").transactions), len(central.station("CP001").retries)) == (1, 1)


async def test_dropping_before_the_answer(central: CentralSystem) -> None:
    """The message is taken and the connection breaks; after a reconnect the retry gets its answer."""
    misbehave(central, "StartTransaction", Twist.DROP_BEFORE)
    async with station(central) as cp:
        await cp.call("BootNotification", BOOT)
        await cp.send("StartTransaction", start(), "same")
        with pytest.raises(ConnectionClosed):
            await cp.receive()
    async with station(central) as cp:
        await cp.call("StartTransaction", start(), "same")
    assert (len(central.station("CP001").transactions), len(central.station("CP001").retries)) == (1, 1)


async def test_dropping_after_the_answer(central: CentralSystem) -> None:
    """The answer still arrives."""
    misbehave(central, "StartTransaction", Twist.DROP_AFTER)
    async with station(central) as cp:
        await cp.call("BootNotification", BOOT)
        assert (await cp.call("StartTransaction", start()))["transactionId"] == 1
        with pytest.raises(ConnectionClosed):
            await cp.receive()


async def test_late_answer_on_order(central: CentralSystem) -> None:
    """Other messages are answered meanwhile."""
    misbehave(central, "StartTransaction", Twist.LATE, delay_s=0.02)
    async with station(central) as cp:
        await cp.call("BootNotification", BOOT)
        late = await cp.send("StartTransaction", start())
        await cp.call("Heartbeat", {})
        assert (await cp.receive())[:2] == [3, late]
        central.policy = replace(central.policy, misbehaviours=(Misbehaviour(action="Heartbeat", twist=Twist.LATE, delay_s=1e6),))
        await cp.send("Heartbeat", {})


async def test_broken_connection_and_raw_text(central: CentralSystem) -> None:
    """Tests may send garbage and cut the line."""
    async with station(central) as cp:
        await central.until(lambda: central.station("CP001").is_connected)
        await central.send_raw("CP001", "[2]")
        assert await cp.receive() == [2]
        central.drop("CP001")
        with pytest.raises(ConnectionClosed):
            await cp.receive()


async def test_unix_socket_and_log(tmp_path: Path) -> None:
    """Over a Unix socket (for virtual time) all is the same; the log has one line for each frame, without the password."""
    socket, log = tmp_path / "csms.sock", tmp_path / "messages.jsonl"
    async with (
        CentralSystem(Options(unix_socket=socket, log=log, utc_s=lambda: 0.0)) as central,
        TinyStation(station_url(central.url, "CP001"), unix=True, path=str(socket)) as cp,
    ):
        await cp.call("BootNotification", BOOT)
        payload = {"key": "AuthorizationKey", "value": "a1b2c3"}
        asking = asyncio.create_task(central.call("CP001", "ChangeConfiguration", payload), name="ask")
        assert await cp.answer({"status": "Accepted"}) == ("ChangeConfiguration", payload)
        await asking
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["direction"] for line in lines] == ["in", "out", "out", "in"]
    assert lines[0]["station"] == "CP001"
    assert lines[0]["frame"][2:] == ["BootNotification", BOOT]
    assert lines[2]["frame"][3] == {"key": "AuthorizationKey", "value": "***"}
    assert lines[1]["at"] == "1970-01-01T00:00:00.000Z"


@pytest.mark.parametrize("line", ["", "[]", '{"station": "CP001"}', '{"station": "CP001", "action": "Reset", "payload": []}'])
async def test_bad_operation_is_answered(line: str, central: CentralSystem) -> None:
    """A line that is no operation gets an error that shows what one looks like."""
    assert (await perform(central, line)).keys() == {"error"}


async def test_operations_by_standard_input_and_socket(tmp_path: Path) -> None:
    """The service says where it is, does operations from both inputs, and goes on after the end of standard input."""
    said: asyncio.Queue[Mapping[str, object]] = asyncio.Queue()
    read_end, write_end = os.pipe()
    operations = tmp_path / "operations.sock"
    asked = {"id": 7, "station": "CP001", "action": "ClearCache"}
    async with asyncio.timeout(DEADLINE_S):
        with os.fdopen(read_end, "rb") as stdin:
            service = asyncio.create_task(serve(Options(), said.put_nowait, stdin=stdin, operations_socket=operations), name="csms")
            url = str((await said.get())["url"])
            async with TinyStation(station_url(url, "CP001")) as cp:
                await cp.call("BootNotification", BOOT)
                with os.fdopen(write_end, "w") as stdout:
                    stdout.write(json.dumps(asked) + "\n\n")
                await cp.answer({"status": "Accepted"})
                assert await said.get() == asked | {"answer": {"status": "Accepted"}}
                reader, writer = await asyncio.open_unix_connection(str(operations))
                writer.write(json.dumps(asked | {"station": "CP002"}).encode() + b"\n")
                assert "not connected" in json.loads(await reader.readline())["error"]["description"]
            service.cancel()
            with pytest.raises(asyncio.CancelledError):
                await service
            assert await reader.readline() == b""
            writer.close()
            await writer.wait_closed()


def test_virtual_time(tmp_path: Path) -> None:
    """Over a Unix socket a late answer takes virtual seconds only."""

    async def session() -> float:
        path = tmp_path / "csms.sock"
        async with (
            CentralSystem(Options(unix_socket=path, utc_s=lambda: 0.0)) as central,
            TinyStation(station_url(central.url, "CP001"), unix=True, path=str(path), ping_interval=None) as cp,
        ):
            began_s = asyncio.get_running_loop().time()
            misbehave(central, "BootNotification", Twist.LATE, delay_s=3600.0)
            await cp.call("BootNotification", BOOT)
            return asyncio.get_running_loop().time() - began_s

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        assert runner.run(session()) == pytest.approx(3600.0, abs=1.0)


async def test_an_answer_to_another_request_does_not_count(central: CentralSystem) -> None:
    """It is noted, and the right one is still waited for."""
    async with station(central) as cp:
        await cp.call("BootNotification", BOOT)
        asked = asyncio.ensure_future(central.call("CP001", "ClearCache", {}))
        _, message_id, action, _ = await cp.receive()
        await cp.socket.send(json.dumps([3, "another", {"status": "Rejected"}]))
        await cp.socket.send(json.dumps([3, message_id, {"status": "Accepted"}]))
        assert (action, await asked) == ("ClearCache", {"status": "Accepted"})
    assert central.station("CP001").complaints == ["the central system got against the protocol: ignored: answers no CALL that waits"]


async def test_stations_wait_at_the_door(central: CentralSystem) -> None:
    """A station that dials is let in when the bench is ready for it."""
    central.hold()
    dialling = asyncio.ensure_future(station(central).__aenter__())
    await asyncio.sleep(0)
    assert not central.station("CP001").is_connected
    central.admit()
    cp = await dialling
    await central.until(lambda: central.station("CP001").is_connected)
    assert central.station("CP001").connections == 1
    await cp.socket.close()


async def test_a_listener_hears_requests_as_they_come(central: CentralSystem) -> None:
    """Also one that repeats another; not what breaks its schema. It ends when asked to."""
    heard: list[tuple[str, str]] = []
    end = central.station("CP001").subscribe(lambda request: heard.append((request.message_id, request.action)))
    async with station(central) as cp:
        await cp.call("BootNotification", BOOT, "a")
        await cp.call("StartTransaction", start(), "b")
        await cp.call("StartTransaction", start(), "b")
        await cp.send("Authorize", {}, "c")
        await cp.receive()
        end()
        await cp.call("Heartbeat", {}, "d")
    assert heard == [("a", "BootNotification"), ("b", "StartTransaction"), ("b", "StartTransaction")]
