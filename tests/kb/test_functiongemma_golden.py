"""Renderings compared with the files under tests/golden/functiongemma, byte for byte.

`python tests/kb/test_functiongemma_golden.py` writes them anew, but for the documentation's own
example, which was typed from the documentation and never comes from our renderer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from toolrec_kb.functiongemma import (
    CALL,
    COMPACT,
    PLAIN,
    RECOMMEND_TOOLS,
    Call,
    Form,
    ModelTurn,
    Piece,
    Response,
    UserTurn,
    answer,
    ask,
    compact_target,
    question,
    render_prompt,
    render_target,
    text_of,
)

GOLDEN = Path(__file__).parent.parent / "golden" / "functiongemma"
DOCUMENTATION = "documentation-weather"

WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_current_weather",
        "description": "Gets the current weather in a given location.",
        "parameters": {
            "type": "object",
            "properties": {
                "location": {
                    "type": "string",
                    "description": 'The city and state, e.g. "San Francisco, CA" or "Tokyo, JP"',
                },
                "unit": {
                    "type": "string",
                    "description": "The unit to return the temperature in.",
                    "enum": ["celsius", "fahrenheit"],
                },
            },
            "required": ["location"],
        },
    },
}
PYTHON = question("find all python files", os="darwin", shell="zsh")
ANSWER = answer(["fd", "find"], ["rg"], "search", think="Files are wanted by their ending.")
TOKYO = Call("get_current_weather", {"location": "Tokyo, JP", "unit": "celsius"})
PARIS = Call("get_current_weather", {"location": "Paris, FR"})
SUN = Response("get_current_weather", {"weather": "sunny", "temperature": 15, "wind": {"knots": 3.5, "gusts": False}})


def _asked(form: Form, *, think: bool) -> list[Piece]:
    prefix, lead = (form.think_prefix, form.to_thought) if think else (form.prefix, form.to_name)
    return [*prefix, *ask(form, "find all python files", os="darwin", shell="zsh"), *lead]


CASES: dict[str, Callable[[], Iterable[Piece]]] = {
    DOCUMENTATION: lambda: render_prompt([WEATHER], [UserTurn("Hey, what's the weather in Tokyo right now?")]),
    "recommend-prompt": lambda: render_prompt([RECOMMEND_TOOLS], [PYTHON]),
    "recommend-target": lambda: render_target(answer(["fd", "find"], ["rg"], "search")),
    "recommend-target-think": lambda: render_target(ANSWER),
    "think-in-history": lambda: render_prompt([RECOMMEND_TOOLS], [PYTHON, ANSWER, UserTurn("and on Windows?")]),
    "response": lambda: render_prompt(
        [WEATHER], [UserTurn("Is it nice in Tokyo?"), ModelTurn(calls=(TOKYO,), responses=(SUN,))]
    ),
    "response-target": lambda: render_target(
        ModelTurn(calls=(TOKYO,), responses=(SUN,), text="It is sunny in Tokyo, and 15 degrees.")
    ),
    "several-turns": lambda: render_prompt(
        [WEATHER],
        [
            UserTurn("Is it nice in Tokyo?"),
            ModelTurn(calls=(TOKYO,), responses=(SUN,), text="It is sunny in Tokyo."),
            UserTurn("Thanks. Who are you?"),
            ModelTurn(text="A model."),
            UserTurn("And in Paris?"),
        ],
    ),
    "parallel-calls": lambda: render_target(ModelTurn(calls=(TOKYO, PARIS))),
    "two-tools": lambda: render_prompt([RECOMMEND_TOOLS, WEATHER], [UserTurn("Hello")]),
    "form-call": lambda: _asked(CALL, think=False),
    "form-call-think": lambda: _asked(CALL, think=True),
    "form-compact": lambda: _asked(COMPACT, think=False),
    "compact-target": lambda: compact_target("fd", "search"),
    "form-plain": lambda: _asked(PLAIN, think=False),
    "form-plain-think": lambda: _asked(PLAIN, think=True),
}


def _file(name: str) -> Path:
    return GOLDEN / f"{name}.txt"


@pytest.mark.parametrize("name", CASES)
def test_golden(name: str) -> None:
    """The rendering is what the golden file holds; if it is meant to change, so must PROMPT_VERSION."""
    assert text_of(CASES[name]()).encode() == _file(name).read_bytes()


def test_no_golden_file_is_left_over() -> None:
    """Every golden file belongs to a case."""
    assert {path.stem for path in GOLDEN.glob("*.txt")} == set(CASES)


if __name__ == "__main__":
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for case in CASES.keys() - {DOCUMENTATION}:
        _file(case).write_bytes(text_of(CASES[case]()).encode())
