"""Shows what a little more or less of each weight does: `python -m toolrec_trainer.tune FILE...`.

Each constant of the shortlist in turn is made smaller and greater, the others kept, and the questions are
asked again. It changes nothing: a gain on the questions at hand that others do not show is luck.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Final

from toolrec_kb import closer, search, variants
from toolrec_kb import knowledge as kb
from toolrec_trainer.evaluate import Case, Outcome, read_cases, run
from toolrecd import native
from toolrecd.config import SuggestConfig
from toolrecd.recommend import Recommender

STEPS: Final = (0.7, 1.4)  # a smaller step moves a handful of answers, which is noise
WEIGHTS: Final[dict[ModuleType, tuple[str, ...]]] = {
    closer: ("EXAMPLE_WEIGHT", "BREADTH_WEIGHT", "PAIR_WEIGHT", "CATEGORY_WEIGHT"),
    search: ("MATCHED_WEIGHT", "NAME_BONUS", "RIVAL_BONUS"),
    variants: ("SYNONYM_WEIGHT", "PHRASE_WEIGHT", "TYPO_WEIGHT", "OPERAND_WEIGHT", "EXTENSION_WEIGHT"),
    native: ("NATIVE_BONUS", "CMDLET_BONUS", "OWN_MANAGER_BONUS"),
}


def reciprocal_rank(outcome: Outcome) -> float:
    """Return one over the place of the first accepted tool, 0 if none is among the first ten."""
    places = (place for place, name in enumerate(outcome.names, 1) if name in outcome.case.accept)
    return 1.0 / next(places, float("inf"))


def figures(cases: Sequence[Case], recommender: Recommender) -> str:
    """Return the mean reciprocal rank and the shares right first and in the first three."""
    outcomes = asyncio.run(run(cases, recommender, None))
    count = max(len(outcomes), 1)
    mean = sum(map(reciprocal_rank, outcomes)) / count
    first, three = (100 * sum(outcome.right(within) for outcome in outcomes) / count for within in (1, 3))
    return f"{mean:.4f} {first:5.1f} % {three:5.1f} %"


def trials(cases: Sequence[Case], recommender: Recommender) -> Iterator[str]:
    """Yield a line for the weights as they are and for each with one of them changed."""
    yield f"{'as it is':18}        {figures(cases, recommender)}"
    for module, names in WEIGHTS.items():
        for name in names:
            value = getattr(module, name)
            for step in STEPS:
                setattr(module, name, value * step)
                yield f"{name:18} {value * step:6.2f} {figures(cases, recommender)}"
            setattr(module, name, value)


def main(arguments: list[str] | None = None) -> int:
    """Print what the changes do to the tasks in files of questions."""
    parser = argparse.ArgumentParser(prog="python -m toolrec_trainer.tune", description=__doc__)
    parser.add_argument("files", type=Path, nargs="+")
    options = parser.parse_args(arguments)
    cases = [case for file in options.files for case in read_cases(file) if case.kind == "task"]
    for line in trials(cases, Recommender(kb.load()[0], SuggestConfig())):
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
