"""Examples of tools that are installed here are really run, each in a fresh folder, and do what they say.

Which ones, on what and with what result stands in `run_examples.toml`.
"""

from __future__ import annotations

import os
import re
import shutil
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import msgspec
import pytest

from toolrec_kb.load import DATA_DIR, read_folder
from toolrec_kb.rules.examples import PLACEHOLDER
from toolrec_kb.schema import Tool, all_programs

from . import scratch


class Check(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How one example is run, and what is expected of it."""

    status: int = 0
    prints: str = ""
    makes: str = ""
    values: Mapping[str, str] = {}
    setup: str | None = None


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The examples of one tool, and what they all need."""

    run: Mapping[str, Check]
    values: Mapping[str, str] = {}
    setup: str = ""
    needs: tuple[str, ...] = ()
    shell: str = "bash"
    folder: str = ""
    """Where in the folder they are run."""


class Plans(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole list: tool → plan, and the words that fill a placeholder where a plan has no other."""

    values: Mapping[str, str]
    tools: Mapping[str, Plan]


_OUTPUT = re.compile(r"\{output\}((?:\.\w+)*)")
PLANS = msgspec.convert(
    tomllib.loads(Path(__file__).with_name("run_examples.toml").read_text(encoding="utf-8")),
    Plans,
)


@cache
def entries() -> dict[str, Tool]:
    """Return all entries by name."""
    return {source.tool.name: source.tool for source in read_folder(DATA_DIR)[0]}


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that each example gets a copy of."""
    folder = tmp_path_factory.mktemp("scratch")
    scratch.build(folder)
    return folder


def missing(tool: Tool, plan: Plan) -> list[str]:
    """Return what the tool's examples need and this machine lacks."""
    own = [] if tool.shells or any(map(_found, all_programs(tool))) else [tool.name]
    return own + [name for name in (plan.shell, *plan.needs) if not _found(name)]


def _found(program: str) -> bool:
    return bool(shutil.which(program, path=scratch.PATH))


def fault(command: str, check: Check, plan: Plan, folder: Path) -> str:
    """Run an example in `folder` and return what is wrong with the result, or an empty string."""
    values = {**PLANS.values, **plan.values, **check.values}
    filled = PLACEHOLDER.sub(lambda hole: values.get(hole[1], hole[0]), command)
    setup = plan.setup if check.setup is None else check.setup
    outcome = scratch.run(f"{setup}\n{filled}" if setup else filled, folder, plan.shell, plan.folder)
    made = [check.makes] if check.makes else [values["output"] + ending for ending in _OUTPUT.findall(command)]
    if outcome.status != check.status:
        return f"{filled}: status {outcome.status}: {outcome.printed[-300:]}"
    if check.prints not in outcome.printed:
        return f"{filled}: prints {outcome.printed[:300]!r} without {check.prints!r}"
    return "".join(f"{filled}: makes no {name}" for name in made if not os.path.lexists(folder / name))


def faults(plan: Plan, template: Path, folder: Path) -> Iterator[str]:
    """Run all examples of a plan, each in its own copy of `template`."""
    spared = shutil.ignore_patterns("" if plan.folder == "repo" else "repo")  # has many files
    for number, (command, check) in enumerate(plan.run.items()):
        copy = folder / str(number)
        shutil.copytree(template, copy, symlinks=True, ignore=spared)
        found = fault(command, check, plan, copy)
        if found:
            yield found


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(PLANS.tools))
def test_examples_run(name: str, template: Path, tmp_path: Path) -> None:
    """Each listed example of the tool ends as it should, prints what it should and makes what it should."""
    lacking = missing(entries()[name], PLANS.tools[name])
    if lacking:
        pytest.skip(f"missing {', '.join(lacking)}; see CONTRIBUTING.md for what the tests need")
    assert list(faults(PLANS.tools[name], template, tmp_path)) == []


@pytest.mark.parametrize("name", sorted(PLANS.tools))
def test_listed_examples_are_the_entrys(name: str) -> None:
    """What is run is what the entry has; a reworded command is to be listed anew."""
    here = {example.command for example in entries()[name].examples if "linux" in (example.platforms or ("linux",))}
    assert set(PLANS.tools[name].run) - here == set()


def test_enough_are_run() -> None:
    """At least 330 examples of at least 120 tools are on the list."""
    assert len(PLANS.tools) >= 120
    assert sum(len(plan.run) for plan in PLANS.tools.values()) >= 330


@pytest.mark.parametrize(
    ("command", "check", "says"),
    [
        ("echo {file}", {"prints": "notes.txt"}, ""),
        ("echo {file} > {output}", {}, ""),
        ("false", {"status": 1}, ""),
        ("pwd", {"setup": "cd site", "prints": "/site"}, ""),
        ("false", {}, "false: status 1: "),
        ("ls --no-such-option", {}, "status 2"),
        ("no-such-program", {}, "status 127"),
        ("echo {file}", {"prints": "other"}, "echo notes.txt: prints 'notes.txt\\n' without 'other'"),
        ("echo {output}", {}, "echo result: makes no result"),
        ("true", {"makes": "gone"}, "true: makes no gone"),
        ("cat", {}, ""),
    ],
)
def test_fault(command: str, check: dict[str, object], says: str, template: Path, tmp_path: Path) -> None:
    """A wrong status, a missing line and a missing file are told; input ends at once."""
    copy = shutil.copytree(template, tmp_path / "copy", symlinks=True)
    plan = Plan(run={})
    found = fault(command, msgspec.convert(check, Check), plan, copy)
    assert says in found
    assert bool(found) == bool(says)


def test_time_limit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A command that does not end is ended, and that is a fault."""
    monkeypatch.setattr(scratch, "SECONDS", 0.2)
    outcome = scratch.run("sleep 60 & sleep 60", tmp_path)
    assert (outcome.status, outcome.printed) == (-9, "not done after 0.2 seconds")
