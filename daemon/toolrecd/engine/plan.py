"""What the engine is told to load: the files, how they are run, and the words that may come out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from toolrecd.engine import jobs
from toolrecd.engine.jobs import Settings


class Choice(msgspec.Struct, frozen=True):
    """The files that a worker loads, and how."""

    model: Path
    adapter: Path | None = None
    settings: Settings = Settings()
    problem: str = ""
    """What is wrong though it can be served."""


class Plan(msgspec.Struct, frozen=True):
    """What workers have to load, and for how long they are kept."""

    choose: Callable[[], Choice]
    """Called in a thread: a model may have to be made first."""
    names: list[str]
    categories: list[str]
    warmth: Path | None = None
    """Where evaluated prefixes are kept."""
    idle_s: float = 0.0
    """After how long without a question a worker is ended; 0 keeps it."""
    safer: Callable[[Choice, str], Settings] | None = None
    """What to try after a crash: told what crashed and how."""

    def numbers(self, names: Sequence[str]) -> list[int]:
        """Return the positions of `names`, unknown ones left out."""
        wanted = set(names)
        return [number for number, name in enumerate(self.names) if name in wanted]

    def settings_after(self, choice: Choice, reason: str) -> Settings | None:
        """Return what to try after a crash; None where nobody knows better."""
        try:
            return self.safer(choice, reason) if self.safer else None
        except OSError:  # of whatever is to be remembered: the next start must not hang on that
            return Settings()

    def job(self, choice: Choice) -> jobs.Load:
        """Return the job that loads `choice`."""
        return jobs.Load(
            model=str(choice.model),
            adapter=str(choice.adapter) if choice.adapter else None,
            names=self.names,
            categories=self.categories,
            settings=choice.settings,
            warmth=str(self.warmth) if self.warmth else None,
        )
