"""The control socket, over real Unix sockets: answers, permissions, garbage, subscriptions, slow clients."""

from __future__ import annotations

import asyncio
import grp
import json
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chargerd.control.access import Doorkeeper, Peer, peer_of
from chargerd.control.methods import Methods
from chargerd.control.protocol import MAX_LINE_BYTES, METHODS, Access, Code
from chargerd.core.events import ClearFault, LocalStart, RaiseFault, Reply, UnlockConnector, Verdict, rejected
from chargerd.core.facts import FaultRaised, Phase, PhaseChanged, Stamped
from chargerd.core.ids import ConnectorId, IdTag
from chargerd.core.view import StationView
from tests.support.control_bench import ONE, Bench, Client


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
async def client(bench: Bench) -> AsyncIterator[Client]:
    async with bench.running(), bench.client() as client:
        yield client


async def test_ping_tells_version_and_uptime(client: Client) -> None:
    """The smallest request there is."""
    assert await client.ask("control.ping") == {"jsonrpc": "2.0", "id": 1, "result": {"version": "1.2.3", "uptime_s": 12.5}}


async def test_status_is_one_snapshot(client: Client) -> None:
    """Station, connectors with their session, link, queue, devices and faults, all plain JSON."""
    status = await client.result("station.status")
    assert status["station"]["id"] == "CP001"
    assert status["station"]["status"] == "Available"
    (connector,) = status["connectors"]
    assert (connector["connector"], connector["status"], connector["phase"]) == (1, "Charging", "delivering")
    assert connector["transaction"]["remote_id"] == 7
    assert connector["transaction"]["energy_wh"] == 500
    assert connector["transaction"]["duration_s"] == 10.0
    assert (connector["meter"]["energy_wh"], connector["meter"]["power_w"]) == (1500, None)
    assert connector["ev"]["soc_percent"] == 42.0
    assert (connector["type"], connector["lock"], connector["offered_a"]) == ("cCCS2", None, 0.0)
    assert status["link"] == {"is_accepted": True, "state": "connected", "url": "ws://csms"}
    assert status["queue"] == {"length": 0, "waiting": []}
    assert status["devices"][0]["device"] == "io"
    assert status["faults"] == [
        {"connector": 1, "code": "door-open", "error_code": "OtherError", "info": "The door is open.", "is_latched": False}
    ]


async def test_a_schedule_names_who_rules_each_stretch(client: Client) -> None:
    """In both units; the station has no amperes of its own."""
    schedule = await client.result("schedule.get", connector=1, hours=2)
    assert {key: value for key, value in schedule.items() if key != "stretches"} == {
        "connector": 1,
        "from": "1970-01-01T00:00:00.000Z",
        "until": "1970-01-01T02:00:00.000Z",
        "duration_s": 7200.0,
    }
    first, second = schedule["stretches"]
    assert (first["until"], first["current_a"], first["power_w"]) == ("1970-01-01T01:00:00.000Z", 16.0, 11_040.0)
    assert first["ruled_by"] == "profile 7, TxDefaultProfile of the station, level 2"
    assert first["profile"]["profile"]["periods"] == [{"start_s": 0, "limit": 16.0, "phases": None}]
    assert (second["begin_s"], second["current_a"], second["ruled_by"], second["profile"]) == (3600.0, 32.0, "own limits", None)
    assert (await client.result("schedule.get", connector=0))["stretches"][0]["current_a"] is None
    assert await client.error("schedule.get", connector=9) == (Code.REFUSED, "there is no connector 9")
    code, words = await client.error("schedule.get", connector=1, hours=169)
    assert (code, "from 1 to 168" in words) == (Code.INVALID_PARAMS, True)


async def test_limits_of_one_connector_or_of_all(client: Client) -> None:
    """Each with its reason, and the lowest by its name; what is not offered is 0."""
    (one,) = await client.result("limits.get", connector=1)
    assert one["limits"][1] == {"source": "vehicle", "current_a": 150.0, "reason": "what the vehicle can take"}
    assert {name: value for name, value in one.items() if name != "limits"} == {
        "connector": 1,
        "offered_a": 0.0,
        "offered_w": 0.0,
        "ruling_limit": "vehicle",
    }
    assert await client.result("limits.get") == [one]
    assert await client.error("limits.get", connector=9) == (Code.REFUSED, "there is no connector 9")


async def test_status_is_there_when_the_disk_is_not(bench: Bench, client: Client) -> None:
    """The picture is wanted most when something is broken; what the journal would tell is null."""
    bench.records.is_working = False
    assert (await client.result("station.status"))["queue"] is None
    assert await client.error("transaction.list") == (Code.REFUSED, "the journal does not answer: disk full")


async def test_requests_become_events_and_replies_answers(bench: Bench, client: Client) -> None:
    """A method that changes something asks the core, and its answer is the core's."""
    assert await client.result("connector.start", connector=1, id_tag="TAG") == {"status": "accepted"}
    bench.station.answer = Reply(Verdict.PENDING, ticket=4)
    assert await client.result("connector.unlock", connector=1) == {"status": "pending", "ticket": 4}
    bench.station.answer = rejected("the cable is in use")
    assert await client.error("connector.unlock", connector=1) == (Code.REFUSED, "the cable is in use")
    assert bench.station.asked == [LocalStart(ONE, IdTag("TAG")), UnlockConnector(ONE), UnlockConnector(ONE)]


async def test_keys_are_told_as_ocpp_tells_them(client: Client) -> None:
    """GetConfiguration and ChangeConfiguration give the shape of the answers."""
    known = {"key": "HeartbeatInterval", "value": "300", "readonly": False}
    assert await client.result("ocpp.get_key") == {"configurationKey": [known], "unknownKey": []}
    assert await client.result("ocpp.get_key", key="No") == {"configurationKey": [], "unknownKey": ["No"]}
    assert await client.result("ocpp.set_key", key="HeartbeatInterval", value="5") == {"status": "Accepted"}
    assert await client.result("ocpp.set_key", key="No", value="5") == {"status": "NotSupported"}


async def test_the_link_goes_down_and_up(bench: Bench, client: Client) -> None:
    """ocpp.disconnect and ocpp.connect reach the link."""
    await client.result("ocpp.disconnect")
    assert not bench.link.is_wanted
    await client.result("ocpp.connect")
    assert bench.link.is_wanted


async def test_settings_beside_the_keys(client: Client) -> None:
    """config.get gives one value or all."""
    assert await client.result("config.get") == {"timing.lock_s": 5.0}
    assert await client.result("config.get", name="timing.lock_s") == {"name": "timing.lock_s", "value": 5.0}
    assert (await client.error("config.get", name="x"))[0] == Code.INVALID_PARAMS


async def test_simulation_is_refused_on_real_hardware(bench: Bench) -> None:
    """Without a plant there is no sim method, and the error says why."""
    bench.has_simulation = False
    async with bench.running(), bench.client() as client:
        code, message = await client.error("sim.plug_in", connector=1)
    assert code == Code.METHOD_NOT_FOUND
    assert "mock hardware" in message


async def test_simulation_is_called_and_its_refusals_are_told(bench: Bench, client: Client) -> None:
    """Parameters go through unchanged; ValueError and LookupError become errors with their words."""
    assert await client.result("sim.plug_in", connector=1, ev={"soc_percent": 20}) == {}
    assert bench.simulation.calls == [("sim.plug_in", {"connector": 1, "ev": {"soc_percent": 20}})]
    assert await client.error("sim.plug_in") == (Code.INVALID_PARAMS, "say which connector")
    assert await client.error("sim.dance") == (Code.METHOD_NOT_FOUND, "there is no method sim.dance")


async def test_simulated_faults_go_to_the_core(bench: Bench, client: Client) -> None:
    """sim.fault and sim.clear_fault are events; the vendor's code, where given, is the fault's name."""
    await client.result("sim.fault", connector=1, error_code="GroundFailure", info="test")
    await client.result("sim.clear_fault", connector=1, error_code="GroundFailure")
    await client.result("sim.fault", connector=0, error_code="OtherError", vendor_error_code="E42")
    assert bench.station.asked == [
        RaiseFault(ONE, "GroundFailure", "GroundFailure", "test"),
        ClearFault(ONE, "GroundFailure"),
        RaiseFault(ConnectorId(0), "E42", "OtherError", ""),
    ]
    assert (await client.error("sim.fault", connector=1, error_code="NoError"))[0] == Code.INVALID_PARAMS


async def test_committed_facts_are_told_to_subscribers(bench: Bench, client: Client) -> None:
    """Each fact of a wanted kind comes once, as a notification `event`."""
    await client.result("events.subscribe", kinds=["FaultRaised"])
    bench.station.commit(1, PhaseChanged(ONE, Phase.IDLE))
    bench.station.commit(2, FaultRaised(ONE, "welded", "PowerSwitchFailure"))
    told = await client.line()
    assert told["method"] == "event"
    assert "id" not in told
    assert told["params"]["kind"] == "FaultRaised"
    assert told["params"]["code"] == "welded"
    assert told["params"]["time"] == "1970-01-01T00:00:02.000Z"


async def test_a_second_subscription_replaces_the_first(bench: Bench, client: Client) -> None:
    """Nobody is told twice."""
    await client.result("events.subscribe")
    await client.result("events.subscribe", kinds=["FaultRaised"])
    assert len(bench.station.listeners) == 1


async def test_subscriptions_end_with_their_client(bench: Bench) -> None:
    """A client that leaves is not told any more."""
    async with bench.running():
        async with bench.client() as client:
            await client.result("events.subscribe")
            (listener,) = bench.station.listeners
        async with bench.client() as other:
            while bench.station.listeners:
                await other.result("control.ping")
        bench.station.commit(1, PhaseChanged(ONE, Phase.IDLE))
    assert listener not in bench.station.listeners


async def test_stored_events_are_listed(bench: Bench, client: Client) -> None:
    """events.list gives what the journal keeps, by kind."""
    bench.records.stored = [
        Stamped(1, 1, 1.0, None, PhaseChanged(ONE, Phase.IDLE)),
        Stamped(2, 1, 2.0, 2.0, FaultRaised(ONE, "x", "OtherError")),
    ]
    assert [one["seq"] for one in await client.result("events.list")] == [1, 2]
    (fault,) = await client.result("events.list", kinds=["FaultRaised"], limit=5)
    assert (fault["kind"], fault["connector"]) == ("FaultRaised", 1)


@pytest.mark.parametrize(
    ("line", "code", "message_id"),
    [
        (b"hello", Code.PARSE, None),
        (b"\xff\xfe", Code.PARSE, None),
        (b"[" * 10_000, Code.PARSE, None),
        (b"[]", Code.INVALID_REQUEST, None),
        (b"5", Code.INVALID_REQUEST, None),
        (b"{}", Code.INVALID_REQUEST, None),
        (b'{"jsonrpc":"2.0","id":{},"method":"x"}', Code.INVALID_REQUEST, None),
        (b'{"jsonrpc":"1.0","id":3,"method":"x"}', Code.INVALID_REQUEST, 3),
        (b'{"jsonrpc":"2.0","id":"a","method":5}', Code.INVALID_REQUEST, "a"),
        (b'{"jsonrpc":"2.0","id":3,"method":"control.ping","params":[1]}', Code.INVALID_PARAMS, 3),
        (b'{"jsonrpc":"2.0","id":3,"method":"no.such"}', Code.METHOD_NOT_FOUND, 3),
        (b'{"jsonrpc":"2.0","id":3,"method":"control.ping","params":{"x":1}}', Code.INVALID_PARAMS, 3),
        (b'{"jsonrpc":"2.0","id":3,"method":"connector.stop"}', Code.INVALID_PARAMS, 3),
        (b'{"jsonrpc":"2.0","id":3,"method":"connector.stop","params":{"connector":true}}', Code.INVALID_PARAMS, 3),
        (b'{"jsonrpc":"2.0","id":3,"method":"connector.stop","params":{"connector":0}}', Code.INVALID_PARAMS, 3),
        (b'{"jsonrpc":"2.0","id":3,"method":"events.subscribe","params":{"kinds":["No"]}}', Code.INVALID_PARAMS, 3),
        (b'{"jsonrpc":"2.0","id":3,"method":"events.list","params":{"limit":"a"}}', Code.INVALID_PARAMS, 3),
        (b'{"jsonrpc":"2.0","id":3,"method":"ocpp.messages","params":{"follow":1}}', Code.INVALID_PARAMS, 3),
    ],
)
async def test_garbage_gets_a_proper_error(client: Client, line: bytes, code: Code, message_id: object) -> None:
    """Whatever comes is answered by the codes of JSON-RPC 2.0, and the connection lives on."""
    answer = await client.raw(line)
    assert (answer["error"]["code"], answer["id"]) == (code, message_id)
    assert (await client.result("control.ping"))["version"] == "1.2.3"


async def test_blank_lines_and_notifications_get_no_answer(client: Client) -> None:
    """Nothing is said where nothing was asked."""
    client.writer.write(b'\n\r\n{"jsonrpc":"2.0","method":"control.ping"}\n{"jsonrpc":"2.0","method":"no.such"}\n')
    assert (await client.ask("control.ping"))["id"] == 1


async def test_a_line_without_end_is_cut_off(bench: Bench, client: Client) -> None:
    """A client cannot make the daemon keep more than one line."""
    client.writer.write(b"x" * (MAX_LINE_BYTES + 4096))
    answer = await client.line()
    assert answer["error"]["code"] == Code.PARSE
    assert await client.reader.read() == b""


async def test_a_client_that_stops_sending_still_gets_its_answers(bench: Bench, client: Client) -> None:
    """A pipe such as `echo ... | socat` closes its side before it reads."""
    client.writer.write(b'{"jsonrpc":"2.0","id":9,"method":"control.ping"}\n')
    client.writer.write_eof()
    assert (await client.line())["id"] == 9
    assert await client.reader.read() == b""


async def test_a_slip_in_a_method_is_told_and_charging_goes_on(bench: Bench, client: Client, caplog: pytest.LogCaptureFixture) -> None:
    """An unexpected exception is an internal error for its caller only."""

    def broken() -> StationView:
        raise RuntimeError("a slip")

    bench.station.view = broken  # type: ignore[method-assign]
    assert (await client.error("fault.list"))[0] == Code.INTERNAL
    assert "a slip" in caplog.text
    assert (await client.result("control.ping"))["version"] == "1.2.3"


async def test_a_client_that_does_not_read_is_dropped(bench: Bench) -> None:
    """Its queue is bounded; others are told everything in the meantime, and it gets a last word."""
    async with bench.running(max_queued=50), bench.client() as slow, bench.client() as quick:
        await slow.result("events.subscribe")
        await quick.result("events.subscribe")
        slow.writer.transport.pause_reading()  # type: ignore[attr-defined]
        seq = 0
        while len(bench.station.listeners) > 1:
            seq += 1
            bench.station.commit(seq, FaultRaised(ONE, "x", "OtherError", info="." * 4000))
            assert (await quick.line())["params"]["seq"] == seq
            assert seq < 5000
        slow.writer.transport.resume_reading()  # type: ignore[attr-defined]
        lines = (await slow.reader.read()).splitlines()
        assert json.loads(lines[-1])["method"] == "dropped"
        assert len(bench.station.listeners) == 1


async def test_clients_are_bounded(bench: Bench) -> None:
    """One too many is told so and let go."""
    async with bench.running(max_clients=1), bench.client() as first:
        await first.result("control.ping")
        async with bench.client() as second:
            assert (await second.line())["error"]["code"] == Code.BUSY
            assert await second.reader.read() == b""
        await first.result("control.ping")


async def test_a_second_daemon_does_not_take_the_socket(bench: Bench) -> None:
    """Who starts twice is told; a socket left over by a kill is replaced."""
    async with bench.running():
        with pytest.raises(OSError, match="another daemon listens"):
            async with bench.running():
                pass
    assert not bench.path.exists()
    left_over = await asyncio.start_unix_server(lambda reader, writer: None, bench.path)
    left_over.close()
    bench.path.touch()
    bench.path.unlink()
    async with bench.running(), bench.client() as client:
        assert await client.result("control.ping")


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.binary(max_size=200), max_size=5))
async def test_no_bytes_end_the_server(tmp_path_factory: pytest.TempPathFactory, chunks: list[bytes]) -> None:
    """Random bytes are answered or ignored; the next client is served."""
    bench = Bench(tmp_path_factory.mktemp("s"))
    async with bench.running():
        async with bench.client() as client:
            for chunk in chunks:
                client.writer.write(chunk)
        async with bench.client() as client:
            assert await client.result("control.ping")


# --- permissions ------------------------------------------------------------------------------------------------------------------


class OtherUser(Doorkeeper):
    """Judges as if the peer were somebody else, with one group."""

    def allows(self, peer: Peer, access: Access) -> bool:
        return super().allows(Peer(peer.pid, 4711, peer.groups & {os.getgid()}), access)


def own_group() -> str:
    return grp.getgrgid(os.getgid()).gr_name


async def test_the_read_group_looks_and_does_not_touch(bench: Bench) -> None:
    """Looking is allowed; changing is refused with the group one would need."""
    async with bench.running(OtherUser(own_group(), "no-such-group")), bench.client() as client:
        assert await client.result("control.ping")
        assert await client.error("connector.stop", connector=1) == (Code.NOT_PERMITTED, "not permitted: be root or in group no-such-group")
        assert await client.error("sim.plug_in", connector=1) == (Code.NOT_PERMITTED, "not permitted: be root or in group no-such-group")
    assert bench.station.asked == []


async def test_the_change_group_may_do_both(bench: Bench) -> None:
    """Who may change may look as well."""
    async with bench.running(OtherUser("no-such-group", own_group())), bench.client() as client:
        assert await client.result("control.ping")
        assert await client.result("connector.stop", connector=1)


async def test_strangers_are_told_and_let_go(bench: Bench) -> None:
    """Somebody in neither group cannot even hold a connection."""
    async with bench.running(OtherUser("no-such-group", "nor-this")), bench.client() as client:
        assert (await client.line())["error"] == {"code": Code.NOT_PERMITTED, "message": "not permitted: be root or in group no-such-group"}
        assert await client.reader.read() == b""


def test_the_peer_is_known_from_the_kernel() -> None:
    """Process, user and groups of the other end."""
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        peer = peer_of(ours)
    assert (peer.pid, peer.uid) == (os.getpid(), os.getuid())
    assert os.getgid() in peer.groups


def test_every_method_says_who_may_call_it(bench: Bench) -> None:
    """The table of methods and the table of permissions name the same; all that simulate are changing ones."""
    assert {name for name in METHODS if not name.startswith("sim.")} == set(Methods(bench.services()).names)
    assert all(access is Access.CHANGE for name, access in METHODS.items() if name.startswith("sim."))
