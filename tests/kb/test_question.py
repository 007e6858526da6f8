"""What a question is read to be about."""

from __future__ import annotations

import pytest

from toolrec_kb.question import read


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("install firefox", "firefox"),
        ("restart nginx", "nginx"),
        ("find pid of sshd", "sshd"),
        ("install vim without x11", "vim"),
        ("format python code", "python"),
        ("rename all .jpeg to .jpg", ".jpeg"),
        ("search for TODO in src", "todo"),
    ],
)
def test_operand(query: str, word: str) -> None:
    """What something is done to is told from what is done."""
    assert word in read(query).words


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("install a package", "package"),
        ("install software from the shell", "software"),
        ("convert a .webp to .png", ".webp"),
        ("restart", "restart"),
    ],
)
def test_no_operand(query: str, word: str) -> None:
    """A kind of thing is no name, and to a conversion the types matter."""
    assert word not in read(query).words
