"""What can be counted before any question is asked: the knowledge base's inverted index and tables.

BM25F over an entry's fields: Robertson & Zaragoza, "The Probabilistic Relevance Framework" (2009).
The tables are packed: a term and a tool are numbers, and a list is decoded when a question needs it.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import accumulate
from typing import Final

import msgspec

from toolrec_kb.neighbours import home_numbers, leanings, pair_hash, pair_table
from toolrec_kb.packed import Rows, Spellings, pack, pack_doubles, pack_rows, pack_spellings, view, view_doubles
from toolrec_kb.schema import Tool
from toolrec_kb.tables import name_table, rival_table, synonym_table
from toolrec_kb.term_counts import TermCounts, count

# Tuned on the development and tuning questions (docs/measurements.md, "Shortlist").
LENGTH_NORM: Final = 0.03  # BM25's b: entries with many examples are long because they can do much
SATURATION: Final = 1.6  # BM25's k1
USAGE_WEIGHT: Final = 1.25
STANDARDNESS_BONUS: Final = {"builtin": 0.2, "posix": 0.5, "core": 0.5, "popular": 0.2, "niche": -0.4}
POSTINGS: Final = 300  # the heaviest entries of a common word; the others gain next to nothing by it
MIN_TYPO_LENGTH: Final = 4
_GAIN_STEPS: Final = 10_000  # gains, an example's weight and a rival's are kept as whole numbers of these parts
_WEIGHT_STEPS: Final = 1_000
_RIVAL_STEPS: Final = 10


class Index(msgspec.Struct, frozen=True, dict=True):
    """Tables over the tools; a tool's number is its position, a term's its position in the vocabulary."""

    vocabulary: list[str]
    """All terms, sorted: for completing a half-typed word too."""
    rarity: bytes
    """term → its inverse document frequency."""
    posting_tools: Rows
    """term → the tools that hold it."""
    posting_gains: Rows
    """term → what each of those gains by it: finished BM25F weights."""
    spellings: Spellings
    """Of the terms, for finding a misspelt one."""
    own_terms: Rows
    """tool → the terms it holds."""
    own_weights: bytes
    """The weight of each of those, one tool's behind the other's."""
    example_starts: bytes
    """tool → its first example's number."""
    example_terms: Rows
    """example → its distinct terms."""
    example_weights: bytes
    """example → the sum of its terms' weights."""
    synonyms: dict[str, list[str]]
    names: dict[str, list[int]]
    """A tool's name or program in lower case → tools."""
    name_spellings: Spellings
    """Of those names, by position."""
    homes: bytes
    """tool → its first category, numbered."""
    own_pairs: Rows
    """tool → the pairs of terms side by side in its texts, hashed."""
    pairs: bytes
    """All those pairs, sorted."""
    pair_tools: Rows
    """pair, by position → the tools that have it."""
    usefulness: bytes
    """tool → its prior."""
    rival_tools: Rows
    """tool → the tools that do its job."""
    rival_weights: Rows
    """tool → what each of those counts when somebody asks for another."""

    @cached_property
    def numbers(self) -> dict[str, int]:
        """A term → its number."""
        return {term: number for number, term in enumerate(self.vocabulary)}

    @cached_property
    def idf(self) -> list[float]:
        """A term's number → its weight."""
        return list(view_doubles(self.rarity))

    @cached_property
    def priors(self) -> list[float]:
        """A tool's number → what it has without a word of the question's."""
        return list(view_doubles(self.usefulness))

    @cached_property
    def _examples(self) -> tuple[memoryview[int], memoryview[int]]:
        return view(self.example_starts), view(self.example_weights)

    @cached_property
    def _own_weights(self) -> memoryview[float]:
        return view_doubles(self.own_weights)

    @cached_property
    def _seen_postings(self) -> dict[int, dict[int, float]]:
        return {}

    @cached_property
    def _seen_examples(self) -> dict[int, tuple[list[float], dict[int, list[int]]]]:
        return {}

    def postings(self, term: int) -> dict[int, float]:
        """Return the tools that hold a term, the heaviest first, with what each gains by it. Not to be changed."""
        seen = self._seen_postings.get(term)
        if seen is None:
            pairs = zip(self.posting_tools[term], self.posting_gains[term], strict=True)
            seen = self._seen_postings[term] = {tool: gain / _GAIN_STEPS for tool, gain in pairs}
        return seen

    def examples(self, tool: int) -> tuple[list[float], dict[int, list[int]]]:
        """Return the weight of each of a tool's examples, and each term's examples by position."""
        seen = self._seen_examples.get(tool)
        if seen is None:
            seen = self._seen_examples[tool] = self._read_examples(tool)
        return seen

    def _read_examples(self, tool: int) -> tuple[list[float], dict[int, list[int]]]:
        starts, weights = self._examples
        first, last = starts[tool], starts[tool + 1]
        holding: dict[int, list[int]] = defaultdict(list)
        for number in range(first, last):
            for term in self.example_terms[number]:
                holding[term].append(number - first)
        return [weight / _WEIGHT_STEPS for weight in weights[first:last].tolist()], dict(holding)

    @cached_property
    def categories(self) -> list[int]:
        """A tool's number → its first category's."""
        return view(self.homes).tolist()

    @cached_property
    def _category_sizes(self) -> list[int]:
        sizes = Counter(self.categories)
        return [sizes[category] for category in range(len(sizes))]

    @cached_property
    def _seen_leanings(self) -> dict[int, list[float]]:
        return {}

    def leaning(self, term: int) -> list[float]:
        """Return how much more often each category's tools hold a term than all tools do, as logarithms."""
        seen = self._seen_leanings.get(term)
        if seen is None:
            holding = Counter(self.categories[tool] for tool in self.postings(term))
            seen = self._seen_leanings[term] = leanings(holding, self._category_sizes)
        return seen

    def holders(self, first: str, second: str) -> list[int]:
        """Return the tools in whose texts two terms stand side by side."""
        known, wanted = view(self.pairs), pair_hash(first, second)
        at = bisect_left(known, wanted)
        return self.pair_tools[at] if at < len(known) and known[at] == wanted else []

    def counts(self, tool: int) -> TermCounts:
        """Return what a tool's entry gave to the index."""
        first, last = self.own_terms.span(tool)
        own = zip(self.own_terms[tool], self._own_weights[first:last], strict=True)
        starts, _ = self._examples
        examples = [self.example_terms[number] for number in range(starts[tool], starts[tool + 1])]
        spelt = self.vocabulary
        weights = {spelt[term]: weight for term, weight in own}
        return TermCounts(weights, [[spelt[term] for term in example] for example in examples], self.own_pairs[tool])

    def rivals(self, tool: int) -> list[tuple[int, float]]:
        """Return the tools that do a tool's job, with what each counts."""
        weights = [weight / _RIVAL_STEPS for weight in self.rival_weights[tool]]
        return list(zip(self.rival_tools[tool], weights, strict=True))


def build_index(
    tools: Sequence[Tool], synonyms: Iterable[Sequence[str]] = (), counted: Mapping[str, TermCounts] | None = None
) -> Index:
    """Return the index of `tools`; the counts of those in `counted`, by name, are taken from there."""
    known = counted or {}
    counts = [known.get(tool.name) or count(tool) for tool in tools]
    weights = [own.weights for own in counts]
    documents: Counter[str] = Counter(term for weight in weights for term in weight)
    vocabulary = sorted(documents)
    idf = {term: math.log(1 + (len(tools) - n + 0.5) / (n + 0.5)) for term, n in documents.items()}
    numbers = {term: number for number, term in enumerate(vocabulary)}
    postings = _postings(weights, idf)
    examples = [example for own in counts for example in own.examples]
    names = name_table(tools)
    rivals = rival_table(tools)
    pairs = pair_table(own.pairs for own in counts)
    return Index(
        vocabulary=vocabulary,
        rarity=pack_doubles(idf[term] for term in vocabulary),
        posting_tools=pack_rows([tool for _, tool in postings[term]] for term in vocabulary),
        posting_gains=pack_rows([_steps(gain, _GAIN_STEPS) for gain, _ in postings[term]] for term in vocabulary),
        spellings=pack_spellings((numbers[term], term) for term in vocabulary if _may_be_misspelt(term)),
        own_terms=pack_rows([numbers[term] for term in weight] for weight in weights),
        own_weights=pack_doubles(value for weight in weights for value in weight.values()),
        example_starts=pack(accumulate((len(tool.examples) for tool in tools), initial=0)),
        example_terms=pack_rows([numbers[term] for term in example] for example in examples),
        example_weights=pack(_steps(sum(idf[term] for term in own) or 1.0, _WEIGHT_STEPS) for own in examples),
        synonyms=synonym_table(synonyms),
        names=names,
        name_spellings=pack_spellings(enumerate(names)),
        homes=pack(home_numbers(tools)),
        own_pairs=pack_rows(own.pairs for own in counts),
        pairs=pack(pairs),
        pair_tools=pack_rows(pairs.values()),
        usefulness=pack_doubles(map(prior, tools)),
        rival_tools=pack_rows(list(row) for row in rivals),
        rival_weights=pack_rows([_steps(weight, _RIVAL_STEPS) for weight in row.values()] for row in rivals),
    )


def prior(tool: Tool) -> float:
    """Return the bonus for how widely used and how standard a tool is."""
    return USAGE_WEIGHT * tool.usage + STANDARDNESS_BONUS[tool.standardness]


def _steps(value: float, steps: int) -> int:
    return round(value * steps)


def _may_be_misspelt(term: str) -> bool:
    return len(term) >= MIN_TYPO_LENGTH and term.isalpha()


def _postings(weights: list[dict[str, float]], idf: dict[str, float]) -> dict[str, list[tuple[float, int]]]:
    """Return what each tool gains by a term, the heaviest first."""
    lengths = [sum(weight.values()) for weight in weights]
    average = sum(lengths) / max(len(lengths), 1) or 1.0
    gains: dict[str, list[tuple[float, int]]] = {term: [] for term in idf}
    for number, weight in enumerate(weights):
        norm = SATURATION * (1 - LENGTH_NORM + LENGTH_NORM * lengths[number] / average)
        for term, frequency in weight.items():
            gains[term].append((idf[term] * frequency * (SATURATION + 1) / (frequency + norm), number))
    return {term: sorted(pairs, reverse=True)[:POSTINGS] for term, pairs in gains.items()}
