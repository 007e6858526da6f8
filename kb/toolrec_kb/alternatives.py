"""What entries say of each other without saying it twice: an alternative is one both ways.

An entry names the tools that do its job, and the older ones it replaces; those have it as their alternative too.
"""

from __future__ import annotations

from collections.abc import Sequence

from toolrec_kb.schema import Tool


def unlisted(tools: Sequence[Tool]) -> list[list[int]]:
    """Return for each tool the alternatives it does not name itself, by position, the likelier one first.

    First come those made to replace it, then the more widely used; the order of names settles the rest.
    """
    numbers = {tool.name: number for number, tool in enumerate(tools)}
    replacing: list[set[int]] = [set() for _ in tools]
    found: list[set[int]] = [set() for _ in tools]
    for number, tool in enumerate(tools):
        for other in {numbers[name] for name in (*tool.alternative_to, *tool.replaces) if name in numbers} - {number}:
            found[number].add(other)
            found[other].add(number)
        for name in tool.replaces:
            if name in numbers:
                replacing[numbers[name]].add(number)
    return [
        _ordered(found[number] - {numbers.get(name) for name in tool.alternative_to}, replacing[number], tools)
        for number, tool in enumerate(tools)
    ]


def _ordered(others: set[int], replacing: set[int], tools: Sequence[Tool]) -> list[int]:
    return sorted(others, key=lambda other: (other not in replacing, -tools[other].usage, other))
