"""The parser: what it accepts, what it refuses, and that it reads back whatever we render."""

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
from toolrec_kb.functiongemma.parse import MAX_DEPTH

START, END, ESCAPE = "<start_function_call>", "<end_function_call>", "<escape>"


def parse(body: str) -> list[Call]:
    """Parse the calls in `body`, with ' for escapes, between one pair of call markers."""
    return parse_calls(f"{START}{body}{END}".replace("'", ESCAPE))


ACCEPTED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "dots and dashes in names and keys": ("call:a.b-c_1{x.y-z:1}", "a.b-c_1", {"x.y-z": 1}),
    "no braces": ("call:f", "f", {}),
    "empty braces": ("call:f{}", "f", {}),
    "white space everywhere": (" call : f\t{ a : 'x' ,\n b : [ 1 , { } ] }\n", "f", {"a": "x", "b": [1, {}]}),
    "white space in a string stays": ("call:f{a:' x '}", "f", {"a": " x "}),
    "nesting": ("call:f{a:{b:[{c:[[1]]},'x']}}", "f", {"a": {"b": [{"c": [[1]]}, "x"]}}),
    "null": ("call:f{a:null,b:[null]}", "f", {"a": None, "b": [None]}),
    "booleans": ("call:f{a:true,b:false}", "f", {"a": True, "b": False}),
    "numbers": ("call:f{a:-3,b:2.5,c:1e3,d:-0.5E-2}", "f", {"a": -3, "b": 2.5, "c": 1000.0, "d": -0.005}),
    "newlines in a string": ("call:f{a:'one\ntwo\r\n'}", "f", {"a": "one\ntwo\r\n"}),
    "syntax in a string": ("call:f{a:'} , : ] { [ \" <x>'}", "f", {"a": '} , : ] { [ " <x>'}),
    "markers in a string": (f"call:f{{a:'{START}call:g{END}'}}", "f", {"a": f"{START}call:g{END}"}),
    "empty string": ("call:f{a:''}", "f", {"a": ""}),
    "words in a string": ("call:f{a:'true',b:'null',c:'1'}", "f", {"a": "true", "b": "null", "c": "1"}),
    "escaped keys": ("call:f{'a':1}", "f", {"a": 1}),
    "first of duplicate keys": ("call:f{a:1,b:2,a:3}", "f", {"a": 1, "b": 2}),
    "empty containers": ("call:f{a:[],b:{}}", "f", {"a": [], "b": {}}),
    "letters of all alphabets": ("call:f{a:'größe 💾 大'}", "f", {"a": "größe 💾 大"}),
}


@pytest.mark.parametrize(("body", "name", "arguments"), ACCEPTED.values(), ids=ACCEPTED.keys())
def test_accepted(body: str, name: str, arguments: dict[str, Any]) -> None:
    """What a model may well write is read, types and all."""
    (call,) = parse(body)
    assert call == Call(name, arguments)
    assert repr(call.arguments) == repr(arguments)


REFUSED = {
    "trailing comma in an object": "call:f{a:1,}",
    "trailing comma in an array": "call:f{a:[1,]}",
    "leading comma": "call:f{,a:1}",
    "double quotes": 'call:f{a:"x"}',
    "no quotes": "call:f{a:x}",
    "quoted key": 'call:f{"a":1}',
    "no name": "call:{a:1}",
    "no name at all": "call:",
    "no call": "f{a:1}",
    "nothing": "",
    "no value": "call:f{a:}",
    "no colon": "call:f{a 1}",
    "no key": "call:f{:1}",
    "no comma": "call:f{a:1 b:2}",
    "open object": "call:f{a:1",
    "open array": "call:f{a:[1}",
    "open string": "call:f{a:'x}",
    "wrong bracket": "call:f{a:{b:1]}",
    "two objects": "call:f{a:1}{b:2}",
    "text after it": "call:f{a:1} and so on",
    "capital True": "call:f{a:True}",
    "half a number": "call:f{a:1.}",
    "foreign digits": "call:f{a:\u0661}",
    "not a number": "call:f{a:nan}",
    "endless number": "call:f{a:" + "9" * 5000 + "}",
    "control token in the place of a value": "call:f{a:<end_of_turn>}",
    "call inside a call": f"call:f{{a:{START}call:g{END}}}",
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
def test_refused(body: str) -> None:
    """What is no call is an error that says what was expected and where."""
    with pytest.raises(CallSyntaxError, match=r"^expected .+ at character \d+, found "):
        parse(body)


def test_error_says_where() -> None:
    """The error points at the character in question."""
    with pytest.raises(CallSyntaxError) as refused:
        parse("call:f{a:1,}")
    assert str(refused.value) == f"expected a key at character {len(START) + 11}, found '}}<end_function_call>'"


WHOLE = f"{START}call:f{{a:{ESCAPE}x}}y{ESCAPE},b:[1,{{c:true}}]}}{END}"


@pytest.mark.parametrize("length", range(len(START), len(WHOLE)))
def test_truncated(length: int) -> None:
    """A call that is cut short anywhere is an error, never half an answer."""
    assert len(parse_calls(WHOLE)) == 1
    with pytest.raises(CallSyntaxError):
        parse_calls(WHOLE[:length])


@pytest.mark.parametrize("text", ["", "no call", "call:f{}", "<start_function_cal", END, f"{END}call:f{{}}"])
def test_no_call(text: str) -> None:
    """Text without an opening marker has no calls."""
    assert parse_calls(text) == []


def test_parallel_calls() -> None:
    """Calls are read in order, whatever stands between them."""
    calls = parse_calls(f"Well: {START}call:a{END}{START}call:b{{x:1}}{END} and {START}call:a{{x:2}}{END}.")
    assert calls == [Call("a", {}), Call("b", {"x": 1}), Call("a", {"x": 2})]


def test_broken_after_good() -> None:
    """One broken call makes the whole reply an error."""
    with pytest.raises(CallSyntaxError):
        parse_calls(f"{START}call:a{END}{START}call:b{{")


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ("{k:", "}"), ("[{k:", "}]")])
def test_depth(opening: str, closing: str) -> None:
    """Nesting is read down to its limit; deeper is an error that says so and exhausts no stack."""
    levels = (MAX_DEPTH - 1) // opening.count("k") if opening == "[{k:" else MAX_DEPTH - 1
    levels //= 2 if opening == "[{k:" else 1
    assert len(parse(f"call:f{{a:{opening * levels}1{closing * levels}}}")) == 1
    for depth in (MAX_DEPTH + 1, 100_000):
        with pytest.raises(CallSyntaxError, match=f"at most {MAX_DEPTH} levels of nesting"):
            parse(f"call:f{{a:{opening * depth}1{closing * depth}}}")


def test_huge() -> None:
    """A megabyte in one string and thirty thousand values are read whole."""
    text, values = "x},:\n" * 200_000, list(range(30_000))
    (call,) = parse_calls(text_of(render_call(Call("f", {"t": text, "v": values}))))
    assert call.arguments == {"t": text, "v": values}


@pytest.mark.parametrize("unit", ["<think>", START, ESCAPE, "<", "{", " ", "call:", f"{START}call:f"])
def test_huge_nonsense(unit: str) -> None:
    """A megabyte of one repeated scrap is read or refused in one pass."""
    text = unit * (1_000_000 // len(unit))
    try:
        assert parse_turn(text).calls == ()
    except CallSyntaxError:
        assert unit.startswith(START)


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
        by_key = [sorted(map(repr, call.arguments)) for call in calls]
        assert [sorted(map(repr, call.arguments)) for call in parse_calls(text)] == by_key


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
