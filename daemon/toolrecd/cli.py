"""`toolrecd`: start, stop and look at the daemon. Every error ends here: one line, exit status 1.

What only one command needs is imported there: `start` stands between a person and the first answer.
"""

from __future__ import annotations

import json
import sys
from collections import deque
from collections.abc import Callable
from functools import wraps
from importlib.metadata import PackageNotFoundError, version
from typing import ParamSpec

import click

from toolrecd import lifecycle
from toolrecd.errors import ToolrecError

NOT_RUNNING = 3  # as `systemctl status` and the LSB have it
P = ParamSpec("P")


def _version() -> str:
    try:
        return version("toolrec")
    except PackageNotFoundError:
        return "unknown"


def _reporting(command: Callable[P, None]) -> Callable[P, None]:
    """Turn a ToolrecError into one line on stderr and exit status 1."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except ToolrecError as error:
            print(f"toolrecd: {error}", file=sys.stderr)
            sys.exit(1)

    return run


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(_version(), prog_name="toolrecd")
def main() -> None:
    """Recommend command-line tools while you type: the resident part."""


@main.command()
@click.option("--quiet", is_flag=True, help="Say nothing if it works.")
@_reporting
def start(quiet: bool) -> None:
    """Start the daemon, unless it runs; replace one of another version."""
    started, found = lifecycle.start(lifecycle.files(), _version())
    if not quiet:
        click.echo(f"toolrecd: {'started' if started else 'already running'}, pid {found['pid']}")
    problems = found.get("problems")
    for problem in problems if isinstance(problems, list) else []:
        print(f"toolrecd: warning: {problem}", file=sys.stderr)


@main.command()
@_reporting
def stop() -> None:
    """Stop the daemon."""
    click.echo("toolrecd: stopped" if lifecycle.stop(lifecycle.files()) else "toolrecd: not running")


@main.command()
@_reporting
def restart() -> None:
    """Stop the daemon if it runs, then start it."""
    where = lifecycle.files()
    lifecycle.stop(where)
    _, found = lifecycle.start(where, _version())
    click.echo(f"toolrecd: started, pid {found['pid']}")


@main.command(name="status")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON.")
@_reporting
def status_command(as_json: bool) -> None:
    """Say how the daemon is; exit status 3 if it does not run."""
    from toolrecd import status

    found = lifecycle.status(lifecycle.files().socket)
    if found is None:
        click.echo(
            json.dumps({"running": False}) if as_json else "toolrecd: not running; start it with: toolrecd start"
        )
        sys.exit(NOT_RUNNING)
    click.echo(json.dumps({"running": True, **found}) if as_json else status.for_people(found))


@main.command()
@_reporting
def reload() -> None:
    """Read configuration, tools and adapter again; what is broken stays as it was."""
    reply = lifecycle.ask(lifecycle.files().socket, "reload", timeout=120.0)
    if reply is None:
        raise ToolrecError("not running; start it with: toolrecd start")
    if "code" in reply:
        raise ToolrecError(str(reply.get("message")))
    changed, problems = reply["changed"], reply["problems"]
    click.echo(
        f"toolrecd: reloaded ({', '.join(changed) if isinstance(changed, list) and changed else 'nothing changed'})"
    )
    for problem in problems if isinstance(problems, list) else []:
        print(f"toolrecd: {problem}", file=sys.stderr)
    sys.exit(1 if problems else 0)


@main.command()
@_reporting
def run() -> None:
    """Run the daemon in the foreground, for service managers and for looking at it."""
    from toolrecd import app
    from toolrecd.config import find_paths

    where = lifecycle.files()
    if not app.serve(find_paths(), where, _version()):
        click.echo(f"toolrecd: already running at {where.socket}")


@main.command(name="doctor")
@_reporting
def doctor_command() -> None:
    """Check the installation; exit status 1 if something is wrong."""
    from toolrecd import doctor
    from toolrecd.config import find_paths

    findings = doctor.examine(find_paths(), lifecycle.files())
    for finding in findings:
        click.echo(f"{finding.verdict:8} {finding.subject:14} {finding.text}")
    sys.exit(any(finding.verdict == "problem" for finding in findings))


@main.command()
@click.option("--lines", "-n", default=50, show_default=True, help="How many of the last lines.")
@_reporting
def logs(lines: int) -> None:
    """Print the end of the daemon's log."""
    where = lifecycle.files()
    if not where.log.exists():
        raise ToolrecError(f"no log yet at {where.log}; start the daemon with: toolrecd start")
    with where.log.open(encoding="utf-8", errors="replace") as file:
        click.echo("".join(deque(file, maxlen=lines)), nl=False)


@main.group()
def model() -> None:
    """Look after the language model's files."""


@model.command(name="list")
@_reporting
def list_command() -> None:
    """List the models in the cache; a star marks what the configuration names."""
    from toolrecd import config, model_cli

    click.echo(model_cli.list_models(config.find_paths()))


@model.command()
@click.argument("file", required=False)
@_reporting
def prepare(file: str | None) -> None:
    """Make what is served of a base, if it is not there: the configured one, or FILE."""
    from toolrecd import config, model_cli

    click.echo(str(model_cli.prepare(config.find_paths(), file)))


@model.command()
@click.argument("file")
@_reporting
def use(file: str) -> None:
    """Serve FILE from now on, a GGUF of Gemma 3 270M or FunctionGemma; `default` for the default base."""
    from toolrecd import config, model_cli

    click.echo(f"toolrecd: {model_cli.use(config.find_paths(), file)}")


@model.command()
@click.argument("file", required=False)
@_reporting
def info(file: str | None) -> None:
    """Describe the configured model, or FILE: what is served of it, and how it runs on this machine."""
    from toolrecd import config, model_cli

    click.echo(model_cli.info(config.find_paths(), file))


@model.command(name="test")
@_reporting
def test_command() -> None:
    """Try how the model runs best on this machine; the next start runs it so."""
    from toolrecd import config, model_cli

    click.echo(model_cli.test(config.find_paths()))
