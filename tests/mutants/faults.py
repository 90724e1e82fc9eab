"""The faults: what is replaced by what, and the cases that must fail then. A text must stand exactly once in its file."""

from __future__ import annotations

from dataclasses import dataclass

DC, SUBSET = "etc/stations/bsec-240k-dc.yaml", "etc/stations/ecu-l7002s.yaml"
SOCKET = "tests/data/stations/socket-ac.yaml"


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault in one file of the package, played on one station."""

    name: str
    file: str
    old: str
    new: str
    caught_by: tuple[str, ...]
    station: str = DC


MUTANTS: tuple[Mutant, ...] = (
    # --- boot, heartbeat, clock
    Mutant(
        "Rejected: the interval is not waited for",
        "chargerd/ocpp/registration.py",
        "standing.next_boot_s = _now_s() + self._boot_wait_s(interval_s)\n            return",
        "standing.next_boot_s = _now_s() + 1\n            return",
        ("TC_001_CS",),
    ),
    Mutant(
        "Pending counts as accepted",
        "chargerd/ocpp/standing.py",
        "return self.registration is Registration.ACCEPTED",
        "return self.registration in (Registration.ACCEPTED, Registration.PENDING)",
        ("TC_002_CS",),
    ),
    Mutant(
        "the heartbeat interval of the central system is ignored",
        "chargerd/ocpp/registration.py",
        "if interval_s not in (0, self._around.station.settings.heartbeat_interval_s):",
        "if interval_s < 0:",
        ("TC_001_CS", "TC_002_CS"),
    ),
    # --- status
    Mutant(
        "Finishing is not told",
        "chargerd/ocpp/link.py",
        "if isinstance(fact, StatusChanged):",
        'if isinstance(fact, StatusChanged) and fact.status.value != "Finishing":',
        ("TC_012_CS", "TC_068_CS"),
    ),
    Mutant(
        "after a boot the status of the station itself is not told",
        "chargerd/ocpp/link.py",
        "for status in (view.status, *known):",
        "for status in known:",
        ("TC_001_CS", "TC_013_CS"),
    ),
    Mutant(
        "ConnectionTimeOut does not end an authorisation",
        "chargerd/core/connector.py",
        "Phase.WAIT_CABLE: settings.connection_time_out_s,",
        "Phase.WAIT_CABLE: 10.0 * settings.connection_time_out_s,",
        ("TC_004_2_CS", "TC_011_2_CS"),
    ),
    # --- tokens
    Mutant(
        "the cache is ignored",
        "chargerd/core/authorization.py",
        "if known.cached is not None:\n        return Ruling",
        "if False and known.cached is not None:\n        return Ruling",
        ("TC_007_1_CS", "TC_007_2_CS"),
    ),
    Mutant(
        "ClearCache clears nothing",
        "chargerd/core/known_tokens.py",
        "        self._cache.clear()\n",
        "",
        ("TC_061_1_CS", "TC_061_2_CS"),
    ),
    Mutant(
        "a token that is refused starts all the same",
        "chargerd/core/desk.py",
        "if not ruling.is_accepted:\n            return self._refuse(place",
        "if False:\n            return self._refuse(place",
        ("TC_023_4_CS", "TC_023_5_CS"),
    ),
    Mutant(
        "AuthorizeRemoteTxRequests is ignored",
        "chargerd/core/desk.py",
        "if not self._around.settings.authorize_remote_tx_requests:",
        "if True:",
        ("TC_023_5_CS", "TC_061_2_CS"),
    ),
    Mutant(
        "the token that started is asked for before it stops",
        "chargerd/core/desk.py",
        "if own is not None:\n            return self._second_swipe(own, id_tag)",
        "if own is not None:\n            return self._ask(Ask(id_tag, (own.id,), self._ask_deadline_s(now), is_to_stop=True), own.id)",
        ("TC_068_CS",),
    ),
    Mutant(
        "a stranger's token is asked for while another one charges",
        "chargerd/core/desk.py",
        "grouped = tuple(c.id for c in served if c.group())",
        "grouped = tuple(c.id for c in served if c.transaction is not None)",
        ("TC_068_CS",),
    ),
    Mutant(
        "the group is not learned from the answer to StartTransaction",
        "chargerd/core/transaction.py",
        "self.parent_id_tag = info.parent_id_tag or self.parent_id_tag",
        "pass",
        ("TC_069_CS",),
    ),
    # --- transactions
    Mutant(
        "a hard reset is told as a soft one",
        "chargerd/core/orders.py",
        "connector.stop(StopCause(StopReason.HARD_RESET))",
        "connector.stop(StopCause(StopReason.SOFT_RESET))",
        ("TC_015_CS",),
    ),
    Mutant(
        "a remote stop is told as a local one",
        "chargerd/core/station.py",
        "connector.stop(StopCause(StopReason.REMOTE))",
        "connector.stop(StopCause(StopReason.LOCAL))",
        ("TC_012_CS",),
    ),
    Mutant(
        "a power loss is told as something else",
        "chargerd/core/dangling.py",
        "StopReason.POWER_LOSS,",
        "StopReason.OTHER,",
        ("TC_032_2_CS",),
    ),
    Mutant(
        "StopTransaction lacks the token that stopped",
        "chargerd/ocpp/v16/outbound.py",
        'payload["idTag"] = fact.id_tag',
        "pass",
        ("TC_068_CS", "TC_069_CS"),
    ),
    Mutant(
        "StopTransaction bears the token that started",
        "chargerd/core/desk.py",
        "connector.stop(StopCause(StopReason.LOCAL, ask.id_tag))",
        "connector.stop(StopCause(StopReason.LOCAL, connector.transaction.id_tag))",
        ("TC_069_CS",),
    ),
    Mutant(
        "a remote stop of any number ends what runs",
        "chargerd/core/station.py",
        "if running is not None and running.remote_id == remote_id and",
        "if running is not None and",
        ("TC_028_CS",),
    ),
    Mutant(
        "StopTransactionOnInvalidId is ignored",
        "chargerd/core/connector.py",
        "if self.ledger.is_used_up and self.around.settings.stop_transaction_on_invalid_id:",
        "if self.ledger.is_used_up:",
        ("TC_037_2_CS",),
    ),
    Mutant(
        "a token that is refused afterwards goes on charging",
        "chargerd/core/transaction.py",
        "self.refused_at_wh = None if info.is_accepted else self.energy_wh",
        "self.refused_at_wh = None",
        ("TC_037_2_CS", "TC_037_3_CS"),
    ),
    Mutant(
        "the newest message of the queue is told first",
        "chargerd/journal/queries.py",
        "islice(_owed(connection, start, offsets), limit)",
        "islice(reversed(list(_owed(connection, start, offsets))), limit)",
        ("TC_036_CS",),
    ),
    Mutant(
        "a fault is not told",
        "chargerd/core/status.py",
        "return ConnectorStatus.FAULTED\n    if not is_operative",
        "pass\n    if not is_operative",
        ("TC_041_CS",),
    ),
    # --- meter values
    Mutant(
        "clock-aligned samples bear the wrong context",
        "chargerd/core/ledger.py",
        "self._sample(running, ReadingContext.CLOCK, lists,",
        "self._sample(running, ReadingContext.PERIODIC, lists,",
        ("TC_071_CS",),
    ),
    Mutant(
        "the sample interval drifts",
        "chargerd/core/metering.py",
        "taken_s, self.next_s = self.start_s + self.number * self.interval_s, following_s",
        "taken_s, self.next_s = self.start_s + self.number * self.interval_s * 1.01, following_s",
        ("TC_070_CS",),
    ),
    Mutant(
        "clock-aligned samples are stamped when they are taken, a little late",
        "chargerd/core/metering.py",
        "self._taken_utc_s = boundary_s\n        return boundary_s",
        "self._taken_utc_s = boundary_s\n        return boundary_s + 0.1",
        ("TC_071_CS",),
    ),
    Mutant(
        "an energy register is missing from the samples",
        "chargerd/core/metering.py",
        "for name, value, unit in found if value is not None)",
        "for name, value, unit in found if value is not None and name != REGISTER)",
        ("TC_070_CS", "TC_071_CS"),
    ),
    # --- configuration, availability, unlock, data
    Mutant(
        "an unknown key is accepted",
        "chargerd/ocpp/v16/handlers.py",
        'except UnknownKeyError:\n            return {"status": "NotSupported"}',
        'except UnknownKeyError:\n            return {"status": "Accepted"}',
        ("TC_040_1_CS",),
    ),
    Mutant(
        "a value out of range is accepted",
        "chargerd/ocpp/v16/key_values.py",
        "if span is not None and not span.low <= number <= span.high:",
        "if False and span is not None:",
        ("TC_040_2_CS",),
    ),
    Mutant(
        "a read-only key is shown as writable",
        "chargerd/ocpp/v16/key_values.py",
        "return KeyValue(key.name, as_text(self._value(key, settings)), key.name in self._read_only)",
        "return KeyValue(key.name, as_text(self._value(key, settings)), False)",
        ("TC_019_CS",),
    ),
    Mutant(
        "GetConfigurationMaxKeys promises more than is given",
        "chargerd/ocpp/v16/handlers.py",
        "if len(names) > self._keys.max_keys:",
        "if len(names) >= self._keys.max_keys:",
        ("TC_019_CS",),
        SUBSET,
    ),
    Mutant(
        "a change is answered and not made",
        "chargerd/ocpp/v16/handlers.py",
        "reply = self._station.dispatch(ChangeSettings({change.field: change.value}))",
        "reply = self._station.dispatch(ChangeSettings({}))",
        ("TC_021_CS",),
    ),
    Mutant(
        "the availability of a connector is forgotten over a restart",
        "chargerd/core/station.py",
        "connector.is_operative = connector.id not in restored.inoperative",
        "connector.is_operative = True",
        ("TC_013_CS", "TC_014_CS"),
    ),
    Mutant(
        "the availability of the station is forgotten over a restart",
        "chargerd/core/station.py",
        "self._around.is_operative = STATION not in restored.inoperative",
        "self._around.is_operative = True",
        ("TC_034_CS",),
    ),
    Mutant(
        "a fixed cable is told as unlocked",
        "chargerd/ocpp/v16/handlers.py",
        'case Verdict.NOT_SUPPORTED:\n                return {"status": "NotSupported"}',
        'case Verdict.NOT_SUPPORTED:\n                return {"status": "Unlocked"}',
        ("TC_017_2_CS", "TC_018_2_CS"),
    ),
    Mutant(
        "an unlock is told as something else",
        "chargerd/core/orders.py",
        "connector.stop(StopCause(StopReason.UNLOCK_COMMAND))",
        "connector.stop(StopCause(StopReason.OTHER))",
        ("TC_018_1_CS", "TC_030_CS"),
        SOCKET,
    ),
    Mutant(
        "a lock that does not move is told as unlocked",
        "chargerd/ocpp/v16/handlers.py",
        'return "Unlocked" if is_unlocked else "UnlockFailed"',
        'return "Unlocked"',
        ("TC_030_CS",),
        SOCKET,
    ),
    Mutant(
        "a lock that fails at the start is told without its error code",
        "chargerd/core/session.py",
        '_one(Phase.LOCKING, Trigger.TIMED_OUT, Phase.RAMP_DOWN, "lock-failure", StopReason.OTHER)',
        "_one(Phase.LOCKING, Trigger.TIMED_OUT, Phase.RAMP_DOWN, reason=StopReason.OTHER)",
        ("TC_024_CS",),
        SOCKET,
    ),
    Mutant(
        "a pulled plug is told as something else",
        "chargerd/core/session.py",
        "Trigger.ENDED_BY_UNPLUGGING, Phase.OPENING, reason=StopReason.EV_DISCONNECTED)",
        "Trigger.ENDED_BY_UNPLUGGING, Phase.OPENING, reason=StopReason.OTHER)",
        ("TC_005_1_CS", "TC_005_2_CS"),
        SOCKET,
    ),
    Mutant(
        "StopTransactionOnEVSideDisconnect is ignored",
        "chargerd/core/cable.py",
        "return self._is_socket_empty or (self.is_unplugged and not is_waited_for)",
        "return self._is_socket_empty or self.is_unplugged",
        ("TC_005_3_CS",),
        SOCKET,
    ),
    Mutant(
        "data of any vendor is accepted",
        "chargerd/ocpp/v16/handlers.py",
        'return {"status": "UnknownVendorId"}',
        'return {"status": "Accepted"}',
        ("TC_062_CS",),
    ),
    # --- local list
    Mutant(
        "the local list is not looked at",
        "chargerd/core/known_tokens.py",
        "return self._list.get(id_tag, now.utc_s) if self._around.settings.local_auth_list_enabled else None",
        "return None",
        ("TC_008_1_CS", "TC_008_2_CS"),
    ),
    Mutant(
        "an older change of the local list is taken",
        "chargerd/core/local_list.py",
        "if not update.is_full and update.version <= self.version:",
        "if not update.is_full and update.version < 0:",
        ("TC_043_2_CS",),
    ),
    Mutant(
        "an empty local list has the version it was sent with",
        "chargerd/core/local_list.py",
        "self.version = update.version if self._known else 0",
        "self.version = update.version",
        ("TC_042_2_CS",),
    ),
    Mutant(
        "a local list may be as long as it likes",
        "chargerd/ocpp/v16/local_list.py",
        "if len(entries) > self._options.send_local_list_max_length:",
        "if len(entries) > 1000:",
        ("TC_043_3_CS",),
    ),
    Mutant(
        "a local list that is switched off tells its version",
        "chargerd/ocpp/v16/local_list.py",
        "self._station.view().local_list_version if self._is_enabled else -1",
        "self._station.view().local_list_version",
        ("TC_042_1_CS",),
    ),
    Mutant(
        "a station without the profile takes a local list",
        "chargerd/ocpp/v16/local_list.py",
        "return self._options.features.local_auth_list and self._station.settings.local_auth_list_enabled",
        "return True",
        ("TC_043_1_CS",),
        station=SUBSET,
    ),
)
