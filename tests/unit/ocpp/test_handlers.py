"""Answers to the central system's requests (OCPP 1.6, chapter 5, Core profile)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from chargerd.core.events import (
    AuthorizationStatus,
    CancelReservation,
    ChangeAvailability,
    ChangeSettings,
    ClearCache,
    ListEntry,
    RemoteStart,
    RemoteStop,
    Reply,
    ReserveNow,
    Reset,
    ResetKind,
    UnlockConnector,
    UpdateLocalList,
    Verdict,
    rejected,
)
from chargerd.core.facts import UnlockFinished
from chargerd.core.ids import STATION, ConnectorId, IdTag
from chargerd.ocpp.options import Features
from chargerd.ocpp.rpc import Call, CallRefusedError, ErrorCode, Payload
from chargerd.ocpp.schema import check_response
from chargerd.ocpp.v16.handlers import Handlers
from chargerd.ocpp.v16.key_row import Effect, Key
from chargerd.ocpp.v16.key_values import KeyTable
from chargerd.ocpp.v16.keys import KEYS
from chargerd.sim.virtual_loop import run_virtual
from tests.support.ocpp_fakes import CONNECTORS, FakeStation, FakeStore, given, options

ONE = ConnectorId(1)
REJECTED = rejected("no")


class Desk:
    """Handlers on a fake station; each answer is checked against its schema."""

    def __init__(self, is_accepted: bool = True, rows: Sequence[Key] = KEYS, **changed: object) -> None:
        keys = KeyTable(options(**changed), CONNECTORS, rows)
        self.station = FakeStation(FakeStore(), keys.factory())
        self.handlers = Handlers(self.station, keys, 10.0, lambda: is_accepted)

    async def ask(self, action: str, **payload: object) -> Payload:
        answer = await given(self.handlers.answer(Call("1", action, payload)))
        assert check_response(action, answer) is None
        return answer


def answer(desk: Desk, action: str, **payload: object) -> Payload:
    return run_virtual(desk.ask(action, **payload))


def test_every_request_is_handled() -> None:
    """The nine requests of the Core profile, and those of the other profiles that the station has; no other."""
    assert Desk().handlers.actions == {
        "CancelReservation",
        "ChangeAvailability",
        "ChangeConfiguration",
        "ClearCache",
        "ClearChargingProfile",
        "DataTransfer",
        "GetCompositeSchedule",
        "GetConfiguration",
        "GetLocalListVersion",
        "RemoteStartTransaction",
        "RemoteStopTransaction",
        "ReserveNow",
        "Reset",
        "SendLocalList",
        "SetChargingProfile",
        "TriggerMessage",
        "UnlockConnector",
    }


@pytest.mark.parametrize(("reply", "status"), [(Reply(), "Accepted"), (REJECTED, "Rejected")])
@pytest.mark.parametrize(
    ("action", "payload", "event"),
    [
        ("RemoteStartTransaction", {"idTag": "TAG"}, RemoteStart(IdTag("TAG"))),
        ("RemoteStartTransaction", {"idTag": "TAG", "connectorId": 1}, RemoteStart(IdTag("TAG"), ONE)),
        ("RemoteStopTransaction", {"transactionId": 0}, RemoteStop(0)),
        ("Reset", {"type": "Hard"}, Reset(ResetKind.HARD)),
        ("Reset", {"type": "Soft"}, Reset(ResetKind.SOFT)),
        ("ClearCache", {}, ClearCache()),
        ("ChangeAvailability", {"connectorId": 0, "type": "Inoperative"}, ChangeAvailability(STATION, False)),
        ("ChangeAvailability", {"connectorId": 1, "type": "Operative"}, ChangeAvailability(ONE, True)),
        ("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "9"}, ChangeSettings({"heartbeat_interval_s": 9})),
    ],
)
def test_request_reply_answer(action: str, payload: dict[str, object], event: object, reply: Reply, status: str) -> None:
    """A request becomes one event, and the core's reply the answer."""
    desk = Desk()
    desk.station.replies[type(event)] = reply
    assert answer(desk, action, **payload) == {"status": status}
    assert desk.station.events == [event]


@pytest.mark.parametrize(
    ("action", "payload", "status"),
    [
        ("RemoteStartTransaction", {"idTag": "TAG", "connectorId": 0}, "Rejected"),
        ("RemoteStartTransaction", {"idTag": "TAG", "connectorId": 3}, "Rejected"),
        ("RemoteStartTransaction", {"idTag": "TAG", "connectorId": -1}, "Rejected"),
        ("ChangeAvailability", {"connectorId": 3, "type": "Operative"}, "Rejected"),
        ("UnlockConnector", {"connectorId": 3}, "NotSupported"),
        ("UnlockConnector", {"connectorId": 0}, "NotSupported"),
        ("ChangeConfiguration", {"key": "Testing", "value": "1"}, "NotSupported"),
        ("ChangeConfiguration", {"key": "MeterValueSampleInterval", "value": "-1"}, "Rejected"),
        ("ChangeConfiguration", {"key": "NumberOfConnectors", "value": "1"}, "Rejected"),
        ("DataTransfer", {"vendorId": "nobody", "data": "x"}, "UnknownVendorId"),
    ],
)
def test_answered_without_the_core(action: str, payload: dict[str, object], status: str) -> None:
    """Unknown connectors and keys, bad values and vendors are refused at the edge (TC_027, TC_031, TC_040, TC_062)."""
    desk = Desk()
    assert answer(desk, action, **payload) == {"status": status}
    assert desk.station.events == []


def test_a_local_list_goes_to_the_core_and_its_verdict_back() -> None:
    """Entries with all they say, in the units of the core; who is only named is to go. Stored before the answer."""
    listed = [
        {"idTag": "A", "idTagInfo": {"status": "Blocked", "parentIdTag": "P", "expiryDate": "1970-01-01T00:00:02Z"}},
        {"idTag": "B"},
    ]
    update = UpdateLocalList(
        3, False, (ListEntry(IdTag("A"), AuthorizationStatus.BLOCKED, IdTag("P"), 2.0), ListEntry(IdTag("B"))), most=5000
    )
    for reply, status in ((Reply(), "Accepted"), (Reply(Verdict.VERSION_MISMATCH), "VersionMismatch"), (REJECTED, "Failed")):
        desk = Desk()
        desk.station.replies[UpdateLocalList] = reply
        sent = answer(desk, "SendLocalList", listVersion=3, updateType="Differential", localAuthorizationList=listed)
        assert sent == {"status": status}
        assert (desk.station.events, desk.station.commits) == ([update], 1)


def test_a_full_local_list_may_be_empty() -> None:
    """OCPP 1.6, 6.41: without a list everything goes."""
    desk = Desk()
    assert answer(desk, "SendLocalList", listVersion=1, updateType="Full") == {"status": "Accepted"}
    assert desk.station.events == [UpdateLocalList(1, True, (), most=5000)]
    assert answer(desk, "GetLocalListVersion") == {"listVersion": desk.station.view().local_list_version}


def test_a_local_list_longer_than_the_station_takes_fails() -> None:
    """SendLocalListMaxLength; the core is not asked."""
    desk = Desk(send_local_list_max_length=1)
    listed = [{"idTag": tag, "idTagInfo": {"status": "Accepted"}} for tag in ("A", "B")]
    assert answer(desk, "SendLocalList", listVersion=1, updateType="Full", localAuthorizationList=listed) == {"status": "Failed"}
    assert desk.station.events == []


@pytest.mark.parametrize("is_built", [True, False])
def test_without_a_local_list(is_built: bool) -> None:
    """Not built, or switched off (LocalAuthListEnabled): TC_042_1 and TC_043_1."""
    desk = Desk(features=Features(local_auth_list=is_built))
    desk.station.settings = replace(desk.station.settings, local_auth_list_enabled=False)
    assert answer(desk, "GetLocalListVersion") == {"listVersion": -1}
    assert answer(desk, "SendLocalList", listVersion=1, updateType="Full") == {"status": "NotSupported"}
    assert desk.station.events == []


RESERVATION = {"connectorId": 1, "expiryDate": "1970-01-01T00:00:02Z", "idTag": "TAG", "reservationId": 7}


@pytest.mark.parametrize(
    ("verdict", "status"),
    [
        (Verdict.ACCEPTED, "Accepted"),
        (Verdict.FAULTED, "Faulted"),
        (Verdict.OCCUPIED, "Occupied"),
        (Verdict.UNAVAILABLE, "Unavailable"),
        (Verdict.REJECTED, "Rejected"),
    ],
)
def test_a_reservation_goes_to_the_core_and_its_verdict_back(verdict: Verdict, status: str) -> None:
    """OCPP 1.6, 6.35; stored before the answer."""
    desk = Desk(features=Features(reserve_connector_zero=True))
    desk.station.replies[ReserveNow] = Reply(verdict)
    assert answer(desk, "ReserveNow", **RESERVATION, parentIdTag="P") == {"status": status}
    assert answer(desk, "ReserveNow", **RESERVATION | {"connectorId": 0}) == {"status": status}
    assert desk.station.events == [
        ReserveNow(ConnectorId(1), 7, IdTag("TAG"), 2.0, IdTag("P")),
        ReserveNow(STATION, 7, IdTag("TAG"), 2.0),
    ]
    assert desk.station.commits == 2


@pytest.mark.parametrize(("reply", "status"), [(Reply(), "Accepted"), (REJECTED, "Rejected")])
def test_a_reservation_is_cancelled(reply: Reply, status: str) -> None:
    """OCPP 1.6, 5.3."""
    desk = Desk()
    desk.station.replies[CancelReservation] = reply
    assert answer(desk, "CancelReservation", reservationId=7) == {"status": status}
    assert (desk.station.events, desk.station.commits) == ([CancelReservation(7)], 1)


@pytest.mark.parametrize(("connector", "features"), [(0, Features()), (0, Features(reservation=False)), (1, Features(reservation=False))])
def test_what_cannot_be_reserved_is_rejected(connector: int, features: Features) -> None:
    """TC_048_4, TC_050_4: without the profile everything, without ReserveConnectorZeroSupported connector 0."""
    desk = Desk(features=features)
    assert answer(desk, "ReserveNow", **RESERVATION | {"connectorId": connector}) == {"status": "Rejected"}
    assert ("CancelReservation" in desk.handlers.actions) is features.reservation
    assert desk.station.events == []


@pytest.mark.parametrize(
    ("action", "payload"), [("RemoteStartTransaction", {"idTag": "TAG"}), ("RemoteStopTransaction", {"transactionId": 1})]
)
def test_nothing_remote_before_acceptance(action: str, payload: dict[str, object]) -> None:
    """OCPP 1.6, 4.2: while Pending remote start and stop are not allowed."""
    desk = Desk(is_accepted=False)
    assert answer(desk, action, **payload) == {"status": "Rejected"}
    assert desk.station.events == []


def test_scheduled_availability() -> None:
    """A change that waits for the end of a transaction is Scheduled."""
    desk = Desk()
    desk.station.replies[ChangeAvailability] = Reply(Verdict.SCHEDULED)
    assert answer(desk, "ChangeAvailability", connectorId=1, type="Inoperative") == {"status": "Scheduled"}


@pytest.mark.parametrize(
    ("action", "payload"),
    [("ChangeAvailability", {"connectorId": 1, "type": "Operative"}), ("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "9"})],
)
def test_changes_are_stored_before_the_answer(action: str, payload: dict[str, object]) -> None:
    """What is answered Accepted is on disk; what cannot be stored is an InternalError, not a promise."""
    desk = Desk()
    answer(desk, action, **payload)
    assert desk.station.commits == 1
    desk.station.is_storage_working = False
    with pytest.raises(CallRefusedError) as caught:
        answer(desk, action, **payload)
    assert caught.value.code is ErrorCode.INTERNAL_ERROR


@pytest.mark.parametrize(
    ("verdict", "status"),
    [(Verdict.ACCEPTED, "Unlocked"), (Verdict.NOT_SUPPORTED, "NotSupported"), (Verdict.REJECTED, "UnlockFailed")],
)
def test_unlock_that_is_decided_at_once(verdict: Verdict, status: str) -> None:
    """A fixed cable is NotSupported; a lock that is open already is Unlocked."""
    desk = Desk()
    desk.station.replies[UnlockConnector] = Reply(verdict)
    assert answer(desk, "UnlockConnector", connectorId=1) == {"status": status}


@pytest.mark.parametrize(("is_unlocked", "status"), [(True, "Unlocked"), (False, "UnlockFailed")])
def test_unlock_with_a_motor(is_unlocked: bool, status: str) -> None:
    """The answer waits for the end of the motor's run; a ticket of somebody else does not count."""

    async def scenario() -> None:
        desk = Desk()
        desk.station.replies[UnlockConnector] = Reply(Verdict.PENDING, ticket=5)
        asking = asyncio.create_task(desk.ask("UnlockConnector", connectorId=1))
        await asyncio.sleep(1)
        desk.handlers.on_fact(UnlockFinished(ONE, 4, not is_unlocked))
        await asyncio.sleep(1)
        assert not asking.done()
        desk.handlers.on_fact(UnlockFinished(ONE, 5, is_unlocked))
        desk.handlers.on_fact(UnlockFinished(ONE, 5, not is_unlocked))
        assert await asking == {"status": status}

    run_virtual(scenario())


def test_unlock_asked_for_twice_at_once() -> None:
    """The second request starts no second run of the motor; both get the end of the one."""

    async def scenario() -> None:
        desk = Desk()
        desk.station.replies[UnlockConnector] = Reply(Verdict.PENDING, ticket=5)
        asking = [asyncio.create_task(desk.ask("UnlockConnector", connectorId=1)) for _ in range(2)]
        await asyncio.sleep(1)
        assert desk.station.events == [UnlockConnector(ONE)]
        assert desk.handlers.unlock_owed_until_s() > asyncio.get_running_loop().time()
        desk.handlers.on_fact(UnlockFinished(ONE, 5, is_unlocked=True))
        assert await asyncio.gather(*asking) == [{"status": "Unlocked"}] * 2
        assert desk.handlers.unlock_owed_until_s() == float("-inf")

    run_virtual(scenario())


def test_unlock_that_never_ends() -> None:
    """The answer is bounded: a motor that says nothing is UnlockFailed well before the central system loses patience."""

    async def scenario() -> None:
        desk = Desk()
        desk.station.replies[UnlockConnector] = Reply(Verdict.PENDING, ticket=5)
        began_s = asyncio.get_running_loop().time()
        assert await desk.ask("UnlockConnector", connectorId=1) == {"status": "UnlockFailed"}
        assert asyncio.get_running_loop().time() - began_s == pytest.approx(10)

    run_virtual(scenario())


@pytest.mark.parametrize("payload", [{}, {"key": []}])
def test_all_keys_are_never_cut(payload: dict[str, object]) -> None:
    """MicroOcpp#394: without names everything is answered, also where GetConfigurationMaxKeys is 1."""
    shown = answer(Desk(get_configuration_max_keys=1), "GetConfiguration", **payload)
    assert len(shown["configurationKey"]) == len(KEYS)  # type: ignore[arg-type]
    assert "unknownKey" not in shown


def test_keys_by_name() -> None:
    """Known keys in the standard spelling, in the order asked; unknown ones as they were asked for."""
    shown = answer(Desk(), "GetConfiguration", key=["numberofconnectors", "Nonsense"])
    assert shown == {"configurationKey": [{"key": "NumberOfConnectors", "readonly": True, "value": "2"}], "unknownKey": ["Nonsense"]}


def test_key_without_a_value() -> None:
    """A list that is empty, and a rotation that nobody knows: the key is there, its value is left out."""
    desk = Desk(keys={"ConnectorPhaseRotation": ""})
    shown = answer(desk, "GetConfiguration", key=["ConnectorPhaseRotation", "StopTxnSampledData"])
    assert shown["configurationKey"] == [
        {"key": "ConnectorPhaseRotation", "readonly": False},
        {"key": "StopTxnSampledData", "readonly": False},
    ]


def test_change_that_waits_for_a_restart() -> None:
    """OCPP 1.6, 5.3: it is stored and shown, and answered RebootRequired."""

    async def scenario() -> None:
        desk = Desk(rows=[Key(name="HeartbeatInterval", meaning="", field="heartbeat_interval_s", effect=Effect.REBOOT)])
        assert await desk.ask("ChangeConfiguration", key="HeartbeatInterval", value="17") == {"status": "RebootRequired"}
        assert desk.station.commits == 1
        shown = await desk.ask("GetConfiguration", key=["HeartbeatInterval"])
        assert shown["configurationKey"] == [{"key": "HeartbeatInterval", "readonly": False, "value": "17"}]

    run_virtual(scenario())


def test_more_keys_than_allowed() -> None:
    """More names than GetConfigurationMaxKeys is a CALLERROR."""
    with pytest.raises(CallRefusedError) as caught:
        answer(Desk(get_configuration_max_keys=1), "GetConfiguration", key=["NumberOfConnectors", "HeartbeatInterval"])
    assert caught.value.code is ErrorCode.OCCURENCE_CONSTRAINT_VIOLATION


def test_changed_value_is_shown() -> None:
    """TC_021: after Accepted GetConfiguration shows the new value."""

    async def scenario() -> None:
        desk = Desk()
        await desk.ask("ChangeConfiguration", key="metervaluesampleinterval", value="17")
        shown = await desk.ask("GetConfiguration", key=["MeterValueSampleInterval"])
        assert shown["configurationKey"] == [{"key": "MeterValueSampleInterval", "readonly": False, "value": "17"}]

    run_virtual(scenario())
