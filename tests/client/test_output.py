"""What is printed: JSON that every reader reads back, and text that a terminal cannot act on."""

from __future__ import annotations

import json
import math
import sys
from typing import Any

import pytest

from toolrec_client import output

TEXTS = [
    "", "plain", 'quo"te', "back\\slash", "new\nline", "\r\t\b\f\0\x1b[31m", "\x7f\x80\x9b\x9f", "é ü 漢字", "🗜 𝄞",
    "\u2028\u2029", "\u202e reversed", "\ufeff", "\udc80", "a\udcffb", "\ud800x", "'", "/", "<script>", "\U0010ffff",
    "".join(map(chr, range(0x200))),
]  # fmt: skip
HOSTILE = [
    *range(32),
    *range(0x7F, 0xA0),
    0x61C,
    0x200E,
    0x200F,
    *range(0x202A, 0x202F),
    *range(0x2066, 0x206A),
    0xDC9B,
]


@pytest.mark.parametrize("text", TEXTS)
def test_json_strings_are_read_back(text: str) -> None:
    """A string is written as one line of JSON that reads back as itself and holds no control character."""
    written = output.to_json(text)
    assert json.loads(written) == text
    assert written.splitlines() == [written]
    assert output.plain(written) == written


@pytest.mark.parametrize(
    "value",
    [None, True, False, 0, -1, 1 << 70, 0.0, -0.5, 1e-05, 1e300, [], {}, [1, [None, "a"]], {"a": {"b": [True, {}]}}],
)
def test_json_values_are_read_back(value: Any) -> None:
    """Every other value is written as JSON that reads back as itself, of the same type."""
    found = json.loads(output.to_json(value))
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_json_has_no_word_for_infinity(value: float) -> None:
    """Infinities and NaN are written as null."""
    assert output.to_json(value) == "null"


def test_every_character_by_itself() -> None:
    """Each character there is, written alone, reads back as itself."""
    for start in range(0, sys.maxunicode + 1, 0x400):
        text = [chr(code) for code in range(start, start + 0x400)]
        assert json.loads("[" + ", ".join(map(output.to_json, text)) + "]") == text


def test_safe_json_keeps_its_value() -> None:
    """Finished JSON made safe reads back the same, keeps its lines, and holds nothing a terminal acts on."""
    value = {"a": "\x9b31m\u202e\udc80\u2028 é", "b": [1, {"c": "x\ny"}]}
    safe = output.safe_json(json.dumps(value, indent=2, ensure_ascii=False))
    assert json.loads(safe) == value
    assert output.plain(safe.replace("\n", "")) == safe.replace("\n", "")
    assert len(safe.splitlines()) == len(json.dumps(value, indent=2).splitlines())


@pytest.mark.parametrize("code", HOSTILE)
def test_plain_strips(code: int) -> None:
    """Controls, marks that reorder text and stray bytes are left out of text for a terminal."""
    assert output.plain(f"a{chr(code)}b") == "ab"


def test_plain_keeps_text() -> None:
    """Text of any script, emoji and ordinary spaces are kept."""
    assert output.plain("naïve 漢字 עברית 🗜 \u00a0~") == "naïve 漢字 עברית 🗜 \u00a0~"


def tool(**changes: Any) -> dict[str, Any]:
    """Return a tool as a reply has it."""
    return {"name": "fd", "installed": True, "install": None, "example": "fd x", "summary": "Find", **changes}


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (tool(), "installed"),
        (tool(installed=False, install="apt install fd-find"), "install: apt install fd-find"),
        (tool(installed=False, install="apt\x1b[2J install"), "install: apt[2J install"),
        (tool(installed=False), "not installed"),
    ],
)
def test_state(found: dict[str, Any], words: str) -> None:
    """A tool's state says whether it is here and how to get it, without anything a terminal acts on."""
    assert output.state(found) == words


def test_suggestions_for_a_person() -> None:
    """Names stand in a column, each tool's invocation below it, and a note at the end."""
    answer = {"is_task": True, "note": "model off", "tools": [tool(), tool(name="find", installed=None)]}
    assert output.suggestions(answer, False).splitlines() == [
        "fd    [installed]  Find",
        "      fd x",
        "find  [comes with the system]  Find",
        "      fd x",
        "(model off)",
    ]


def test_suggestions_are_safe() -> None:
    """No field of an answer brings an escape sequence to the terminal, colour or not."""
    evil = "\x1b]0;x\x07\u202e\x9b"
    answer = {"is_task": True, "note": evil, "tools": [tool(name=evil, example=evil, summary=evil)]}
    shown = output.suggestions(answer, False)
    assert output.plain(shown.replace("\n", "")) == shown.replace("\n", "")
    coloured = output.suggestions(answer, True)
    assert "\x1b]" not in coloured
    assert coloured.count("\x1b[") == 6


@pytest.mark.parametrize("answer", [{"is_task": False, "tools": [tool()]}, {"is_task": True, "tools": []}])
def test_nothing_to_suggest(answer: dict[str, Any]) -> None:
    """What is no task, or has no tool, says so with an example of a question."""
    assert output.suggestions(answer, True).startswith("no tool found for that; say what you want done, as in: toolrec")


def test_contract_has_exactly_its_keys() -> None:
    """An answer is cut down to the promised keys in their order; what is missing is null, or no tools."""
    line = output.contract({"query": "x", "tools": [tool(caution="c", score=0.5)], "related": [], "id": 1})
    assert list(line) == ["query", "is_task", "confidence", "task_category", "tools", "stage", "latency_ms"]
    assert list(line["tools"][0]) == ["name", "installed", "install", "example", "score", "summary"]
    assert output.contract({})["tools"] == []
