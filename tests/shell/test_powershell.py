"""PowerShell: no interpreter of it is at hand for the tests, so only the text is checked; it has not been run."""

from __future__ import annotations

import re

from .conftest import HOOKS

TEXT = (HOOKS / "toolrec.ps1").read_text(encoding="utf-8")
PAIRS = {")": "(", "]": "[", "}": "{"}


def without_strings(text: str) -> str:
    """Return PowerShell code without its strings and comments; in double quotes code in `$(…)` goes with them."""
    return re.sub(r"'[^']*'|\"(?:`.|\$\([^)]*\)|[^\"`])*\"|#[^\n]*", "", text)


def test_brackets_are_balanced() -> None:
    """Each bracket outside of strings closes the one opened last."""
    opened: list[str] = []
    for character in without_strings(TEXT):
        if character in PAIRS.values():
            opened.append(character)
        elif character in PAIRS:
            assert opened
            assert opened.pop() == PAIRS[character]
    assert opened == []


def test_names_are_prefixed_and_global() -> None:
    """Every function is `global:__toolrec_…`, which a dot-sourced profile and a key handler both see."""
    names = re.findall(r"^function (\S+?)[\s({]", TEXT, flags=re.MULTILINE)
    assert len(names) >= 5
    assert [name for name in names if not name.startswith("global:__toolrec_")] == []


def test_every_function_that_is_called_exists() -> None:
    """A call of one of ours names a function of the file."""
    defined = set(re.findall(r"^function global:(__toolrec_\w+)", TEXT, flags=re.MULTILINE))
    called = set(re.findall(r"(?<![:$\w])(__toolrec_[a-z]\w*)", without_strings(TEXT))) - {"__toolrec_state"}
    assert called <= defined
