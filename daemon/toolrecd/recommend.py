"""From a request to a recommendation: shortlist, fusion with the model, and what a person is shown.

Knows neither sockets nor llama.cpp: the model is an `Engine`, and may be absent.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import Final

import msgspec

from toolrec_kb import search
from toolrec_kb.knowledge import Knowledge
from toolrec_kb.schema import Shell, Tool
from toolrec_kb.search import Hit
from toolrecd import calibration, context, install, installed
from toolrecd.config import SuggestConfig
from toolrecd.context import Machine
from toolrecd.engine.jobs import Question
from toolrecd.engine.supervisor import Engine
from toolrecd.invocation import invocation
from toolrecd.messages import ToolHint
from toolrecd.native import native_bonus
from toolrecd.shape import first_word

SHORTLIST: Final = 30  # a right tool is rarely further down; docs/measurements.md, "Shortlist"
# Points of the shortlist's score for a nat of the model's. An untrained base knows names, not their use: with more
# say than this it costs right answers (docs/measurements.md, "The model's part").
UNTRAINED_WEIGHT: Final = 0.1
TRAINED_WEIGHT: Final = 0.6
TIES: Final = 12  # how many candidates are worth a closer look where names begin alike
MODEL_FLOOR: Final = -12.0  # nats; a name the model finds absurd is not worth less than this
INSTALLED_BONUS: Final = 0.5
MODERN_BONUS: Final = 0.6
CATEGORY_VOTERS: Final = 6
CATEGORY_TEMPERATURE: Final = 3.0
SECOND_CATEGORY: Final = 0.4  # the say of a tool's further categories
MODEL_CATEGORY_WEIGHT: Final = 0.2
SCORE_TEMPERATURE: Final = 1.5


class Situation(msgspec.Struct, frozen=True):
    """Who asks: the machine, the shell, and the programs on its PATH (None on another machine)."""

    machine: Machine
    shell: Shell
    programs: frozenset[str] | None


class Draft(msgspec.Struct, frozen=True):
    """A ranking under way: what was asked, and the tools so far, best first."""

    query: search.Query
    situation: Situation
    ranked: tuple[Hit, ...]
    category: str | None


class Recommender:
    """Recommends from one knowledge base, configured; replaced as a whole when either changes."""

    def __init__(self, knowledge: Knowledge, config: SuggestConfig) -> None:
        self.knowledge = knowledge
        self._config = config
        self._blocked = {name.lower() for name in config.blocked_tools}

    def shortlist(self, query: str, situation: Situation) -> Draft:
        """Return the ranking by words alone."""
        prepared = search.prepare(self.knowledge.index, query)
        hits = search.search(
            self.knowledge.index, prepared, limit=SHORTLIST, allowed=lambda number: self._bonus(number, situation)
        )
        return Draft(prepared, situation, tuple(hits), self._category(hits, {}))

    async def with_model(self, draft: Draft, engine: Engine, *, categorise: bool) -> Draft:
        """Return the ranking fused with the model's scores.

        Raises:
            EngineUnavailable: the model cannot answer; the draft still stands.
        """
        if not draft.ranked:
            return draft
        question = self.question(draft)
        names = self.knowledge.names
        candidates = [names[ranked.number] for ranked in draft.ranked[:TIES]]
        scores = await engine.rank(question, candidates, typing=not categorise)
        weight = TRAINED_WEIGHT if engine.trained else UNTRAINED_WEIGHT
        ranked = tuple(sorted((self._fused(r, scores, weight) for r in draft.ranked), key=lambda ranked: -ranked.score))
        # An untrained base names categories worse than the tools' own do (docs/measurements.md, "The model's part").
        asked = categorise and engine.trained
        votes = await engine.categorise(question, names[ranked[0].number]) if asked else {}
        return msgspec.structs.replace(draft, ranked=ranked, category=self._category(ranked, votes))

    async def think(self, draft: Draft, engine: Engine) -> AsyncIterator[str]:
        """Yield the model's thought about the question."""
        async with aclosing(engine.think(self.question(draft))) as pieces:  # type: ignore[type-var]
            async for piece in pieces:
                yield piece

    def question(self, draft: Draft) -> Question:
        """Return the draft's query as the model is asked it."""
        return Question(draft.query.text, context.prompt_os(draft.situation.machine), draft.situation.shell)

    def confidence(self, draft: Draft) -> tuple[bool, float]:
        """Return whether the query asks for a tool at all, and the chance that the first is right."""
        signals = self.signals(draft)
        if signals is None:
            return False, 0.0
        return calibration.is_task(signals), calibration.confidence(signals)

    def signals(self, draft: Draft) -> calibration.Signals | None:
        """Return what the ranking says about itself, None if it is empty."""
        if not draft.ranked:
            return None
        best = draft.ranked[0]
        runner_up = draft.ranked[1].score if len(draft.ranked) > 1 else best.score - 3.0
        return calibration.Signals(
            coverage=best.coverage,
            margin=best.score - runner_up,
            strength=best.words,
            fit=best.fit,
            known=draft.query.known,
            names_program=first_word(draft.query.text) in self.knowledge.index.names,
            text=draft.query.text,
        )

    def hints(self, draft: Draft, limit: int) -> list[ToolHint]:
        """Return the first `limit` tools as they are shown; scores are shares of one."""
        shown = draft.ranked[:limit]
        if not shown:
            return []
        weights = [math.exp((ranked.score - shown[0].score) / SCORE_TEMPERATURE) for ranked in draft.ranked]
        total = sum(weights)
        return [self._hint(ranked, weight / total, draft) for ranked, weight in zip(shown, weights, strict=False)]

    def related(self, draft: Draft, limit: int) -> list[str]:
        """Return alternatives to the first tool and what it is combined with, for here, those recommended left out."""
        if not draft.ranked:
            return []
        best = self.knowledge.tools[draft.ranked[0].number]
        shown = {self.knowledge.names[ranked.number] for ranked in draft.ranked[:limit]}
        named = dict.fromkeys([*best.alternative_to, *best.replaces, *best.piped_with])
        return [name for name in named if name not in shown and self._is_for(name, draft.situation)][:limit]

    def resolve(self, name: str, situation: Situation) -> tuple[list[ToolHint], list[str]]:
        """Return the tools that bring the program `name`, and programs spelt nearly so."""
        index = self.knowledge.index
        draft = Draft(search.prepare(index, ""), situation, (), None)
        found = [n for n in index.names.get(name.lower(), ()) if self._bonus(n, situation) is not None]
        found.sort(key=lambda number: -index.priors[number])
        hints = [self._hint(Hit(number, score=0.0, coverage=1.0, words=0.0, fit=0.0), 1.0, draft) for number in found]
        return hints, [] if hints else search.similar_names(index, name)

    def _fused(self, ranked: Hit, scores: Mapping[str, float], weight: float) -> Hit:
        nats = max(scores.get(self.knowledge.names[ranked.number], MODEL_FLOOR), MODEL_FLOOR)
        return msgspec.structs.replace(ranked, score=ranked.score + weight * nats)

    def _bonus(self, number: int, situation: Situation) -> float | None:
        """Return what counts for a tool here beside the words; None if it is not for here."""
        tool = self.knowledge.tools[number]
        if situation.machine.os not in tool.platforms or tool.name.lower() in self._blocked:
            return None
        if tool.shells and situation.shell not in tool.shells:
            return None
        bonus = MODERN_BONUS if self._config.prefer_modern and tool.replaces else 0.0
        bonus += native_bonus(tool, situation.machine, situation.shell)
        if self._config.prefer_installed and self._installed(tool, situation):
            bonus += INSTALLED_BONUS
        return bonus

    def _is_for(self, name: str, situation: Situation) -> bool:
        number = self.knowledge.numbers.get(name)
        return number is None or self._bonus(number, situation) is not None

    def _installed(self, tool: Tool, situation: Situation) -> str | None:
        if situation.programs is None:
            return None
        return installed.installed_program(tool, situation.programs, situation.machine, situation.shell)

    def _hint(self, ranked: Hit, share: float, draft: Draft) -> ToolHint:
        tool, situation = self.knowledge.tools[ranked.number], draft.situation
        program = self._installed(tool, situation)
        here = situation.programs is not None
        # A builtin of the shell asked about needs no installing, on whatever machine.
        to_install = None if program or tool.shells else install.install_command(tool, situation.machine)
        typed = program or install.program_after_install(tool, situation.machine)
        return ToolHint(
            name=tool.name,
            installed=bool(program) if here else None,
            install=to_install,
            example=invocation(
                self.knowledge.index, ranked.number, tool, draft.query, os=situation.machine.os, program=typed
            ),
            score=round(share, 4),
            summary=tool.summary,
            caution=tool.caution,
        )

    def _category(self, ranked: Sequence[Hit], model: Mapping[str, float]) -> str | None:
        """Return the category that the first tools vote for, the model's say added if it has one."""
        if not ranked:
            return None
        votes = dict.fromkeys((category.name for category in self.knowledge.categories), 1e-3)
        for voter in ranked[:CATEGORY_VOTERS]:
            weight = math.exp((voter.score - ranked[0].score) / CATEGORY_TEMPERATURE)
            for place, name in enumerate(self.knowledge.tools[voter.number].categories):
                votes[name] += weight * (SECOND_CATEGORY if place else 1.0)
        scores = {
            name: math.log(vote) + MODEL_CATEGORY_WEIGHT * max(model.get(name, 0.0), MODEL_FLOOR)
            for name, vote in votes.items()
        }
        return max(scores, key=lambda name: scores[name])


def situation_for(
    *, os: str | None, shell: str | None, path: str | None, machine: Machine, index: installed.ProgramIndex
) -> Situation:
    """Return who asks, from what a request says and what this machine is.

    Raises:
        RequestError: an unknown os or shell.
    """
    asked = context.for_os(os) if os else machine
    # The machine's own system by name is this machine: what is installed can be told.
    here = asked.os == machine.os and (not asked.distribution or asked.distribution == machine.distribution)
    target = machine if here else asked
    usual: Shell = "powershell" if target.os == "windows" else "zsh" if target.os == "macos" else "bash"
    programs = index.find(path if path is not None else "") if here else None
    return Situation(target, context.normal_shell(shell, usual), programs)
