"""Turns a ranking's signals into probabilities: is it a task at all, and is the first tool right.

Two logistic regressions fitted on the development questions by `python -m toolrec_trainer.calibrate`,
which prints these tables; docs/measurements.md holds their reliability.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec


class Signals(msgspec.Struct, frozen=True):
    """What a ranking says about itself."""

    coverage: float
    """Share of the question's weight that the first tool's words cover, 0 to 1."""
    margin: float
    """Score between the first tool and the second."""
    strength: float
    """The first tool's score without its prior."""
    words: int
    """Words in the question."""


# Weights of: one, coverage, margin (at most 4), strength / 10 (at most 4), 1 / words.
TASK_WEIGHTS: Final = (-2.42, 0.87, -0.03, 2.88, -1.2)
RIGHT_WEIGHTS: Final = (-1.39, 0.91, 0.36, 0.55, 0.5)
TASK_THRESHOLD: Final = 0.5


def features(signals: Signals) -> tuple[float, ...]:
    """Return the regressions' inputs."""
    return (
        1.0,
        signals.coverage,
        min(signals.margin, 4.0),
        min(signals.strength / 10.0, 4.0),
        1.0 / max(signals.words, 1),
    )


def task_probability(signals: Signals) -> float:
    """Return the chance that the question asks for a tool."""
    return _logistic(TASK_WEIGHTS, signals)


def is_task(signals: Signals) -> bool:
    """Return whether the question is taken to ask for a tool."""
    return task_probability(signals) >= TASK_THRESHOLD


def confidence(signals: Signals) -> float:
    """Return the chance that the first tool is a right one: that there is one, and that it is this."""
    return round(task_probability(signals) * _logistic(RIGHT_WEIGHTS, signals), 3)


def _logistic(weights: tuple[float, ...], signals: Signals) -> float:
    total = sum(weight * value for weight, value in zip(weights, features(signals), strict=True))
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, total))))
