"""Declarations, values, calls and turns in the exact form that the model was trained on."""

from __future__ import annotations

from typing import Any

import pytest

from toolrec_kb.functiongemma import (
    CALL,
    RECOMMEND_TOOLS,
    Call,
    Control,
    ModelTurn,
    Response,
    UserTurn,
    answer,
    ask,
    parse_calls,
    question,
    render_call,
    render_prefix,
    render_prompt,
    render_response,
    render_target,
    render_turn,
    text_of,
)
from toolrec_kb.functiongemma.render import RESERVED_PARAMETERS


def declared(properties: dict[str, Any], **parameters: Any) -> str:
    """Return the text of these parameters' declaration, without what stands around it."""
    tool = {"name": "f", "description": "d", "parameters": {"properties": properties, **parameters}}
    text = text_of(render_prefix([tool]))
    start = text.index(",parameters:") + len(",parameters:")
    return text[start : text.index("}<end_function_declaration>")].replace("<escape>", "'")


def arguments(**values: Any) -> str:
    """Return the text of a call's arguments."""
    text = text_of(render_call(Call("f", values)))
    return text.removeprefix("<start_function_call>call:f").removesuffix("<end_function_call>").replace("<escape>", "'")


def test_properties_are_sorted_without_regard_to_case() -> None:
    """Properties come in the order of their names whatever their case; `required` keeps its own order."""
    text = declared({"b": {}, "C": {}, "a": {}}, required=["b", "a"])
    assert [text.index(f"{name}:{{description") for name in "abC"] == sorted(
        text.index(f"{name}:{{description") for name in "abC"
    )
    assert "required:['b','a']" in text


@pytest.mark.parametrize("kind", ["string", "integer", "number", "boolean"])
def test_types_in_upper_case(kind: str) -> None:
    """Types are upper case, and a description is there even where none was given."""
    assert (
        declared({"p": {"type": kind}})
        == f"{{properties:{{p:{{description:'',type:'{kind.upper()}'}}}},type:'OBJECT'}}"
    )


def test_choices_only_for_strings() -> None:
    """Only a string's choices are shown, and only if there are any."""
    assert "enum:['x','y'],type:'STRING'" in declared({"p": {"type": "string", "enum": ["x", "y"]}})
    assert "enum" not in declared({"p": {"type": "integer", "enum": [1, 2]}})
    assert "enum" not in declared({"p": {"type": "string", "enum": []}})


def test_bounds_are_dropped() -> None:
    """Defaults, bounds and formats are left out."""
    parameter = {"type": "integer", "default": 3, "minimum": 1, "maximum": 9, "format": "int32", "description": "n"}
    assert declared({"p": parameter}) == "{properties:{p:{description:'n',type:'INTEGER'}},type:'OBJECT'}"


def test_nested_object() -> None:
    """An object shows its own properties and which of them it needs."""
    inner = {"type": "object", "properties": {"y": {"type": "string"}}, "required": ["y"], "description": "o"}
    assert declared({"p": inner}) == (
        "{properties:{p:{description:'o',properties:{y:{description:'',type:'STRING'}},required:['y'],type:'OBJECT'}},"
        "type:'OBJECT'}"
    )
    assert "p:{description:'',properties:{},type:'OBJECT'}" in declared({"p": {"type": "object"}})


@pytest.mark.parametrize(
    ("items", "shown"),
    [
        ({"type": "string"}, "items:{type:'STRING'}"),
        ({"type": ["string", "null"]}, "items:{type:['STRING','NULL']}"),
        ({"type": "string", "description": "a name"}, "items:{description:'a name',type:'STRING'}"),
        (
            {"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]},
            "items:{properties:{x:{description:'',type:'NUMBER'}},required:['x'],type:'OBJECT'}",
        ),
    ],
)
def test_array(items: dict[str, Any], shown: str) -> None:
    """An array shows what its items are."""
    assert f"p:{{description:'',{shown},type:'ARRAY'}}" in declared({"p": {"type": "array", "items": items}})


def test_array_of_anything() -> None:
    """An array whose items are not described shows none."""
    assert "p:{description:'',type:'ARRAY'}" in declared({"p": {"type": "array"}})


@pytest.mark.parametrize("name", sorted(RESERVED_PARAMETERS))
def test_reserved_parameters(name: str) -> None:
    """Parameters whose names the format keeps for itself are skipped, as its own template does."""
    assert declared({name: {"type": "string"}, "p": {"type": "string"}}) == declared({"p": {"type": "string"}})


def test_our_parameters_are_not_reserved() -> None:
    """No parameter of ours is among those that the format skips, and sorted the ranking comes first."""
    function: Any = RECOMMEND_TOOLS["function"]
    names = list(function["parameters"]["properties"])
    assert not RESERVED_PARAMETERS & set(names)
    assert names == sorted(names) == ["primary_tools", "related_tools", "task_category"]


def test_tool_without_parameters() -> None:
    """A function without parameters shows its description alone, in either of the forms tools come in."""
    function = {"name": "now", "description": "Tells the time."}
    expected = (
        "functions<start_function_declaration>declaration:now{description:<escape>Tells the time.<escape>}"
        "<end_function_declaration><end_of_turn>\n"
    )
    assert text_of(render_prefix([function])).endswith(expected)
    assert render_prefix([function]) == render_prefix([{"type": "function", "function": function}])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a } , : [ b", "'a } , : [ b'"),
        ("", "''"),
        ("two\nlines", "'two\nlines'"),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (-7, "-7"),
        (2.5, "2.5"),
        ([], "[]"),
        ({}, "{}"),
        ([1, "x", None, True], "[1,'x',true]"),
        ({"B": 1, "a": {"z": None, "y": ["q"]}}, "{a:{y:['q']},B:1}"),
    ],
)
def test_values(value: Any, text: str) -> None:
    """Strings are escaped, other values bare, keys sorted and bare, nulls left out."""
    assert arguments(v=value) == f"{{v:{text}}}"


def test_call_without_arguments() -> None:
    """A call without arguments, or with none but null, has empty braces."""
    assert arguments() == arguments(v=None) == "{}"


def test_response() -> None:
    """A response looks like a call of another name."""
    assert text_of(render_response(Response("f", {"b": 1, "a": "x"}))) == (
        "<start_function_response>response:f{a:<escape>x<escape>,b:1}<end_function_response>"
    )


def test_user_text_is_stripped() -> None:
    """White space around a user's text goes, that inside stays."""
    assert text_of(render_turn(UserTurn("  a\n b \n"))) == "<start_of_turn>user\na\n b<end_of_turn>\n"


@pytest.mark.parametrize(
    ("turn", "end"),
    [
        (answer(["fd"], [], "search"), "<end_function_call><start_function_response>"),
        (ModelTurn(text="Hello"), "Hello<end_of_turn>\n"),
        (ModelTurn(think="Hm"), "</think><end_of_turn>\n"),
        (ModelTurn(), "<end_of_turn>\n"),
        (
            ModelTurn(calls=(Call("f", {}),), responses=(Response("f", {}),)),
            "<end_function_response><end_of_turn>\n",
        ),
    ],
)
def test_where_a_target_ends(turn: ModelTurn, end: str) -> None:
    """A target that ends in a call ends where its response would start, any other at the turn's end."""
    assert text_of(render_target(turn)).endswith(end)


@pytest.mark.parametrize("query", ["find all python files", "say <escape> and {x:[1,2]}", "größe 💾"])
def test_call_form_is_the_prompt(query: str) -> None:
    """What is served in the call form is the start of what is trained: prompt and target of the same question."""
    served = [*CALL.prefix, *ask(CALL, query, os="linux", shell="fish"), *CALL.to_name]
    asked = render_prompt([RECOMMEND_TOOLS], [question(query, os="linux", shell="fish")])
    trained = text_of([*asked, *render_target(answer(["fd", "find"], [], "search"))])
    assert trained.startswith(text_of(served) + "fd<escape>,<escape>find<escape>")


def test_call_form_is_readable() -> None:
    """The call form's parts, put together around a name and a category, are a call that reads back."""
    pieces = [*CALL.to_name, "fd", CALL.name_close, *CALL.to_category, "search", Control.ESCAPE, "}", Control.END_CALL]
    assert parse_calls(text_of(pieces)) == [
        Call("recommend_tools", {"primary_tools": ["fd"], "task_category": "search"})
    ]
