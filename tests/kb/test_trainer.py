"""The trainer's own arithmetic: what it fits and what it counts."""

from __future__ import annotations

import pytest

from toolrec_trainer.calibrate import fit
from toolrec_trainer.evaluate import Case, Outcome
from toolrec_trainer.tune import reciprocal_rank


def test_fit_finds_the_sign() -> None:
    """A signal that stands for right answers gets weight, and one that stands for nothing next to none."""
    rows = [(1.0, float(number % 2), float(number % 4 < 2)) for number in range(400)]
    _, telling, idle = fit(rows, [number % 2 == 1 for number in range(400)])
    assert telling > 5 * abs(idle)


@pytest.mark.parametrize(("names", "share"), [(("rg", "fd"), 1.0), (("fd", "rg"), 0.5), (("fd", "ls"), 0.0), ((), 0.0)])
def test_reciprocal_rank(names: tuple[str, ...], share: float) -> None:
    """The first accepted tool counts by its place."""
    case = Case("find text", "linux", "bash", ("rg", "grep"), ("search",), "task")
    assert reciprocal_rank(Outcome(case, names, None, True, 0.0, None)) == share
