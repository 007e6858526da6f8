"""The model's part in a recommendation: its scores are fused with the shortlist's, and it may be absent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest

from tests.daemon.small_base import BASE, MAC, here
from toolrecd.config import SuggestConfig
from toolrecd.engine.jobs import Question
from toolrecd.errors import EngineUnavailable
from toolrecd.recommend import MODEL_FLOOR, Draft, Recommender, Situation

QUERY = "find files by name"


class FakeEngine:
    """An engine that gives the scores it was made with, and remembers what it was asked."""

    trained = True

    def __init__(self, scores: dict[str, float] | None = None, categories: dict[str, float] | None = None) -> None:
        self.scores, self.categories = scores or {}, categories or {}
        self.asked: list[tuple[Question, list[str]]] = []
        self.typed: list[bool] = []

    async def rank(self, question: Question, candidates: Sequence[str], *, typing: bool = False) -> dict[str, float]:
        """Return the scores."""
        self.typed.append(typing)
        self.asked.append((question, list(candidates)))
        return self.scores

    async def categorise(self, question: Question, name: str) -> dict[str, float]:
        """Return the categories' scores."""
        self.asked.append((question, [name]))
        return self.categories

    async def think(self, question: Question) -> AsyncIterator[str]:
        """Think nothing."""
        for piece in ("use ", "find"):
            yield piece


def _ask(query: str, situation: Situation) -> tuple[Recommender, Draft]:
    recommender = Recommender(BASE, SuggestConfig())
    return recommender, recommender.shortlist(query, situation)


async def test_fused_with_the_model() -> None:
    """The model's scores move tools, and it is asked about those on the shortlist, as this person."""
    recommender, draft = _ask(QUERY, here("find", machine=MAC, shell="zsh"))
    engine = FakeEngine({"mdfind": 0.0})
    fused = await recommender.with_model(draft, engine, categorise=False)
    assert BASE.tools[fused.ranked[0].number].name == "mdfind"
    assert BASE.tools[draft.ranked[0].number].name != "mdfind"
    [(question, candidates)] = engine.asked
    assert question == Question(QUERY, "darwin", "zsh")
    assert set(candidates) <= {BASE.tools[ranked.number].name for ranked in draft.ranked}
    assert BASE.tools[draft.ranked[0].number].name in candidates


async def test_absurd_scores_are_bounded() -> None:
    """A name that the model finds impossible counts like one it finds absurd, and one it does not know."""
    recommender, draft = _ask(QUERY, here("find"))
    names = [BASE.tools[ranked.number].name for ranked in draft.ranked]
    floor = await recommender.with_model(draft, FakeEngine(dict.fromkeys(names, MODEL_FLOOR)), categorise=False)
    for scores in (dict.fromkeys(names, -float("inf")), {}):
        assert await recommender.with_model(draft, FakeEngine(scores), categorise=False) == floor


async def test_model_is_not_asked_about_nothing() -> None:
    """Where the shortlist is empty the model is left alone."""
    recommender, draft = _ask("zzqx vvkk", here())
    engine = FakeEngine()
    assert await recommender.with_model(draft, engine, categorise=True) == draft
    assert engine.asked == []


async def test_model_has_a_say_in_the_category() -> None:
    """The model's category counts where it is asked for one."""
    recommender, draft = _ask("list all commands", here())
    engine = FakeEngine(categories={"files": 40.0, "shell": -12.0, "search": -12.0})
    assert draft.category == "shell"
    assert (await recommender.with_model(draft, engine, categorise=True)).category == "files"


@pytest.mark.parametrize("categorise", [True, False])
async def test_typing_is_whoever_wants_no_category(categorise: bool) -> None:
    """Where the next key may follow the model is asked the short way, otherwise the whole way."""
    recommender, draft = _ask(QUERY, here())
    engine = FakeEngine()
    await recommender.with_model(draft, engine, categorise=categorise)
    assert engine.typed == [not categorise]


async def test_model_unavailable() -> None:
    """What keeps the model from answering reaches the caller, whose draft still stands."""

    class Broken(FakeEngine):
        async def rank(
            self, question: Question, candidates: Sequence[str], *, typing: bool = False
        ) -> dict[str, float]:
            raise EngineUnavailable("being restarted")

    recommender, draft = _ask(QUERY, here())
    with pytest.raises(EngineUnavailable, match="being restarted"):
        await recommender.with_model(draft, Broken(), categorise=False)
    assert recommender.hints(draft, 5)


async def test_think() -> None:
    """The model's thought comes through in its pieces."""
    recommender, draft = _ask(QUERY, here())
    assert [piece async for piece in recommender.think(draft, FakeEngine())] == ["use ", "find"]
