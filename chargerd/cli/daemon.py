"""The program `chargerd`: the daemon, the check of its configuration, its PICS, the demonstration."""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import sys
from pathlib import Path

import chargerd
from chargerd.cli import exitcodes


def main(arguments: list[str] | None = None) -> int:
    """Run the program; returns its exit code."""
    options = _parser().parse_args(arguments)
    options.arguments = sys.argv[1:] if arguments is None else arguments
    try:
        return int(options.run(options))
    except KeyboardInterrupt:
        return exitcodes.DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="chargerd", description="Charge controller of a charging station.")
    parser.add_argument("--version", action="version", version=f"chargerd {chargerd.__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="the daemon, in the foreground")
    _add_config(run)
    run.add_argument("--state-dir", type=Path, metavar="DIR", help="journal and registers (default: $STATE_DIRECTORY, /var/lib/chargerd)")
    run.add_argument("--runtime-dir", type=Path, metavar="DIR", help="sockets (default: $RUNTIME_DIRECTORY, /run/chargerd)")
    run.add_argument("--log-level", choices=("debug", "info", "warning", "error"), default="info")
    run.set_defaults(run=_run)

    check = commands.add_parser("check", help="read and check the whole configuration, open nothing")
    _add_config(check)
    check.set_defaults(run=_check)

    pics = commands.add_parser("pics", help="what the station declares for certification, from code and configuration")
    _add_config(pics)
    pics.add_argument("--format", choices=("md", "yaml"), default="md", help="Markdown (default) or YAML")
    pics.add_argument("--json", dest="format", action="store_const", const="json", help="print JSON")
    pics.set_defaults(run=_pics)

    demo = commands.add_parser("demo", help="one whole charging session, simulated, as a timeline")
    demo.add_argument("--speed", type=float, default=60.0, metavar="N", help="simulated seconds per second (default 60)")
    demo.add_argument("--json", action="store_true", help="print one JSON object at the end and nothing else")
    demo.add_argument("--stay", action="store_true", help="go on until Ctrl-C, so that chargerctl can be tried")
    demo.set_defaults(run=_demo)
    return parser


def _add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="default: $CHARGERD_CONFIG, then /etc/chargerd/chargerd.yaml")


def _run(options: argparse.Namespace) -> int:
    gc.disable()  # the start makes much and throws little away; `serve` takes collection up again
    from chargerd.app.config import load
    from chargerd.app.main import Ending
    from chargerd.app.places import config_path, make, place
    from chargerd.app.service import serve
    from chargerd.core.errors import StorageError
    from chargerd.core.settings import OnReset
    from chargerd.runtime import log
    from hal.errors import ConfigError

    log.set_up(options.log_level)
    try:
        config = load(config_path(options.config))
        for warning in config.warnings:
            print(f"{warning} (warning)", file=sys.stderr)
        where = place(options.state_dir, options.runtime_dir)
        make(where)
        ending = asyncio.run(serve(config, where))
    except ConfigError as error:
        return exitcodes.fail(*error.problems, code=exitcodes.CONFIG)
    except (StorageError, OSError) as error:
        return exitcodes.fail(str(error))
    if ending is Ending.RESTART and config.policy.on_reset is OnReset.EXEC:
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, "-m", "chargerd.cli.daemon", *options.arguments])  # noqa: S606 - ourselves, unchanged
    return exitcodes.DONE


def _check(options: argparse.Namespace) -> int:
    from chargerd.app.places import config_path
    from chargerd.cli.check import check

    return check(config_path(options.config))


def _pics(options: argparse.Namespace) -> int:
    from chargerd.app.places import config_path
    from chargerd.cli.pics import show

    return show(config_path(options.config), options.format)


def _demo(options: argparse.Namespace) -> int:
    from chargerd.cli.demo import demo

    return demo(speed=options.speed, as_json=options.json, stay=options.stay)


if __name__ == "__main__":
    sys.exit(main())
