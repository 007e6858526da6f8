"""Ranks names and categories for a question with a language model; writes thoughts about it.

Keeps in sequence 0 of the KV cache what the last question left there, so that a growing query evaluates only its
new tokens and the constant prefix is evaluated once. Words are scored by what the model gives them after the
question, less what it gives them after no question: a common word is no answer. Output is never sampled
freely: only tokens that continue a word can come out, and those that must come are not asked for.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import msgspec
import numpy as np

from toolrec_kb.functiongemma import Control, Form, Forms, Piece, ask, tokens_of
from toolrecd.engine import trie
from toolrecd.engine.jobs import Question

MAX_QUESTION_TOKENS = 300  # the rest of a pasted page is left out; the context has room for no more
BRANCHES = 8  # a step over 8 sequences costs about twice one over 1, and settles nearly every tie
BRANCH_TOKENS = 16  # of one step, those that must come included; more would double what a key costs
TYPING_STEPS, FULL_STEPS = 1, 3  # how often ties are looked into: the next key does not wait for the rest
CORRECTION = 0.8  # how much of the empty question's score is taken off; tuned with docs/measurements.md
MAX_THOUGHT_TOKENS = 64  # two sentences; a 270M model has nothing to add after them
NO_QUERY = "do something"
NO_NAME = "tool"  # stands for a name where categories are scored after no question

Floats = np.ndarray[Any, np.dtype[np.float32]]
_Group = tuple[list[int], trie.Node, int, int]


class Warmth(msgspec.Struct):
    """What a ranker has evaluated that no question changes, to be kept for the next start."""

    prefix: list[int]
    state: bytes
    """The prefix in the KV cache, as the evaluator writes it; empty where it is what was kept before."""
    empty: dict[str, list[float]]
    """The scores after the empty question, by form, kind, system and shell."""


class Evaluator(Protocol):
    """The part of `llama.Context` that ranking needs; tests bring their own."""

    def evaluate(self, tokens: Sequence[tuple[int, int, int, bool]]) -> None: ...
    def logits(self, row: int = -1) -> Floats: ...
    def forget(self, sequence: int, start: int) -> None: ...
    def branch(self, source: int, target: int) -> None: ...
    def state(self, sequence: int) -> bytes: ...
    def restore(self, sequence: int, state: bytes) -> bool: ...


class Tokenizer(Protocol):
    """The part of `llama.Model` that ranking needs."""

    def tokenize(self, text: str) -> list[int]: ...
    def piece(self, token: int) -> bytes: ...


class Words:
    """A fixed set of words that may come out: names, or categories."""

    def __init__(self, words: Sequence[str], tokenizer: Tokenizer) -> None:
        written = [tokenizer.tokenize(word) for word in words]
        self.root = trie.build(written)
        self.first_tokens = np.array([tokens[0] for tokens in written], dtype=np.intp)


class Ranker:
    """Ranks a fixed set of names and categories; one question at a time."""

    def __init__(self, tokenizer: Tokenizer, evaluator: Evaluator, forms: Forms, batch: int) -> None:
        self._tokenizer, self._evaluator = tokenizer, evaluator
        self._forms, self._batch = forms, batch
        self._prefix, self._think_prefix = self._tokens(forms.full.prefix), self._tokens(forms.full.think_prefix)
        self._held: list[int] = []  # what sequence 0 of the cache holds
        self._empty_scores: dict[str, Floats] = {}
        self._state = b""
        self.evaluated = 0  # tokens so far, for the status and the tests
        self.learned = False
        """Whether `warmth` has grown since it was last taken."""
        self.speak_of([], [])

    def speak_of(self, names: Sequence[str], categories: Sequence[str]) -> None:
        """Set the names and categories that can come out, nothing else."""
        self._names, self._categories = Words(names, self._tokenizer), Words(categories, self._tokenizer)
        self._empty_scores.clear()

    def warm(self, kept: Warmth | None = None) -> None:
        """Have the constant prefix in the cache, so that the first question finds it: from `kept`, or evaluated."""
        if kept and kept.prefix == self._prefix and self._evaluator.restore(0, kept.state):
            self._held = list(self._prefix)
            self._empty_scores = {key: np.array(scores, dtype=np.float32) for key, scores in kept.empty.items()}
            return
        self._advance(self._prefix)
        self._state, self.learned = self._evaluator.state(0), True

    def warmth(self) -> Warmth:
        """Return what is worth keeping for the next start."""
        state, self._state, self.learned = self._state, b"", False  # some megabytes that nobody needs twice
        empty = {key: scores.tolist() for key, scores in self._empty_scores.items()}
        return Warmth(self._prefix, state, empty)

    def rank(self, question: Question, candidates: Sequence[int], *, typing: bool = False) -> Floats:
        """Return a score for each name, in nats; higher is better, no score is a probability.

        `candidates` are the names worth telling apart where several begin alike; while somebody types, less of
        that is done, and a model that knows the shorter form is asked in it.
        """
        form = self._forms.typing if typing else self._forms.full
        steps = TYPING_STEPS if typing else FULL_STEPS
        return self._score(self._names, question, form, form.to_name, candidates, steps)

    def categorise(self, question: Question, name: str) -> Floats:
        """Return a score in nats for each category, given that `name` answers the question; higher is better."""
        form, words = self._forms.full, self._categories
        answered = (*form.to_name, name, *form.to_category)
        return self._score(words, question, form, answered, range(len(words.first_tokens)), TYPING_STEPS)

    def think(self, question: Question) -> Iterator[str]:
        """Yield the model's thought about the question, piece by piece, greedily."""
        form = self._forms.full
        tokens = self._think_prefix + self._question(question, form) + self._tokens(form.to_thought)
        characters, held = codecs.getincrementaldecoder("utf-8")("replace"), ""
        for _ in range(MAX_THOUGHT_TOKENS):
            token = _best_text_token(self._advance(tokens))
            if token is None:
                break
            tokens.append(token)
            text, mark, _ = (held + characters.decode(self._tokenizer.piece(token))).partition(form.thought_end)
            # What may turn out to be the beginning of the end mark waits for the next token.
            held = "" if mark else _unfinished(text, form.thought_end)
            if shown := text.removesuffix(held):
                yield shown
            if mark:
                return
        if held:
            yield held

    def _tokens(self, pieces: Sequence[Piece]) -> list[int]:
        return tokens_of(pieces, self._tokenizer.tokenize)

    def _question(self, question: Question, form: Form) -> list[int]:
        asked = self._tokens(ask(form, question.query, os=question.os, shell=question.shell))
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

    def _score(
        self, words: Words, question: Question, form: Form, lead: Sequence[Piece], candidates: Sequence[int], steps: int
    ) -> Floats:
        """Return the words' scores after the question and what leads to the word."""
        empty = self._empty(words, question, form)
        tokens = self._prefix + self._question(question, form) + self._tokens(lead)
        scores: Floats = _log_softmax(self._advance(tokens))[words.first_tokens] - CORRECTION * empty
        self._split_ties(words, form, scores, frozenset(candidates), steps)
        return scores

    def _empty(self, words: Words, question: Question, form: Form) -> Floats:
        """Return the words' scores after a question that asks for nothing in particular."""
        of_names = words is self._names
        key = " ".join((form.name, "name" if of_names else "category", question.os, question.shell))
        if key not in self._empty_scores:
            lead = form.to_name if of_names else (*form.to_name, NO_NAME, *form.to_category)
            nothing = self._question(Question(NO_QUERY, question.os, question.shell), form)
            logits = self._advance(self._prefix + nothing + self._tokens(lead))
            self._empty_scores[key] = _log_softmax(logits)[words.first_tokens]
            self.learned = True
        return self._empty_scores[key]

    def _split_ties(self, words: Words, form: Form, scores: Floats, wanted: frozenset[int], steps: int) -> None:
        """Tell apart candidates that begin alike, the likeliest first, a step an evaluation."""
        closing = self._tokens([form.name_close])[0]
        groups = _tied(words.root, wanted, sequence=0, length=len(self._held))
        spare, used = list(range(1, BRANCHES + 1)), []
        try:
            while groups and steps and spare:
                groups.sort(key=lambda group: -float(scores[group[1].names].max()))
                taken = _within(groups, len(spare), BRANCH_TOKENS)
                branches = [spare.pop(0) for _ in taken]
                used += branches
                groups = self._step(taken, branches, scores, wanted, closing)
                steps -= 1
        finally:
            # Also after an abort: a branch left behind would hold on to its part of the cache.
            for sequence in used:
                self._evaluator.forget(sequence, 0)

    def _step(
        self, groups: list[_Group], branches: list[int], scores: Floats, wanted: frozenset[int], closing: int
    ) -> list[_Group]:
        """Evaluate each group's beginning in a branch of its own, share out its scores; return what is still tied."""
        rows = []
        for (tokens, _, source, length), branch in zip(groups, branches, strict=True):
            self._evaluator.branch(source, branch)
            rows += [(t, length + i, branch, i == len(tokens) - 1) for i, t in enumerate(tokens)]
        self._evaluator.evaluate(rows)
        self.evaluated += len(rows)
        still: list[_Group] = []
        for place, ((tokens, node, _, length), branch) in enumerate(zip(groups, branches, strict=True)):
            _share_out(scores, node, self._evaluator.logits(place - len(groups)), closing)
            still += _tied(node, wanted, sequence=branch, length=length + len(tokens))
        return still


def _tied(node: trie.Node, wanted: frozenset[int], *, sequence: int, length: int) -> list[_Group]:
    """Return what follows `node` and begins several candidates: tokens, node after them, sequence and its length."""
    groups = []
    for token, child in node.children.items():
        if len(child.names) > 1 and len(wanted.intersection(child.names)) > 1:
            more, after = child.forced()
            groups.append(([token, *more], after, sequence, length))
    return groups


def _within(groups: list[_Group], branches: int, tokens: int) -> list[_Group]:
    """Return the first groups that there are branches and tokens for, at least one."""
    taken: list[_Group] = []
    for group in groups[:branches]:
        tokens -= len(group[0])
        if taken and tokens < 0:
            break
        taken.append(group)
    return taken


def _share_out(scores: Floats, node: trie.Node, logits: Floats, closing: int) -> None:
    """Move the names below a node up or down, by what may follow it and how likely that is.

    Measured against chance, as the first token is against the empty question: a name that has its
    first token for itself gets nothing here.
    """
    options = [(token, child.names) for token, child in node.children.items()]
    if node.name is not None:
        options.append((closing, [node.name]))
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
