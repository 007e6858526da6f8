"""Fills an example's `{placeholders}` with what the question is about.

"find all python files" makes `find . -name '*.{extension}'` end in `*.py`. What the question does not
say stays a placeholder: a guess on the command line is worse than a gap. Values are quoted for the shell
where they need it, for they come from whatever was typed.
"""

from __future__ import annotations

import re
from typing import Final

from toolrec_kb.question import Operands
from toolrec_kb.schema import Example

PLACEHOLDER: Final = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_SHELL_SAFE: Final = re.compile(r"[\w./~][\w@%+=:,./~-]*", re.ASCII)
# Shells disagree on what ends or escapes inside a quoted string, and a line's end runs the line.
_NEVER: Final = re.compile(r"['’‘\\\x00-\x1f\x7f-\x9f]|^-")  # noqa: RUF001  PowerShell takes these for quotes
_ACTING_IN_DOUBLE_QUOTES: Final = frozenset('"$`!“”„')


def fill(example: Example, operands: Operands) -> str:
    """Return the example's command with the question's operands in place of its placeholders."""
    return PLACEHOLDER.sub(lambda hole: _filled(example.command, hole, operands), example.command)


def holes(command: str) -> int:
    """Return how many placeholders a command still has."""
    return len(PLACEHOLDER.findall(command))


def _filled(command: str, hole: re.Match[str], operands: Operands) -> str:
    value = operands.values.get(hole[1])
    if hole[1] != "archive" and value == operands.values.get("archive") and "{archive}" in command:
        return hole[0]  # the one file that the question names is the archive itself
    if value is None or _NEVER.search(value):
        return hole[0]
    quote = _quote_around(command, hole.start())
    if quote == '"' and set(value) & _ACTING_IN_DOUBLE_QUOTES:
        return hole[0]
    return value if quote or _SHELL_SAFE.fullmatch(value) else f"'{value}'"


def _quote_around(command: str, position: int) -> str:
    """Return the quote character that is open at `position`, or an empty string."""
    quote = ""
    for character in command[:position]:
        if not quote and character in "'\"":
            quote = character
        elif character == quote:
            quote = ""
    return quote
