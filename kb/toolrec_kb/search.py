"""The shortlist: ranks tools for a question by words alone, in well under a millisecond.

BM25F over an entry's fields, with synonyms, half-typed last words and misspellings, then the
best-fitting example, the prior of how widely a tool is used, and its name if the question says it.
Everything that can be counted when the base is compiled is counted there (`build_index`).
Robertson & Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from toolrec_kb import question
from toolrec_kb.schema import Tool, all_programs
from toolrec_kb.text import stem, terms

# Tuned on the development questions (docs/measurements.md, "Shortlist").
FIELD_WEIGHTS: Final = {"name": 2.5, "summary": 2.0, "tasks": 1.4, "keywords": 1.8, "categories": 0.7, "commands": 0.25}
LENGTH_NORM: Final = 0.35  # BM25's b: entries with many examples are long because they can do much
SATURATION: Final = 1.6  # BM25's k1
SYNONYM_WEIGHT: Final = 0.45
PREFIX_WEIGHT: Final = 0.6
OPERAND_WEIGHT: Final = 0.25  # "search for error in logs" is not about errors
FILE_WEIGHT: Final = 0.6  # a file's type tells the tool, but less than what is to be done with it
RIVAL_BONUS: Final = 14.0  # "like find but faster" wants no find
UNKNOWN_WEIGHT: Final = 3.0  # what a word that no entry knows takes from the coverage
POSTINGS: Final = 300  # the heaviest entries of a common word; the others gain next to nothing by it
TYPO_WEIGHT: Final = 0.7
EXAMPLE_WEIGHT: Final = 4.0
NAME_BONUS: Final = 3.0
USAGE_WEIGHT: Final = 0.55
STANDARDNESS_BONUS: Final = {"builtin": 0.2, "posix": 0.5, "core": 0.5, "popular": 0.2, "niche": -0.4}
CANDIDATES: Final = 60  # how many of the first stage get the closer look at their examples
MAX_TERMS: Final = 24  # a pasted page is cut here: its first words say the task
MAX_EXPANSIONS: Final = 6
MIN_TYPO_LENGTH: Final = 4


class Index(msgspec.Struct, frozen=True):
    """What is counted once: postings with their finished BM25F weights, and the examples' terms.

    `postings` maps a term to (tool number, weight) pairs flattened into two lists of equal length.
    """

    postings: dict[str, tuple[list[int], list[float]]]
    idf: dict[str, float]
    vocabulary: list[str]
    """All terms, sorted, for completing a half-typed word."""
    deletions: dict[str, list[str]]
    """A term with one letter left out → the terms, for finding misspelt ones."""
    examples: list[list[list[str]]]
    """tool number → example number → its distinct terms."""
    synonyms: dict[str, list[str]]
    names: dict[str, list[int]]
    """A tool's name or program in lower case → tool numbers."""
    priors: list[float]
    rivals: list[list[tuple[int, float]]]
    """tool number → the tools that do its job, with what that counts when somebody asks for another."""


class Hit(msgspec.Struct, frozen=True):
    """A tool on the shortlist."""

    number: int
    score: float
    coverage: float
    """How much of the question's weight the entry's words cover, from 0 to 1."""
    words: float
    """The part of the score that the question's words made."""


def build_index(tools: Sequence[Tool], synonyms: Iterable[Sequence[str]] = ()) -> Index:
    """Return the index of `tools`; a tool's number is its position."""
    weights = [_term_weights(tool) for tool in tools]
    lengths = [sum(weight.values()) for weight in weights]
    average = sum(lengths) / max(len(lengths), 1) or 1.0
    documents: Counter[str] = Counter(term for weight in weights for term in weight)
    idf = {term: math.log(1 + (len(tools) - n + 0.5) / (n + 0.5)) for term, n in documents.items()}
    postings: dict[str, tuple[list[int], list[float]]] = {term: ([], []) for term in idf}
    for number, weight in enumerate(weights):
        norm = SATURATION * (1 - LENGTH_NORM + LENGTH_NORM * lengths[number] / average)
        for term, frequency in weight.items():
            numbers, values = postings[term]
            numbers.append(number)
            values.append(idf[term] * frequency * (SATURATION + 1) / (frequency + norm))
    for term, (numbers, values) in postings.items():
        heaviest = sorted(zip(values, numbers, strict=True), reverse=True)[:POSTINGS]
        postings[term] = ([number for _, number in heaviest], [value for value, _ in heaviest])
    return Index(
        postings=postings,
        idf=idf,
        vocabulary=sorted(idf),
        deletions=_deletion_table(idf),
        examples=[[sorted(set(terms(example.task))) for example in tool.examples] for tool in tools],
        synonyms=_synonym_table(synonyms),
        names=_name_table(tools),
        priors=[prior(tool) for tool in tools],
        rivals=_rival_table(tools),
    )


def prior(tool: Tool) -> float:
    """Return the bonus for how widely used and how standard a tool is."""
    return USAGE_WEIGHT * tool.usage + STANDARDNESS_BONUS[tool.standardness]


def search(
    index: Index, query: str, *, limit: int = 20, allowed: Callable[[int], float | None] = lambda number: 0.0
) -> list[Hit]:
    """Return the `limit` best tools for `query`, best first.

    `allowed` gives a bonus for a tool's number (installed, say), or None to leave the tool out.
    """
    operands = question.read(query)
    wanted = _expand(index, query, operands)
    scores: defaultdict[int, float] = defaultdict(float)
    covered: defaultdict[int, float] = defaultdict(float)
    total = sum(weight for _, weight in wanted) or 1.0
    for variants, weight in wanted:
        for number, (value, share) in _best_variant(index, variants).items():
            scores[number] += value
            covered[number] += weight * share
    _add_named(index, query, scores)
    _add_rivals(index, operands.compared, scores)
    first = sorted(scores, key=lambda number: -(scores[number] + index.priors[number]))[: CANDIDATES * 2]
    bonuses = {number: bonus for number in first if (bonus := allowed(number)) is not None}
    hits = []
    for number in list(bonuses)[:CANDIDATES]:
        fit = max((_fit(index, example, wanted, total) for example in index.examples[number]), default=0.0)
        words = scores[number] + EXAMPLE_WEIGHT * fit
        score = words + index.priors[number] + bonuses[number]
        hits.append(Hit(number, score, min(covered[number] / total, 1.0), words))
    return sorted(hits, key=lambda hit: -hit.score)[:limit]


_Variants = list[tuple[str, float]]
_Wanted = list[tuple[_Variants, float]]


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


def _deletion_table(idf: Iterable[str]) -> dict[str, list[str]]:
    table: dict[str, list[str]] = defaultdict(list)
    for term in idf:
        if len(term) >= MIN_TYPO_LENGTH and term.isalpha():
            for shorter in _deletions(term):
                table[shorter].append(term)
    return dict(table)


def _deletions(term: str) -> set[str]:
    return {term[:i] + term[i + 1 :] for i in range(len(term))} | {term}


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


def _expand(index: Index, query: str, operands: question.Operands) -> _Wanted:
    """Return, for each term of the query, its variants with their discounts, and the term's weight."""
    found = list(dict.fromkeys(terms(query)))[:MAX_TERMS]
    about = dict.fromkeys(terms(operands.values.get("file", "")), FILE_WEIGHT)
    about |= {stem(word): OPERAND_WEIGHT for word in operands.words}
    extension = operands.values.get("extension")
    if extension and f".{extension}" not in found:  # "python files" are found by their type
        found.append(f".{extension}")
    typing_last = query[-1:].isalnum()
    expanded = []
    for position, term in enumerate(found):
        share = about.get(term, 1.0)
        variants = _variants(index, term, half_typed=typing_last and position == len(found) - 1)
        variants = [(variant, discount * share) for variant, discount in variants]
        weight = max((index.idf[v] * discount for v, discount in variants), default=UNKNOWN_WEIGHT * share)
        expanded.append((variants, weight))
    return expanded


def _variants(index: Index, term: str, *, half_typed: bool) -> _Variants:
    exact: _Variants = [(term, 1.0)] if term in index.idf else []
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


def _completions(index: Index, start: str) -> _Variants:
    if len(start) < 3:
        return []
    at = bisect_left(index.vocabulary, start)
    found: list[str] = []
    while at < len(index.vocabulary) and index.vocabulary[at].startswith(start) and len(found) < 40:
        found.append(index.vocabulary[at])
        at += 1
    found.sort(key=lambda term: index.idf[term])  # the commoner word is the likelier one
    return [(term, PREFIX_WEIGHT) for term in found[:MAX_EXPANSIONS]]


def _corrections(index: Index, term: str) -> _Variants:
    if len(term) < MIN_TYPO_LENGTH:
        return []
    candidates = Counter(near for shorter in _deletions(term) for near in index.deletions.get(shorter, ()))
    # One edit away if either's letters, one left out, give the other; two, if both lose one.
    likely = sorted(candidates, key=lambda near: (near[0] != term[0], abs(len(near) - len(term)), index.idf[near]))
    return [(near, TYPO_WEIGHT) for near in likely[:2]]


def _best_variant(index: Index, variants: _Variants) -> dict[int, tuple[float, float]]:
    best: dict[int, tuple[float, float]] = {}
    for term, discount in variants:
        numbers, values = index.postings[term]
        for number, value in zip(numbers, values, strict=True):
            known = best.get(number)
            if known is None or value * discount > known[0]:
                best[number] = (value * discount, discount)
    return best


def _add_named(index: Index, query: str, scores: dict[int, float]) -> None:
    for word in query.lower().split():
        for number in index.names.get(word.strip("?!,;:"), ()):
            scores[number] += NAME_BONUS


def example_fits(index: Index, number: int, query: str) -> list[float]:
    """Return how well each example of a tool fits the question, from 0 to 1."""
    wanted = _expand(index, query, question.read(query))
    total = sum(weight for _, weight in wanted) or 1.0
    return [_fit(index, example, wanted, total) for example in index.examples[number]]


def _fit(index: Index, example: Sequence[str], wanted: _Wanted, total: float) -> float:
    """Return the F1 of the weight that the question and an example's task share."""
    shared = sum(
        weight * max((discount for term, discount in variants if term in example), default=0.0)
        for variants, weight in wanted
    )
    if not shared:
        return 0.0
    own = sum(index.idf[term] for term in example if term in index.idf) or 1.0
    return 2 * shared / (total + own)


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


def _add_rivals(index: Index, compared: str, scores: dict[int, float]) -> None:
    """Turn "like find but faster" from find to the tools that do its job."""
    for number in index.names.get(compared, ()):
        scores[number] -= RIVAL_BONUS
        for rival, weight in index.rivals[number]:
            scores[rival] += RIVAL_BONUS * weight


def similar_names(index: Index, name: str, limit: int = 3) -> list[str]:
    """Return program names that differ from `name` by a letter or two neighbours swapped."""
    wanted = name.lower()
    near = {_swap(wanted, i) for i in range(len(wanted) - 1)} | _deletions(wanted)
    found = [known for known in index.names if known != wanted and (known in near or near & _deletions(known))]
    found.sort(key=lambda known: (abs(len(known) - len(wanted)), -max(index.priors[n] for n in index.names[known])))
    return found[:limit]


def _swap(word: str, at: int) -> str:
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
