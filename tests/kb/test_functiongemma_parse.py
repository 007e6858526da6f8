"""The parser: what it accepts, what it refuses, and that neither depth nor size harms it."""

from __future__ import annotations

from typing import Any

import pytest

from toolrec_kb.functiongemma import (
    Call,
    CallSyntaxError,
    parse_calls,
    parse_turn,
    render_call,
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
    levels = (MAX_DEPTH - 1) // len(closing)
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
