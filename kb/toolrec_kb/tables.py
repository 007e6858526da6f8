"""The tables of the index that come from names and relations: synonyms, names, rivals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from toolrec_kb.schema import Tool, all_programs
from toolrec_kb.text import phrase_key


def synonym_table(groups: Iterable[Sequence[str]]) -> dict[str, list[str]]:
    """Return each group's words and phrases with its other words; a phrase is found, never looked for."""
    table: dict[str, dict[str, None]] = defaultdict(dict)
    for group in groups:
        stems = [phrase_key(words) for words in group]
        for key in stems:
            table[key].update(dict.fromkeys(other for other in stems if other != key and " " not in other))
    return {key: list(others) for key, others in table.items()}


def name_table(tools: Sequence[Tool]) -> dict[str, list[int]]:
    """Return each tool's name and programs in lower case with the tools they may mean."""
    table: dict[str, list[int]] = defaultdict(list)
    for number, tool in enumerate(tools):
        for name in dict.fromkeys(name.lower() for name in (tool.name, *all_programs(tool))):
            table[name].append(number)
    return dict(table)


def rival_table(tools: Sequence[Tool]) -> list[dict[int, float]]:
    """Return for each tool those that do its job, with what each counts when somebody asks for another."""
    numbers = {tool.name: number for number, tool in enumerate(tools)}
    table: list[dict[int, float]] = [{} for _ in tools]
    for number, tool in enumerate(tools):
        for name in tool.alternative_to:
            if name in numbers:
                table[numbers[name]].setdefault(number, 0.8)
                table[number].setdefault(numbers[name], 0.6)
        for name in tool.replaces:
            if name in numbers:
                table[numbers[name]][number] = 1.0  # made to be the better one
    return table
