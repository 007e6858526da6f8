"""What stands beside a word in the entries: which category's tools use it, and which word follows it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Final
from zlib import crc32

from toolrec_kb.schema import Tool
from toolrec_kb.text import terms

UNSEEN: Final = 0.3  # tools that are taken to hold a word in a category where none does
UNSEEN_TOOLS: Final = 3.0  # and of how many: a category of few tools proves little by having no such word


def home_numbers(tools: Sequence[Tool]) -> list[int]:
    """Return each tool's first category as a number."""
    names = sorted({tool.categories[0] for tool in tools})
    numbers = {name: number for number, name in enumerate(names)}
    return [numbers[tool.categories[0]] for tool in tools]


def leanings(holding: Mapping[int, int], sizes: Sequence[int]) -> list[float]:
    """Return for each category the logarithm of how much more often its tools hold a word than all tools do."""
    overall = (sum(holding.values()) + UNSEEN) / (sum(sizes) + UNSEEN_TOOLS)
    return [
        math.log((holding.get(category, 0) + UNSEEN) / (size + UNSEEN_TOOLS) / overall)
        for category, size in enumerate(sizes)
    ]


def pair_hash(first: str, second: str) -> int:
    """Return the number of two neighbouring terms, the same in every knowledge base."""
    return crc32(f"{first} {second}".encode())


def own_pairs(tool: Tool) -> list[int]:
    """Return the pairs of terms side by side in an entry's summary, keywords and tasks."""
    texts = (tool.summary, *tool.keywords, *(example.task for example in tool.examples))
    return sorted({pair_hash(first, second) for text in texts for first, second in pairwise(terms(text))})


def pair_table(owned: Iterable[Iterable[int]]) -> dict[int, list[int]]:
    """Return the pairs that the tools own, in order, with the tools that have them."""
    table: dict[int, list[int]] = defaultdict(list)
    for tool, pairs in enumerate(owned):
        for pair in pairs:
            table[pair].append(tool)
    return {pair: table[pair] for pair in sorted(table)}
