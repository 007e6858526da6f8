"""Replays a ranking's evaluations on bare llama.cpp: what the model alone costs, without anything of ours around it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

from toolrec_kb import knowledge as kb
from toolrec_kb.functiongemma import PLAIN
from toolrecd.config import SuggestConfig
from toolrecd.context import for_os
from toolrecd.engine.process import ENVIRONMENT
from toolrecd.recommend import TIES, Recommender, Situation

Operation = tuple[str, tuple[object, ...]]


def evaluation_ms(model_file: Path, typed: Sequence[str]) -> list[float]:
    """Return, for each line of `typed`, the milliseconds its batches take when they are replayed.

    They are recorded from a ranking of the same lines in the same order, with the candidates that the daemon
    would name.
    """
    os.environ.update(ENVIRONMENT)  # before the library is loaded
    from toolrecd.engine import llama
    from toolrecd.engine.jobs import Question
    from toolrecd.engine.ranker import Floats, Ranker

    class Recorder:
        """Hands on to a context and notes what it was told."""

        def __init__(self, context: llama.Context) -> None:
            self._context = context
            self.operations: list[Operation] = []

        def evaluate(self, tokens: Sequence[tuple[int, int, int, bool]]) -> None:
            self.operations.append(("evaluate", (list(tokens),)))
            self._context.evaluate(tokens)

        def logits(self, row: int = -1) -> Floats:
            self.operations.append(("logits", (row,)))
            return self._context.logits(row)

        def forget(self, sequence: int, start: int) -> None:
            self.operations.append(("forget", (sequence, start)))
            self._context.forget(sequence, start)

        def branch(self, source: int, target: int) -> None:
            self.operations.append(("branch", (source, target)))
            self._context.branch(source, target)

    llama.start_backend()
    model = llama.Model(model_file)
    recorder = Recorder(llama.Context(model, threads=2))
    ranker = Ranker(model, recorder, PLAIN)
    recommender = Recommender(kb.load()[0], SuggestConfig())
    ranker.speak_of(recommender.knowledge.names, [])
    here = Situation(for_os("debian"), "zsh", None)
    marks = [0]
    for line in typed:
        candidates = [ranked.number for ranked in recommender.shortlist(line, here).ranked[:TIES]]
        if candidates:
            ranker.rank(Question(line, "linux", "zsh"), candidates)
        marks.append(len(recorder.operations))
    bare = llama.Context(model, threads=2)
    return [_replay(bare, recorder.operations[a:b]) for a, b in pairwise(marks)]


def _replay(context: object, operations: Sequence[Operation]) -> float:
    started = time.perf_counter()
    for name, arguments in operations:
        call: Callable[..., object] = getattr(context, name)
        call(*arguments)
    return (time.perf_counter() - started) * 1e3
