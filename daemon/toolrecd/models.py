"""Which model files the daemon serves and how they are run: made when they are missing, tried out, merged in time.

Decides and remembers; the work is `engine.serving`'s and `engine.selftest`'s, in processes of their own.
"""

from __future__ import annotations

from pathlib import Path

from toolrec_kb.knowledge import Knowledge
from toolrecd.config import Config, Paths
from toolrecd.engine import selftest, serving
from toolrecd.engine.jobs import Settings
from toolrecd.engine.plan import Choice, Plan
from toolrecd.state import named_path

WARMTH_FOLDER = "warmth"
FIRST_THREADS = 2  # until a self-test has told


def plan_for(config: Config, paths: Paths, knowledge: Knowledge) -> Plan:
    """Return what the engine has to load for a configuration and a knowledge base."""
    models = Models(config, paths.cache_dir)
    return Plan(
        choose=models.choose,
        names=knowledge.names,
        categories=[category.name for category in knowledge.categories],
        warmth=paths.cache_dir / WARMTH_FOLDER,
        idle_s=config.model.idle_minutes * 60,
        safer=models.safer,
    )


class Models:
    """The files and settings of one configuration. Its functions take time: call them in a thread."""

    def __init__(self, config: Config, cache: Path) -> None:
        self._cache, self._threads = cache, config.model.threads
        self._base = named_path(config.model.path) if config.model.path else None
        self._adapter = named_path(config.model.adapter) if config.model.adapter else None

    def choose(self) -> Choice:
        """Return what to load: with the adapter merged if that was done, else beside it.

        Raises:
            ToolrecError: no model can be had.
        """
        merged = serving.find(self._cache, self._base_path(), self._adapter) if self._adapter else None
        if merged:
            return Choice(merged, None, self.settings(merged))
        found = serving.model_for(self._cache, self._base)
        return Choice(found.path, self._adapter, self.settings(found.path), found.problem)

    def settings(self, model: Path) -> Settings:
        """Return what a self-test chose for a model; where there was none yet, what works everywhere."""
        record = selftest.remembered(self._cache, model)
        if record is None:
            return Settings(self._threads or min(FIRST_THREADS, selftest.cores()))
        return Settings(self._threads or record.chosen.threads, record.chosen.repack)

    def tried(self, model: Path) -> bool:
        """Return whether a self-test was made of this model on this machine."""
        return selftest.remembered(self._cache, model) is not None

    def try_out(self, model: Path) -> Settings:
        """Make the self-test and return what it chose."""
        return selftest.run(self._cache, model, self._threads).chosen

    def safer(self, choice: Choice, reason: str) -> Settings:
        """Return what to try after a crash."""
        return selftest.demote(self._cache, choice.model, choice.settings, reason)

    def to_merge(self, choice: Choice) -> bool:
        """Return whether a served adapter could be merged, into a serving model of ours, and was not tried in vain."""
        if choice.adapter is None or serving.find(self._cache, self._base_path()) != choice.model:
            return False
        return not serving.is_rejected(self._cache, self._base_path(), choice.adapter)

    def merge(self, choice: Choice) -> bool:
        """Make the model with the adapter merged; keep it, and return True, if it is faster than the two of them.

        Raises:
            ToolrecError: it cannot be made.
        """
        path = serving.prepare(self._cache, self._base, choice.adapter)
        apart = selftest.trial(choice.model, choice.adapter, choice.settings)
        alone = selftest.trial(path, None, choice.settings)
        faster = not alone.problem and (bool(apart.problem) or alone.cost_ms < apart.cost_ms)
        if not faster:
            serving.reject(path)
        return faster

    def _base_path(self) -> Path:
        return serving.base_path(self._cache, self._base)
