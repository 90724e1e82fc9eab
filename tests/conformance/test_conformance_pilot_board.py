"""The control pilot board over links of all qualities, as the SECC of a connector and as a board of the gate."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from chargerd.sim.virtual_loop import run_virtual
from hal.errors import ConfigError, DeviceUnavailable
from hal.ports import Place, SafetyIo, SafetyLines
from hal.secc.pilot_board import PilotBoard, PilotBoardOptions
from hal.types import ControlPilot, EvRequest, SafetyInputs, SafetyOutputs, SeccOutput
from hal.wire import safety_board as wire
from hal.wire.safety_board import ChargeControl, ChargeState, Contact, ContactorState, Pilot, Stop
from tests.conformance.links import QUALITIES, BytePipe, Quality, Supervised, now_s

PLACE = Place(Path("/state"), Path("/run"))
LINES = SafetyLines(contactors={1: "k1"}, residual_current={1: "estop2"}, estop="estop1")
NO_STOP = (Stop.NOT_TRIPPED, Stop.NOT_TRIPPED, Stop.NOT_TRIPPED)
AT_REST = SafetyInputs(is_estop_pressed=False, is_door_open=False)
CLOSED, OPENED = SafetyOutputs(frozenset({1})), SafetyOutputs()
OFF = ChargeControl()
STEADY = ChargeControl(True, 1000)
SIXTEEN_A = SeccOutput(is_enabled=True, authorization=True, max_current_a=16.0)
OFFERED = ChargeControl(True, 266)
HOT = wire.Temperatures((wire.Channel(31.5), wire.Channel(), wire.Channel(), wire.Channel()))


def contactors(contact: Contact, has_error: bool = False) -> dict[str, Any]:
    return {"contactor_1": ContactorState(contact, has_error), "contactor_2": ContactorState(contact, has_error)}


@dataclass
class Board:
    """The board's side of the wire: tells its state every 100 ms once it was told something, closes contactors in pilot C only."""

    state: ChargeState = field(default_factory=lambda: ChargeState(pilot=Pilot.A, stops=NO_STOP, **contactors(Contact.OPEN)))
    heard: list[tuple[float, ChargeControl]] = field(default_factory=list)
    asked: list[wire.PacketId] = field(default_factory=list)
    is_silent: bool = False
    answers_inquiries: bool = True
    is_stuck: bool = False
    pipe: BytePipe | None = None

    def __post_init__(self) -> None:
        self._parser = wire.FrameParser()

    def __call__(self, data: bytes) -> bytes:
        said = b""
        for item in self._parser.feed(data):
            match item:
                case ChargeControl():
                    self.heard.append((now_s(), item))
                    self._follow(item)
                case wire.Inquiry(wanted):
                    self.asked.append(wanted)
                    said += self._answer(wanted)
        return said

    def _answer(self, wanted: wire.PacketId) -> bytes:
        if not self.answers_inquiries:
            return b""
        if wanted is wire.PacketId.FIRMWARE_VERSION:
            return wire.encode(wire.FirmwareVersion(1, 4, 2))
        return wire.encode(wire.FirmwareHash(bytes.fromhex("0123456789ABCDEF")))

    def _follow(self, control: ChargeControl) -> None:
        if not self.is_stuck:
            is_closed = control.is_contactor_1_wanted and self.state.pilot is Pilot.C
            self.state = replace(self.state, **contactors(Contact.CLOSED if is_closed else Contact.OPEN))

    @property
    def last(self) -> ChargeControl:
        return self.heard[-1][1]

    def show(self, pilot: Pilot) -> None:
        """The vehicle changes the pilot; without C the contactors open by themselves."""
        changed = {} if pilot is Pilot.C else contactors(Contact.OPEN)
        self.state = replace(self.state, pilot=pilot, **changed)

    async def run(self) -> None:
        assert self.pipe is not None
        while True:
            await asyncio.sleep(0.1)
            if self.heard and not self.is_silent and self.pipe.is_open:
                self.pipe.deliver(wire.encode(self.state) + wire.encode(HOT))


@dataclass
class Rig:
    board: Board
    pipe: BytePipe
    driver: PilotBoard
    lines: SafetyIo
    run: Supervised
    moves: list[tuple[ControlPilot, SafetyInputs]] = field(default_factory=list)

    def moved(self) -> None:
        self.moves.append((self.pilot, self.lines.read()))

    @property
    def pilot(self) -> ControlPilot:
        """As it was told last."""
        told = [one.control_pilot for one in self.run.values if isinstance(one, EvRequest)]
        return told[-1] if told else ControlPilot.UNKNOWN


def rig(quality: Quality | None = None, **options: Any) -> Rig:
    board = Board()
    pipe = board.pipe = BytePipe(board, quality or Quality())
    driver = PilotBoard("pilot1", PilotBoardOptions(port="usb", **options), PLACE, lambda name, port, baudrate: pipe)
    made = Rig(board, pipe, driver, driver.safety_io(LINES), Supervised(driver))
    made.lines.watch(made.moved)
    return made


async def renewed(driver: PilotBoard, output: SeccOutput) -> None:
    """As the daemon does: say it again before it grows old."""
    while True:
        driver.apply(output)
        await asyncio.sleep(0.5)


def played(made: Rig, scene: Coroutine[None, None, None], output: SeccOutput | None = None) -> Supervised:
    """The scene with driver and board running; `output` is renewed through it."""

    async def body() -> Supervised:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(made.board.run(), name="board")]
            if output is not None:
                tasks.append(group.create_task(renewed(made.driver, output), name="daemon"))
            made.lines.open()
            async with made.run:
                await scene
            for task in tasks:
                task.cancel()
        return made.run

    return run_virtual(body())


@pytest.mark.parametrize("quality", QUALITIES)
def test_levels_and_states_pass_whatever_the_link_does(quality: str) -> None:
    """The offer and the contactor reach the board, pilot and feedback come back; no link of these is a loss."""
    made = rig(QUALITIES[quality]())

    async def scene() -> None:
        await asyncio.sleep(1.0)
        made.board.show(Pilot.C)
        await asyncio.sleep(1.0)
        made.lines.apply(CLOSED)
        await asyncio.sleep(1.0)
        assert made.board.last == replace(OFFERED, is_contactor_1_wanted=True)
        assert made.lines.read() == replace(AT_REST, closed_contactors=frozenset({1}))

    run = played(made, scene(), SIXTEEN_A)
    assert run.errors == []
    assert made.pilot is ControlPilot.C
    assert {value.connector_temperature_c for value in run.values[-2:] if isinstance(value, EvRequest)} == {31.5}


def test_the_board_hears_of_both_levels_ten_times_a_second() -> None:
    """And nothing is said twice as often because one of them is renewed."""
    made = rig()
    played(made, asyncio.sleep(10.0), SIXTEEN_A)
    times = [at_s for at_s, _ in made.board.heard]
    assert max(after - before for before, after in itertools.pairwise(times)) <= 0.1001
    assert 100 <= len(times) <= 104


def test_a_change_is_told_at_once() -> None:
    """An offer that begins or ends, or is taken back to wake a vehicle, does not wait for the next period."""
    made = rig()

    async def scene() -> None:
        await asyncio.sleep(1.03)
        stopped, waking = replace(SIXTEEN_A, wants_stop=True), replace(SIXTEEN_A, is_waking=True)
        steps = ((SIXTEEN_A, OFFERED), (stopped, STEADY), (SIXTEEN_A, OFFERED), (waking, STEADY), (SIXTEEN_A, OFFERED))
        for output, control in steps:
            made.driver.apply(output)
            assert made.board.heard[-1] == (now_s(), control)

    played(made, scene())


def test_the_contactor_opens_before_apply_returns() -> None:
    """The frame is with the port by then, whatever the period."""
    made = rig()
    made.board.show(Pilot.C)

    async def scene() -> None:
        await asyncio.sleep(1.03)
        made.lines.apply(CLOSED)
        await asyncio.sleep(0.33)
        made.lines.apply(OPENED)
        assert bytes(made.pipe.written).endswith(wire.encode(STEADY))
        assert made.board.heard[-1] == (now_s(), STEADY)
        made.lines.apply(CLOSED)
        made.lines.close()
        assert made.board.last == STEADY

    played(made, scene())


def test_nobody_but_the_gate_closes_a_contactor() -> None:
    """Whatever the vehicle is offered and however it asks."""
    made = rig()
    made.board.show(Pilot.C)
    played(made, asyncio.sleep(5.0), SIXTEEN_A)
    assert not any(control.is_contactor_1_wanted or control.is_contactor_2_wanted for _, control in made.board.heard)


def test_after_a_reconnect_both_levels_are_there_again() -> None:
    """Without anybody saying them anew."""
    made = rig(time_to_live_s=10.0)
    made.board.show(Pilot.C)

    async def scene() -> None:
        made.driver.apply(SIXTEEN_A)
        await asyncio.sleep(1.0)
        made.lines.apply(CLOSED)
        made.pipe.unplug()
        await asyncio.sleep(1.0)
        assert not made.lines.read().is_readable
        made.pipe.is_plugged, first = True, len(made.board.heard)
        await asyncio.sleep(1.0)
        assert made.board.heard[first][1] == replace(OFFERED, is_contactor_1_wanted=True)
        assert made.lines.read().is_readable

    run = played(made, scene())
    assert {str(error) for _, error in run.errors} == {"reader: port is gone", "reader: port is not there"}


def test_an_offer_that_is_not_renewed_ends(caplog: pytest.LogCaptureFixture) -> None:
    """A daemon that hangs offers nothing; the pilot stays on, so that the vehicle's leaving is seen."""
    made = rig()

    async def scene() -> None:
        made.driver.apply(SIXTEEN_A)
        await asyncio.sleep(1.9)
        assert made.board.last == OFFERED
        await asyncio.sleep(0.25)
        assert made.board.last == STEADY

    played(made, scene())
    assert "secc_output_expired device=pilot1" in caplog.text


def test_a_change_of_the_offer_leaves_the_vehicle_its_time() -> None:
    """32 A becomes 16 A and 10 A: after 5 s the last of them."""
    made = rig(time_to_live_s=10.0)

    async def scene() -> None:
        await asyncio.sleep(1.0)
        for current_a in (32.0, 16.0, 10.0):
            made.driver.apply(replace(SIXTEEN_A, max_current_a=current_a))
            await asyncio.sleep(1.0)
        await asyncio.sleep(3.0)

    played(made, scene())
    offers = [(at_s, control.duty_permille) for at_s, control in made.board.heard if control.duty_permille < 1000 and control.is_pwm_on]
    assert list(dict.fromkeys(duty for _, duty in offers)) == [533, 166]
    (began_s, _), (changed_s, _) = offers[0], next(one for one in offers if one[1] == 166)
    assert 5.0 <= changed_s - began_s <= 5.11


@pytest.mark.parametrize("has_spoken", [True, False])
def test_a_board_that_says_nothing_is_lost(has_spoken: bool) -> None:
    """After a second, with its name and what to do; the gate is told, and what was heard last is not told again."""
    made = rig()
    made.board.is_silent = not has_spoken

    async def scene() -> None:
        await asyncio.sleep(1.5 if has_spoken else 0.0)
        made.board.is_silent, silent_s = True, now_s()
        await asyncio.sleep(0.8)
        assert made.lines.read().is_readable is has_spoken
        made.moves.clear()
        await asyncio.sleep(0.4)
        assert made.lines.read() == SafetyInputs(is_readable=False)
        assert made.moves != []
        assert all(at_s <= silent_s + 0.01 for at_s, _ in made.run.readings)

    run = played(made, scene())
    assert isinstance(run.errors[0][1], DeviceUnavailable)
    assert str(run.errors[0][1]) == "pilot1: the pilot board on usb does not answer; check its supply and its port"


def test_a_port_that_takes_nothing_more_ends_the_run_and_nothing_else() -> None:
    """Neither the core nor the gate can do anything about it: they are not told by an exception."""
    made = rig(time_to_live_s=10.0)

    async def scene() -> None:
        await asyncio.sleep(1.0)
        made.pipe.is_plugged = False  # the port still gives, so that reading does not tell
        made.driver.apply(SIXTEEN_A)
        made.lines.apply(CLOSED)
        await asyncio.sleep(0.11)
        assert [str(error) for _, error in made.run.errors] == ["reader: port is gone"]
        assert made.lines.read() == SafetyInputs(is_readable=False)

    played(made, scene())


def test_garbage_is_no_word_of_the_board() -> None:
    """It is lost as one that says nothing."""
    made = rig()
    made.board.is_silent = True

    async def scene() -> None:
        for _ in range(30):
            made.pipe.deliver(b"\xa5\x07\x80\x32\x03\x03\x09\x00\x00\x00\xfe\x03")  # a state with a wrong checksum
            await asyncio.sleep(0.05)

    run = played(made, scene())
    assert run.values == []
    assert isinstance(run.errors[0][1], DeviceUnavailable)


def test_the_last_frame_switches_everything_off() -> None:
    """Contactors and PWM, however `run` is left."""
    made = rig()
    made.board.show(Pilot.C)

    async def scene() -> None:
        await asyncio.sleep(1.0)
        made.lines.apply(CLOSED)
        await asyncio.sleep(1.0)
        assert made.board.last == replace(OFFERED, is_contactor_1_wanted=True)

    played(made, scene(), SIXTEEN_A)
    assert made.board.last == OFF
    assert not made.pipe.is_open


def test_the_board_is_asked_for_its_firmware(caplog: pytest.LogCaptureFixture) -> None:
    """Version, then hash, one question at a time, before anything else is said."""
    made = rig()
    with caplog.at_level(logging.INFO):
        played(made, asyncio.sleep(1.0))
    assert made.board.asked == [wire.PacketId.FIRMWARE_VERSION, wire.PacketId.FIRMWARE_HASH]
    assert bytes(made.pipe.written).startswith(wire.encode(wire.Inquiry(wire.PacketId.FIRMWARE_VERSION)))
    assert "board_firmware device=pilot1 version=1.4.2" in caplog.text
    assert "board_firmware device=pilot1 hash=0123456789abcdef" in caplog.text


def test_a_board_that_tells_no_version_serves_as_well() -> None:
    """Older ones may not know the question."""
    made = rig()
    made.board.answers_inquiries = False
    run = played(made, asyncio.sleep(3.0))
    assert (run.errors, made.board.asked) == ([], [wire.PacketId.FIRMWARE_VERSION])
    assert run.values != []


def test_a_vehicle_that_lets_go_is_told_before_its_open_contactor() -> None:
    """The board opens by itself; a gate that looked first would take that for a failure."""
    made = rig()
    made.board.show(Pilot.C)

    async def scene() -> None:
        await asyncio.sleep(1.0)
        made.lines.apply(CLOSED)
        await asyncio.sleep(0.5)
        assert made.moves[-1] == (ControlPilot.C, replace(AT_REST, closed_contactors=frozenset({1})))
        made.board.show(Pilot.B)
        await asyncio.sleep(0.15)
        assert made.moves[-1] == (ControlPilot.B, AT_REST)
        assert (ControlPilot.C, AT_REST) not in made.moves[-2:]

    played(made, scene(), SIXTEEN_A)


# --- the lines -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stop", "is_active"), [(Stop.NOT_TRIPPED, False), (Stop.TRIPPED, True), (Stop.RESERVED, True), (Stop.NOT_CONFIGURED, True)]
)
def test_an_input_is_quiet_only_when_the_board_says_so(stop: Stop, is_active: bool) -> None:
    """One that is not configured in the board reads as pressed, as with a broken wire."""
    made = rig()
    made.board.state = replace(made.board.state, stops=(stop, Stop.NOT_TRIPPED, Stop.TRIPPED))

    async def scene() -> None:
        await asyncio.sleep(1.0)
        assert made.lines.read() == replace(AT_REST, is_estop_pressed=is_active)
        made.board.state = replace(made.board.state, stops=(Stop.NOT_TRIPPED, stop, Stop.NOT_TRIPPED))
        await asyncio.sleep(0.2)
        assert made.lines.read() == replace(AT_REST, leaking=frozenset({1}) if is_active else frozenset())

    played(made, scene())


@pytest.mark.parametrize(
    ("wanted", "first", "second", "is_closed"),
    [
        (True, Contact.CLOSED, Contact.CLOSED, True),
        (True, Contact.CLOSED, Contact.OPEN, False),
        (True, Contact.CLOSED, Contact.NOT_CONFIGURED, False),
        (False, Contact.OPEN, Contact.OPEN, False),
        (False, Contact.OPEN, Contact.CLOSED, True),
    ],
)
def test_two_contactors_are_one_that_fails_when_either_does(wanted: bool, first: Contact, second: Contact, is_closed: bool) -> None:
    """Both have to close, and both to open."""
    made = rig(contactors="both")
    made.board.is_stuck = True
    made.board.state = replace(made.board.state, contactor_1=ContactorState(first), contactor_2=ContactorState(second))

    async def scene() -> None:
        await asyncio.sleep(1.0)
        made.lines.apply(CLOSED if wanted else OPENED)
        assert (made.board.last.is_contactor_1_wanted, made.board.last.is_contactor_2_wanted) == (wanted, wanted)
        assert (made.lines.read().closed_contactors == {1}) is is_closed

    played(made, scene())


def test_a_line_is_a_coil_or_an_input() -> None:
    """What the board has not is refused when the station is built."""
    driver = rig().driver
    with pytest.raises(ConfigError, match="pilot1: line estop1 is no contactor; that is k1"):
        driver.safety_io(SafetyLines(contactors={1: "estop1"}))
    with pytest.raises(ConfigError, match="pilot1: line k1 is no input; there are estop1, estop2, estop3"):
        driver.safety_io(SafetyLines(door="k1"))
    with pytest.raises(ConfigError, match="pilot1: line estop3 cannot be an insulation monitor"):
        driver.insulation_monitor("estop3")
