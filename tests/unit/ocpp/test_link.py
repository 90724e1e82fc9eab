"""Dialling: when, how often, and over a real WebSocket on a Unix socket; all in virtual time."""

from __future__ import annotations

import asyncio
import http
import itertools
import socket
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve, unix_serve
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from chargerd.core.events import LinkChanged, Reply, Reset
from chargerd.ocpp.backoff_file import BackoffFile
from chargerd.ocpp.dial import UNCONFIRMED_S, tcp_dialer, unix_dialer
from chargerd.ocpp.options import OcppOptions
from chargerd.ocpp.rpc import CallResult
from chargerd.ocpp.standing import Registration
from chargerd.ocpp.trace import Direction
from chargerd.sim.virtual_loop import run_virtual
from hal.options import Document, decode
from tests.support.ocpp_fakes import IDENTITY, FakeBackoffFile, LinkBench, ScriptedCsms, boot_answer, linked, options


def refuse(bench: LinkBench) -> None:
    bench.csms.refusal = OSError("no route to host")


def test_dead_server_never_ends_the_run() -> None:
    """EVerest#2475: every dial is followed by a wait that grows to the maximum, for ever."""

    async def scenario() -> None:
        async with linked(before=refuse, backoff_minimum_s=2, backoff_range_s=10, backoff_maximum_s=60) as bench:
            await asyncio.sleep(3600)
            dials = bench.csms.dials
            waits = [round(two - one) for one, two in itertools.pairwise(dials)]
            assert waits[:4] == [7, 12, 22, 31]
            assert set(waits[4:]) == {31}
            status = bench.link.status()
            assert status.last_error == "no route to host"
            assert not status.is_connected
            assert status.registration is Registration.NONE
            assert status.retry_in_s is not None

    run_virtual(scenario())


def test_backoff_goes_on_over_connections_that_prove_nothing() -> None:
    """EVerest#2475: a server that accepts and drops at once is dialled less and less often; an accepted boot resets the wait."""

    async def scenario() -> None:
        csms = ScriptedCsms()
        async with linked(csms=csms) as bench:
            for _ in range(4):
                await bench.until(lambda: csms.connection is not None)
                csms.drop()
                await bench.until(lambda: csms.connection is None)
            await bench.until(lambda: len(csms.dials) == 5)
            waits = [round(two - one) for one, two in zip(csms.dials, csms.dials[1:], strict=False)]
            assert waits == sorted(waits)
            assert waits[-1] > 3 * waits[0]
            await bench.seen("StatusNotification", 3)
            csms.drop()
            await bench.until(lambda: len(csms.dials) == 6)
            await asyncio.sleep(1)
            assert bench.link.status().last_error == ""

    run_virtual(scenario())


def test_subprotocol_is_required() -> None:
    """A server that does not choose ocpp1.6 is left without a word and tried again."""

    async def scenario() -> None:
        async with linked(before=lambda bench: setattr(bench.csms, "subprotocol", None)) as bench:
            await bench.until(lambda: len(bench.csms.dials) == 2)
            assert bench.csms.seen == []
            assert "ocpp1.6" in bench.link.status().last_error

    run_virtual(scenario())


def test_link_taken_down_and_up() -> None:
    """`disconnect` ends the connection and keeps it down; `connect` brings it back at once, without a new boot."""

    async def scenario() -> None:
        async with linked() as bench:
            await bench.seen("StatusNotification", 3)
            bench.link.disconnect()
            await asyncio.sleep(10_000)
            assert bench.csms.connection is None
            assert len(bench.csms.dials) == 1
            assert bench.station.of(LinkChanged)[-1] == LinkChanged(False)
            assert not bench.link.status().is_wanted
            bench.link.connect()
            await bench.until(lambda: bench.link.status().is_connected, within_s=1)
            await asyncio.sleep(1)
            assert bench.station.of(LinkChanged)[-1] == LinkChanged(True)
            assert len(bench.csms.of("BootNotification")) == 1

    run_virtual(scenario())


def test_connect_cuts_the_wait_short() -> None:
    """`connect` during a wait dials at once."""

    async def scenario() -> None:
        async with linked(before=refuse, backoff_minimum_s=500) as bench:
            await bench.until(lambda: bench.csms.dials)
            bench.csms.refusal = None
            bench.link.connect()
            await bench.seen("BootNotification", within_s=1)

    run_virtual(scenario())


def test_rejected_station_does_not_dial_early() -> None:
    """OCPP 1.6, 4.2: not before the interval is over, whoever asks for the link here."""

    async def scenario() -> None:
        async with linked() as bench:
            states = iter(["Rejected", "Accepted"])
            bench.csms.answers["BootNotification"] = lambda _: boot_answer(next(states), interval=500)
            await bench.until(lambda: bench.link.status().registration is Registration.REJECTED and bench.csms.connection is None)
            bench.link.connect()
            await asyncio.sleep(100)
            bench.link.disconnect()
            await asyncio.sleep(100)
            bench.link.connect()
            await asyncio.sleep(100)
            assert bench.link.status().retry_in_s == pytest.approx(200, abs=2)
            assert len(bench.csms.dials) == 1
            await bench.seen("StatusNotification", 3)
            assert bench.csms.dials[1] - bench.csms.of("BootNotification")[0].at_s >= 499.9

    run_virtual(scenario())


def test_rejected_without_an_interval() -> None:
    """Interval 0 leaves the wait to us."""

    async def scenario() -> None:
        async with linked(boot_retry_s=60) as bench:
            bench.csms.answers["BootNotification"] = lambda _: boot_answer("Rejected", interval=0)
            await bench.seen("BootNotification", 3)
            waits = [two - one for one, two in itertools.pairwise(bench.csms.dials)]
            assert all(60 <= wait <= 60 * 1.25 + 1 for wait in waits)

    run_virtual(scenario())


def test_backoff_goes_on_over_a_restart() -> None:
    """EVerest#2475: a restart does not make a central system that is down be dialled with haste again."""

    async def scenario() -> None:
        kept = FakeBackoffFile()
        async with linked(before=refuse, backoff_file=kept) as bench:
            await bench.until(lambda: len(bench.csms.dials) == 4)
        began_s = asyncio.get_running_loop().time()
        async with linked(before=refuse, backoff_file=kept) as bench:
            await bench.until(lambda: len(bench.csms.dials) == 1)
            assert bench.csms.dials[0] - began_s > 20
            bench.csms.refusal = None
            bench.link.connect()
            await bench.seen("StatusNotification", 3)
        began_s = asyncio.get_running_loop().time()
        async with linked(backoff_file=kept) as bench:
            boot = await bench.seen("BootNotification")
            assert boot.at_s - began_s < 0.1

    run_virtual(scenario())


@pytest.mark.parametrize("text", ["", "nonsense", "-3"])
def test_file_of_the_backoff(text: str, tmp_path: Path) -> None:
    """It is kept, taken away, and no trouble when it cannot be read or written."""
    file = BackoffFile(tmp_path / "backoff")
    assert file.read_s() == 0.0
    file.write(80.0)
    assert file.read_s() == 80.0
    file.write(0.0)
    file.write(0.0)
    assert file.read_s() == 0.0
    (tmp_path / "backoff").write_text(text)
    assert file.read_s() <= 0.0
    nowhere = BackoffFile(tmp_path / "none" / "backoff")
    nowhere.write(1.0)
    assert nowhere.read_s() == 0.0


def test_our_own_faults_come_out() -> None:
    """A fault in a handler is not swallowed as if the network had caused it."""

    def fault(_: object) -> Reply:
        raise KeyError("fault of ours")

    async def scenario() -> None:
        async with linked() as bench:
            await bench.seen("StatusNotification", 3)
            bench.station.replies[Reset] = fault
            asking = asyncio.create_task(bench.csms.request("Reset", {"type": "Soft"}))
            await asyncio.wait({bench.task}, timeout=10)
            asking.cancel()
            bench.task.result()

    with pytest.raises(ExceptionGroup) as caught:
        run_virtual(scenario())
    assert caught.group_contains(KeyError)


def test_trace_shows_both_directions() -> None:
    """The last messages are kept with their latency; the key's value is not."""

    async def scenario() -> None:
        async with linked() as bench:
            await bench.seen("StatusNotification", 3)
            await bench.csms.request("ChangeConfiguration", {"key": "AuthorizationKey", "value": "5ec4e7"})
            entries = bench.link.trace.recent()
            assert [entry.direction for entry in entries[:2]] == [Direction.OUT, Direction.IN]
            assert entries[1].latency_s is not None
            assert "5ec4e7" not in "".join(entry.text for entry in entries)
            assert bench.link.status().last_message_utc_s == entries[-1].at_utc_s

    run_virtual(scenario())


# --- over a real WebSocket


async def answer_boots(connection: ServerConnection) -> None:
    """The central system's side of a real connection: accepts everything, then asks once."""
    csms = ScriptedCsms()
    async with csms.dial() as fake:
        fake.put = lambda text: pending.put_nowait(text)  # type: ignore[method-assign]
        pending: asyncio.Queue[str | bytes | None] = asyncio.Queue()

        async def write() -> None:
            while True:
                text = await pending.get()
                assert text is not None
                await connection.send(text)

        async with asyncio.TaskGroup() as group:
            writer = group.create_task(write())
            async for text in connection:
                assert isinstance(text, str)
                await fake.send(text)
            writer.cancel()


def test_real_websocket(tmp_path: Path) -> None:
    """The library's client gets through: path with the encoded identity, subprotocol, no compression, then the conversation."""

    async def scenario() -> None:
        requests: list[Request] = []
        path = tmp_path / "csms.sock"

        def look(_: ServerConnection, request: Request) -> None:
            requests.append(request)

        dial = unix_dialer(options(), IDENTITY, path)
        protocols = [Subprotocol("ocpp1.6")]
        server = unix_serve(answer_boots, str(path), subprotocols=protocols, process_request=look, ping_interval=None)
        async with server, linked(dial=dial) as bench:
            await bench.until(lambda: bench.link.status().registration is Registration.ACCEPTED, within_s=10)
            await asyncio.sleep(200)  # pings
            assert bench.link.status().is_connected
        assert requests[0].path == "/ocpp/CP%20001"
        assert requests[0].headers["Sec-WebSocket-Protocol"] == "ocpp1.6"
        assert "Sec-WebSocket-Extensions" not in requests[0].headers
        assert len(requests) == 1

    run_virtual(scenario())


def test_pings_of_the_central_system_are_answered(tmp_path: Path) -> None:
    """lbbrhzn#211: at any time, also while our own message has no answer yet."""

    async def scenario() -> None:
        pongs = []

        async def ping(connection: ServerConnection) -> None:
            for _ in range(3):
                async with asyncio.timeout(1):
                    pongs.append(await (await connection.ping()))
                await asyncio.sleep(1)
            await connection.wait_closed()

        path = tmp_path / "csms.sock"
        server = unix_serve(ping, str(path), subprotocols=[Subprotocol("ocpp1.6")], ping_interval=None)
        async with server, linked(dial=unix_dialer(options(), IDENTITY, path)) as bench:
            await bench.until(lambda: len(pongs) == 3)
            assert bench.link.status().outstanding == "BootNotification"

    run_virtual(scenario())


@pytest.mark.parametrize(
    ("code", "words"), [(404, "does not know this identity"), (401, "credentials"), (403, "forbids"), (503, "HTTP 503")]
)
def test_refused_handshake_is_retried(tmp_path: Path, code: int, words: str) -> None:
    """404, 401 and 403 are no reason to give up: the dial is repeated with back-off, and the cause is told."""

    async def scenario() -> None:
        dials = 0
        path = tmp_path / "csms.sock"

        def refuse_all(connection: ServerConnection, _: Request) -> Response:
            nonlocal dials
            dials += 1
            return connection.respond(http.HTTPStatus(code), "no\n")

        server = unix_serve(answer_boots, str(path), process_request=refuse_all)
        async with server, linked(dial=unix_dialer(options(), IDENTITY, path)) as bench:
            await bench.until(lambda: dials == 3)
            assert words in bench.link.status().last_error

    run_virtual(scenario())


def test_server_without_the_subprotocol(tmp_path: Path) -> None:
    """A server that speaks no OCPP is left and tried again."""

    async def scenario() -> None:
        path = tmp_path / "csms.sock"
        connections = 0

        async def count(connection: ServerConnection) -> None:
            nonlocal connections
            connections += 1
            await connection.wait_closed()

        async with unix_serve(count, str(path)), linked(dial=unix_dialer(options(), IDENTITY, path)) as bench:
            await bench.until(lambda: connections == 2)
            assert "does not speak ocpp1.6" in bench.link.status().last_error

    run_virtual(scenario())


def test_no_server_at_all(tmp_path: Path) -> None:
    """A socket nobody listens on is retried."""

    async def scenario() -> None:
        async with linked(dial=unix_dialer(options(), IDENTITY, tmp_path / "nobody.sock")) as bench:
            await asyncio.sleep(100)
            assert "No such file" in bench.link.status().last_error

    run_virtual(scenario())


def test_answer_to_a_request_over_the_wire() -> None:
    """A request of the central system is answered with the id it came with."""

    async def scenario() -> None:
        async with linked() as bench:
            await bench.seen("StatusNotification", 3)
            answer = await bench.csms.request("DataTransfer", {"vendorId": "nobody"})
            assert isinstance(answer, CallResult)
            assert answer.payload == {"status": "UnknownVendorId"}

    run_virtual(scenario())


async def test_dial_over_tcp() -> None:
    """The default dialer reaches a server on TCP, whatever proxy the environment names; the kernel watches the connection (lesson 14)."""
    paths: list[str] = []

    async def note(connection: ServerConnection) -> None:
        assert connection.request is not None
        paths.append(connection.request.path)
        await connection.wait_closed()

    async with serve(note, "127.0.0.1", 0, subprotocols=[Subprotocol("ocpp1.6")]) as server:
        port = server.sockets[0].getsockname()[1]
        async with tcp_dialer(options(url=f"ws://127.0.0.1:{port}/"), IDENTITY)() as connection:
            assert connection.subprotocol == "ocpp1.6"
            connected = connection.transport.get_extra_info("socket")
            assert connected.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
                assert connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == UNCONFIRMED_S * 1000
    assert paths == ["/CP%20001"]


def test_options_from_a_file(tmp_path: Path) -> None:
    """The options decode from YAML, with units, and a URL that cannot work is told with its line."""
    path = tmp_path / "ocpp.yaml"
    path.write_text(
        "url: ws://host/ocpp\nboot_retry_s: 2min\nstop_txn_list_max_length: 2\nkeys: {HeartbeatInterval: 20, LocalPreAuthorize: true}\n"
    )
    decoded, problems = decode(Document.load(path).root, OcppOptions, "ocpp")
    assert problems == []
    assert decoded == options(
        url="ws://host/ocpp", boot_retry_s=120.0, stop_txn_list_max_length=2, keys={"HeartbeatInterval": 20, "LocalPreAuthorize": True}
    )
    path.write_text("url: wss://host/ocpp\n")
    assert "ws://host:port/path" in decode(Document.load(path).root, OcppOptions, "ocpp")[1][0]
