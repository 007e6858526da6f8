"""A knowledge base of any size: entries shaped like ours, of words that are as common and as rare as ours.

A word is drawn from those said so far, which makes the common ones commoner, and now and then it is a new one: so the
vocabulary grows with the text as a language's does.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import msgspec

from toolrec_kb.knowledge import Knowledge, assemble
from toolrec_kb.schema import Example, Tool

NEW_WORDS = 0.03  # of all words, in our own entries 0.05 at the first thousand tools and falling
SYLLABLES = [first + vowel + last for first in "bdfgklmprstv" for vowel in "aeiou" for last in ("", "n", "r", "x")]


def grow(knowledge: Knowledge, count: int) -> Knowledge:
    """Return a knowledge base of `count` entries made after those of `knowledge`; the same every time."""
    writer = _Writer(list(knowledge.tools))
    tools = [writer.tool(number) for number in range(count)]
    return assemble(tools, knowledge.categories, knowledge.synonyms)


class _Writer:
    def __init__(self, models: Sequence[Tool]) -> None:
        self._models = models
        self._random = random.Random(12_000)
        self._said = [word for tool in models for word in _texts(tool).split()]

    def tool(self, number: int) -> Tool:
        """Return an entry with the shape of one of the models."""
        model = self._random.choice(self._models)
        name = f"{self._new_word()}-{number}"
        return msgspec.structs.replace(
            model,
            name=name,
            programs=(name,),
            summary=self._like(model.summary),
            keywords=tuple(self._word() for _ in model.keywords),
            examples=tuple(self._example(example, name) for example in model.examples),
            alternative_to=tuple(other.name for other in self._random.sample(self._models, 2)),
            replaces=(),
        )

    def _example(self, example: Example, name: str) -> Example:
        words = example.command.split()[1:]
        return Example(self._like(example.task), " ".join([name, *words]), example.platforms)

    def _like(self, text: str) -> str:
        return " ".join(self._word() for _ in text.split())

    def _word(self) -> str:
        word = self._new_word() if self._random.random() < NEW_WORDS else self._random.choice(self._said)
        self._said.append(word)
        return word

    def _new_word(self) -> str:
        return "".join(self._random.choices(SYLLABLES, k=self._random.randint(2, 4)))


def _texts(tool: Tool) -> str:
    return " ".join([tool.summary, *tool.keywords, *(example.task for example in tool.examples)])
