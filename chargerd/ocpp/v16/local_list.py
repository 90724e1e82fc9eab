"""Requests of the profile Local Auth List Management (OCPP 1.6, 5.10 and 5.15)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from chargerd.core.events import ListEntry, UpdateLocalList, Verdict
from chargerd.core.ids import IdTag
from chargerd.ocpp.options import OcppOptions
from chargerd.ocpp.ports import StationPort
from chargerd.ocpp.rpc import Payload
from chargerd.ocpp.v16.answering import Answers, stored
from chargerd.ocpp.v16.convert import id_tag_info

_WORDS = {Verdict.ACCEPTED: "Accepted", Verdict.VERSION_MISMATCH: "VersionMismatch"}


class LocalListRequests:
    """A station without the profile, or with its list switched off, answers all the same: -1 and NotSupported."""

    def __init__(self, station: StationPort, options: OcppOptions) -> None:
        self._station = station
        self._options = options
        self.answers: Answers = {"GetLocalListVersion": self._version, "SendLocalList": self._send}

    @property
    def _is_enabled(self) -> bool:
        return self._options.features.local_auth_list and self._station.settings.local_auth_list_enabled

    def _version(self, _: Payload) -> Payload:
        return {"listVersion": self._station.view().local_list_version if self._is_enabled else -1}

    async def _send(self, payload: Payload) -> Payload:
        if not self._is_enabled:
            return {"status": "NotSupported"}
        entries = cast("list[Mapping[str, object]]", payload.get("localAuthorizationList", []))
        if len(entries) > self._options.send_local_list_max_length:
            return {"status": "Failed"}
        update = UpdateLocalList(
            version=cast("int", payload["listVersion"]),
            is_full=payload["updateType"] == "Full",
            entries=tuple(_entry(entry) for entry in entries),
            most=self._options.local_auth_list_max_length,
        )
        reply = self._station.dispatch(update)
        await stored(self._station)
        return {"status": _WORDS.get(reply.verdict, "Failed")}


def _entry(entry: Mapping[str, object]) -> ListEntry:
    id_tag = IdTag(cast("str", entry["idTag"]))
    if "idTagInfo" not in entry:
        return ListEntry(id_tag)
    info = id_tag_info(entry)
    return ListEntry(id_tag, info.status, info.parent_id_tag, info.expiry_utc_s)
