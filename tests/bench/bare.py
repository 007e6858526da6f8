"""Times what llama.cpp alone takes of each line typed: the engine's own calls, clocked at the library's door."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from toolrec_kb import knowledge as kb
from toolrec_kb.functiongemma import FORMS_OF_BASE
from toolrecd.config import SuggestConfig
from toolrecd.context import for_os
from toolrecd.engine.jobs import Question, Settings
from toolrecd.engine.process import ENVIRONMENT
from toolrecd.recommend import TIES, Recommender, Situation


class Line(msgspec.Struct):
    """What one line took."""

    ms: float
    evaluations: int
    """1, or 2 where names had to be told apart."""


class Bare:
    """The engine in this process, on a model of its own."""

    def __init__(self, model_file: Path, settings: Settings) -> None:
        os.environ.update(ENVIRONMENT)  # before the library is loaded
        from toolrecd.engine import llama
        from toolrecd.engine.ranker import Ranker

        llama.start_backend()
        model = llama.Model(model_file, repack=settings.repack)
        self._clock = Clock(llama.Context(model, threads=settings.threads))
        self._recommender = Recommender(kb.load()[0], SuggestConfig())
        self._ranker = Ranker(model, self._clock, FORMS_OF_BASE, llama.BATCH_TOKENS)
        self._ranker.speak_of(self._recommender.knowledge.names, [])
        self._ranker.rank(Question("warm up", "linux", "zsh"), [], typing=True)
        self._here = Situation(for_os("debian"), "zsh", None)

    def lines(self, typed: Sequence[str]) -> list[Line]:
        """Return what llama.cpp takes of each line, ranked in this order as the daemon ranks them."""
        lines = []
        for line in typed:
            self._clock.spent, self._clock.runs = 0.0, 0
            candidates = [ranked.number for ranked in self._recommender.shortlist(line, self._here).ranked[:TIES]]
            if candidates:
                self._ranker.rank(Question(line, "linux", "zsh"), candidates, typing=True)
            lines.append(Line(self._clock.spent * 1e3, self._clock.runs))
        return lines


class Clock:
    """Hands on to a context and sums up the time spent there."""

    def __init__(self, context: Any) -> None:
        self._context, self.spent, self.runs = context, 0.0, 0

    def evaluate(self, tokens: Sequence[tuple[int, int, int, bool]]) -> None:
        """Evaluate, on the clock."""
        started = time.perf_counter()
        self._context.evaluate(tokens)
        self.spent += time.perf_counter() - started
        self.runs += 1

    def __getattr__(self, name: str) -> Any:
        """Return what takes no time worth measuring as it is."""
        return getattr(self._context, name)
