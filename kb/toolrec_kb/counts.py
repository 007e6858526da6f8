"""Counts the knowledge base, in the numbers it is held to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from toolrec_kb.schema import MANAGERS, PLATFORMS, SHELLS, Category, Tool

BSDS = frozenset({"freebsd", "openbsd", "netbsd"})


def lines(tools: Sequence[Tool], categories: Sequence[Category]) -> Iterator[str]:
    """Yield the counts, a line each."""
    held = {category.name: sum(category.name in tool.categories for tool in tools) for category in categories}
    smallest = min(held, key=lambda name: held[name], default="")
    examples = [len(tool.examples) for tool in tools]
    yield f"{len(tools)} tools with {sum(examples)} examples, never fewer than {min(examples, default=0)}"
    if smallest:
        yield f"{len(held)} categories, the smallest {smallest} with {held[smallest]} tools"
    yield ", ".join(f"{count} {name}" for name, count in kinds(tools).items())
    for title, counts in by_field(tools).items():
        yield f"{title}: " + ", ".join(f"{name} {count}" for name, count in counts.items())


def kinds(tools: Sequence[Tool]) -> dict[str, int]:
    """Return how many tools there are of the kinds that are only somewhere."""
    return {
        "builtins of Unix shells": sum(
            tool.standardness == "builtin" and "powershell" not in tool.shells for tool in tools
        ),
        "PowerShell cmdlets": sum("powershell" in tool.shells for tool in tools),
        "Windows programs": sum(tool.platforms == ("windows",) and not tool.shells for tool in tools),
        "for macOS alone": sum(tool.platforms == ("macos",) for tool in tools),
        "for the BSDs alone": sum(BSDS.issuperset(tool.platforms) for tool in tools),
    }


def by_field(tools: Sequence[Tool]) -> dict[str, dict[str, int]]:
    """Return title → value → how many tools have it, the commonest first where no order is given."""
    managers = Counter(manager for tool in tools for manager in tool.install)
    order = sorted(MANAGERS, key=lambda manager: -managers[manager])
    return {
        "by system": {name: sum(name in tool.platforms for tool in tools) for name in PLATFORMS},
        "by standardness": {
            name: sum(tool.standardness == name for tool in tools)
            for name in ("builtin", "posix", "core", "popular", "niche")
        },
        "by shell": {name: sum(name in tool.shells for tool in tools) for name in SHELLS},
        "by manager": {name: managers[name] for name in order},
    }
