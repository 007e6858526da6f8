"""A question made ready for an index: its words looked up, once, for all that asks after them."""

from __future__ import annotations

from typing import Final

import msgspec

from toolrec_kb import question
from toolrec_kb.index import Index
from toolrec_kb.variants import Term, wanted

MAX_CHARS: Final = 1000  # a pasted page is cut here: its first words say the task


class Query(msgspec.Struct, frozen=True):
    """A question made ready for one index."""

    text: str
    operands: question.Operands
    terms: list[Term]
    total: float
    """The terms' weights together."""
    worth: list[list[tuple[int, float]]]
    """term → its variants with what finding each is worth, the best first."""
    known: float
    """The share of its terms that stand in the knowledge base as they are, from 0 to 1."""


def prepare(index: Index, text: str) -> Query:
    """Return the question `text`, its words looked up; of a pasted page the first words count."""
    text = text[:MAX_CHARS]
    operands = question.read(text)
    terms = wanted(index, text, operands)
    worth = [
        sorted(((variant, term.weight * discount) for variant, discount in term.variants), key=lambda pair: -pair[1])
        for term in terms
    ]
    known = sum(term.exact for term in terms) / max(len(terms), 1)
    return Query(text, operands, terms, sum(term.weight for term in terms) or 1.0, worth, known)
