"""Fits the daemon's calibration on questions with known answers: `python -m toolrec_trainer.calibrate FILE...`.

Prints the two tables of `toolrecd.calibration`. Logistic regression by Newton's method with a small
ridge, so that a signal that never errs on the questions at hand gets no infinite weight.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from toolrec_kb import knowledge as kb
from toolrec_trainer.evaluate import Outcome, plan_for, read_cases, run
from toolrecd import calibration
from toolrecd.config import SuggestConfig
from toolrecd.engine.supervisor import Supervisor
from toolrecd.recommend import Recommender

RIDGE = 1.0  # half a question's worth of doubt on each weight
ITERATIONS = 30


def fit(rows: list[tuple[float, ...]], labels: list[bool]) -> tuple[float, ...]:
    """Return the weights of a logistic regression of `labels` on `rows`."""
    inputs, targets = np.array(rows), np.array(labels, dtype=float)
    weights = np.zeros(inputs.shape[1])
    for _ in range(ITERATIONS):
        chances = 1 / (1 + np.exp(-inputs @ weights))
        gradient = inputs.T @ (targets - chances) - RIDGE * weights
        curvature = (inputs * (chances * (1 - chances))[:, None]).T @ inputs + RIDGE * np.eye(len(weights))
        weights = weights + np.linalg.solve(curvature, gradient)
    return tuple(round(float(weight), 2) for weight in weights)


def tables(outcomes: list[Outcome]) -> str:
    """Return the two tables as they stand in `toolrecd.calibration`."""
    known = [(outcome, outcome.signals) for outcome in outcomes if outcome.signals]
    rows = [calibration.features(signals) for _, signals in known]
    tasks = [outcome.case.kind == "task" for outcome, _ in known]
    task_weights = fit(rows, tasks)
    right = [(row, o.right(1)) for row, (o, _), task in zip(rows, known, tasks, strict=True) if task]
    right_weights = fit([row for row, _ in right], [label for _, label in right])
    return f"TASK_WEIGHTS: Final = {task_weights}\nRIGHT_WEIGHTS: Final = {right_weights}"


async def _calibrate(files: Sequence[Path], with_model: bool) -> None:
    knowledge, _ = kb.load()
    engine = None
    if with_model:
        engine = Supervisor(plan_for(knowledge))
        engine.start()
        await engine.settled()
    cases = [case for file in files for case in read_cases(file)]
    print(tables(await run(cases, Recommender(knowledge, SuggestConfig()), engine)))
    if engine:
        await engine.close()


def main(arguments: list[str] | None = None) -> int:
    """Print the tables for files of questions."""
    parser = argparse.ArgumentParser(prog="python -m toolrec_trainer.calibrate", description=__doc__)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--model", action="store_true", help="let the model have its part, as the daemon does")
    options = parser.parse_args(arguments)
    asyncio.run(_calibrate(options.files, options.model))
    return 0


if __name__ == "__main__":
    sys.exit(main())
