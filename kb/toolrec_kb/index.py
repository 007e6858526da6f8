"""What can be counted before any question is asked: the knowledge base's inverted index and tables.

BM25F over an entry's fields: Robertson & Zaragoza, "The Probabilistic Relevance Framework" (2009).
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from toolrec_kb.schema import Tool, all_programs
from toolrec_kb.text import stem, terms

# Tuned on the development questions (docs/measurements.md, "Shortlist").
FIELD_WEIGHTS: Final = {"name": 1.5, "summary": 2.8, "tasks": 0.9, "keywords": 1.5, "categories": 0.5, "commands": 0.3}
LENGTH_NORM: Final = 0.12  # BM25's b: entries with many examples are long because they can do much
SATURATION: Final = 1.6  # BM25's k1
USAGE_WEIGHT: Final = 1.25
STANDARDNESS_BONUS: Final = {"builtin": 0.2, "posix": 0.5, "core": 0.5, "popular": 0.2, "niche": -0.4}
POSTINGS: Final = 300  # the heaviest entries of a common word; the others gain next to nothing by it
MIN_TYPO_LENGTH: Final = 4


class Index(msgspec.Struct, frozen=True):
    """Tables over the tools; a tool's number is its position."""

    postings: dict[str, tuple[list[int], list[float]]]
    """A term → the tools that hold it, and what each gains by it: finished BM25F weights."""
    idf: dict[str, float]
    vocabulary: list[str]
    """All terms, sorted, for completing a half-typed word."""
    deletions: dict[str, list[str]]
    """A term with one letter left out → the terms, for finding misspelt ones."""
    examples: list[list[tuple[list[str], float]]]
    """tool number → example number → its distinct terms and the sum of their weights."""
    synonyms: dict[str, list[str]]
    names: dict[str, list[int]]
    """A tool's name or program in lower case → tool numbers."""
    priors: list[float]
    rivals: list[list[tuple[int, float]]]
    """tool number → the tools that do its job, with what that counts when somebody asks for another."""


def build_index(tools: Sequence[Tool], synonyms: Iterable[Sequence[str]] = ()) -> Index:
    """Return the index of `tools`."""
    weights = [_term_weights(tool) for tool in tools]
    documents: Counter[str] = Counter(term for weight in weights for term in weight)
    idf = {term: math.log(1 + (len(tools) - n + 0.5) / (n + 0.5)) for term, n in documents.items()}
    return Index(
        postings=_postings(weights, idf),
        idf=idf,
        vocabulary=sorted(idf),
        deletions=_deletion_table(idf),
        examples=[[_example_terms(example.task, idf) for example in tool.examples] for tool in tools],
        synonyms=_synonym_table(synonyms),
        names=_name_table(tools),
        priors=[prior(tool) for tool in tools],
        rivals=_rival_table(tools),
    )


def prior(tool: Tool) -> float:
    """Return the bonus for how widely used and how standard a tool is."""
    return USAGE_WEIGHT * tool.usage + STANDARDNESS_BONUS[tool.standardness]


def deletions(term: str) -> set[str]:
    """Return the term and all that is left of it when one letter goes."""
    return {term[:i] + term[i + 1 :] for i in range(len(term))} | {term}


def _term_weights(tool: Tool) -> dict[str, float]:
    texts = {
        "name": " ".join([tool.name, *all_programs(tool)]),
        "summary": tool.summary,
        "tasks": " ".join(example.task for example in tool.examples),
        "keywords": " ".join(tool.keywords),
        "categories": " ".join(tool.categories),
        "commands": " ".join(example.command for example in tool.examples),
    }
    weights: dict[str, float] = defaultdict(float)
    for field, text in texts.items():
        for term, count in Counter(terms(text)).items():
            weights[term] += FIELD_WEIGHTS[field] * (1 + math.log(count))
    return dict(weights)


def _postings(weights: list[dict[str, float]], idf: dict[str, float]) -> dict[str, tuple[list[int], list[float]]]:
    lengths = [sum(weight.values()) for weight in weights]
    average = sum(lengths) / max(len(lengths), 1) or 1.0
    gains: dict[str, list[tuple[float, int]]] = {term: [] for term in idf}
    for number, weight in enumerate(weights):
        norm = SATURATION * (1 - LENGTH_NORM + LENGTH_NORM * lengths[number] / average)
        for term, frequency in weight.items():
            gains[term].append((idf[term] * frequency * (SATURATION + 1) / (frequency + norm), number))
    heaviest = {term: sorted(pairs, reverse=True)[:POSTINGS] for term, pairs in gains.items()}
    return {
        term: ([number for _, number in pairs], [round(gain, 4) for gain, _ in pairs])
        for term, pairs in heaviest.items()
    }


def _example_terms(task: str, idf: dict[str, float]) -> tuple[list[str], float]:
    distinct = sorted(set(terms(task)))
    return distinct, round(sum(idf[term] for term in distinct) or 1.0, 3)


def _deletion_table(idf: Iterable[str]) -> dict[str, list[str]]:
    table: dict[str, list[str]] = defaultdict(list)
    for term in idf:
        if len(term) >= MIN_TYPO_LENGTH and term.isalpha():
            for shorter in deletions(term):
                table[shorter].append(term)
    return dict(table)


def _synonym_table(groups: Iterable[Sequence[str]]) -> dict[str, list[str]]:
    table: dict[str, dict[str, None]] = defaultdict(dict)
    for group in groups:
        stems = [stem(word.lower()) for word in group]
        for word in stems:
            table[word].update(dict.fromkeys(other for other in stems if other != word))
    return {word: list(others) for word, others in table.items()}


def _name_table(tools: Sequence[Tool]) -> dict[str, list[int]]:
    table: dict[str, list[int]] = defaultdict(list)
    for number, tool in enumerate(tools):
        for name in dict.fromkeys(name.lower() for name in (tool.name, *all_programs(tool))):
            table[name].append(number)
    return dict(table)


def _rival_table(tools: Sequence[Tool]) -> list[list[tuple[int, float]]]:
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
    return [list(rivals.items()) for rivals in table]
