"""The closer look at one tool: how its examples fit, how its words stand together, whether its category does.

What it finds is added to what the words alone gave (`toolrec_kb.search`).
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Final

import msgspec

from toolrec_kb.index import Index
from toolrec_kb.prepared import Query

# Fitted on the tuning questions (docs/measurements.md, "Shortlist").
EXAMPLE_WEIGHT: Final = 6.8
BREADTH_WEIGHT: Final = 3.0  # of the third best example: who does such things in many ways is made for them
PAIR_WEIGHT: Final = 4.0  # "file type" is another matter than a file and a type
CATEGORY_WEIGHT: Final = 0.7
BREADTH: Final = 3
QUESTION_SHARE: Final = 0.5  # half each: an example is as much about its task as the question is


class Closer(msgspec.Struct, frozen=True):
    """What a question's words say together, counted once for all candidates."""

    index: Index
    query: Query
    pairs: dict[int, float]
    """tool → the share of the question's neighbouring words that stand so in its texts."""
    leanings: list[float]
    """category → how much the words lean to it."""

    def look(self, number: int) -> tuple[float, float]:
        """Return how well the best example of a tool fits, and all that the closer look adds to its score."""
        fits = sorted(example_fits(self.index, number, self.query), reverse=True)
        best = fits[0] if fits else 0.0
        added = EXAMPLE_WEIGHT * best + PAIR_WEIGHT * self.pairs.get(number, 0.0)
        if fits[BREADTH - 1 :]:
            added += BREADTH_WEIGHT * fits[BREADTH - 1]
        return best, added + CATEGORY_WEIGHT * self.leanings[self.index.categories[number]]


def closer(index: Index, query: Query) -> Closer:
    """Return what the words of `query` say together."""
    best = [max(term.variants, key=lambda variant: variant[1]) for term in query.terms if term.variants]
    neighbours = list(pairwise(best))
    pairs: Counter[int] = Counter()
    for (first, _), (second, _) in neighbours:
        pairs.update(index.holders(index.vocabulary[first], index.vocabulary[second]))
    leanings = [0.0] * (max(index.categories, default=-1) + 1)
    for term, discount in best:
        for category, lean in enumerate(index.leaning(term)):
            leanings[category] += discount * lean
    return Closer(index, query, {tool: count / len(neighbours) for tool, count in pairs.items()}, leanings)


def example_fits(index: Index, number: int, query: Query, question_share: float = QUESTION_SHARE) -> list[float]:
    """Return how well each example's task fits, 0 to 1: the weight it shares with the question, of both.

    `question_share` says how much of that whole is the question's own weight.
    """
    own, examples = index.examples(number)
    shared = [0.0] * len(own)
    for variants in query.worth:
        seen: list[int] = []
        for variant, worth in variants:
            holding = examples.get(variant)
            if holding:
                for at in holding:
                    if at not in seen:
                        shared[at] += worth
                seen = seen + holding if seen else holding
    asked, rest = question_share * query.total, 1 - question_share
    return [
        min(share / (asked + rest * weight), 1.0) if share else 0.0 for share, weight in zip(shared, own, strict=True)
    ]
