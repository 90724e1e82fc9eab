"""The control pilot board for who has no event loop, on a pseudo terminal: what passes through the guard, and whose word closes."""

from __future__ import annotations

import os
import select
import tty
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hal.errors import ConfigError, DeviceUnavailable
from hal.ports import Place, Relay, SafetyIo, SafetyLines
from hal.secc.pilot_board import PilotBoardOptions
from hal.secc.polled_pilot_board import QUIET, PolledPilotBoard
from hal.types import SafetyInputs, SafetyOutputs
from hal.wire import safety_board as wire
from hal.wire.safety_board import ChargeControl, ChargeState, Contact, ContactorState, Pilot, Stop

LINES = SafetyLines(contactors={1: "k1"}, residual_current={1: "estop2"}, estop="estop1")
CLOSED = SafetyOutputs(frozenset({1}))
OPEN, SHUT = ContactorState(Contact.OPEN), ContactorState(Contact.CLOSED)
AT_REST = ChargeState(pilot=Pilot.A, stops=(Stop.NOT_TRIPPED,) * 3, contactor_1=OPEN, contactor_2=OPEN)
OFFERED = ChargeControl(is_pwm_on=True, duty_permille=266)


class Bench:
    """The board's end of the wire in our hands, and a clock."""

    def __init__(self, folder: Path, contactors: str = "first") -> None:
        self.now_s = 100.0
        self._end, other = os.openpty()
        tty.setraw(other)
        self._other = other
        options = PilotBoardOptions(port=os.ttyname(other), contactors=contactors)
        self.board = PolledPilotBoard("pilot1", options, Place(folder, folder), lambda: self.now_s)
        self.lines: SafetyIo = self.board.safety_io(LINES)
        self._parser = wire.FrameParser()

    def tell(self, *messages: wire.Message) -> None:
        self.put(b"".join(map(wire.encode, messages)))

    def put(self, data: bytes) -> None:
        """Returns once the other end has it: a pseudo terminal takes its time."""
        os.write(self._end, data)
        assert select.select([self._other], [], [], 5.0)[0]

    def heard(self) -> list[wire.Item]:
        """What has come to the board since; the same is true of the way here."""
        items: list[wire.Item] = []
        while select.select([self._end], [], [], 0.05)[0]:
            items += self._parser.feed(os.read(self._end, 4096))
        return items

    def read(self, after_s: float = 0.02) -> SafetyInputs:
        self.now_s += after_s
        return self.lines.read()

    def hang_up(self) -> None:
        os.close(self._end)
        self._end = -1

    def close(self) -> None:
        self.lines.close()
        for descriptor in (self._end, self._other):
            if descriptor >= 0:
                os.close(descriptor)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    made.lines.open()
    yield made
    made.close()


def test_the_contactor_is_the_gates_whatever_the_daemon_says(bench: Bench) -> None:
    """A control of the daemon's that asks for contactors does not get them; the duty is its own."""
    assert isinstance(bench.board, Relay)
    bench.board.say(wire.encode(replace(OFFERED, is_contactor_1_wanted=True, is_contactor_2_wanted=True)))
    assert bench.heard() == [OFFERED]
    bench.lines.apply(CLOSED)
    assert bench.heard() == [replace(OFFERED, is_contactor_1_wanted=True)]
    bench.board.say(wire.encode(replace(OFFERED, duty_permille=533)))
    assert bench.heard() == [replace(OFFERED, duty_permille=533, is_contactor_1_wanted=True)]
    bench.lines.apply(SafetyOutputs())
    assert bench.heard() == [replace(OFFERED, duty_permille=533)]


def test_both_contactors_are_one_coil_where_they_are_wired_so(tmp_path: Path) -> None:
    """Closed when both are, open when both are."""
    bench = Bench(tmp_path, contactors="both")
    bench.lines.open()
    bench.lines.apply(CLOSED)
    assert bench.heard() == [replace(QUIET, is_contactor_1_wanted=True, is_contactor_2_wanted=True)]
    bench.tell(replace(AT_REST, contactor_1=SHUT))
    assert bench.read().closed_contactors == frozenset()
    bench.tell(replace(AT_REST, contactor_1=SHUT, contactor_2=SHUT))
    assert bench.read().closed_contactors == {1}
    bench.lines.apply(SafetyOutputs())
    bench.tell(replace(AT_REST, contactor_2=SHUT))
    assert bench.read().closed_contactors == {1}
    bench.close()


def test_a_daemon_that_falls_silent_offers_nothing(bench: Bench) -> None:
    """Its last duty is kept as long as a frame may be late, then it is steady +12 V, every 100 ms; the contactor stays the gate's."""
    bench.lines.apply(CLOSED)
    bench.board.say(wire.encode(OFFERED))
    bench.heard()
    bench.read(0.2)
    assert bench.heard() == []
    bench.read(0.11)
    assert bench.heard() == [replace(QUIET, is_contactor_1_wanted=True)]
    for _ in range(3):
        bench.read(0.11)
        assert bench.heard() == [replace(QUIET, is_contactor_1_wanted=True)]


def test_inquiries_pass_and_nothing_else_does(bench: Bench) -> None:
    """Frames that only the board says, and octets that are no frame, end here."""
    bench.board.say(wire.encode(AT_REST) + b"\xa5\x06nonsense" + wire.encode(wire.Inquiry(wire.PacketId.FIRMWARE_VERSION)))
    assert bench.heard() == [wire.Inquiry(wire.PacketId.FIRMWARE_VERSION)]


def test_what_the_board_says_is_passed_on_octet_by_octet(bench: Bench) -> None:
    """The daemon's driver has its own parser."""
    said = wire.encode(AT_REST) + b"\x00noise" + wire.encode(wire.FirmwareVersion(1, 4, 2))
    bench.put(said)
    bench.read()
    assert (bench.board.heard(), bench.board.heard()) == (said, b"")


def test_inputs_and_feedback_are_the_boards(bench: Bench) -> None:
    """Emergency stop, residual current, contactor; a board that says nothing is unreadable after its time."""
    assert not bench.read().is_readable
    bench.tell(AT_REST)
    assert bench.read() == SafetyInputs(is_estop_pressed=False, is_door_open=False)
    bench.tell(replace(AT_REST, contactor_1=SHUT, stops=(Stop.TRIPPED, Stop.NOT_CONFIGURED, Stop.NOT_TRIPPED)))
    expected = SafetyInputs(is_estop_pressed=True, is_door_open=False, closed_contactors=frozenset({1}), leaking=frozenset({1}))
    assert bench.read() == expected
    assert bench.read(0.9).is_readable
    assert not bench.read(0.2).is_readable


def test_a_port_that_goes_away_is_unreadable_and_cannot_be_driven(bench: Bench) -> None:
    """The gate hears of it either way."""
    bench.tell(AT_REST)
    assert bench.read().is_readable
    bench.hang_up()
    assert not bench.read().is_readable
    with pytest.raises(DeviceUnavailable, match="pilot1: port"):
        bench.lines.apply(CLOSED)
    with pytest.raises(DeviceUnavailable, match="pilot1: port"):
        bench.board.say(wire.encode(OFFERED))


def test_closing_leaves_the_contactor_open_and_nothing_offered(bench: Bench) -> None:
    """The last frame says so."""
    bench.board.say(wire.encode(OFFERED))
    bench.lines.apply(CLOSED)
    bench.heard()
    bench.lines.close()
    assert bench.heard() == [QUIET]


def test_wrong_lines_are_refused(tmp_path: Path) -> None:
    """As by the daemon's own board."""
    with pytest.raises(ConfigError, match="estop1"):
        Bench(tmp_path).board.safety_io(SafetyLines(contactors={1: "estop1"}))
