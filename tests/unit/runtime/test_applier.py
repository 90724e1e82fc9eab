"""Levels on their way to the devices: their order, and what counts as energy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from chargerd.core.ids import ConnectorId
from chargerd.core.outputs import Outputs
from chargerd.runtime.applier import Actuators, Applier
from hal.ports import Emit
from hal.types import Flow, SeccOutput, Setpoint, Talk

ONE, TWO = ConnectorId(1), ConnectorId(2)
CLOSED = Outputs(contactor=True)
PRESSING = Outputs(setpoint=Setpoint(500.0, 2.0))
TALKING = Outputs(secc=SeccOutput(is_enabled=True))


@dataclass
class Device:
    """Writes down what it is told, in the order of all."""

    name: str
    said: list[tuple[str, object]]

    def apply(self, output: object) -> None:
        self.said.append((self.name, output))

    def limit_talk(self, talk: Talk) -> None:
        self.said.append((self.name, talk))

    async def run(self, emit: Emit) -> None:
        raise NotImplementedError


@dataclass
class Gate:
    """Takes every wish."""

    said: list[tuple[str, object]]

    def wish(self, connector: ConnectorId, *, is_closed: bool) -> None:
        self.said.append(("contactor", is_closed))

    def renew(self, flows: Mapping[int, Flow]) -> None:
        raise NotImplementedError


def applier() -> tuple[Applier, list[tuple[str, object]]]:
    said: list[tuple[str, object]] = []
    devices = {one: Actuators(Device("modules", said), Device("secc", said)) for one in (ONE, TWO)}
    return Applier(devices, Gate(said)), said


def test_a_contactor_opens_before_anything_else_and_closes_after_it() -> None:
    """Whatever removes energy is not kept waiting by another device; what adds it has everything else in place."""
    made, said = applier()
    charging = Outputs(contactor=True, setpoint=Setpoint(400.0, 100.0), secc=SeccOutput(is_enabled=True))
    made.apply(ONE, charging)
    assert [name for name, _ in said] == ["modules", "secc", "contactor"]
    said.clear()
    made.apply(ONE, Outputs())
    assert [name for name, _ in said] == ["contactor", "modules", "secc"]
    assert said[0] == ("contactor", False)


@pytest.mark.parametrize(("level", "is_energising"), [(CLOSED, True), (PRESSING, True), (TALKING, False), (Outputs(), False)])
def test_energy_is_a_contactor_or_a_voltage(level: Outputs, is_energising: bool) -> None:
    """By it the lease is renewed at the fast pace: also while modules run behind an open contactor, and until the last connector ends."""
    made, _ = applier()
    made.apply(ONE, level)
    made.apply(TWO, Outputs())
    assert made.is_energising.is_set() is is_energising
    made.apply(ONE, Outputs())
    assert not made.is_energising.is_set()
