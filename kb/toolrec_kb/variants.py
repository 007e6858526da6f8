"""What a question's words stand for in the index: themselves, synonyms, the ends of half-typed ones, corrections."""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import Final

import msgspec

from toolrec_kb.index import MIN_TYPO_LENGTH, Index
from toolrec_kb.packed import deletions
from toolrec_kb.question import Operands
from toolrec_kb.text import stem, terms

# Tuned on the development and tuning questions (docs/measurements.md, "Shortlist").
SYNONYM_WEIGHT: Final = 0.45
PREFIX_WEIGHT: Final = 0.95
TYPO_WEIGHT: Final = 0.8  # a guess
OPERAND_WEIGHT: Final = 0.4  # "search for error in logs" is not about errors
PHRASE_WEIGHT: Final = 0.9  # a phrase is surer than a synonym: its words say little by themselves
MAX_PHRASE: Final = 4  # words; data/synonyms.toml says so too
_WORD: Final = re.compile(r"[a-z0-9'+#.-]*[a-z0-9+#]")
FILE_WEIGHT: Final = 0.6  # a file's type tells the tool, but less than what is to be done with it
EXTENSION_WEIGHT: Final = 0.5  # "python files" asks for an extension without the word
UNKNOWN_WEIGHT: Final = 3.0  # what a word that no entry knows takes from the coverage
MAX_TERMS: Final = 24
MAX_EXPANSIONS: Final = 6
MAX_COMPLETIONS: Final = 40
# "15% of 2480" says no word for what it wants.
_SUM: Final = re.compile(r"\d\s?(?:[+*/^]| - |x|times|plus|minus|% of|percent of)\s?\d")
_CALCULATE: Final = stem("calculate")
_EXTENSION: Final = stem("extension")


class Term(msgspec.Struct, frozen=True):
    """A term of the question: its variants, by number, with their discounts, and its weight."""

    variants: list[tuple[int, float]]
    weight: float
    exact: bool
    """Whether an entry holds the term itself."""


def wanted(index: Index, text: str, operands: Operands) -> list[Term]:
    """Return the terms of a question, the operands among them with little weight."""
    found = list(dict.fromkeys(terms(text)))[:MAX_TERMS]
    half_typed = found[-1] if found and text[-1:].isalnum() else ""
    shares = dict.fromkeys(terms(operands.values.get("file", "")), FILE_WEIGHT)
    shares |= dict.fromkeys(terms(operands.values.get("url", "")), OPERAND_WEIGHT)
    shares |= {stem(word): OPERAND_WEIGHT for word in operands.words}
    extension = operands.values.get("extension")
    if extension:  # "python files" are found by their type, and by tools that find by type
        found += [term for term in (f".{extension}", _EXTENSION) if term not in found]
        shares.setdefault(_EXTENSION, EXTENSION_WEIGHT)
        if f".{extension}" not in text.lower():
            shares.setdefault(f".{extension}", EXTENSION_WEIGHT)
    if _SUM.search(text) and _CALCULATE not in found:
        found.append(_CALCULATE)
    phrases = _phrases(index, text)
    own = [_term(index, term, shares.get(term, 1.0), half_typed=term == half_typed) for term in found]
    return own + [term for phrase in phrases if (term := _phrase_term(index, phrase)).variants]


def _phrases(index: Index, text: str) -> list[str]:
    """Return the phrases of the synonym table that a question holds, the longest at each place."""
    words = [stem(word) for word in _WORD.findall(text.lower())[: 2 * MAX_TERMS]]
    found = []
    at = 0
    while at < len(words):
        lengths = range(min(MAX_PHRASE, len(words) - at), 1, -1)
        length = next((n for n in lengths if " ".join(words[at : at + n]) in index.synonyms), 0)
        if length:
            found.append(" ".join(words[at : at + length]))
        at += length or 1
    return found


def _phrase_term(index: Index, phrase: str) -> Term:
    numbers = [index.numbers[word] for word in index.synonyms[phrase] if word in index.numbers]
    weight = max((index.idf[number] for number in numbers), default=0.0)
    return Term([(number, PHRASE_WEIGHT) for number in numbers], PHRASE_WEIGHT * weight, exact=True)


def _term(index: Index, term: str, share: float, *, half_typed: bool) -> Term:
    variants = [(other, discount * share) for other, discount in _variants(index, term, half_typed=half_typed)]
    weight = max((index.idf[other] * discount for other, discount in variants), default=UNKNOWN_WEIGHT * share)
    return Term(variants, weight, term in index.numbers)


def _variants(index: Index, term: str, *, half_typed: bool) -> list[tuple[int, float]]:
    exact = [(index.numbers[term], 1.0)] if term in index.numbers else []
    if not exact and term.isalpha():
        exact = _completions(index, term) if half_typed else []
        exact = exact or _corrections(index, term) or _completions(index, term)
    known = [(index.vocabulary[number], discount) for number, discount in exact[:2]]
    return exact + _synonyms(index, known or [(term, 1.0)])


def _synonyms(index: Index, known: list[tuple[str, float]]) -> list[tuple[int, float]]:
    return [
        (index.numbers[other], SYNONYM_WEIGHT * discount)
        for term, discount in known
        for other in index.synonyms.get(term, ())
        if other in index.numbers
    ]


def _completions(index: Index, start: str) -> list[tuple[int, float]]:
    if len(start) < 3:
        return []
    at = bisect_left(index.vocabulary, start)
    following = enumerate(index.vocabulary[at : at + MAX_COMPLETIONS], at)
    found = [number for number, term in following if term.startswith(start)]
    found.sort(key=lambda number: index.idf[number])  # the commoner word is the likelier one
    return [(number, PREFIX_WEIGHT) for number in found[:MAX_EXPANSIONS]]


def _corrections(index: Index, term: str) -> list[tuple[int, float]]:
    if len(term) < MIN_TYPO_LENGTH:
        return []
    left = deletions(term)
    near = {number for shorter in left for number in index.spellings.near(shorter)}
    likely = [number for number in near if left & deletions(index.vocabulary[number])]
    likely.sort(key=lambda number: (*_unlikeness(term, index.vocabulary[number]), index.idf[number], number))
    return [(number, TYPO_WEIGHT) for number in likely[:2]]


def _unlikeness(typed: str, meant: str) -> tuple[int, bool]:
    return _edits(typed, meant), meant[0] != typed[0]


def _edits(typed: str, meant: str) -> int:
    """Return how many slips lie between two words that share all letters but one of each: 1 or 2."""
    if len(typed) != len(meant):
        shorter, longer = sorted((typed, meant), key=len)
        return 1 if shorter in deletions(longer) else 2
    wrong = [i for i, (one, other) in enumerate(zip(typed, meant, strict=True)) if one != other]
    swapped = len(wrong) == 2 and _swap(typed, wrong[0]) == meant
    return 1 if len(wrong) <= 1 or swapped else 2


def similar_names(index: Index, name: str, limit: int = 3) -> list[str]:
    """Return program names that differ from `name` by a letter or two neighbours swapped."""
    wanted = name.lower()
    swapped = {_swap(wanted, i) for i in range(len(wanted) - 1)}
    near = swapped | deletions(wanted)
    names = list(index.names)
    numbers = sorted({number for shorter in near for number in index.name_spellings.near(shorter)})
    found = [names[number] for number in numbers if names[number] != wanted and near & deletions(names[number])]
    found.sort(key=lambda known: (known not in swapped, -max(index.priors[n] for n in index.names[known])))
    return found[:limit]


def _swap(word: str, at: int) -> str:
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
