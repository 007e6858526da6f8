"""The shortlist: ranks tools for a question by words alone, in about a millisecond.

A term of the question finds its entries, and at a discount those of its synonyms, of the words that a
half-typed last word may become, and of the words that a misspelt one may mean. To that come the prior,
the tool's name if the question says it, its rivals if the question asks for something better, and for the
first tools what a closer look finds (`toolrec_kb.closer`).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from typing import Final

import msgspec

from toolrec_kb import question
from toolrec_kb.closer import closer, example_fits
from toolrec_kb.index import Index
from toolrec_kb.prepared import Query, prepare
from toolrec_kb.text import STOP_WORDS, stem
from toolrec_kb.variants import MAX_TERMS, Term, similar_names

__all__ = ["Hit", "Query", "example_fits", "prepare", "search", "similar_names"]

# Tuned on the development and tuning questions (docs/measurements.md, "Shortlist").
MATCHED_WEIGHT: Final = 3.8  # of the share of the question's words that a tool has: two words beat a rare one
NAME_BONUS: Final = 3.0
RARE: Final = 0.78  # of the weight of a word that one entry alone holds: about five hold it
RIVAL_BONUS: Final = 18.0  # "like find but faster" wants no find
FIRST_STAGE: Final = 80  # how many tools are asked whether they are for this machine at all
CANDIDATES: Final = 30  # how many of those get the closer look; 24 and 50 find the same first three
# "who" alone may be the program; in a sentence it is English, and "powershell" is where it is asked.
NO_NAMES: Final = STOP_WORDS | question.SYSTEMS


class Hit(msgspec.Struct, frozen=True):
    """A tool on the shortlist."""

    number: int
    score: float
    coverage: float
    """How much of the question's weight the entry's words cover, from 0 to 1."""
    words: float
    """The part of the score that the question's words made."""
    fit: float
    """How well its best example fits, from 0 to 1."""


def search(
    index: Index, query: Query, *, limit: int = 20, allowed: Callable[[int], float | None] = lambda number: 0.0
) -> list[Hit]:
    """Return the `limit` best tools for `query`, best first.

    `allowed` gives a bonus for a tool's number (installed, say), or None to leave the tool out.
    """
    found = [_found(index, term) for term in query.terms]
    scores = _scores(index, query, found)
    priors = index.priors
    totals = {number: score + priors[number] for number, score in scores.items()}
    first = sorted(totals, key=totals.__getitem__, reverse=True)[:FIRST_STAGE]
    bonuses = _candidates(first, allowed)
    closely = closer(index, query)
    hits = []
    for number, bonus in bonuses.items():
        fit, added = closely.look(number)
        covers = [part.covered(number) for part in found]
        matched = sum(map(bool, covers)) / max(len(covers), 1)
        words = scores[number] + MATCHED_WEIGHT * matched + added
        coverage = min(sum(covers) / query.total, 1.0)
        hits.append(Hit(number, words + priors[number] + bonus, coverage, words, fit))
    return sorted(hits, key=lambda hit: -hit.score)[:limit]


def _candidates(numbers: list[int], allowed: Callable[[int], float | None]) -> dict[int, float]:
    """Return the first tools that are allowed, each with its bonus."""
    bonuses: dict[int, float] = {}
    for number in numbers:
        bonus = allowed(number)
        if bonus is not None:
            bonuses[number] = bonus
            if len(bonuses) == CANDIDATES:
                break
    return bonuses


class _Found(msgspec.Struct):
    """What one term of the question found."""

    gains: dict[int, float]
    """What each tool gains by the variant that it gains most by."""
    weight: float
    """What having the first variant covers of the question."""
    others: dict[int, float]
    """The same for the tools that gain most by another variant."""

    def covered(self, number: int) -> float:
        """Return how much of the question's weight a tool covers by this term."""
        if number not in self.gains:
            return 0.0
        return self.others.get(number, self.weight) if self.others else self.weight


def _found(index: Index, term: Term) -> _Found:
    if not term.variants:
        return _Found({}, 0.0, {})
    variant, discount = term.variants[0]
    gains = index.postings(variant)
    others: dict[int, float] = {}
    if discount != 1.0 or term.variants[1:]:  # else the index's own table does
        gains = {number: gain * discount for number, gain in gains.items()}
    for variant, other in term.variants[1:]:
        for number, gain in index.postings(variant).items():
            if gain * other > gains.get(number, -1.0):
                gains[number], others[number] = gain * other, term.weight * other
    return _Found(gains, term.weight * discount, others)


def _scores(index: Index, query: Query, found: list[_Found]) -> dict[int, float]:
    """Return what each tool gets by the question's words, by its name and as a rival."""
    scores: defaultdict[int, float] = defaultdict(float, found[0].gains if found else {})
    for part in found[1:]:
        for number, gain in part.gains.items():
            scores[number] += gain
    _add_named(index, query, scores)
    _add_rivals(index, query.operands.compared, scores)
    return scores


def _add_named(index: Index, query: Query, scores: dict[int, float]) -> None:
    rare = RARE * math.log(1 + (len(index.priors) - 0.5) / 1.5)
    words = [word.strip("?!.,;:") for word in query.text.lower().split()[:MAX_TERMS]]
    for name in words:
        if name in query.operands.words or (name in NO_NAMES and words[1:]):
            continue
        # A name that many entries use as a word (sort, ip, host) is said without the tool being meant.
        term = index.numbers.get(stem(name))
        bonus = NAME_BONUS * (1.0 if term is None else min(index.idf[term] / rare, 1.0))
        for number in index.names.get(name, ()):
            scores[number] += bonus


def _add_rivals(index: Index, compared: str, scores: dict[int, float]) -> None:
    """Turn "like find but faster" from find to the tools that do its job."""
    for number in index.names.get(compared, ()):
        scores[number] -= RIVAL_BONUS
        for rival, weight in index.rivals(number):
            scores[rival] += RIVAL_BONUS * weight
