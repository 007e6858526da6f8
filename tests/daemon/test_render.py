"""Replies as a prompt and a program get them; and that no hint can act when it lands on a command line."""

from __future__ import annotations

import re
import time

import pytest

from tests.daemon.small_base import BASE, here
from toolrec_kb import knowledge
from toolrec_kb.knowledge import Knowledge
from toolrecd.config import SuggestConfig
from toolrecd.messages import Hint, Mode, Suggest, Suggestion
from toolrecd.recommend import Recommender, Situation
from toolrecd.render import HINT_CHARS, Renderer, inert

# What some shell of ours acts on, the curly quotes that PowerShell takes for straight ones included.
ACTIVE = set("`$\\|&;<>(){}[]*?!~#'\"^%=‘’‚‛“”„")  # noqa: RUF001


def _answer(
    query: str, mode: Mode, situation: Situation, *, threshold: float = 0.0, limit: int = 5, final: bool = True
) -> Suggestion | Hint:
    recommender = Recommender(BASE, SuggestConfig())
    request = Suggest(v=1, id=7, query=query, mode=mode, limit=limit)
    renderer = Renderer(recommender, request, time.perf_counter(), threshold)
    return renderer.answer(recommender.shortlist(query, situation), "shortlist", final=final, note="no model")


def _hint(query: str, situation: Situation, threshold: float = 0.0) -> Hint:
    answer = _answer(query, "typing", situation, threshold=threshold)
    assert isinstance(answer, Hint)
    return answer


def test_suggestion() -> None:
    """A full answer says what was asked, who made it and why, and has as many tools as were wanted."""
    answer = _answer("find all python files", "ask", here("find"), limit=2, final=False)
    assert isinstance(answer, Suggestion)
    assert (answer.id, answer.final, answer.stage, answer.note) == (7, False, "shortlist", "no model")
    assert (answer.query, answer.task_category) == ("find all python files", "search")
    assert [tool.name for tool in answer.tools] == ["find", "fd"]
    assert 0.0 <= answer.confidence <= 1.0
    assert answer.latency_ms >= 0.0


def test_hint_of_an_installed_tool() -> None:
    """A hint is the first tool, its state and summary; the invocation stands beside it."""
    hint = _hint("find all python files", here("find"))
    assert hint.hint == "find: installed. Find files and folders by name"
    assert (hint.insert, hint.below) == ("find . -name '*.py'", "find . -name '*.py'")
    assert (hint.stage, hint.final) == ("shortlist", True)


def test_hint_of_a_tool_to_install() -> None:
    """A hint of a tool that is not there says how to get it, or that it is not there."""
    assert _hint("find files quickly with fd", here()).hint.startswith("fd: apt install fd-find. ")
    assert _hint("overwrite a file", here()).hint.startswith("shred: not installed. ")


def test_caution_below() -> None:
    """A tool that can destroy says so below the prompt, not in what is inserted."""
    hint = _hint("overwrite a file", here("shred"))
    assert hint.below == "shred {file}   (careful: what it overwrites is gone for ever)"
    assert hint.insert == "shred {file}"


@pytest.mark.parametrize(("query", "threshold"), [("zzqx vvkk", 0.0), ("", 0.0), ("find all python files", 1.01)])
def test_nothing_to_show(query: str, threshold: float) -> None:
    """Without a tool, or below the threshold, all that could be shown is empty."""
    hint = _hint(query, here("find"), threshold)
    assert (hint.hint, hint.insert, hint.below) == ("", "", "")


def test_threshold_is_for_typing_only() -> None:
    """Whoever asks outright gets the tools and the confidence, however low it is."""
    answer = _answer("find all python files", "ask", here("find"), threshold=1.01)
    assert isinstance(answer, Suggestion)
    assert answer.tools


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a$(rm -rf ~)b", "a rm -rf b"),
        ("line\none\r\x1b[31mtwo", "line one 31mtwo"),
        ('it\'s "quoted" `so`', "it s quoted so"),
        ("  many   spaces ", "many spaces"),
        ("Wörter und 日本", "Wörter und 日本"),
    ],
)
def test_inert(text: str, shown: str) -> None:
    """Of any text only what no shell acts on is left, on one line."""
    assert inert(text) == shown


def test_inert_is_cut() -> None:
    """A hint fits a line, and ends in no blank."""
    assert inert("word " * 60) == ("word " * 20).rstrip()
    assert len(inert("x" * 500)) == HINT_CHARS


@pytest.fixture(scope="module")
def real() -> Knowledge:
    """The knowledge base that ships."""
    return knowledge.load()[0]


def test_hints_of_all_tools_are_inert(real: Knowledge) -> None:
    """Every tool's hint keeps its name and holds no character that a shell acts on."""
    install = ["installed", "not installed", "apt install {}", "nix profile install nixpkgs#{}"]
    for tool in real.tools:
        for state in [text.format(package) for text in install for package in tool.install.values() or [tool.name]]:
            hint = inert(f"{tool.name}: {state}. {tool.summary}")
            assert not ACTIVE & set(hint), hint
            assert hint.isprintable(), hint
            assert hint.startswith(f"{tool.name}: "), hint


def test_typed_hints_are_inert(real: Knowledge) -> None:
    """What a prompt gets for the tasks of the knowledge base itself holds nothing that acts or moves the cursor."""
    recommender, situation = Recommender(real, SuggestConfig()), here("find", "grep")
    shown = 0
    for tool in real.tools[::12]:
        task = tool.examples[0].task
        renderer = Renderer(recommender, Suggest(v=1, id=1, query=task, mode="typing"), time.perf_counter(), 0.0)
        hint = renderer.answer(recommender.shortlist(task, situation), "shortlist", final=True)
        assert isinstance(hint, Hint)
        assert not ACTIVE & set(hint.hint), hint.hint
        assert not re.search(r"[\x00-\x1f\x7f-\x9f]", hint.hint + hint.insert + hint.below)
        shown += bool(hint.hint)
    assert shown > len(real.tools) / 12 * 0.9
