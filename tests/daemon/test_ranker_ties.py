"""How names that begin alike are told apart: in steps of branches, bounded, and less of it while somebody types."""

from __future__ import annotations

import numpy as np
import pytest

from tests.daemon.engine_fakes import SIZE, Cache, Words
from toolrec_kb.functiongemma import CALL, COMPACT, FORMS_OF_OURS, Forms, ask, tokens_of
from toolrecd.engine.jobs import Question
from toolrecd.engine.llama import Aborted
from toolrecd.engine.ranker import BRANCH_TOKENS, BRANCHES, FULL_STEPS, TYPING_STEPS, Floats, Ranker

WORDS = Words()
QUESTION = Question("what uses the processor", "windows", "powershell")
CMDLETS = ["Get-Process", "Get-Service", "Get-NetAdapter", "Get-NetIPAddress", "Set-Item", "ps"]


def _pieces(text: str) -> list[int]:
    """Return a token for each character: names then part as late as they can."""
    return [WORDS.token(character.encode()) for character in text]


class Characters:
    """A tokeniser of characters."""

    tokenize = staticmethod(_pieces)
    piece = staticmethod(WORDS.piece)


def _ranker(names: list[str], forms: Forms = FORMS_OF_OURS) -> tuple[Ranker, Cache]:
    cache = Cache()
    ranker = Ranker(Characters(), cache, forms)
    ranker.speak_of(names, ["search"])
    ranker.warm()
    return ranker, cache


def _texts(step: dict[int, list[int]]) -> list[str]:
    return ["".join(WORDS.piece(token).decode() for token in tokens) for tokens in step.values()]


def _steps(names: list[str], *, typing: bool, candidates: list[int] | None = None) -> list[list[str]]:
    """Rank, and return what each step evaluated in its branches."""
    ranker, cache = _ranker(names)
    ranker.rank(QUESTION, range(len(names)), typing=typing)
    cache.start_counting()
    ranker.rank(QUESTION, range(len(names)) if candidates is None else candidates, typing=typing)
    assert not any(held for sequence, held in cache.sequences.items() if sequence)
    return [_texts(step) for step in cache.steps]


def test_forced_tokens_come_along() -> None:
    """What must follow a beginning is evaluated in the same step as the beginning."""
    assert _steps(["Get-Process", "Get-Service", "ps"], typing=True) == [["Get-"]]


def test_second_step() -> None:
    """Names that part a second time are told apart in a second step, which only the full way takes."""
    assert _steps(CMDLETS, typing=True) == [["Get-"]]
    assert _steps(CMDLETS, typing=False) == [["Get-"], ["Net"]]


def test_steps_are_bounded() -> None:
    """However often names part, no more steps are taken than the mode has."""
    names = [f"{'a' * length}{ending}" for length in range(1, 9) for ending in "xy"]
    assert len(_steps(names, typing=True)) == TYPING_STEPS
    assert len(_steps(names, typing=False)) == FULL_STEPS


def test_beginnings_are_split_side_by_side() -> None:
    """Several beginnings are looked into in one step, each in a branch of its own."""
    [first] = _steps(["ab", "ac", "de", "df", "gh"], typing=True)
    assert sorted(first) == ["a", "d"]


def test_step_has_few_tokens() -> None:
    """A step takes the likeliest beginnings that its tokens are enough for, forced ones counted."""
    names = [f"{letter * 6}{ending}" for letter in "abcde" for ending in "xy"]
    [step] = _steps(names, typing=True)
    assert len(step) == BRANCH_TOKENS // 6
    full = _steps(names, typing=False)
    assert all(sum(map(len, step)) <= BRANCH_TOKENS for step in full)


def test_one_long_beginning() -> None:
    """A beginning longer than a step's tokens is looked into all the same, alone."""
    names = [f"{letter * (BRANCH_TOKENS + 4)}{ending}" for letter in "ab" for ending in "xy"]
    [step] = _steps(names, typing=True)
    assert len(step) == 1


def test_branches_of_all_steps_are_bounded() -> None:
    """All steps together take no more branches than the cache has sequences."""
    names = [f"{letter}{second}{third}" for letter in "abcdef" for second in "kl" for third in "xy"]
    steps = _steps(names, typing=False)
    assert len(steps) > 1
    assert sum(map(len, steps)) <= BRANCHES


def test_only_candidates_are_looked_into() -> None:
    """A second parting with one candidate below it costs nothing."""
    assert _steps(CMDLETS, typing=False, candidates=[0, 1, 2]) == [["Get-"]]
    assert _steps(CMDLETS, typing=False, candidates=[2, 3]) == [["Get-Net"[:4]], ["Net"]]


def test_second_step_moves_scores() -> None:
    """The second step tells apart what the first left even, and touches no other name."""
    quick, _ = _ranker(CMDLETS, Forms(CALL, CALL))
    full, _ = _ranker(CMDLETS, Forms(CALL, CALL))
    first, second = quick.rank(QUESTION, range(6), typing=True), full.rank(QUESTION, range(6))
    assert first[2] == first[3]
    assert second[2] != second[3]
    assert np.array_equal(first[[0, 1, 4, 5]], second[[0, 1, 4, 5]])


@pytest.mark.parametrize("at", range(4))
def test_aborted_in_a_step(at: int) -> None:
    """Aborted in any step the branches are given back, and the next ranking is that of a fresh ranker."""
    ranker, cache = _ranker(CMDLETS)
    ranker.rank(QUESTION, range(6))
    cache.abort_at = at
    other = Question("what listens on a port", "windows", "powershell")
    try:
        ranker.rank(other, range(6))
    except Aborted:
        assert at < 3
    else:
        cache.abort_at = None
        assert at == 3
    assert not any(held for sequence, held in cache.sequences.items() if sequence)
    assert np.array_equal(ranker.rank(other, range(6)), _ranker(CMDLETS)[0].rank(other, range(6)))


def _asked(cache: Cache) -> list[int]:
    """Return what sequence 0 holds."""
    return cache.sequences[0]


def test_typing_is_asked_in_the_typing_form() -> None:
    """While somebody types the shorter form is asked, otherwise the full one; both after the same prefix."""
    ranker, cache = _ranker(CMDLETS)
    for typing, form in ((True, COMPACT), (False, CALL), (True, COMPACT)):
        ranker.rank(QUESTION, [], typing=typing)
        asked = ask(form, QUESTION.query, os=QUESTION.os, shell=QUESTION.shell)
        assert _asked(cache) == tokens_of([*form.prefix, *asked, *form.to_name], _pieces)


def test_each_form_has_its_own_correction() -> None:
    """The empty question is asked once in each form, and the two are not mixed up."""
    ranker, _ = _ranker(CMDLETS)
    both = [ranker.rank(QUESTION, [], typing=typing) for typing in (True, False, True, False)]
    assert np.array_equal(both[0], both[2])
    assert np.array_equal(both[1], both[3])
    alone, _ = _ranker(CMDLETS)
    assert np.array_equal(alone.rank(QUESTION, []), both[1])
    assert len({key.split()[0] for key in ranker.warmth().empty}) == 2


def test_closing_mark_is_the_forms(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that begins another gets its share by the mark that closes names in the form asked."""
    ranker, cache = _ranker(["git", "git-lfs"])
    loud = np.zeros(SIZE, dtype=np.float32)
    loud[COMPACT.name_close.token] = 9.0  # type: ignore[union-attr]
    git = _pieces("git")

    def says(tokens: tuple[int, ...]) -> Floats:
        return loud if list(tokens[-3:]) == git else np.zeros(SIZE, dtype=np.float32)

    cache.says = says
    scores = ranker.rank(QUESTION, [0, 1], typing=True)
    assert scores[0] > scores[1] + 5
