"""Reads FunctionGemma's calls back from text, as tolerantly as Google's own parser does.

Accepted: `.` and `-` in names and keys, a call without braces, white space anywhere between
tokens, nesting, null, anything inside `<escape>…<escape>`. A trailing comma, quoted strings, a
missing name and a call that is cut short are errors. The first of duplicate keys wins.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final, NoReturn

from toolrec_kb.functiongemma.render import Call, Control, ModelTurn, Value

_NAME: Final = re.compile(r"[A-Za-z0-9_.\-]+")
_SPACE: Final = re.compile(r"\s*")
_BARE: Final = re.compile(r"[^\s,:{}\[\]<>]+")
_NUMBER: Final = re.compile(r"-?[0-9]{1,300}(\.[0-9]+)?([eE][+-]?[0-9]+)?")  # longer ones Python refuses to read
_THINK: Final = ("<think>", "</think>")
_REPLY_END: Final = tuple(control.text for control in (Control.START_RESPONSE, Control.END_TURN, Control.EOS))
_WORDS: Final = {"true": True, "false": False, "null": None}
MAX_DEPTH: Final = 32  # deeper nesting is a runaway model, and would exhaust Python's own stack


class CallSyntaxError(ValueError):
    """Text between call markers that is not a call."""


def parse_calls(text: str) -> list[Call]:
    """Return the calls in `text`, in order.

    Raises:
        CallSyntaxError: one of them is malformed or cut short.
    """
    return list(_calls(text))


def parse_turn(text: str) -> ModelTurn:
    """Return a model's reply as a turn: its thinking, its calls and the text around them.

    It ends where decoding stops: at a response, the turn's end or <eos>.

    Raises:
        CallSyntaxError: one of the calls is malformed or cut short.
    """
    think, rest = _split_thought(text)
    calls: list[Call] = []
    outside: list[str] = []
    position, ended = 0, False
    while not ended:
        start = rest.find(Control.START_CALL.text, position)
        between = rest[position:] if start < 0 else rest[position:start]
        outside.append(_before_end(between))
        ended = start < 0 or outside[-1] != between
        if not ended:
            reader = _Reader(rest, start + len(Control.START_CALL.text))
            calls.append(reader.call())
            position = reader.position
    return ModelTurn(think=think.strip(), calls=tuple(calls), text="".join(outside).strip())


def _split_thought(text: str) -> tuple[str, str]:
    """Return the thought and the text without it; one inside a call's string is none."""
    before, _, rest = text.partition(_THINK[0])
    thought, closing, after = rest.partition(_THINK[1])
    return (thought, before + after) if closing and Control.START_CALL.text not in before else ("", text)


def _before_end(text: str) -> str:
    for mark in _REPLY_END:
        text = text.partition(mark)[0]
    return text


def _calls(text: str) -> Iterator[Call]:
    position = text.find(Control.START_CALL.text)
    while position >= 0:
        reader = _Reader(text, position + len(Control.START_CALL.text))
        yield reader.call()
        position = text.find(Control.START_CALL.text, reader.position)


class _Reader:
    """A recursive-descent reader over one string; `position` is the next character."""

    def __init__(self, text: str, position: int) -> None:
        self.text = text
        self.position = position

    def call(self) -> Call:
        self._expect("call")
        self._expect(":")
        name = self._match(_NAME, "a function's name")
        arguments = self._object(0) if self._next_is("{") else {}
        self._expect(Control.END_CALL.text)
        return Call(name, arguments)

    def _object(self, depth: int) -> dict[str, Value]:
        result: dict[str, Value] = {}
        for _ in self._separated("{", "}"):
            key = self._string() if self._next_is(Control.ESCAPE.text) else self._match(_NAME, "a key")
            self._expect(":")
            result.setdefault(key, self._value(depth + 1))
        return result

    def _array(self, depth: int) -> list[Value]:
        return [self._value(depth + 1) for _ in self._separated("[", "]")]

    def _separated(self, opening: str, closing: str) -> Iterator[None]:
        self._expect(opening)
        if not self._next_is(closing):
            yield
            while self._next_is(","):
                self._expect(",")
                yield
        self._expect(closing)

    def _value(self, depth: int) -> Value:
        if depth > MAX_DEPTH:
            self._fail(f"at most {MAX_DEPTH} levels of nesting")
        readers: dict[str, Callable[[], Value]] = {
            "{": lambda: self._object(depth),
            "[": lambda: self._array(depth),
            Control.ESCAPE.text: self._string,
        }
        for opening, reader in readers.items():
            if self._next_is(opening):
                return reader()
        return self._bare()

    def _string(self) -> str:
        self._expect(Control.ESCAPE.text)
        end = self.text.find(Control.ESCAPE.text, self.position)
        if end < 0:
            self._fail(f"{Control.ESCAPE.text} at the string's end")
        value = self.text[self.position : end]
        self.position = end + len(Control.ESCAPE.text)
        return value

    def _bare(self) -> Value:
        start = self.position
        word = self._match(_BARE, "a value")
        if word in _WORDS:
            return _WORDS[word]
        if not _NUMBER.fullmatch(word):
            self.position = start
            self._fail("a number, true, false, null or an escaped string")
        return float(word) if set(word) & set(".eE") else int(word)

    def _next_is(self, token: str) -> bool:
        self._skip_space()
        return self.text.startswith(token, self.position)

    def _expect(self, token: str) -> None:
        if not self._next_is(token):
            self._fail(repr(token))
        self.position += len(token)

    def _match(self, pattern: re.Pattern[str], what: str) -> str:
        self._skip_space()
        found = pattern.match(self.text, self.position)
        if not found:
            self._fail(what)
        self.position = found.end()
        return found[0]

    def _skip_space(self) -> None:
        found = _SPACE.match(self.text, self.position)
        self.position = found.end() if found else self.position

    def _fail(self, expected: str) -> NoReturn:
        found = self.text[self.position : self.position + 20] or "the end"
        raise CallSyntaxError(f"expected {expected} at character {self.position}, found {found!r}")
