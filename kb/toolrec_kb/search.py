"""The shortlist: ranks tools for a question by words alone, in about a millisecond.

A term of the question finds its entries, and at a discount those of its synonyms, of the words that a
half-typed last word may become, and of the words that a misspelt one may mean. To that come the
best-fitting example, the prior, the tool's name if the question says it, and its rivals if the question
asks for something better.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable
from typing import Final

import msgspec

from toolrec_kb import question
from toolrec_kb.index import MIN_TYPO_LENGTH, Index, deletions
from toolrec_kb.text import stem, terms

# Tuned on the development questions (docs/measurements.md, "Shortlist").
SYNONYM_WEIGHT: Final = 0.45
PREFIX_WEIGHT: Final = 0.95
TYPO_WEIGHT: Final = 1.0
OPERAND_WEIGHT: Final = 0.25  # "search for error in logs" is not about errors
FILE_WEIGHT: Final = 0.6  # a file's type tells the tool, but less than what is to be done with it
EXTENSION_WEIGHT: Final = 0.5  # "python files" asks for an extension without the word
UNKNOWN_WEIGHT: Final = 3.0  # what a word that no entry knows takes from the coverage
EXAMPLE_WEIGHT: Final = 6.8
QUESTION_SHARE: Final = 0.5  # half each: an example is as much about its task as the question is
NAME_BONUS: Final = 3.0
RARE: Final = 0.78  # of the weight of a word that one entry alone holds: about five hold it
RIVAL_BONUS: Final = 18.0  # "like find but faster" wants no find
FIRST_STAGE: Final = 80  # how many tools are asked whether they are for this machine at all
CANDIDATES: Final = 40  # how many of those get the closer look at their examples
MAX_CHARS: Final = 1000  # a pasted page is cut here: its first words say the task
MAX_TERMS: Final = 24
MAX_EXPANSIONS: Final = 6
MAX_COMPLETIONS: Final = 40


_EXTENSION: Final = stem("extension")


class Term(msgspec.Struct, frozen=True):
    """A term of the question: its variants with their discounts, and its weight."""

    variants: list[tuple[str, float]]
    weight: float
    exact: bool
    """Whether an entry holds the term itself."""


class Query(msgspec.Struct, frozen=True):
    """A question made ready for one index."""

    text: str
    operands: question.Operands
    terms: list[Term]
    total: float
    """The terms' weights together."""
    worth: dict[str, list[tuple[int, float]]]
    """A variant → the terms it stands for, with what finding it is worth."""
    known: float
    """The share of its terms that stand in the knowledge base as they are, from 0 to 1."""


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


def prepare(index: Index, text: str) -> Query:
    """Return the question `text`, its words looked up; of a pasted page the first words count."""
    text = text[:MAX_CHARS]
    operands = question.read(text)
    wanted = _wanted(index, text, operands)
    worth: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for position, term in enumerate(wanted):
        for variant, discount in term.variants:
            worth[variant].append((position, term.weight * discount))
    known = sum(term.exact for term in wanted) / max(len(wanted), 1)
    return Query(text, operands, wanted, sum(term.weight for term in wanted) or 1.0, dict(worth), known)


def search(
    index: Index, query: Query, *, limit: int = 20, allowed: Callable[[int], float | None] = lambda number: 0.0
) -> list[Hit]:
    """Return the `limit` best tools for `query`, best first.

    `allowed` gives a bonus for a tool's number (installed, say), or None to leave the tool out.
    """
    scores: defaultdict[int, float] = defaultdict(float)
    covered: defaultdict[int, float] = defaultdict(float)
    for term in query.terms:
        for number, (gain, discount) in _best_variant(index, term).items():
            scores[number] += gain
            covered[number] += term.weight * discount
    _add_named(index, query, scores)
    _add_rivals(index, query.operands.compared, scores)
    priors = index.priors
    first = sorted(scores, key=lambda number: -(scores[number] + priors[number]))[:FIRST_STAGE]
    bonuses = {number: bonus for number in first if (bonus := allowed(number)) is not None}
    hits = []
    for number in list(bonuses)[:CANDIDATES]:
        fit = max(example_fits(index, number, query), default=0.0)
        words = scores[number] + EXAMPLE_WEIGHT * fit
        coverage = min(covered[number] / query.total, 1.0)
        hits.append(Hit(number, words + priors[number] + bonuses[number], coverage, words, fit))
    return sorted(hits, key=lambda hit: -hit.score)[:limit]


def example_fits(index: Index, number: int, query: Query, question_share: float = QUESTION_SHARE) -> list[float]:
    """Return how well each example's task fits, 0 to 1: the weight it shares with the question, of both.

    `question_share` says how much of that whole is the question's own weight.
    """
    fits = []
    for example, own in index.examples[number]:
        shared: dict[int, float] = {}
        for term in example:
            for position, worth in query.worth.get(term, ()):
                if worth > shared.get(position, 0.0):
                    shared[position] = worth
        whole = question_share * query.total + (1 - question_share) * own
        fits.append(min(sum(shared.values()) / whole, 1.0))
    return fits


def similar_names(index: Index, name: str, limit: int = 3) -> list[str]:
    """Return program names that differ from `name` by a letter or two neighbours swapped."""
    wanted = name.lower()
    swapped = {_swap(wanted, i) for i in range(len(wanted) - 1)}
    near = swapped | deletions(wanted)
    found = [known for known in index.names if known != wanted and (known in near or near & deletions(known))]
    found.sort(key=lambda known: (known not in swapped, -max(index.priors[n] for n in index.names[known])))
    return found[:limit]


def _wanted(index: Index, text: str, operands: question.Operands) -> list[Term]:
    found = list(dict.fromkeys(terms(text)))[:MAX_TERMS]
    half_typed = found[-1] if found and text[-1:].isalnum() else ""
    shares = dict.fromkeys(terms(operands.values.get("file", "")), FILE_WEIGHT)
    shares |= dict.fromkeys(terms(operands.values.get("url", "")), OPERAND_WEIGHT)
    shares |= {stem(word): OPERAND_WEIGHT for word in operands.words}
    extension = operands.values.get("extension")
    if extension:  # "python files" are found by their type, and by tools that find by type
        found += [term for term in (f".{extension}", _EXTENSION) if term not in found]
        shares.setdefault(_EXTENSION, EXTENSION_WEIGHT)
    return [_term(index, term, shares.get(term, 1.0), half_typed=term == half_typed) for term in found]


def _term(index: Index, term: str, share: float, *, half_typed: bool) -> Term:
    variants = [(other, discount * share) for other, discount in _variants(index, term, half_typed=half_typed)]
    weight = max((index.idf[other] * discount for other, discount in variants), default=UNKNOWN_WEIGHT * share)
    return Term(variants, weight, term in index.idf)


def _variants(index: Index, term: str, *, half_typed: bool) -> list[tuple[str, float]]:
    exact = [(term, 1.0)] if term in index.idf else []
    if not exact and term.isalpha():
        exact = _completions(index, term) if half_typed else []
        exact = exact or _corrections(index, term) or _completions(index, term)
    synonyms = [
        (other, SYNONYM_WEIGHT * discount)
        for known, discount in (exact[:2] or [(term, 1.0)])
        for other in index.synonyms.get(known, ())
        if other in index.idf
    ]
    return exact + synonyms


def _completions(index: Index, start: str) -> list[tuple[str, float]]:
    if len(start) < 3:
        return []
    at = bisect_left(index.vocabulary, start)
    found = [term for term in index.vocabulary[at : at + MAX_COMPLETIONS] if term.startswith(start)]
    found.sort(key=lambda term: index.idf[term])  # the commoner word is the likelier one
    return [(term, PREFIX_WEIGHT) for term in found[:MAX_EXPANSIONS]]


def _corrections(index: Index, term: str) -> list[tuple[str, float]]:
    if len(term) < MIN_TYPO_LENGTH:
        return []
    near = {other for shorter in deletions(term) for other in index.deletions.get(shorter, ())}
    likely = sorted(near, key=lambda other: (_edits(term, other), other[0] != term[0], index.idf[other]))
    return [(other, TYPO_WEIGHT) for other in likely[:2]]


def _edits(typed: str, meant: str) -> int:
    """Return how many slips lie between two words that share all letters but one of each: 1 or 2."""
    if len(typed) != len(meant):
        shorter, longer = sorted((typed, meant), key=len)
        return 1 if shorter in deletions(longer) else 2
    wrong = [i for i, (one, other) in enumerate(zip(typed, meant, strict=True)) if one != other]
    swapped = len(wrong) == 2 and _swap(typed, wrong[0]) == meant
    return 1 if len(wrong) <= 1 or swapped else 2


def _best_variant(index: Index, term: Term) -> dict[int, tuple[float, float]]:
    best: dict[int, tuple[float, float]] = {}
    for variant, discount in term.variants:
        numbers, gains = index.postings[variant]
        for number, gain in zip(numbers, gains, strict=True):
            gain *= discount
            known = best.get(number)
            if known is None or gain > known[0]:
                best[number] = (gain, discount)
    return best


def _add_named(index: Index, query: Query, scores: dict[int, float]) -> None:
    rare = RARE * math.log(1 + (len(index.priors) - 0.5) / 1.5)
    for word in query.text.lower().split()[:MAX_TERMS]:
        name = word.strip("?!.,;:")
        if name in query.operands.words:
            continue
        # A name that many entries use as a word (sort, ip, host) is said without the tool being meant.
        bonus = NAME_BONUS * min(index.idf.get(stem(name), rare) / rare, 1.0)
        for number in index.names.get(name, ()):
            scores[number] += bonus


def _add_rivals(index: Index, compared: str, scores: dict[int, float]) -> None:
    """Turn "like find but faster" from find to the tools that do its job."""
    for number in index.names.get(compared, ()):
        scores[number] -= RIVAL_BONUS
        for rival, weight in index.rivals[number]:
            scores[rival] += RIVAL_BONUS * weight


def _swap(word: str, at: int) -> str:
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
