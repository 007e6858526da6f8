"""Writes docs/tools.md: what the knowledge base holds, counted and listed by category."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from toolrec_kb import counts
from toolrec_kb.schema import Category, Tool

PAGE_FILE = Path(__file__).parent.parent.parent / "docs" / "tools.md"
COMMAND = "python -m toolrec_kb page"


def text(tools: Sequence[Tool], categories: Sequence[Category]) -> str:
    """Return the page."""
    return "\n".join(_lines(sorted(tools, key=lambda tool: tool.name.lower()), categories)) + "\n"


def _lines(tools: Sequence[Tool], categories: Sequence[Category]) -> Iterator[str]:
    yield f"<!-- Made by `{COMMAND}`: change the entries in kb/toolrec_kb/data, not this page. -->"
    yield "# Tools"
    yield ""
    examples = sum(len(tool.examples) for tool in tools)
    yield f"{len(tools)} tools with {examples} examples. A tool may stand in several categories; below it is listed"
    yield "in its first."
    yield from _table("kind", counts.kinds(tools))
    for title, numbers in counts.by_field(tools).items():
        yield from _table(title.removeprefix("by "), numbers)
    listed = defaultdict(list)
    for tool in tools:
        listed[tool.categories[0]].append(tool)
    yield from _categories(tools, categories)
    for category in categories:
        yield from ("", f"## {category.name}", "", category.definition, "")
        for tool in listed[category.name]:
            yield f"- `{tool.name}`: {_escaped(tool.summary)}"


def _categories(tools: Sequence[Tool], categories: Sequence[Category]) -> Iterator[str]:
    yield from ("", "| category | tools | what it is about |", "|---|---|---|")
    for category in categories:
        count = sum(category.name in tool.categories for tool in tools)
        yield f"| [{category.name}](#{category.name}) | {count} | {category.definition} |"


def _table(title: str, numbers: dict[str, int]) -> Iterator[str]:
    yield from ("", f"| {title} | tools |", "|---|---|")
    for name, count in numbers.items():
        yield f"| {name} | {count} |"


def _escaped(summary: str) -> str:
    return "".join("\\" + letter if letter in r"\*_<[`" else letter for letter in summary)
