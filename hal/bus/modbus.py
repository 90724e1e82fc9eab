"""A Modbus line (RTU or TCP) with one owner: one request at a time, pauses between them, our own retries.

A silent device costs its time-out once per request while it is known to be silent, so that it never starves the others on the line.
After loss the line is reopened by `run` itself; until then `read` and `write` raise DeviceUnavailable with the reason.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Protocol

from pymodbus import ModbusException
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.pdu import ModbusPDU

from hal.errors import DeviceFault, DeviceUnavailable, WireError
from hal.ports import Place
from hal.types import Range

_log = logging.getLogger(__name__)
logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # what it has to say we say with the device's name

_FAILURES_BEFORE_REOPENING = 20  # of all devices together, without an answer between: the other end is half open
_PARITY = {"none": "N", "even": "E", "odd": "O"}
_EXCEPTIONS = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "device failure",
    5: "acknowledged, still working",
    6: "busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target does not respond",
}
_ABSENT = (5, 6, 10, 11)  # exceptions that say "not now" rather than "not like this"

Client = AsyncModbusSerialClient | AsyncModbusTcpClient
_Ask = Callable[[Client], Awaitable[ModbusPDU]]


class ModbusLink(Protocol):
    """What a driver needs of its line."""

    name: str

    async def read(self, unit: int, address: int, count: int, function: int) -> list[int]: ...

    async def write(self, unit: int, address: int, words: Sequence[int]) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ModbusOptions:
    """`port` is a serial port (rtu) or a TCP port; `host` is for tcp; `pause_s` of quiet before each request."""

    framer: Literal["rtu", "tcp"]
    port: str | int
    host: str = "127.0.0.1"
    baudrate: Annotated[int, Range(1_200, 1_000_000, "bit/s")] = 9_600
    parity: Literal["none", "even", "odd"] = "none"
    stopbits: Annotated[int, Range(1, 2)] = 1
    timeout_s: Annotated[float, Range(0.01, 10.0, "s")] = 0.5
    pause_s: Annotated[float, Range(0.0, 1.0, "s")] = 0.01
    settle_s: Annotated[float, Range(0.0, 5.0, "s")] = 0.2  # quiet after a missing answer, in which a late one is thrown away
    retries: Annotated[int, Range(0, 5)] = 1
    reopen_s: Annotated[float, Range(0.01, 60.0, "s")] = 1.0


class ModbusBus:
    """See the module."""

    Options = ModbusOptions
    kind: ClassVar[str] = "modbus"

    def __init__(self, name: str, options: ModbusOptions, place: Place) -> None:
        self.name = name
        self._options = options
        self._place = place
        self._client: Client | None = None
        self._lock = asyncio.Lock()
        self._is_open = asyncio.Event()
        self._lost = asyncio.Event()
        self._was_tried = asyncio.Event()
        self._silent_units: set[int] = set()
        self._failures_in_a_row = 0
        self._has_heard = False
        self._must_settle = False
        self._closed_reason = "not opened yet"

    async def run(self) -> None:
        """Keep the line open."""
        while True:
            client = self._client = _make_client(self._options, self._place, self._trace, self._on_connection)
            client.set_max_no_responses(sys.maxsize)  # a silent unit must not cut off the others
            try:
                await self._serve(client)
            finally:
                self._is_open.clear()
                client.close()
            _log.warning("modbus_line_down bus=%s reason=%s", self.name, self._closed_reason)
            await asyncio.sleep(self._options.reopen_s)

    async def _serve(self, client: Client) -> None:
        self._lost.clear()
        is_open = await client.connect()
        self._closed_reason = f"{self._where} cannot be opened"
        self._was_tried.set()
        if not is_open:
            return
        self._failures_in_a_row = 0
        self._is_open.set()
        _log.info("modbus_line_open bus=%s port=%s", self.name, self._where)
        await self._lost.wait()
        self._closed_reason = f"{self._where} is gone"

    async def read(self, unit: int, address: int, count: int, function: int) -> list[int]:
        """Registers of a unit, function 3 (holding) or 4 (input).

        Raises DeviceUnavailable without an answer, WireError for a garbled one, DeviceFault when the device refuses.
        """

        async def ask(client: Client) -> ModbusPDU:
            request = client.read_input_registers if function == 4 else client.read_holding_registers
            answer = await request(address, count=count, device_id=unit)
            if not answer.isError() and len(answer.registers) != count:
                raise WireError(f"{self.name}: unit {unit} gives {len(answer.registers)} registers instead of {count}")
            return answer

        return list((await self._exchange(unit, ask)).registers)

    async def write(self, unit: int, address: int, words: Sequence[int]) -> None:
        """Set holding registers of a unit (function 16). Raises as `read`; after a missing answer they may have been set."""
        await self._exchange(unit, lambda client: client.write_registers(address, list(words), device_id=unit))

    async def _exchange(self, unit: int, ask: _Ask) -> ModbusPDU:
        attempts = 1 if unit in self._silent_units else 1 + self._options.retries
        while True:
            attempts -= 1
            try:
                answer = await self._exchange_once(unit, ask)
            except (DeviceUnavailable, WireError):
                if not self._is_open.is_set():
                    raise
                if attempts <= 0:
                    self._silent_units.add(unit)
                    raise
            else:
                self._silent_units.discard(unit)
                return answer

    async def _exchange_once(self, unit: int, ask: _Ask) -> ModbusPDU:
        await self._was_tried.wait()
        async with self._lock:
            await asyncio.sleep(self._options.settle_s if self._must_settle else self._options.pause_s)
            client = self._client
            if client is None or not self._is_open.is_set():
                raise DeviceUnavailable(f"{self.name}: {self._closed_reason}")
            self._has_heard, self._must_settle = False, True
            try:
                answer = await ask(client)
            except (ModbusException, OSError) as error:
                _heed_cancellation()  # pymodbus turns it into an error of its own
                raise self._judge_failure(unit, error) from error
            _heed_cancellation()  # asyncio.wait_for of Python 3.11 gives an answer that comes at the same moment instead
            self._must_settle = False
        self._failures_in_a_row = 0
        if answer.isError():
            raise self._refusal(unit, getattr(answer, "exception_code", 0))
        return answer

    def _judge_failure(self, unit: int, error: Exception) -> DeviceUnavailable | WireError:
        self._failures_in_a_row += 1
        if self._failures_in_a_row >= _FAILURES_BEFORE_REOPENING or isinstance(error, OSError):
            self._lost.set()
        if self._has_heard:
            return WireError(f"{self.name}: unit {unit} answers garbled; check baud rate, parity, wiring and double addresses")
        return DeviceUnavailable(f"{self.name}: unit {unit} does not answer")

    def _refusal(self, unit: int, code: int) -> DeviceUnavailable | DeviceFault:
        message = f"{self.name}: unit {unit} refuses: {_EXCEPTIONS.get(code, f'exception {code}')}"
        return DeviceUnavailable(message) if code in _ABSENT else DeviceFault(message)

    def _trace(self, is_sending: bool, data: bytes) -> bytes:
        self._has_heard |= not is_sending and bool(data)
        return data

    def _on_connection(self, is_connected: bool) -> None:
        if not is_connected:
            self._lost.set()

    @property
    def _where(self) -> str:
        return f"{self._options.host}:{self._options.port}" if self._options.framer == "tcp" else str(self._options.port)


def _heed_cancellation() -> None:
    """Be cancelled where the library has swallowed it."""
    if (task := asyncio.current_task()) is not None and task.cancelling():
        raise asyncio.CancelledError


def _make_client(
    options: ModbusOptions, place: Place, trace: Callable[[bool, bytes], bytes], on_connection: Callable[[bool], None]
) -> Client:
    """A pymodbus client that neither retries nor reconnects."""
    if options.framer == "tcp":
        return AsyncModbusTcpClient(
            options.host,
            port=int(options.port),
            timeout=options.timeout_s,
            retries=0,
            reconnect_delay=0,
            trace_packet=trace,
            trace_connect=on_connection,
        )
    return AsyncModbusSerialClient(
        str(place.runtime_dir / str(options.port)),
        baudrate=options.baudrate,
        parity=_PARITY[options.parity],
        stopbits=options.stopbits,
        timeout=options.timeout_s,
        retries=0,
        reconnect_delay=0,
        trace_packet=trace,
        trace_connect=on_connection,
    )
