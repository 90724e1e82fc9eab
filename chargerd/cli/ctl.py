"""`chargerctl`: the technician's tool. Talks to the control socket only, and starts fast: nothing of the daemon is imported here."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from chargerd.cli import exitcodes, render
from chargerd.cli.client import Client, Failure, candidates
from chargerd.cli.commands import Commands, Run, given, print_json, show, show_line
from chargerd.cli.self_tests import add_can, add_tests

Params = Mapping[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    parsed = parser().parse_args(arguments)
    places = [parsed.socket] if parsed.socket else candidates(os.environ, os.getuid())
    try:
        with Client(places) as client:
            run: Run = parsed.run
            return run(client, parsed)
    except Failure as failure:
        print(f"chargerctl: {failure}", file=sys.stderr)
        return failure.exit_code
    except KeyboardInterrupt:
        return exitcodes.DONE
    except BrokenPipeError:  # the reader of our output has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exitcodes.DONE


# --- commands ---------------------------------------------------------------------------------------------------------------------


def _status(client: Client, parsed: argparse.Namespace) -> int:
    if not parsed.watch:
        show(parsed, client.call("station.status"), render.status)
        return exitcodes.DONE
    client.call("events.subscribe", {})
    with render.screen(is_plain=parsed.json) as redraw:
        while True:
            status = client.call("station.status")
            if parsed.json:
                print_json(status)
            else:
                redraw(render.status(status))
            client.pause(1.0)


def _events(client: Client, parsed: argparse.Namespace) -> int:
    kinds = {"kinds": parsed.kind} if parsed.kind else {}
    if parsed.follow:
        client.call("events.subscribe", kinds)
    chosen = {"limit": parsed.limit, **kinds, **given(parsed, "connector")}
    events = client.call("events.list", chosen) if parsed.limit else []
    if not parsed.follow:
        show(parsed, events, render.events)
        return exitcodes.DONE
    last = events[-1]["seq"] if events else 0
    for event in events:
        show_line(parsed, event, render.event_line)
    for told in client.told():
        if told.method == "event" and told.params.get("seq", 0) > last and parsed.connector in (None, told.params.get("connector")):
            show_line(parsed, told.params, render.event_line)
    return exitcodes.DONE


def _trace(client: Client, parsed: argparse.Namespace) -> int:
    messages = client.call("ocpp.messages", {"limit": parsed.limit, "follow": parsed.follow})
    if parsed.json and not parsed.follow:
        print_json(messages)
        return exitcodes.DONE
    words = render.MessageLines()
    for message in messages:
        show_line(parsed, message, words.line)
    if parsed.follow:
        for told in client.told():
            if told.method == "message":
                show_line(parsed, told.params, words.line)
    return exitcodes.DONE


def _config_get(client: Client, parsed: argparse.Namespace) -> int:
    if parsed.key is not None and "." in parsed.key:  # a setting of the file; OCPP keys have no dot
        show(parsed, client.call("config.get", {"name": parsed.key}), lambda found: [str(found["value"])])
        return exitcodes.DONE
    answer = client.call("ocpp.get_key", given(parsed, "key"))
    if answer["unknownKey"]:
        raise Failure(f"there is no key {parsed.key!r}")
    show(parsed, answer, render.keys if parsed.key is None else lambda found: [str(found["configurationKey"][0].get("value") or "")])
    return exitcodes.DONE


def _config_set(client: Client, parsed: argparse.Namespace) -> int:
    answer = client.call("ocpp.set_key", {"key": parsed.key, "value": parsed.value})
    if answer["status"] in ("Rejected", "NotSupported"):
        why = {"Rejected": "the value is not allowed, or the key cannot be set", "NotSupported": "there is no such key"}[answer["status"]]
        raise Failure(f"{parsed.key}: {answer['status']}: {why}")
    show(parsed, answer, lambda got: [got["status"]])
    return exitcodes.DONE


def _explain(client: Client, parsed: argparse.Namespace) -> int:
    show(parsed, client.call("fault.explain", {"code": parsed.code}), render.explanation)
    return exitcodes.DONE


def _listing(method: str, draw: render.Draw) -> Run:
    """A command that shows what one method gives."""

    def run(client: Client, parsed: argparse.Namespace) -> int:
        show(parsed, client.call(method, given(parsed, "limit")), draw)
        return exitcodes.DONE

    return run


def _act(method: str, params: Callable[[argparse.Namespace], Params]) -> Run:
    """A command that asks for something and says how it was answered."""

    def run(client: Client, parsed: argparse.Namespace) -> int:
        show(parsed, client.call(method, params(parsed)), render.answer)
        return exitcodes.DONE

    return run


def _connector(client: Client, parsed: argparse.Namespace) -> int:
    if parsed.action == "limits":
        show(parsed, client.call("limits.get", {"connector": parsed.number}), render.limits)
        return exitcodes.DONE
    methods: dict[str, tuple[str, dict[str, Any]]] = {
        "start": ("connector.start", given(parsed, "id_tag")),
        "stop": ("connector.stop", {}),
        "unlock": ("connector.unlock", {}),
        "enable": ("connector.set_availability", {"type": "Operative"}),
        "disable": ("connector.set_availability", {"type": "Inoperative"}),
    }
    method, more = methods[parsed.action]
    show(parsed, client.call(method, {"connector": parsed.number, **more}), render.answer)
    return exitcodes.DONE


def _schedule(client: Client, parsed: argparse.Namespace) -> int:
    show(parsed, client.call("schedule.get", {"connector": parsed.number, "hours": parsed.hours}), render.schedule)
    return exitcodes.DONE


def _value(text: str) -> Any:
    """A value as JSON where it is some, else as text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


# --- the command line ---------------------------------------------------------------------------------------------------------------


def parser() -> argparse.ArgumentParser:
    """All commands. `--socket` and `--json` may stand before or after the command."""
    top = argparse.ArgumentParser(prog="chargerctl", description="Look at a running charging station and operate it.", allow_abbrev=False)
    top.add_argument(
        "--socket", type=Path, metavar="PATH", help="control socket of the daemon (default: $CHARGERD_SOCKET, then the usual places)"
    )
    top.add_argument("--json", action="store_true", help="print JSON only")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--socket", type=Path, metavar="PATH", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    common.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    commands = Commands(top.add_subparsers(metavar="COMMAND", required=True), common)

    status = commands.add("status", _status, "one screen: station, connectors, link, queue, devices, faults")
    status.add_argument("--watch", action="store_true", help="redraw until Ctrl-C")
    events = commands.add("events", _events, "what happened: the event log")
    events.add_argument("--follow", action="store_true", help="go on with what happens now, until Ctrl-C")
    events.add_argument("--limit", type=int, default=20, help="how many stored ones (default 20)")
    events.add_argument("--connector", type=int)
    events.add_argument("--kind", action="append", help="such as TransactionStarted; may be given several times")
    for name, method, draw, words in (
        ("queue", "outbox.list", render.queue, "what waits for the central system, oldest first"),
        ("transactions", "transaction.list", render.transactions, "stored transactions, newest first"),
    ):
        commands.add(name, _listing(method, draw), words).add_argument("--limit", type=int, default=20, help="how many (default 20)")
    _add_ocpp(commands.group("ocpp", "the link to the central system"))
    connector = commands.add("connector", _connector, "operate one connector, or see what limits it")
    connector.add_argument("number", type=int, help="0 is the whole station (enable and disable only)")
    connector.add_argument("action", choices=["start", "stop", "unlock", "enable", "disable", "limits"])
    connector.add_argument("--id-tag", help="for start: whom the session is for")
    schedule = commands.add("schedule", _schedule, "what a connector may take in the time to come, and which charging profile says so")
    schedule.add_argument("number", type=int, help="0 is the whole station")
    schedule.add_argument("--hours", type=int, default=24, help="how far ahead, 1 to 168 (default 24)")
    config = commands.group("config", "OCPP keys and settings")
    config.add("get", _config_get, "one value, or all OCPP keys").add_argument("key", nargs="?")
    change = config.add("set", _config_set, "change an OCPP key")
    change.add_argument("key")
    change.add_argument("value")
    _add_fault(commands.group("fault", "active and latched faults"))
    commands.add("explain", _explain, "a fault: cause, effect on the session, remedy").add_argument("code", help="such as contactor-welded")
    commands.group("device", "what is built in").add(
        "list", _listing("device.list", render.devices), "drivers, buses, how the devices are and what they told last"
    )
    add_tests(commands.group("test", "try a device: what moves runs only at a connector that is disabled, with nothing on its cable"))
    add_can(commands.group("can", "CAN buses"))
    _add_sim(commands.group("sim", "the simulated world (mock hardware only)"))
    return top


def _add_ocpp(ocpp: Commands) -> None:
    trace = ocpp.add("trace", _trace, "messages in both directions, secrets masked")
    trace.add_argument("--follow", action="store_true", help="go on with what is said now, until Ctrl-C")
    trace.add_argument("--limit", type=int, default=20, help="how many of the last ones (default 20)")
    ocpp.add("connect", _act("ocpp.connect", lambda _: {}), "bring the link up")
    ocpp.add("disconnect", _act("ocpp.disconnect", lambda _: {}), "take the link down until told otherwise")


def _add_fault(fault: Commands) -> None:
    fault.add("list", _listing("fault.list", render.faults), "what is wrong now")
    clear = fault.add("clear", _act("fault.clear", lambda one: {"connector": one.connector, "code": one.code}), "clear a latched fault")
    clear.add_argument("connector", type=int, help="0 is the station itself")
    clear.add_argument("code")


def _add_sim(sim: Commands) -> None:
    def connector_only(name: str, words: str) -> None:
        command = sim.add(name, _act(f"sim.{name.replace('-', '_')}", lambda one: {"connector": one.connector}), words)
        command.add_argument("connector", type=int)

    plug = sim.add("plug-in", _act("sim.plug_in", _plug_in), "hang a vehicle on a cable")
    plug.add_argument("connector", type=int)
    plug.add_argument("--model", help="a vehicle by its name, such as hyundai-ioniq-5; what else is said of it comes before")
    for option in _EV:
        plug.add_argument(f"--{option.replace('_', '-')}", type=float)
    connector_only("plug-out", "take the vehicle away")
    swipe = sim.add(
        "swipe", _act("sim.swipe", lambda one: {"id_tag": one.id_tag, **given(one, "reader", "connectors")}), "put a card before a reader"
    )
    swipe.add_argument("id_tag")
    swipe.add_argument("--reader", help="needed where the station has several")
    swipe.add_argument("--connector", type=int, action="append", dest="connectors", help="may be given several times")
    connector_only("ev-pause", "the vehicle asks for no energy")
    connector_only("ev-resume", "the vehicle asks for energy again")
    for name, words in (("fault", "raise a fault"), ("clear-fault", "end a fault")):
        fault = sim.add(name, _act(f"sim.{name.replace('-', '_')}", _fault), words)
        fault.add_argument("connector", type=int, help="0 is the station itself")
        fault.add_argument("error_code", help="OCPP ChargePointErrorCode, such as GroundFailure")
        fault.add_argument("--vendor-error-code")
        if name == "fault":
            fault.add_argument("--info")
    entry = sim.add(
        "input", _act("sim.input", lambda one: {"name": one.name, "active": one.state == "on"}), "press, open, release or close an input"
    )
    entry.add_argument("name", help="estop, door, mains or the label of a line")
    entry.add_argument("state", choices=["on", "off"])
    device = sim.add("device", _act("sim.device", _device), "make a device fall silent, answer garbage, or be well again")
    device.add_argument("device")
    device.add_argument("state", choices=["online", "offline", "corrupt"])
    device.add_argument("--delay-s", type=float, help="answer so much later")
    sim.add("power-loss", _act("sim.power_loss", lambda _: {}), "mains are gone")
    reading = sim.add(
        "set", _act("sim.set", lambda one: {"device": one.device, "field": one.field, "value": _value(one.value)}), "set a reading"
    )
    reading.add_argument("device")
    reading.add_argument("field")
    reading.add_argument("value")


_EV = ("soc_percent", "capacity_kwh", "voltage_v", "max_current_a", "max_power_w", "draw_delay_s")


def _plug_in(parsed: argparse.Namespace) -> Params:
    ev = given(parsed, "model", *_EV)
    return {"connector": parsed.connector, **({"ev": ev} if ev else {})}


def _fault(parsed: argparse.Namespace) -> Params:
    return {"connector": parsed.connector, "error_code": parsed.error_code, **given(parsed, "vendor_error_code", "info")}


def _device(parsed: argparse.Namespace) -> Params:
    more = {"corrupt": True} if parsed.state == "corrupt" else {}
    return {"device": parsed.device, "online": parsed.state != "offline", **more, **given(parsed, "delay_s")}


if __name__ == "__main__":
    sys.exit(main())
