"""The line of a field."""

from __future__ import annotations

import pytest

from toolrec_kb.lines import line_of

TEXT = '''\
# a comment
name = "fd"
programs = ["fd", "fd2"]
keywords = [
  "a",  # not ] the end
  "b",
]
alias = { apt = "x", "dnf" = ["y"] }

[install]
apt = "fd-find"
"guile-3.0" = "g"

[program_names.apt]
fd = "fdfind"

[[examples]]
task = """
two
lines"""
command = "fd"

[[examples]]
command = 'awk "{" x'
task = "z"
'''
PLACES = {
    "name": 2, "programs": 3, "programs[1]": 3, "keywords": 4, "keywords[0]": 5, "keywords[1]": 6, "alias.apt": 8,
    "alias.dnf[0]": 8, "install": 10, "install.apt": 11, "install.guile-3.0": 12, "program_names.apt": 14,
    "program_names.apt.fd": 15, "examples[0]": 17, "examples[0].task": 18, "examples[0].command": 21,
    "examples[1].command": 24, "examples[1].task": 25,
}  # fmt: skip


@pytest.mark.parametrize(("field", "line"), PLACES.items())
def test_there(field: str, line: int) -> None:
    """A field that stands in the file is found on its line."""
    assert line_of(TEXT, field) == line


@pytest.mark.parametrize(
    ("field", "line"),
    [
        ("summary", 1),
        ("install.brew", 10),
        ("examples[1].platforms", 23),
        ("examples[7].task", 1),
        ("install[...]", 10),
    ],
)
def test_missing(field: str, line: int) -> None:
    """A field that is missing has the line of what it would stand in, the file's first if that is the file."""
    assert line_of(TEXT, field) == line


def test_array_of_tables() -> None:
    """An array of tables has the line of its first table."""
    assert line_of(TEXT, "examples") == 17


def test_given_twice() -> None:
    """Of a field given twice the first counts."""
    assert line_of("a = 1\na = 2\n", "a") == 1


@pytest.mark.parametrize(
    "text", ["", '"', "[", "[[", "a = [", 'a = """', "= = =", "a = {b = [", "\0", "]" * 50, '"""' * 9]
)
def test_broken(text: str) -> None:
    """No text harms it."""
    assert line_of(text, "a") >= 1
