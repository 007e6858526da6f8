"""What an entry's text gives to the index: its terms' weights, its examples' terms, its neighbouring terms.

Depends on nothing but the entry, so that a knowledge base made anew for one changed tool takes the others' over.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from itertools import chain
from typing import Final

import msgspec

from toolrec_kb.neighbours import own_pairs
from toolrec_kb.schema import Tool, all_programs
from toolrec_kb.text import terms

# Tuned on the development and tuning questions (docs/measurements.md, "Shortlist").
FIELD_WEIGHTS: Final = {"name": 1.5, "summary": 2.8, "tasks": 0.9, "keywords": 2.1, "categories": 0.5, "commands": 0.3}


class TermCounts(msgspec.Struct, frozen=True):
    """One entry's part of the index."""

    weights: dict[str, float]
    """A term → how much the entry is about it."""
    examples: list[list[str]]
    """Each example's distinct terms, in order."""
    pairs: list[int]
    """The pairs of terms side by side in its texts, hashed."""


def count(tool: Tool) -> TermCounts:
    """Return what an entry gives to the index."""
    tasks = [terms(example.task) for example in tool.examples]
    fields = {
        "name": terms(" ".join([tool.name, *all_programs(tool)])),
        "summary": terms(tool.summary),
        "tasks": chain.from_iterable(tasks),
        "keywords": terms(" ".join(tool.keywords)),
        "categories": terms(" ".join(tool.categories)),
        "commands": terms(" ".join(example.command for example in tool.examples)),
    }
    weights: dict[str, float] = defaultdict(float)
    for field, found in fields.items():
        for term, number in Counter(found).items():
            weights[term] += FIELD_WEIGHTS[field] * (1 + math.log(number))
    return TermCounts(dict(weights), [sorted(set(task)) for task in tasks], own_pairs(tool))
