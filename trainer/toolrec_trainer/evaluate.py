"""Scores the recommender on questions with known answers: `python -m toolrec_trainer.evaluate FILE`.

What is scored is what ships: the daemon's own recommender and engine, on the machine and in the shell
that each question names. A question is right first, or within three, if a tool it accepts is there.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from toolrec_kb import knowledge as kb
from toolrecd import calibration
from toolrecd.config import Config, SuggestConfig, find_paths
from toolrecd.context import for_os, normal_shell
from toolrecd.engine.plan import Plan
from toolrecd.engine.supervisor import Supervisor
from toolrecd.models import Models
from toolrecd.recommend import Draft, Recommender, Situation

BINS = 5  # of the reliability table


class Case(msgspec.Struct, frozen=True):
    """A question, where it is asked, and what may answer it."""

    query: str
    os: str
    shell: str
    accept: tuple[str, ...]
    category: tuple[str, ...]
    kind: Literal["task", "not_task"]


class Outcome(msgspec.Struct, frozen=True):
    """What came out for a case; `signals` are those of its first tool."""

    case: Case
    names: tuple[str, ...]
    category: str | None
    is_task: bool
    confidence: float
    signals: calibration.Signals | None

    def right(self, within: int) -> bool:
        """Return whether an accepted tool is among the first `within`."""
        return any(name in self.case.accept for name in self.names[:within])


def read_cases(path: Path) -> list[Case]:
    """Return the cases in a file of JSON lines."""
    decoder = msgspec.json.Decoder(Case)
    return [decoder.decode(line) for line in path.read_bytes().splitlines() if line.strip()]


def situation(case: Case) -> Situation:
    """Return a machine of the case's kind that has nothing installed: the ranking gets no help from it."""
    machine = for_os(case.os)
    return Situation(machine, normal_shell(case.shell, "bash"), None)


async def run(cases: Iterable[Case], recommender: Recommender, engine: Supervisor | None) -> list[Outcome]:
    """Return the outcome of every case, with the model's part in it if there is an engine."""
    outcomes = []
    for case in cases:
        draft = recommender.shortlist(case.query, situation(case))
        if engine:
            draft = await recommender.with_model(draft, engine, categorise=True)
        outcomes.append(_outcome(case, draft, recommender))
    return outcomes


def _outcome(case: Case, draft: Draft, recommender: Recommender) -> Outcome:
    is_task, confidence = recommender.confidence(draft)
    names = tuple(recommender.knowledge.tools[ranked.number].name for ranked in draft.ranked[:10])
    return Outcome(case, names, draft.category, is_task, confidence, recommender.signals(draft))


def report(outcomes: Sequence[Outcome]) -> str:
    """Return the figures as text: shares of the tasks, then how far the confidence can be trusted."""
    tasks = [outcome for outcome in outcomes if outcome.case.kind == "task"]
    others = [outcome for outcome in outcomes if outcome.case.kind == "not_task"]
    lines = [
        f"{len(tasks)} tasks: right first {_share(o.right(1) for o in tasks)}, "
        f"in the first three {_share(o.right(3) for o in tasks)}, "
        f"category {_share(o.category in o.case.category for o in tasks)}, "
        f"taken for a task {_share(o.is_task for o in tasks)}",
        f"{len(others)} that are none: taken for a task {_share(o.is_task for o in others)}",
        "confidence   answers   right first",
    ]
    for low in range(BINS):
        within = [o for o in outcomes if low <= min(o.confidence * BINS, BINS - 1e-9) < low + 1]
        lines.append(
            f"{low / BINS:.1f} to {(low + 1) / BINS:.1f} {len(within):10}   {_share(o.right(1) for o in within)}"
        )
    return "\n".join(lines)


def _share(facts: Iterable[bool]) -> str:
    known = list(facts)
    return f"{100 * sum(known) / len(known):.1f} %" if known else "-"


async def _evaluate(file: Path, with_model: bool, misses: bool) -> None:
    knowledge, _ = kb.load()
    recommender = Recommender(knowledge, SuggestConfig())
    engine = None
    if with_model:
        engine = Supervisor(plan_for(knowledge))
        engine.start()
        await engine.settled()
    outcomes = await run(read_cases(file), recommender, engine)
    if engine:
        await engine.close()
    print(report(outcomes))
    for outcome in outcomes if misses else ():
        if outcome.case.kind == "task" and not outcome.right(3):
            print(f"{outcome.case.os}: {outcome.case.query!r} wants {outcome.case.accept}, got {outcome.names[:4]}")


def plan_for(knowledge: kb.Knowledge) -> Plan:
    """Return what an engine needs to rank this knowledge base with the default base."""
    return Plan(
        choose=Models(Config(), find_paths().cache_dir).choose,
        names=knowledge.names,
        categories=[category.name for category in knowledge.categories],
    )


def main(arguments: list[str] | None = None) -> int:
    """Print the figures for a file of questions."""
    parser = argparse.ArgumentParser(prog="python -m toolrec_trainer.evaluate", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--model", action="store_true", help="let the model have its part, as the daemon does")
    parser.add_argument("--misses", action="store_true", help="list the tasks with no right tool in the first three")
    options = parser.parse_args(arguments)
    asyncio.run(_evaluate(options.file, options.model, options.misses))
    return 0


if __name__ == "__main__":
    sys.exit(main())
