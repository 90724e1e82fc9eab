"""The program `chargerbench`: central system, certification cases, scenarios, wire peers."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Coroutine, Mapping
from pathlib import Path

import chargerd
from chargerd.cli import exitcodes


def main(arguments: list[str] | None = None) -> int:
    """Run the program; returns its exit code."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except KeyboardInterrupt:
        return exitcodes.DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="chargerbench", description="Test bench for charging stations.")
    parser.add_argument("--version", action="version", version=f"chargerd {chargerd.__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    csms = commands.add_parser("csms", help="the bench central system; operations as JSON lines on standard input")
    csms.add_argument("--listen", default="127.0.0.1:9000", metavar="HOST:PORT", help="port 0 takes a free one (default 127.0.0.1:9000)")
    csms.add_argument("--security-profile", type=int, choices=(0,), default=0)
    csms.add_argument("--boot", choices=("accepted", "pending", "rejected"), default="accepted", help="answer to BootNotification")
    csms.add_argument("--interval", type=int, default=300, metavar="S", help="heartbeat interval, or wait before the next boot")
    csms.add_argument("--id-tags", type=Path, metavar="FILE", help="JSON list of tokens with their status; all others are accepted")
    csms.add_argument("--log", type=Path, metavar="FILE", help="keep every message, one JSON object a line")
    csms.add_argument("--operations", type=Path, metavar="SOCKET", help="take operations on this Unix socket too")
    csms.set_defaults(run=_csms)

    certify = commands.add_parser("certify", help="the conformance cases that apply to a station, by number")
    certify.add_argument("--config", type=Path, required=True, metavar="FILE", help="configuration of the station, with mock hardware")
    certify.add_argument("--virtual", action="store_true", help="in this process, in virtual time")
    certify.add_argument("--case", dest="cases", nargs="+", default=[], metavar="NUMBER", help="these cases only, such as TC_003_CS")
    certify.add_argument("--rate-unit", choices=("A", "W"), default="A", help="unit of charging profiles where both can be had (default A)")
    certify.add_argument("--report", type=Path, metavar="DIR", help="write report.json and report.md there")
    certify.add_argument("--against", type=Path, metavar="FILE", help="facts of a certificate, whose figures are shown beside ours")
    certify.add_argument("--json", action="store_true", help="print the report as one JSON object and nothing else")
    certify.set_defaults(run=_certify)

    scenario = commands.add_parser("scenario", help="play scenario files against simulated hardware")
    scenario.add_argument("files", nargs="+", type=Path, metavar="FILE")
    mode = scenario.add_mutually_exclusive_group()
    mode.add_argument("--realtime", dest="mode", action="store_const", const="realtime", help="in real time")
    mode.add_argument("--wires", dest="mode", action="store_const", const="wires", help="real drivers over simulated wires")
    mode.add_argument(
        "--memory-wires", dest="mode", action="store_const", const="memory-wires", help="real drivers over wires in memory, in virtual time"
    )
    scenario.add_argument(
        "--station",
        type=Path,
        metavar="CONFIG",
        help="configuration to play it on (default: the demo station; with wires demo-wires.yaml)",
    )
    scenario.add_argument("--json", action="store_true", help="one JSON object at the end: result, failures, facts in order per connector")
    scenario.set_defaults(run=_scenario, mode="virtual")

    peers = commands.add_parser("peers", help="plant and wire peers for a configuration; one JSON line with their addresses when ready")
    peers.add_argument("--config", type=Path, required=True, metavar="FILE")
    peers.add_argument("--runtime-dir", type=Path, metavar="DIR", help="where ports and sockets are made")
    peers.set_defaults(run=_peers)
    return parser


def _csms(options: argparse.Namespace) -> int:
    from chargerd.csms.policy import BootAnswer, Policy, read_tokens
    from chargerd.csms.serve import serve
    from chargerd.csms.server import Options

    host, _, port = options.listen.rpartition(":")
    if not host or not port.isdecimal():
        return exitcodes.fail(f"--listen: {options.listen!r} is not HOST:PORT", code=exitcodes.USAGE)
    try:
        tokens = read_tokens(options.id_tags) if options.id_tags else {}
        policy = Policy(boot=BootAnswer(options.boot.capitalize()), interval_s=options.interval, tokens=tokens)
        central = Options(host=host, port=int(port), policy=policy, log=options.log)
        asyncio.run(_until_signal(serve(central, _announce, stdin=sys.stdin.buffer, operations_socket=options.operations)))
    except (OSError, ValueError) as error:
        return exitcodes.fail(str(error))
    return exitcodes.DONE


def _certify(options: argparse.Namespace) -> int:
    from chargerd.cli.certify import run
    from hal.errors import ConfigError

    try:
        return run(
            *(options.config, options.cases, options.against, options.report),
            is_virtual=options.virtual,
            as_json=options.json,
            rate_unit=options.rate_unit,
        )
    except ConfigError as error:
        return exitcodes.fail(*error.problems, code=exitcodes.CONFIG)
    except KeyboardInterrupt:
        return exitcodes.fail("interrupted")
    except LookupError as error:
        return exitcodes.fail(f"--case: {error.args[0]}", code=exitcodes.USAGE)
    except (OSError, ValueError) as error:
        return exitcodes.fail(str(error))


def _scenario(options: argparse.Namespace) -> int:
    from chargerd.sim.rig import Mode
    from chargerd.sim.runner import Result, play
    from chargerd.sim.scenario import load
    from hal.errors import ConfigError

    results: list[Result] = []
    for file in options.files:
        try:
            scenario = load(file)
            results.append(play(scenario, Mode(options.mode), lambda line: print(line, file=sys.stderr), options.station))
        except ConfigError as error:
            return exitcodes.fail(*error.problems, code=exitcodes.CONFIG)
        except (OSError, TimeoutError) as error:
            return exitcodes.fail(f"{file}: {error or 'the station did not come up in time'}")
        if not options.json:
            result = results[-1]
            print(f"{'passed' if result.is_passed else 'FAILED'}  {result.name}  ({options.mode}, {result.seconds:.1f} s)")
    if options.json:
        print(json.dumps([_result_json(result) for result in results]))
    return exitcodes.DONE if all(result.is_passed for result in results) else exitcodes.FAILED


def _result_json(result: object) -> Mapping[str, object]:
    from chargerd.sim.runner import Result

    assert isinstance(result, Result)  # noqa: S101 - narrows the type without importing at module level
    return {
        "name": result.name,
        "mode": result.mode.value,
        "passed": result.is_passed,
        "failures": result.failures,
        "seconds": round(result.seconds, 3),
        "facts": {str(connector): lines for connector, lines in sorted(result.outline().items())},
    }


def _peers(options: argparse.Namespace) -> int:
    from chargerd.app.peers import serve_peers
    from chargerd.app.places import make, place
    from hal.errors import ConfigError, HalError

    where = place(options.runtime_dir, options.runtime_dir)
    try:
        make(where)
        asyncio.run(_until_signal(serve_peers(options.config, where, _announce)))
    except ConfigError as error:
        return exitcodes.fail(*error.problems, code=exitcodes.CONFIG)
    except (HalError, OSError) as error:
        return exitcodes.fail(str(error))
    return exitcodes.DONE


async def _until_signal(work: Coroutine[None, None, None]) -> None:
    """Run until it ends by itself, or SIGTERM or SIGINT ends it in order."""
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work)
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        if not task.cancelled():
            raise


def _announce(line: Mapping[str, object]) -> None:
    print(json.dumps(line, default=float), flush=True)  # the framing reads decimal numbers exactly


if __name__ == "__main__":
    sys.exit(main())
