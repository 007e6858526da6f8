"""`toolrecd doctor`: checks an installation and explains what the prompt kept quiet about."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from toolrec_client import wire
from toolrec_kb import knowledge as kb
from toolrec_kb.knowledge import Knowledge
from toolrec_kb.load import Problem, read_folder
from toolrecd import config as configuration
from toolrecd import context, lifecycle, ownership
from toolrecd.config import Config, Paths
from toolrecd.engine import basemodel, compatibility, serving
from toolrecd.engine.gguf import GgufError, read_header
from toolrecd.errors import ToolrecError
from toolrecd.model_cli import selftest_rows

Verdict = Literal["ok", "note", "problem"]


class Finding(msgspec.Struct, frozen=True):
    """One check's outcome and, if it is a problem, the remedy in the same sentence."""

    verdict: Verdict
    subject: str
    text: str


def examine(paths: Paths, where: ownership.Files) -> list[Finding]:
    """Return the findings, in the order in which a person would want to mend them."""
    findings: list[Finding] = []
    config = Config()
    try:
        config = configuration.read(paths.config_file)
        findings.append(Finding("ok", "configuration", str(paths.config_file)))
    except ToolrecError as error:
        findings.append(Finding("problem", "configuration", str(error)))
    return [*findings, *_knowledge(paths, config), *_model(paths, config), *_machine(), *_daemon(where)]


def _knowledge(paths: Paths, config: Config) -> Iterator[Finding]:
    folder = paths.tools_dir(config)
    knowledge, problems = kb.load(folder)
    yield Finding("ok", "knowledge base", f"{len(knowledge.tools)} tools; your own go into {folder}")
    for problem in [*problems, *_rule_problems(folder, knowledge)]:
        yield Finding("problem", "your tools", str(problem))


def _rule_problems(folder: Path, knowledge: Knowledge) -> list[Problem]:
    """Return what the rules that our own entries keep find in the user's."""
    from toolrec_kb import rules  # reads files of its own, which no other command needs

    sources, _ = read_folder(folder)
    categories = frozenset(category.name for category in knowledge.categories)
    used = [source for source in sources if categories.issuperset(source.tool.categories)]
    return rules.check_own(used, rules.Base(tools=frozenset(knowledge.names), categories=categories))


def _model(paths: Paths, config: Config) -> Iterator[Finding]:
    if not config.model.enabled:
        yield Finding("note", "model", "switched off (model.enabled); answers come from the shortlist")
        return
    if importlib.util.find_spec("llama_cpp") is None:
        yield Finding("problem", "model", "llama-cpp-python is not installed; run install.sh again")
    named = config.model.path
    path = Path(named).expanduser() if named else paths.cache_dir / "models" / basemodel.FILE_NAME
    if not named and not path.is_file():
        yield Finding("note", "model", f"not yet in the cache ({path}); run: toolrecd model prepare")
        return
    yield from _files(path, config, paths)


def _files(path: Path, config: Config, paths: Paths) -> Iterator[Finding]:
    try:
        base = read_header(path)
        compatibility.check_model(base, str(path))
        yield Finding("ok", "model", str(path))
        yield from _served(path, paths)
    except GgufError as error:
        yield Finding("problem", "model", str(error))
        return
    if not config.model.adapter:
        return
    adapter = Path(config.model.adapter).expanduser()
    try:
        problem = compatibility.adapter_problem(read_header(adapter), base)
    except GgufError as error:
        problem = str(error)
    yield Finding("problem" if problem else "ok", "adapter", f"{adapter}: {problem}" if problem else str(adapter))


def _served(base: Path, paths: Paths) -> Iterator[Finding]:
    """Say what is served of a base, whether it is whole, and how and why so it is run on this machine."""
    served = serving.find(paths.cache_dir, base)
    if served is None:
        yield Finding("note", "serving model", "not made yet; the next start makes it, or: toolrecd model prepare")
        return
    problem = serving.check(served)
    text = f"{served} is damaged ({problem}); remove it, and the next start makes it anew" if problem else str(served)
    yield Finding("problem" if problem else "ok", "serving model", text)
    for number, (_, row) in enumerate(selftest_rows(paths.cache_dir, served)):
        yield Finding("ok", "" if number else "runs with", row)


def _machine() -> Iterator[Finding]:
    machine = context.detect(context.read_facts())
    name = " ".join(filter(None, (machine.os, machine.distribution)))
    yield Finding("ok", "machine", f"{name}; installs with {', '.join(machine.managers[:4]) or 'nothing known'}")


def _daemon(where: ownership.Files) -> Iterator[Finding]:
    try:
        wire.check_owner(str(where.socket))
        running = lifecycle.status(where.socket)
    except wire.DaemonAbsent:
        running = None
    except (wire.ToolrecError, ToolrecError) as error:
        yield Finding("problem", "daemon", str(error))
        return
    if running is None:
        yield Finding(
            "note", "daemon", f"not running; it starts with the first question, or: toolrecd start (log: {where.log})"
        )
        return
    yield Finding("ok", "daemon", f"answers at {where.socket}, pid {running.get('pid')}")
    model = running.get("model")
    if isinstance(model, dict) and model.get("problem"):
        yield Finding("problem", "engine", str(model["problem"]))
    problems = running.get("problems")
    for problem in problems if isinstance(problems, list) else []:
        yield Finding("problem", "daemon", str(problem))
