"""A long local list: how soon a hundred tokens more are taken, what that costs everybody else, and how soon a token is found."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import defaultdict
from collections.abc import Sequence

from chargerd.core.events import AuthorizationStatus, ListEntry, UpdateLocalList
from chargerd.core.ids import IdTag
from chargerd.core.local_list import LocalList
from chargerd.ocpp.schema import check_request_in_steps, warm_up
from tests.bench.aims import AIMS, compared
from tests.bench.central import Payload
from tests.bench.measure import Measure
from tests.bench.stations import side_by_side
from tests.support.kill_lane import FAST

STORED, SENT = 5000, 100


async def lists(runs: int) -> Sequence[Measure]:
    """Of a running station, which has the list on disk before it answers; the longest step is told of the check of the message alone."""
    took_ms = defaultdict(list)
    async with side_by_side(FAST) as stations:
        ours = next(station for station in stations if station.name == "ours")
        for version in range(1, STORED // SENT + 1):
            await ours.peer.call("SendLocalList", update(version, first=SENT * version))
        for version in range(STORED // SENT + 1, STORED // SENT + 1 + runs):
            took_s, _ = await ours.peer.call("SendLocalList", update(version, first=SENT))
            took_ms[ours.name].append(took_s * 1e3)
            await asyncio.sleep(0.02)
    return [compared("SendLocalList of 100, 5000 stored, on disk", took_ms), _longest_steps(runs), _lookups()]


def update(version: int, first: int) -> Payload:
    """So many tokens, each with all that can be said of it."""
    info = {"status": "Accepted", "expiryDate": "2099-01-01T00:00:00Z", "parentIdTag": "FLEET"}
    listed = [{"idTag": f"04A2B1C3D4{number:010d}", "idTagInfo": info} for number in range(first, first + SENT)]
    return {"listVersion": version, "updateType": "Differential", "localAuthorizationList": listed}


def _longest_steps(runs: int) -> Measure:
    longest_ms = []
    warm_up()  # as the daemon does when it starts
    for _ in range(runs):
        steps = check_request_in_steps("SendLocalList", update(1, first=0))
        marks = [time.perf_counter(), *(time.perf_counter() for _ in itertools.chain(steps, (None,)))]
        longest_ms.append(max(later - earlier for earlier, later in itertools.pairwise(marks)) * 1e3)
    name = "longest step of its check"
    return Measure(name, "ms", tuple(longest_ms), AIMS[name].median, AIMS[name].p99)


def _lookups() -> Measure:
    entries = tuple(ListEntry(IdTag(f"04A2B1C3D4{number:010d}"), AuthorizationStatus.ACCEPTED) for number in range(STORED))
    known, took_ms = LocalList(), []
    known.update(UpdateLocalList(1, True, entries, STORED))
    for entry in entries[::5]:
        began_s = time.perf_counter()
        known.get(IdTag(entry.id_tag.lower()), 0.0)
        took_ms.append((time.perf_counter() - began_s) * 1e3)
    name = "a token found among 5000"
    return Measure(name, "ms", tuple(took_ms), AIMS[name].median, AIMS[name].p99)
