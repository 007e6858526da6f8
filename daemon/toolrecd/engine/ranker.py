"""Ranks names and categories for a question with a language model; writes thoughts about it.

Keeps in sequence 0 of the KV cache what the last question left there, so that a growing query
evaluates only its new tokens and the constant prefix is evaluated once. Names are scored by what the
model gives them after the question, less what it gives them after no question: a common word is
no answer. Output is never sampled freely: only tokens that continue a name can come out.
"""

from __future__ import annotations

import codecs
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import msgspec
import numpy as np

from toolrec_kb.functiongemma import Control, Form, Piece, ask, tokens_of
from toolrecd.engine import trie

MAX_QUESTION_TOKENS = 300  # the rest of a pasted page is left out; the context has room for no more
BRANCHES = 8  # a step over 8 sequences costs about twice one over 1, and settles nearly every tie
CORRECTION = 0.8  # how much of the empty question's score is taken off; tuned with docs/measurements.md
MAX_THOUGHT_TOKENS = 64  # two sentences; a 270M model has nothing to add after them
NO_QUERY = "do something"

Floats = np.ndarray[Any, np.dtype[np.float32]]


class Question(msgspec.Struct, frozen=True):
    """What is asked, and by whom."""

    query: str
    os: str
    shell: str


class Evaluator(Protocol):
    """The part of `llama.Context` that ranking needs; tests bring their own."""

    def evaluate(self, tokens: Sequence[tuple[int, int, int, bool]]) -> None: ...
    def logits(self, row: int = -1) -> Floats: ...
    def forget(self, sequence: int, start: int) -> None: ...
    def branch(self, source: int, target: int) -> None: ...


class Tokenizer(Protocol):
    """The part of `llama.Model` that ranking needs."""

    def tokenize(self, text: str) -> list[int]: ...
    def piece(self, token: int) -> bytes: ...


class Ranker:
    """Ranks a fixed set of names and categories; one question at a time."""

    def __init__(self, tokenizer: Tokenizer, evaluator: Evaluator, form: Form, batch: int = 512) -> None:
        self._tokenizer = tokenizer
        self._evaluator = evaluator
        self._form = form
        self._batch = batch
        self._prefix, self._think_prefix = self._tokens(form.prefix), self._tokens(form.think_prefix)
        self._to_name, self._closing = self._tokens(form.to_name), self._tokens([form.name_close])[0]
        self._held: list[int] = []  # what sequence 0 of the cache holds
        self._empty_names: dict[tuple[str, str], Floats] = {}
        self.evaluated = 0  # tokens since the last reset, for the status and the tests
        self.speak_of([], [])

    def speak_of(self, names: Sequence[str], categories: Sequence[str]) -> None:
        """Set the names and categories that can come out, nothing else."""
        written = [self._tokenizer.tokenize(name) for name in names]
        self._names = trie.build(written)
        self._first_tokens = np.array([tokens[0] for tokens in written], dtype=np.intp)
        self._category_tokens = np.array([self._tokenizer.tokenize(name)[0] for name in categories], dtype=np.intp)
        self._empty_names.clear()

    def reset(self) -> None:
        """Forget everything evaluated: the model, its adapter or an aborted run made it stale."""
        self._evaluator.forget(0, 0)
        self._held = []
        self._empty_names.clear()

    def warm(self) -> None:
        """Evaluate the constant prefix, so that the first question finds it in the cache."""
        self._advance(self._prefix)

    def rank(self, question: Question, candidates: Sequence[int]) -> Floats:
        """Return a score for each name, in nats; higher is better, no score is a probability.

        `candidates` are the names worth telling apart where several begin alike.
        """
        empty = self._empty(question.os, question.shell)
        tokens = self._prefix + self._question(question) + self._to_name
        scores: Floats = _log_softmax(self._advance(tokens))[self._first_tokens] - CORRECTION * empty
        return self._split_ties(scores, candidates, len(tokens))

    def categorise(self, question: Question, name: str) -> Floats:
        """Return a score in nats for each category, given that `name` answers the question."""
        answered = self._tokens([*self._form.to_name, name, *self._form.to_category])
        scores: Floats = _log_softmax(self._advance(self._prefix + self._question(question) + answered))
        return scores[self._category_tokens]

    def think(self, question: Question) -> Iterator[str]:
        """Yield the model's thought about the question, piece by piece, greedily."""
        tokens = self._think_prefix + self._question(question) + self._tokens(self._form.to_thought)
        characters, held = codecs.getincrementaldecoder("utf-8")("replace"), ""
        for _ in range(MAX_THOUGHT_TOKENS):
            token = _best_text_token(self._advance(tokens))
            if token is None:
                break
            tokens.append(token)
            text, mark, _ = (held + characters.decode(self._tokenizer.piece(token))).partition(self._form.thought_end)
            # What may turn out to be the beginning of the end mark waits for the next token.
            held = "" if mark else _unfinished(text, self._form.thought_end)
            if shown := text.removesuffix(held):
                yield shown
            if mark:
                return
        if held:
            yield held

    def _tokens(self, pieces: Sequence[Piece]) -> list[int]:
        return tokens_of(pieces, self._tokenizer.tokenize)

    def _question(self, question: Question) -> list[int]:
        asked = self._tokens(ask(self._form, question.query, os=question.os, shell=question.shell))
        return asked[:MAX_QUESTION_TOKENS]

    def _advance(self, tokens: list[int]) -> Floats:
        """Evaluate what of `tokens` the cache does not hold yet; return the last position's logits."""
        common = _common_length(self._held, tokens[:-1])
        self._evaluator.forget(0, common)
        self._held = self._held[:common]
        while common < len(tokens):
            part = tokens[common : common + self._batch]
            last = common + len(part) == len(tokens)
            rows = [(t, common + i, 0, last and i == len(part) - 1) for i, t in enumerate(part)]
            self._evaluator.evaluate(rows)
            self._held += part
            common += len(part)
            self.evaluated += len(part)
        return self._evaluator.logits()

    def _empty(self, os: str, shell: str) -> Floats:
        """Return the names' scores after a question that asks for nothing in particular."""
        if (os, shell) not in self._empty_names:
            nothing = self._question(Question(NO_QUERY, os, shell))
            logits = self._advance(self._prefix + nothing + self._to_name)
            self._empty_names[os, shell] = _log_softmax(logits)[self._first_tokens]
        return self._empty_names[os, shell]

    def _split_ties(self, scores: Floats, candidates: Sequence[int], length: int) -> Floats:
        """Tell candidates apart that begin with the same token, the likeliest first, in one evaluation."""
        tied = Counter(int(self._first_tokens[number]) for number in set(candidates))
        groups = [(token, self._names.children[token]) for token, count in tied.items() if count > 1]
        groups.sort(key=lambda group: -float(scores[group[1].names[0]]))
        rows = [(token, length, branch, True) for branch, (token, _) in enumerate(groups[:BRANCHES], start=1)]
        try:
            for row in rows:
                self._evaluator.branch(0, row[2])
            if rows:
                self._evaluator.evaluate(rows)
                self.evaluated += len(rows)
            for place, (_, node) in enumerate(groups[:BRANCHES]):
                self._share_out(scores, node, self._evaluator.logits(place))
        finally:
            # Also after an abort: a branch left behind would hold on to its part of the cache.
            for row in rows:
                self._evaluator.forget(row[2], 0)
        return scores

    def _share_out(self, scores: Floats, node: trie.Node, logits: Floats) -> None:
        """Move the names below a first token up or down, by what may follow it and how likely that is.

        Measured against chance, as the first token is against the empty question: a name that has its
        first token for itself gets nothing here.
        """
        options = [(token, child.names) for token, child in node.children.items()]
        if node.name is not None:
            options.append((self._closing, [node.name]))
        shares = _log_softmax(logits[[token for token, _ in options]]) + np.log(len(options))
        for (_, names), share in zip(options, shares, strict=True):
            scores[names] += share


def _common_length(held: Sequence[int], wanted: Sequence[int]) -> int:
    for length, (old, new) in enumerate(zip(held, wanted, strict=False)):
        if old != new:
            return length
    return min(len(held), len(wanted))


def _log_softmax(logits: Floats) -> Floats:
    shifted = logits - logits.max()
    result: Floats = shifted - np.log(np.exp(shifted).sum())
    return result


def _unfinished(text: str, mark: str) -> str:
    """Return the longest end of `text` that begins `mark`."""
    return next((mark[:n] for n in range(len(mark) - 1, 0, -1) if text.endswith(mark[:n])), "")


def _best_text_token(logits: Floats) -> int | None:
    """Return the likeliest token, or None where the model would stop."""
    best = int(logits.argmax())
    # Padding, the unused and the control tokens, which stand first in the vocabulary, are no text either.
    return None if best <= Control.END_TURN.token else best
