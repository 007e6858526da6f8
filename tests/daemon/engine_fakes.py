"""A tokeniser of words and an evaluator that keeps a cache like llama.cpp's: what ranking is tested on."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

from toolrecd.engine.llama import Aborted
from toolrecd.engine.ranker import Floats

SIZE = 2000
_FIRST_WORD = 200  # below stand the control tokens


class Words:
    """One token a word or other character."""

    def __init__(self) -> None:
        self._ids: dict[bytes, int] = {}

    def tokenize(self, text: str) -> list[int]:
        """Return a token for each word."""
        return [self.token(piece.encode()) for piece in re.findall(r"\w+|\W", text)]

    def token(self, piece: bytes) -> int:
        """Return the token that stands for `piece`."""
        return self._ids.setdefault(piece, _FIRST_WORD + len(self._ids))

    def piece(self, token: int) -> bytes:
        """Return what a token stands for; control tokens by name, as the engine does."""
        return next((piece for piece, number in self._ids.items() if number == token), b"<control>")


def noise(tokens: tuple[int, ...]) -> Floats:
    """Return logits that depend on every token before them."""
    return np.random.default_rng(tokens).normal(size=SIZE).astype(np.float32)


class Cache:
    """Sequences of tokens. Refuses what a real cache would get wrong: gaps and rows in the wrong place."""

    def __init__(self, says: Callable[[tuple[int, ...]], Floats] = noise) -> None:
        self.says = says
        self.sequences: dict[int, list[int]] = {}
        self.runs: list[list[int]] = []
        """The tokens of each evaluation."""
        self.branches: list[dict[int, list[int]]] = []
        """The tokens of each evaluation by sequence."""
        self.abort_at: int | None = None
        """Which evaluation from now on is aborted."""
        self._logits: list[Floats] = []

    def evaluate(self, tokens: Sequence[tuple[int, int, int, bool]]) -> None:
        """Append the rows to their sequences."""
        if self.abort_at is not None:
            self.abort_at -= 1
            if self.abort_at < 0:
                self.abort_at = None
                raise Aborted
        self._logits = []
        for token, position, sequence, wanted in tokens:
            held = self.sequences.setdefault(sequence, [])
            assert position == len(held), "a row must follow what its sequence holds"
            held.append(token)
            if wanted:
                self._logits.append(self.says(tuple(held)))
        self.runs.append([token for token, *_ in tokens])
        self.branches.append({row[2]: [token for token, _, at, _ in tokens if at == row[2]] for row in tokens})

    def logits(self, row: int = -1) -> Floats:
        """Return the logits of a row of the last evaluation."""
        return self._logits[row]

    def forget(self, sequence: int, start: int) -> None:
        """Cut a sequence."""
        del self.sequences.get(sequence, [])[start:]

    def branch(self, source: int, target: int) -> None:
        """Copy a sequence."""
        self.sequences[target] = list(self.sequences[source])

    def state(self, sequence: int) -> bytes:
        """Return what `restore` puts back."""
        return np.array(self.sequences.get(sequence, []), dtype="<i4").tobytes()

    def restore(self, sequence: int, state: bytes) -> bool:
        """Take a sequence from a state, unless the state is none."""
        if not state or len(state) % 4:
            return False
        self.sequences[sequence] = np.frombuffer(state, dtype="<i4").tolist()
        return True

    def start_counting(self) -> None:
        """Forget what was evaluated so far; the sequences stay."""
        self.runs.clear()
        self.branches.clear()

    @property
    def steps(self) -> list[dict[int, list[int]]]:
        """The evaluations in branches, each by its branches."""
        return [run for run in self.branches if 0 not in run]

    @property
    def evaluated(self) -> list[int]:
        """All tokens evaluated since `runs` was emptied."""
        return [token for run in self.runs for token in run]
