"""Datagrams between daemon and guard: there and back, and nonsense refused."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargerd.safety.messages import Message, Octets, Prohibition, Renewal, Report, SafeOrder, decode, encode
from hal.errors import WireError
from hal.types import Flow

numbers = st.frozensets(st.integers(1, 32))
times = st.floats(0.0, 1e9)
amounts = st.none() | st.floats(-1e6, 1e6)
flows = st.builds(
    Flow,
    voltage_v=amounts,
    current_a=amounts,
    meter_power_w=amounts,
    max_voltage_v=amounts,
    max_current_a=amounts,
    has_output=st.booleans(),
)
messages = st.one_of(
    st.builds(Renewal, st.integers(0, 2**63), times, numbers, st.dictionaries(st.integers(1, 32), flows)),
    st.builds(Octets, st.text(max_size=20), st.binary(max_size=100)),
    st.just(SafeOrder()),
    st.builds(
        Report,
        st.none() | st.integers(0, 2**63),
        times,
        numbers,
        st.lists(st.builds(Prohibition, st.integers(0, 32), st.text(max_size=20), st.text(max_size=40))).map(tuple),
        st.integers(0, 1000),
    ),
)


@given(messages)
def test_every_message_comes_back_as_it_was(message: Message) -> None:
    """Whatever is said is heard."""
    assert decode(encode(message)) == message


@given(st.binary(max_size=200))
def test_octets_are_a_message_or_a_wire_error(datagram: bytes) -> None:
    """Never another exception."""
    with contextlib.suppress(WireError):
        decode(datagram)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"Renewal": {}, "SafeOrder": {}}',
        '{"Order": {}}',
        '{"Renewal": {"epoch": 1, "sent_s": 1.0}}',
        '{"Renewal": {"epoch": true, "sent_s": 1.0, "wishes": [], "flows": {}}}',
        '{"Renewal": {"epoch": 1, "sent_s": "x", "wishes": [], "flows": {}}}',
        '{"Renewal": {"epoch": 1, "sent_s": 1.0, "wishes": [1.5], "flows": {}}}',
        '{"Renewal": {"epoch": 1, "sent_s": 1.0, "wishes": 1, "flows": {}}}',
        '{"Renewal": {"epoch": 1, "sent_s": 1.0, "wishes": [], "flows": []}}',
        '{"Renewal": {"epoch": 1, "sent_s": 1.0, "wishes": [], "flows": {"1": {}}}}',
        '{"Renewal": {"epoch": 1, "sent_s": 1.0, "wishes": [], "flows": {"1": {"has_output": true, "voltage_v": "x"}}}}',
        '{"Octets": {"device": "pilot1", "data": "5"}}',
        '{"Report": {"epoch": null, "answers_s": 0, "closed": [], "forbidden": [[0, "x"]], "loaded_openings": 0}}',
        "[" * 100_000,
    ],
)
def test_nonsense_is_refused(text: str) -> None:
    """Missing, of another kind, too many."""
    with pytest.raises(WireError):
        decode(text.encode())
