"""Sharing a set-point over modules: never more than wished, never above a capability, and the share of a silent module stays reserved."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hal.power.group import Capability, Group, share
from hal.types import Setpoint

SILENCE_S = 2.5
CUT_OFF_S = 11.0
MODULE = Capability(max_voltage_v=1000.0, max_current_a=100.0, max_power_w=30_000.0)

capabilities = st.builds(Capability, st.floats(0, 1000), st.floats(0, 150), st.floats(0, 60_000))
wishes = st.builds(Setpoint, st.floats(0, 1200), st.floats(0, 600))


def group_of(*addresses: int, now_s: float = 0.0) -> Group:
    group = Group(SILENCE_S, CUT_OFF_S)
    for address in addresses:
        group.heard(address, now_s, MODULE)
    return group


def total_a(shares: dict[int, Setpoint]) -> float:
    return sum(setpoint.current_a for setpoint in shares.values())


@given(wishes, st.dictionaries(st.integers(0, 59), capabilities, max_size=8), st.floats(0, 300))
def test_the_sum_never_exceeds_the_wish_and_no_module_its_capability(
    wish: Setpoint, modules: dict[int, Capability], reserved_a: float
) -> None:
    """Whatever the modules can do."""
    shares = share(wish, modules, reserved_a)
    assert shares.keys() == modules.keys()
    assert total_a(shares) <= max(wish.current_a - reserved_a, 0.0) + 1e-9
    for address, setpoint in shares.items():
        assert 0.0 <= setpoint.voltage_v <= min(wish.voltage_v, modules[address].max_voltage_v)
        assert 0.0 <= setpoint.current_a <= modules[address].max_current_a
        assert setpoint.voltage_v * setpoint.current_a <= modules[address].max_power_w + 1e-6


@given(st.floats(100, 900), st.integers(0, 300_000), st.integers(1, 8))
def test_equal_modules_give_the_whole_wish_evenly(voltage_v: float, current_ma: int, count: int) -> None:
    """What the modules can give together is given, with at most a milliampere between them."""
    wish = Setpoint(voltage_v, current_ma / 1000)
    shares = share(wish, dict.fromkeys(range(count), MODULE))
    most_a = count * min(MODULE.max_current_a, MODULE.max_power_w / voltage_v)
    assert total_a(shares) >= min(wish.current_a, most_a) - 0.001 * count
    currents = [setpoint.current_a for setpoint in shares.values()]
    assert max(currents) - min(currents) <= 0.0011


def test_a_weak_module_leaves_the_rest_to_the_others() -> None:
    """The share a small module cannot take goes to the bigger ones."""
    shares = share(Setpoint(400.0, 90.0), {1: Capability(1000.0, 10.0, 30_000.0), 2: MODULE, 3: MODULE})
    assert {address: one.current_a for address, one in shares.items()} == {1: 10.0, 2: 40.0, 3: 40.0}


def test_off_means_every_module_off() -> None:
    """Without a voltage wish all are off."""
    assert share(Setpoint(), {1: MODULE, 2: MODULE}) == {1: Setpoint(), 2: Setpoint()}


@given(st.floats(0, 250), st.sets(st.integers(1, 3)))
def test_a_held_module_is_off_and_the_others_take_its_share_when_it_has_given_it_up(current_a: float, held: set[int]) -> None:
    """At first they rise by nothing that the held ones have not given up; heard again, they give the whole wish."""
    group, wish = group_of(1, 2, 3), Setpoint(400.0, current_a)
    group.split(wish, 0.0)
    shares = group.split(wish, 0.1, frozenset(held))
    assert {address for address, one in shares.items() if one.is_on} == {1, 2, 3} - held
    assert total_a(shares) + sum(current_a / 3 for _ in held) <= current_a + 0.003
    for address in (1, 2, 3):
        group.heard(address, 0.2)
    most_a = (3 - len(held)) * MODULE.max_power_w / 400.0
    assert total_a(group.split(wish, 0.2, frozenset(held))) >= min(current_a, most_a) - 0.003


def test_a_silent_module_keeps_its_share_reserved_until_its_cut_off() -> None:
    """The others take over only when it surely delivers no more."""
    group = group_of(1, 2)
    group.split(Setpoint(400.0, 100.0), 0.0)
    group.heard(1, 3.0)
    assert group.notice(3.0) == {2}
    assert total_a(group.split(Setpoint(400.0, 100.0), 3.0)) == 50.0
    group.heard(1, 13.9)
    assert total_a(group.split(Setpoint(400.0, 100.0), 13.9)) == 50.0
    assert group.split(Setpoint(400.0, 75.0), 14.0) == {1: Setpoint(400.0, 75.0)}


def test_a_silent_module_may_not_have_heard_the_last_lowering() -> None:
    """Reserved is the highest it was told since it was last heard."""
    group = group_of(1, 2)
    group.split(Setpoint(400.0, 100.0), 0.0)
    group.split(Setpoint(400.0, 20.0), 1.0)
    group.heard(1, 3.0)
    group.notice(3.0)
    assert group.reserved_a(3.0) == 50.0
    assert group.split(Setpoint(400.0, 20.0), 3.0) == {1: Setpoint(400.0, 0.0)}


def test_a_module_that_comes_back_shares_again() -> None:
    """Its reservation ends with its first answer."""
    group = group_of(1, 2)
    group.split(Setpoint(400.0, 100.0), 0.0)
    group.heard(1, 3.0)
    group.notice(3.0)
    group.heard(2, 4.0)
    assert group.reserved_a(4.0) == 0.0
    assert group.split(Setpoint(400.0, 100.0), 4.0) == {1: Setpoint(400.0, 50.0), 2: Setpoint(400.0, 50.0)}


class GroupAgainstModules(RuleBasedStateMachine):
    """Modules that obey the last frame they got and cut off by themselves; the wire to each is whole or broken."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.wish = Setpoint()
        self.wished: list[tuple[float, float]] = []
        self.group = Group(SILENCE_S, CUT_OFF_S)
        self.connected = {1: True, 2: True, 3: True}
        self.delivers_a = dict.fromkeys(self.connected, 0.0)
        self.told_at_s = dict.fromkeys(self.connected, 0.0)
        self.cycle()

    def cycle(self) -> None:
        """What the driver does at each refresh, and what the modules make of it."""
        for address, is_connected in self.connected.items():
            if is_connected:
                self.group.heard(address, self.now_s, MODULE)
        self.group.notice(self.now_s)
        shares = self.group.split(self.wish, self.now_s)
        self.wished.append((self.now_s, self.wish.current_a))
        for address, is_connected in self.connected.items():
            if is_connected:
                self.delivers_a[address] = shares.get(address, Setpoint()).current_a
                self.told_at_s[address] = self.now_s
            elif self.now_s - self.told_at_s[address] >= 10.0:
                self.delivers_a[address] = 0.0

    @rule(cycles=st.integers(1, 30))
    def time_passes(self, cycles: int) -> None:
        for _ in range(cycles):
            self.now_s += 0.5
            self.cycle()

    @rule(current_a=st.floats(0, 250))
    def wish_changes(self, current_a: float) -> None:
        self.wish = Setpoint(400.0, current_a)
        self.cycle()

    @rule(address=st.integers(1, 3))
    def wire_breaks(self, address: int) -> None:
        self.connected[address] = False

    @rule(address=st.integers(1, 3))
    def wire_heals(self, address: int) -> None:
        self.connected[address] = True
        self.cycle()

    @invariant()
    def the_others_never_fill_up_what_a_silent_module_may_deliver(self) -> None:
        """Together no more than was wished since silence could be noticed, or than the disconnected ones deliver on their own."""
        cut_off_a = sum(self.delivers_a[address] for address, is_connected in self.connected.items() if not is_connected)
        lately_a = max(current_a for at_s, current_a in self.wished if self.now_s - at_s <= SILENCE_S + 0.5)
        assert sum(self.delivers_a.values()) <= max(lately_a, cut_off_a) + 1e-9

    @rule()
    def all_heal_and_the_whole_wish_is_given(self) -> None:
        """Caution is no reason to give less for ever: two seconds with all modules are enough."""
        self.connected = dict.fromkeys(self.connected, True)
        self.time_passes(4)
        most_a = min(self.wish.current_a, 3 * MODULE.max_power_w / 400.0)
        assert sum(self.delivers_a.values()) >= most_a - 0.003


TestGroupAgainstModules = GroupAgainstModules.TestCase
