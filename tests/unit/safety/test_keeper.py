"""What the keeper drives between two looks, and what it counts."""

from __future__ import annotations

from collections.abc import Callable

from chargerd.safety.gate import GateOptions
from chargerd.safety.keeper import Keeper
from hal.types import Flow, SafetyInputs, SafetyOutputs

BOTH = frozenset({1, 2})


class Board:
    """Contactors that follow their coils; `driven`: each order."""

    name = "board"

    def __init__(self) -> None:
        self.driven: list[SafetyOutputs] = []
        self.is_estop_pressed = False

    def open(self) -> None:
        self.driven.append(SafetyOutputs())

    def read(self) -> SafetyInputs:
        closed = self.driven[-1].closed_contactors
        return SafetyInputs(is_estop_pressed=self.is_estop_pressed, is_door_open=False, closed_contactors=closed)

    def watch(self, moved: Callable[[], None]) -> bool:
        return False

    def apply(self, outputs: SafetyOutputs) -> None:
        self.driven.append(outputs)

    def close(self) -> None:
        self.driven.append(SafetyOutputs())


def energized(enables: frozenset[int], flows: dict[int, Flow]) -> tuple[Keeper, Board]:
    """Connector 1 closed; a beat's measurements."""
    board = Board()
    keeper = Keeper(board, BOTH, GateOptions(), enables=enables)
    keeper.begin(0.0)
    keeper.wish(frozenset({1}), 0.0)
    for tick in range(3):
        keeper.look(0.02 * tick, 0.0, flows)
    assert board.driven[-1].closed_contactors == {1}
    return keeper, board


def test_a_wish_that_ends_opens_at_once_and_leaves_the_others_alone() -> None:
    """The modules of another connector are under test meanwhile: they stay enabled."""
    keeper, board = energized(BOTH, {2: Flow(has_output=True)})
    assert board.driven[-1] == SafetyOutputs(frozenset({1}), BOTH)
    keeper.wish(frozenset(), 0.1)
    assert board.driven[-1] == SafetyOutputs(frozenset(), frozenset({2}))


def test_what_the_gate_opens_under_load_is_counted() -> None:
    """By what was measured last; an enable line that goes off in the same moment makes it none the lighter."""
    loaded = {1: Flow(current_a=100.0, max_current_a=100.0)}
    for enables, flows, count in ((frozenset[int](), loaded, 1), (BOTH, loaded, 1), (frozenset[int](), {1: Flow(current_a=0.5)}, 0)):
        keeper, board = energized(enables, flows)
        board.is_estop_pressed = True
        keeper.look(0.1, 0.0, flows)
        assert board.driven[-1].closed_contactors == frozenset()
        assert keeper.loaded_openings == count


def test_modules_that_were_disabled_before_are_no_load() -> None:
    """A lost daemon: the enable line first, the contactor after the time the current needs."""
    keeper, board = energized(BOTH, {1: Flow(current_a=100.0, max_current_a=100.0)})
    keeper.look(2.0, 1.5, {1: Flow(current_a=100.0)})
    assert board.driven[-1] == SafetyOutputs(frozenset({1}), frozenset())
    keeper.look(2.2, 1.7, {1: Flow(current_a=100.0)})
    assert (board.driven[-1], keeper.loaded_openings) == (SafetyOutputs(), 0)
