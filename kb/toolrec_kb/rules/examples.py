"""Examples call the tool, keep to its platforms, and have well-formed placeholders."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from toolrec_kb.load import Problem, Source
from toolrec_kb.schema import Example, Tool, all_programs

if TYPE_CHECKING:
    from toolrec_kb.rules import Base

PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_LOOKS_LIKE_PLACEHOLDER = re.compile(r"\{[A-Z][A-Za-z_]+\}|<[a-z]+[-_ ]?[a-z]*>(?![>&])")
_WORD = re.compile(r"[^\s;|&()`\"'{}]+")


def check(source: Source, base: Base) -> Iterator[Problem]:
    """Report examples that do not show the tool, repeat each other or name a strange platform."""
    tool, path = source.tool, str(source.path)
    seen: set[str] = set()
    for number, example in enumerate(tool.examples):
        for field, reason in _findings(tool, example):
            yield Problem(path, f"examples[{number}].{field}", reason)
        if example.task.lower() in seen:
            yield Problem(path, f"examples[{number}].task", "repeats an earlier example's task")
        seen.add(example.task.lower())


def _findings(tool: Tool, example: Example) -> Iterator[tuple[str, str]]:
    words = {word.rsplit("/", 1)[-1].lower() for word in _WORD.findall(example.command)}
    names = {program.lower() for program in all_programs(tool)} | {tool.name.lower()}
    if not words & names:
        yield "command", f"runs none of {', '.join(tool.programs)}"
    strange = set(example.platforms) - set(tool.platforms)
    if strange:
        yield "platforms", f"{', '.join(sorted(strange))} is not among the tool's platforms"
    odd = _LOOKS_LIKE_PLACEHOLDER.search(example.command)
    if odd:
        yield "command", f"write the placeholder {odd[0]!r} in lower case between braces, as {{file}}"
    if example.task.endswith("."):
        yield "task", "is a phrase: no full stop at its end"
