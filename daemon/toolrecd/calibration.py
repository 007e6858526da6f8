"""Turns a ranking's signals into probabilities: is it a task at all, and is the first tool right.

Two logistic regressions fitted on the development and tuning questions by `python -m toolrec_trainer.calibrate`,
which prints these tables; docs/measurements.md holds their reliability.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec

from toolrecd.shape import shape


class Signals(msgspec.Struct, frozen=True):
    """What a ranking says about itself."""

    coverage: float
    """Share of the question's weight that the first tool's words cover, 0 to 1."""
    margin: float
    """Score between the first tool and the second."""
    strength: float
    """The first tool's score without its prior."""
    fit: float
    """How well the first tool's best example fits, 0 to 1."""
    known: float
    """Share of the question's terms that the knowledge base holds, 0 to 1."""
    names_program: bool
    """Whether the question begins as a command does: with a program's name."""
    text: str
    """The question."""


# Weights of: one, coverage, margin, strength, fit, known, 1 / words, then those of `shape`; see `features`.
TASK_WEIGHTS: Final = (
    -3.15, 0.34, 0.1, 1.67, 1.41, 1.79, -2.4,
    -3.46, -2.11, -2.48, -4.06, -0.49, -2.15, -2.67, -2.33, -0.96, -0.07,
)  # fmt: skip
RIGHT_WEIGHTS: Final = (
    -0.62, 0.61, 0.36, 0.65, 0.2, -1.29, 0.59,
    -1.16, 0.11, -0.39, 0.06, -0.16, -0.16, -0.13, -0.7, 0.0, 0.13,
)  # fmt: skip
TASK_THRESHOLD: Final = 0.55  # a task not taken for one costs more than a remark that is


def features(signals: Signals) -> tuple[float, ...]:
    """Return the regressions' inputs."""
    return (
        1.0,
        signals.coverage,
        min(signals.margin, 4.0),
        min(signals.strength / 10.0, 4.0),
        signals.fit,
        signals.known,
        1.0 / max(len(signals.text.split()), 1),
        *shape(signals.text, names_program=signals.names_program),
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
