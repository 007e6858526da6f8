"""From a ranking's signals to probabilities."""

from __future__ import annotations

import math

import msgspec
import pytest

from tests.daemon.small_base import here
from toolrec_kb import knowledge
from toolrecd import calibration
from toolrecd.calibration import RIGHT_WEIGHTS, TASK_THRESHOLD, TASK_WEIGHTS, Signals, features
from toolrecd.config import SuggestConfig
from toolrecd.recommend import Recommender


@pytest.fixture(scope="module")
def recommender() -> Recommender:
    """A recommender on the knowledge base that ships."""
    return Recommender(knowledge.load()[0], SuggestConfig())


def _signals(recommender: Recommender, query: str) -> Signals:
    signals = recommender.signals(recommender.shortlist(query, here("find", "grep", "tar", "ps")))
    assert signals is not None
    return signals


def test_a_weight_for_each_feature(recommender: Recommender) -> None:
    """Both tables weigh all features."""
    found = features(_signals(recommender, "find all python files"))
    assert len(found) == len(TASK_WEIGHTS) == len(RIGHT_WEIGHTS)
    assert all(math.isfinite(value) for value in found)


@pytest.mark.parametrize(
    "query", ["find all python files", "compress a folder", "view running processes", "search for error in logs"]
)
def test_tasks(recommender: Recommender, query: str) -> None:
    """Plain tasks are taken for tasks."""
    assert calibration.is_task(_signals(recommender, query))


@pytest.mark.parametrize(
    "query",
    [
        "thanks, see you tomorrow",
        "hello",
        "TODO: ask Anna about the note below",
        "for i in range(10):",
        "find . -name x -print | xargs rm",
        "2024-05-03T10:22:41Z ERROR upstream timed out",
        "why is the sky blue",
    ],
)
def test_no_tasks(recommender: Recommender, query: str) -> None:
    """What people write in comments, paste or ask each other is not."""
    draft = recommender.shortlist(query, here("find"))
    assert not recommender.confidence(draft)[0]


def test_confidence_is_at_most_the_task(recommender: Recommender) -> None:
    """The first tool can only be right where there is a task at all."""
    for query in ("find all python files", "hello world", "x", "what is the meaning of life"):
        signals = _signals(recommender, query)
        assert 0.0 <= calibration.confidence(signals) <= calibration.task_probability(signals) + 0.001
        assert calibration.is_task(signals) == (calibration.task_probability(signals) >= TASK_THRESHOLD)


def test_clearer_lead_is_more_confident(recommender: Recommender) -> None:
    """A first tool far ahead of the second is surer than one that is just ahead."""
    signals = _signals(recommender, "find all python files")
    close, far = (msgspec.structs.replace(signals, margin=margin) for margin in (0.0, 3.0))
    assert calibration.confidence(far) > calibration.confidence(close)


@pytest.mark.parametrize("extreme", [-1e9, 0.0, 1e9])
def test_extremes(recommender: Recommender, extreme: float) -> None:
    """Signals beyond all measure, and an empty question, still give a probability."""
    signals = msgspec.structs.replace(
        _signals(recommender, "find files"), margin=extreme, strength=extreme, coverage=extreme, text=""
    )
    assert 0.0 <= calibration.confidence(signals) <= 1.0
    assert 0.0 <= calibration.task_probability(signals) <= 1.0
