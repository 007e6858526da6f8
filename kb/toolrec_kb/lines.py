"""Finds the line of a TOML file on which a field stands, which `tomllib` does not tell.

Goes through the text once, tolerantly: a file with mistakes has lines too. A field is written as problems name
it: `examples[1].command`, `install.apt`, `programs[0]`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain

_TOKEN = re.compile(
    r'"""(?:[^\\]|\\.)*?"""|\'\'\'.*?\'\'\'|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|#[^\n]*|[\[\]{},=\n]|[^\s\[\]{},=#"\']+|["\']',
    re.DOTALL,
)
_HEADER = re.compile(r"\s*(\[\[?)([^\]\n]+)\]")
_LAST_STEP = re.compile(r"(?:^|\.)[^.\[\]]*$|\[[^\[\]]*\]$|[^.]*$")
_KEY_PART = re.compile(r"\"([^\"]*)\"|'([^']*)'|([^.\s]+)")


def line_of(text: str, field: str) -> int:
    """Return the line of `field` in `text`, or of what it would stand in if it is missing; from 1."""
    places = _table(text)
    if field not in places and f"{field}[0]" in places:  # an array of tables has no line of its own
        field = f"{field}[0]"
    while field and field not in places:
        field = _LAST_STEP.sub("", field)
    return places.get(field, 1)


@lru_cache(maxsize=4)  # the problems of one file come together
def _table(text: str) -> dict[str, int]:
    return dict(reversed(list(_places(text))))  # of a field given twice the first counts


def _places(text: str) -> Iterator[tuple[str, int]]:
    """Yield each field with its line, in order."""
    counts: dict[str, int] = defaultdict(int)
    table = ""
    lines = iter(enumerate(text.split("\n"), 1))
    for number, line in lines:
        header = _HEADER.match(line)
        if header:
            table = ".".join(_parts(header[2]))
            if header[1] == "[[":
                counts[table] += 1
                table = f"{table}[{counts[table] - 1}]"
            yield table, number
            continue
        while _is_open(line):
            following = next(lines, None)
            if following is None:
                break
            line += "\n" + following[1]
        yield from _statement(line, table, number)


def _is_open(statement: str) -> bool:
    """Return whether a value goes on in the next line: a bracket or a long string is not closed yet."""
    depth = 0
    for token in _TOKEN.findall(statement):
        if token in ('"', "'"):
            return '"""' in statement or "'''" in statement
        depth += (token in ("[", "{")) - (token in ("]", "}"))
    return depth > 0


def _statement(text: str, table: str, line: int) -> Iterator[tuple[str, int]]:
    tokens = _numbered(text, line)
    key = []
    for token, _ in tokens:
        if token == "=":
            break
        key.append(token)
    if key and not key[0].startswith("#"):
        path = ".".join(filter(None, [table, *_parts("".join(key))]))
        yield path, line
        yield from _inside(path, tokens)


def _numbered(text: str, line: int) -> Iterator[tuple[str, int]]:
    for token in _TOKEN.findall(text):
        if not token.startswith("#") and token != "\n":
            yield token, line
        line += token.count("\n")


def _inside(path: str, tokens: Iterator[tuple[str, int]]) -> Iterator[tuple[str, int]]:
    """Yield the places within a value: an array's items, an inline table's keys."""
    opener, _ = next(tokens, ("", 0))
    if opener not in ("[", "{"):
        return
    item = 0
    for token, line in tokens:
        if token in ("]", "}"):
            return
        if token == ",":
            item += 1
        elif opener == "{":
            inner = ".".join([path, *_parts(token)])
            yield inner, line
            next(tokens, None)  # the equals sign
            yield from _inside(inner, tokens)
        else:
            yield f"{path}[{item}]", line
            if token in ("[", "{"):
                yield from _inside(f"{path}[{item}]", chain([(token, line)], tokens))


def _parts(key: str) -> list[str]:
    return ["".join(groups) for groups in _KEY_PART.findall(key)]
