"""States that many cases begin from. Source: OCTT 1.6 test cases, reusable states and memory states.

"Charging" is begun remotely, as the tool does it: so nearly every case exercises RemoteStartTransaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chargerd.bench.kpi import Kpi
from chargerd.bench.parameters import CONNECTOR, RESERVATION, RESERVED_S, TAG
from chargerd.bench.patterns import Pattern, authorize, start_transaction, status, stop_transaction
from chargerd.bench.workbench import Workbench
from chargerd.ocpp.rpc import Payload


async def asks_for_remote_ids(bench: Workbench) -> bool:
    """AuthorizeRemoteTxRequests is true now."""
    return (await bench.read_keys())["AuthorizeRemoteTxRequests"].value == "true"


async def authorized(bench: Workbench, id_tag: str = TAG) -> None:
    """A valid identification was presented: the station asked, and prepares."""
    await bench.present(id_tag)
    await bench.expect_any_order(authorize(id_tag), status("Preparing"))


async def charging(bench: Workbench, id_tag: str = TAG, connector: int = CONNECTOR, profile: Payload | None = None) -> None:
    """A transaction runs, begun remotely with the cable plugged, perhaps with a charging profile."""
    is_asked = await asks_for_remote_ids(bench)
    await occupied(bench, connector)
    sent_s = bench.now_s
    start_order: dict[str, object] = {"connectorId": connector, "idTag": id_tag}
    await bench.order("RemoteStartTransaction", start_order if profile is None else {**start_order, "chargingProfile": profile})
    if is_asked:
        await bench.expect(authorize(id_tag))
    start, _ = await bench.expect_any_order(start_transaction(id_tag, connector), status("Charging", connector=connector))
    bench.measured.add(Kpi.REMOTE_START, start.at_s - sent_s)


async def charging_as_reserved(bench: Workbench, id_tag: str = TAG) -> None:
    """The same where a connector is kept: it stays Reserved until the token is accepted, and the reservation is used up.

    Another token than the reserving one may be asked for in any case: else the station cannot know whether it is of the same group.
    """
    is_asked = await asks_for_remote_ids(bench)
    await bench.plug_in()
    await bench.expect_nothing(bench.parameters.plug_s)
    await bench.order("RemoteStartTransaction", {"connectorId": CONNECTOR, "idTag": id_tag})
    must, may = ([authorize(id_tag)], []) if is_asked else ([], [authorize(id_tag)] if id_tag != TAG else [])
    await bench.expect_any_order(status("Preparing"), *must, may=may)
    await bench.expect_any_order(start_transaction(id_tag, reservation=RESERVATION), status("Charging"))


async def charging_begun_locally(bench: Workbench, id_tag: str = TAG) -> None:
    """A transaction runs, begun with a card after the cable was plugged."""
    await occupied(bench)
    await bench.present(id_tag)
    await bench.expect(authorize(id_tag))
    await bench.expect_any_order(start_transaction(id_tag), status("Charging"))


async def occupied(bench: Workbench, connector: int = CONNECTOR) -> None:
    """A vehicle is plugged in, nobody has identified."""
    await bench.plug_in(connector)
    await bench.expect(status("Preparing", connector=connector))


async def unavailable(bench: Workbench, connector: int) -> None:
    """A connector was made Inoperative; 0 is the whole station."""
    await bench.order("ChangeAvailability", {"connectorId": connector, "type": "Inoperative"})
    await bench.expect_any_order(*(status("Unavailable", connector=one) for one in _meant(bench, connector)))


async def others_unavailable(bench: Workbench) -> None:
    """Only the connector under test is left: with one reader for several, a token must not be meant for another one."""
    for connector in bench.others:
        await unavailable(bench, connector)


async def faulted(bench: Workbench, connector: int = CONNECTOR) -> None:
    """A connector is broken; 0 is the whole station."""
    await bench.fault("OtherError", connector)
    await bench.expect_any_order(*(status("Faulted", connector=one, error="OtherError") for one in _meant(bench, connector)))


def _meant(bench: Workbench, connector: int) -> list[int]:
    return [connector] if connector else [0, *bench.connectors]


async def reserved(bench: Workbench, connector: int = CONNECTOR, *, for_s: float = RESERVED_S, parent: str | None = None) -> None:
    """The connector under test is kept for the first token; for 0, because no other one of the station is left."""
    await bench.reserve(connector, for_s=for_s, parent=parent)
    await bench.expect(status("Reserved"))


async def id_tag_cached(bench: Workbench, id_tag: str = TAG) -> None:
    """A whole session with this token has put it into the cache."""
    await charging_begun_locally(bench, id_tag)
    await bench.present(id_tag)
    await bench.expect_any_order(stop_transaction(bench.transaction, "Local", None, idTag=id_tag), status("Finishing"))
    await unplugged(bench)


async def unplugged(bench: Workbench, connector: int = CONNECTOR) -> None:
    """The driver takes the cable, once nothing holds it any more, and leaves; the connector is free again."""
    await bench.wait(bench.parameters.plug_s)
    await bench.plug_out(connector)
    await bench.expect(status("Available", connector=connector))


async def booted(bench: Workbench, others: Mapping[int, Sequence[str]] | None = None) -> None:
    """A station that was just accepted tells the status of itself and of every connector: Available, but for the connectors named."""
    await bench.expect_any_order(*after_boot(bench, others))


def after_boot(bench: Workbench, others: Mapping[int, Sequence[str]] | None = None) -> list[Pattern]:
    """The statuses of `booted`."""
    told = others or {}
    return [status(*told.get(connector, ("Available",)), connector=connector) for connector in (0, *bench.connectors)]
