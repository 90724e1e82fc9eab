"""What people see: tables and screens from the JSON of the control socket.

Aligned text in a pipe; in a terminal drawn by rich, which is imported only there.
"""

from __future__ import annotations

import itertools
import json
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from chargerd.cli.device_words import HEALTH, age_words, reading_words, short_tag
from chargerd.cli.limit_words import limit_rows, limits_line
from chargerd.cli.schedule_words import schedule_plot, schedule_rows

Json = Mapping[str, Any]

_NOTE_WIDTH = 79


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under columns; columns whose name begins with ">" are aligned to the right. With notes it is the same text everywhere."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    when_empty: str = "none"
    notes: Sequence[str] = ()  # a text under each row; empty: none


Screen = Sequence[str | Table]
Draw = Callable[[Any], Screen]
Redraw = Callable[[Screen], None]


# --- what is shown ------------------------------------------------------------------------------------------------------------------


def status(snapshot: Json) -> Screen:
    """The whole station on one screen."""
    station, link, queue_ = snapshot["station"], snapshot["link"], snapshot["queue"]
    simulated = ", simulated hardware" if station.get("is_simulated") else ""
    time = station.get("time") or "time not known"
    lines: list[str | Table] = [
        f"{station.get('id', '?')}  {station.get('vendor', '')} {station.get('model', '')}  {_status_words(station)}{simulated}",
        f"up {_duration(station.get('uptime_s'))}, version {station.get('firmware_version', '?')}, {time}",
        f"central system: {_link_words(link)}",
        f"queue: {'journal does not answer' if queue_ is None else _count(queue_['length'], 'message') + ' waiting'}",
        _connectors(snapshot["connectors"]),
        *(limits_line(one) for one in snapshot["connectors"] if one.get("transaction")),
        *(_reservation_line(one) for one in snapshot.get("reservations", [])),
    ]
    if snapshot["faults"]:
        lines += faults(snapshot["faults"])
    if (guard := snapshot.get("guard") or {}).get("where") == "process":
        lines.append(f"guard: {'there' if guard.get('is_there') else 'DOES NOT ANSWER'}")
    lines += _lateness_words(snapshot.get("lateness") or {})
    silent = [one for one in snapshot["devices"] if one.get("is_available") is False]
    return [*lines, *devices(silent)] if silent else [*lines, f"devices: {len(snapshot['devices'])}, none silent"]


def _lateness_words(lateness: Json) -> list[str]:
    """How punctual the daemon is, with its histogram; nothing before the first beat."""
    counts, edges = lateness.get("counts") or [], lateness.get("edges_ms") or []
    if not any(counts):
        return []
    used = max(index for index, count in enumerate(counts) if count) + 1
    names = [*(f"≤{edge}" for edge in edges), f">{edges[-1]}"]
    shown = "  ".join(f"{name} {count}" for name, count in zip(names[:used], counts[:used], strict=True))
    said = f"late by at most {lateness['median_ms']:g} ms (half), {lateness['p99_ms']:g} ms (99 %), {lateness['worst_ms']:g} ms (worst)"
    return [f"timers: {said}", f"  in ms: {shown}"]


def _connectors(connectors: Sequence[Json]) -> Table:
    columns = ("#", "status", "phase", "vehicle", ">V", ">A", ">kW", ">kWh", "time", "id tag", "number")
    rows = []
    for one in connectors:
        meter, running = one.get("meter") or {}, one.get("transaction") or {}
        soc = (one.get("ev") or {}).get("soc_percent")
        rows.append(
            (
                str(one["connector"]),
                _status_words(one),
                f"{one['self_test']} test" if one.get("self_test") else one["phase"],
                "" if soc is None else f"{bar(soc, 5)} {soc:.0f} %",
                _number(meter.get("voltage_v"), 0),
                _number(meter.get("current_a"), 1),
                _number(_scaled(meter.get("power_w")), 1),
                _number(_scaled(running.get("energy_wh")), 2),
                _duration(running.get("duration_s")) if running else "",
                short_tag(running.get("id_tag") or one.get("id_tag") or ""),
                str(running.get("remote_id") or "not yet") if running else "",
            )
        )
    return Table("connectors", columns, rows)


def _reservation_line(one: Json) -> str:
    place = f"connector {one['connector']}" if one["connector"] else "one connector of the station"
    return f"reserved: {place} for {short_tag(one['id_tag'])} until {_clock(one['expires'])} (number {one['reservation_id']})"


def limits(listed: Sequence[Json]) -> Screen:
    """Who holds the current of each connector down, and what the vehicle is told."""
    offers = [f"connector {one['connector']} offers {one['offered_a']:.1f} A, {one['offered_w'] / 1000:.1f} kW" for one in listed]
    return [*offers, Table("limits", ("#", "limit", ">A", "", "reason"), [row for one in listed for row in limit_rows(one)])]


def schedule(found: Json) -> Screen:
    """What may be taken in the time to come, and which profile says so."""
    place = f"connector {found['connector']}" if found["connector"] else "the station"
    table = Table("schedule", ("from (UTC)", "until", ">A", ">kW", "ruled by"), schedule_rows(found))
    return [f"{place}: what may be taken, own limits included", table, *schedule_plot(found)]


def events(listed: Sequence[Json]) -> Screen:
    """The event log."""
    return [event_line(one) for one in listed] or ["no events"]


def event_line(event: Json) -> str:
    """One event on one line."""
    left_out = {"seq", "kind", "time", "connector"}
    more = " ".join(f"{key}={_brief(key, value)}" for key, value in event.items() if key not in left_out and value not in (None, "", []))
    return f"{_clock(event.get('time'))}  {event.get('connector', 0)}  {event.get('kind', '?'):<22} {more}".rstrip()


def queue(listed: Sequence[Json]) -> Screen:
    """What waits for the central system."""
    rows = [
        (_clock(one.get("time")), one["message"], str(one["connector"]), str(one["attempts"]), one["local_id"], one["message_id"])
        for one in listed
    ]
    return [Table("queue", ("since", "message", "#", ">attempts", "transaction", "message id"), rows, "nothing waits")]


def transactions(listed: Sequence[Json]) -> Screen:
    """Stored transactions."""
    rows = [
        (
            str(one.get("remote_id") or "-"),
            str(one.get("connector")),
            short_tag(one.get("id_tag") or ""),
            _clock(one.get("started")),
            _clock(one.get("stopped")),
            _number(_scaled(one.get("energy_wh")), 2),
            one.get("reason") or "",
            f"{one.get('start_state', '')}/{one.get('stop_state', '')}",
        )
        for one in listed
    ]
    return [Table("transactions", ("number", "#", "id tag", "started", "stopped", ">kWh", "reason", "told"), rows)]


def devices(listed: Sequence[Json]) -> Screen:
    """What is built in, and how it is."""
    rows = [
        (
            one["device"],
            one["role"],
            one["driver"],
            one.get("bus") or "-",
            ",".join(map(str, one["connectors"])) or "all",
            HEALTH[one.get("is_available")],
            age_words(one.get("age_s")),
        )
        for one in listed
    ]
    notes = [one.get("detail") or reading_words(one) for one in listed]
    return [Table("devices", ("device", "role", "driver", "bus", "#", "health", ">age"), rows, notes=notes)]


def faults(listed: Sequence[Json]) -> Screen:
    """What is wrong."""
    rows = [
        (str(one["connector"]), one["code"], one["error_code"], "until cleared" if one.get("is_latched") else "", one.get("info") or "")
        for one in listed
    ]
    return [Table("faults", ("#", "code", "OCPP error", "stays", ""), rows, "no faults")]


def explanation(fault: Json) -> Screen:
    """What one fault means."""
    told = fault["error_code"] + (f", StopTransaction says {fault['stop_reason']}" if fault.get("stop_reason") else "")
    found = (
        ("cause", fault["cause"]),
        ("found by", fault["detection"]),
        ("effect", "; ".join(fault["effect"])),
        ("OCPP", told),
        ("ends", fault["ends"]),
        ("remedy", fault["remedy"]),
    )
    return [f"{fault['code']} ({fault['severity']}, {fault['on']})", *(f"  {name:<9} {words}" for name, words in found)]


def keys(answer: Json) -> Screen:
    """OCPP keys with their values."""
    rows = [(one["key"], "" if one.get("readonly") else "rw", str(one.get("value") or "")) for one in answer["configurationKey"]]
    return [Table("keys", ("key", "", "value"), rows)]


def answer(result: Json) -> Screen:
    """How a request was answered."""
    words = {"pending": "under way; see `chargerctl events`", "scheduled": "as soon as the running session is over"}
    return [words.get(result.get("status", ""), "done") + (f": {result['reason']}" if result.get("reason") else "")]


class MessageLines:
    """OCPP messages on one line each; an answer is shown with the action it answers."""

    def __init__(self) -> None:
        self._actions: dict[str, str] = {}

    def line(self, message: Json) -> str:
        """One message."""
        frame = message["message"]
        arrow = "<-" if message["direction"] == "in" else "->"
        latency = f"  ({message['latency_s'] * 1000:.0f} ms)" if message.get("latency_s") is not None else ""
        return f"{_clock(message.get('time'))} {arrow} {self._words(frame)}{latency}"

    def _words(self, frame: Any) -> str:
        if not isinstance(frame, list) or len(frame) < 3:
            return str(frame)
        kind, message_id, *rest = frame
        if kind == 2 and len(rest) == 2:
            self._actions[str(message_id)] = str(rest[0])
            return f"{rest[0]} {_compact(rest[1])}"
        action = self._actions.pop(str(message_id), "answer")
        if kind == 3:
            return f"{action}.conf {_compact(rest[0])}"
        return f"{action} error {_compact(rest)}"


# --- words --------------------------------------------------------------------------------------------------------------------------


def bar(percent: float, width: int = 10) -> str:
    """A state of charge to look at."""
    full = round(max(0.0, min(100.0, percent)) / 100 * width)
    return "█" * full + "░" * (width - full)


def _status_words(one: Json) -> str:
    error = one.get("error_code", "NoError")
    return str(one.get("status", "?")) + ("" if error == "NoError" else f" ({one.get('vendor_error_code') or error})")


def _link_words(link: Json) -> str:
    words = [str(link.get("state", "?"))]
    if link.get("is_accepted"):
        words.append("accepted")
    if link.get("url"):
        words.append(str(link["url"]))
    if isinstance(link.get("retry_in_s"), int | float):
        words.append(f"next attempt in {link['retry_in_s']:.0f} s")
    if link.get("last_error"):
        words.append(f"last error: {link['last_error']}")
    return ", ".join(words)


def _brief(key: str, value: Any) -> str:
    if key in ("id_tag", "parent_id_tag"):
        return short_tag(str(value))
    if key == "profile":
        return f"{value['profile_id']} {value['purpose']} level={value['stack_level']} {value['kind']} periods={len(value['periods'])}"
    return f"[{len(value)}]" if isinstance(value, list) else str(value)


def _clock(time: Any) -> str:
    return str(time).replace("T", " ").removesuffix("Z") if time else "-"


def _duration(seconds: Any) -> str:
    if not isinstance(seconds, int | float):
        return "?"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def _scaled(value: Any) -> float | None:
    return value / 1000 if isinstance(value, int | float) else None


def _number(value: Any, digits: int) -> str:
    return f"{value:.{digits}f}" if isinstance(value, int | float) else ""


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))


# --- putting it out -------------------------------------------------------------------------------------------------------------------


def show(screen_: Screen) -> None:
    """Print a screen: as rich tables in a terminal, else as aligned text."""
    if sys.stdout.isatty():
        from rich.console import Console

        Console(highlight=False).print(_rich(screen_))
    else:
        print("\n".join(plain_lines(screen_)), flush=True)


@contextmanager
def screen(*, is_plain: bool = False) -> Iterator[Redraw]:
    """A place to draw again and again; in a pipe every drawing follows the last."""
    if is_plain or not sys.stdout.isatty():
        yield show
        return
    from rich.live import Live

    with Live(screen=True, auto_refresh=False) as live:
        yield lambda drawn: live.update(_rich(drawn), refresh=True)


def plain_lines(screen_: Screen) -> list[str]:
    """A screen as lines of aligned text."""
    lines: list[str] = []
    for part in screen_:
        if isinstance(part, Table):
            if len(screen_) > 1:
                lines += ["", f"{part.title}:"]
            lines += _plain_table(part)
        else:
            lines.append(part)
    return lines


def _plain_table(table: Table) -> list[str]:
    if not table.rows:
        return [table.when_empty]
    names = tuple(name.removeprefix(">") for name in table.columns)
    widths = [max(len(row[index]) for row in [names, *table.rows]) for index in range(len(names))]
    is_right = [name.startswith(">") for name in table.columns]

    def line(row: tuple[str, ...]) -> str:
        cells = zip(row, widths, is_right, strict=True)
        return "  ".join(cell.rjust(width) if right else cell.ljust(width) for cell, width, right in cells).rstrip()

    notes = [textwrap.wrap(note, _NOTE_WIDTH, initial_indent="  ", subsequent_indent="  ") for note in table.notes]
    lines = [[line(row), *note] for row, note in itertools.zip_longest(table.rows, notes, fillvalue=())]
    return [line(names), *itertools.chain.from_iterable(lines)]


def _rich(screen_: Screen) -> Any:
    from rich.console import Group
    from rich.table import Table as RichTable
    from rich.text import Text

    def drawn(part: str | Table) -> Any:
        if isinstance(part, str):
            return Text(part)
        if part.notes:
            return Text("\n".join(_plain_table(part)))
        if not part.rows:
            return Text(f"{part.title}: {part.when_empty}", style="dim")
        made = RichTable(title=part.title, title_justify="left", header_style="bold", box=None, padding=(0, 1, 0, 0))
        for name in part.columns:
            made.add_column(name.removeprefix(">"), justify="right" if name.startswith(">") else "left", overflow="fold")
        for row in part.rows:
            made.add_row(*(Text(cell, style=_style(cell)) for cell in row))
        return made

    return Group(*(drawn(part) for part in screen_))


def _style(cell: str) -> str:
    word = cell.split(" ", 1)[0]
    return {"Charging": "green", "Available": "cyan", "Faulted": "bold red", "silent": "red", "Unavailable": "yellow"}.get(word, "")
