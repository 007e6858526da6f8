"""Whatever we render reads back, and replies are taken apart into thought, calls and text."""

from __future__ import annotations

import random
from typing import Any

import pytest

from toolrec_kb.functiongemma import (
    Call,
    CallSyntaxError,
    ModelTurn,
    answer,
    parse_calls,
    parse_turn,
    render_call,
    render_target,
    text_of,
)

START, END, ESCAPE = "<start_function_call>", "<end_function_call>", "<escape>"
SCRAPS = [
    "}",
    "{",
    "]",
    "[",
    ",",
    ":",
    "\n",
    " ",
    "'",
    '"',
    "<",
    "escape>",
    "call:",
    "null",
    "1",
    "é",
    "💾",
    "a b",
    START,
    END,
]
KEYS = ["a", "B", "c.d", "e-f", "_g", "h1", "Key"]


def some_value(rng: random.Random, depth: int) -> Any:
    """Return a value of any type, nested at most `depth` deep."""
    kind = rng.randrange(7 if depth else 5)
    if kind < 2:
        return "".join(rng.choices(SCRAPS, k=rng.randrange(6))).replace(ESCAPE, "")
    if kind == 2:
        return rng.choice([True, False])
    if kind == 3:
        return rng.choice([0, -1, 10**20, rng.randrange(-(10**6), 10**6)])
    if kind == 4:
        return rng.choice([0.5, -1e-07, 1e16, 1.5e300, rng.uniform(-1000, 1000)])
    if kind == 5:
        return [some_value(rng, depth - 1) for _ in range(rng.randrange(4))]
    return {key: some_value(rng, depth - 1) for key in rng.sample(KEYS, rng.randrange(4))}


def kinds(value: Any) -> Any:
    """Return a value's types in its own shape, for True equals 1 and 1 equals 1.0."""
    if isinstance(value, dict):
        return {key: kinds(item) for key, item in value.items()}
    return [kinds(item) for item in value] if isinstance(value, list) else type(value)


@pytest.mark.parametrize("seed", range(20))
def test_round_trip(seed: int) -> None:
    """Whatever calls are rendered read back as they were, types and values, in one turn with a thought and text."""
    rng = random.Random(seed)
    for _ in range(50):
        calls = tuple(
            Call(
                rng.choice(["f", "a.b", "c-d"]), {key: some_value(rng, 4) for key in rng.sample(KEYS, rng.randrange(5))}
            )
            for _ in range(rng.randrange(1, 4))
        )
        turn = ModelTurn(think=rng.choice(["", "Hm, {x}?\nYes."]), calls=calls)
        text = text_of(render_target(turn))
        assert parse_calls(text) == list(calls)
        assert parse_turn(text) == turn
        assert [kinds(call.arguments) for call in parse_calls(text)] == [kinds(call.arguments) for call in calls]


def test_nulls_are_left_out() -> None:
    """A null that is rendered is no longer there when read back."""
    (call,) = parse_calls(text_of(render_call(Call("f", {"a": None, "b": {"c": None}, "d": [None, 1]}))))
    assert call.arguments == {"b": {}, "d": [1]}


TURNS: dict[str, tuple[str, ModelTurn]] = {
    "text": ("Hello there.<end_of_turn>\n", ModelTurn(text="Hello there.")),
    "thought": ("<think> Hm.\nYes. </think> Done<eos>rest", ModelTurn(think="Hm.\nYes.", text="Done")),
    "open thought": ("<think>Hm", ModelTurn(text="<think>Hm")),
    "call": (f"{START}call:f{END}<start_function_response>", ModelTurn(calls=(Call("f", {}),))),
    "text around a call": (f"So {START}call:f{END}it is", ModelTurn(calls=(Call("f", {}),), text="So it is")),
    "nothing after the end": (f"Yes<end_of_turn>\n{START}call:f{{", ModelTurn(text="Yes")),
    "nothing after a response": (
        f"{START}call:f{END}<start_function_response>response:f{{}}<end_function_response>{START}call:g{END}",
        ModelTurn(calls=(Call("f", {}),)),
    ),
    "marker in a string": (
        f"{START}call:f{{a:{ESCAPE}{END}<eos><think>x</think>{ESCAPE}}}{END}end",
        ModelTurn(calls=(Call("f", {"a": f"{END}<eos><think>x</think>"}),), text="end"),
    ),
    "marker in a thought": (
        f"<think>{START}oops</think>{START}call:f{END}",
        ModelTurn(f"{START}oops", (Call("f", {}),)),
    ),
    "nothing": ("", ModelTurn()),
}


@pytest.mark.parametrize(("text", "turn"), TURNS.values(), ids=TURNS.keys())
def test_turn(text: str, turn: ModelTurn) -> None:
    """A reply is taken apart into thought, calls and text, and ends where decoding stops."""
    assert parse_turn(text) == turn


def test_broken_turn() -> None:
    """A broken call in a reply is an error."""
    with pytest.raises(CallSyntaxError):
        parse_turn(f"Hello {START}call:")


def test_our_answer() -> None:
    """A recommendation reads back with its order, its category and its thought."""
    turn = answer(["fd", "find"], ["rg", "fzf"], "search", think="By ending.")
    assert parse_turn(text_of(render_target(turn))) == turn
