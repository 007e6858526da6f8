"""What a line looks like apart from its words' meaning."""

from __future__ import annotations

import pytest

from toolrecd.shape import first_word, shape

NAMES = ["code", "comment", "log", "pasted", "command", "remark", "change", "general", "bare", "asks"]


def marks(text: str, *, names_program: bool = False) -> set[str]:
    """Return the names of the marks that `text` bears."""
    found = shape(text, names_program=names_program)
    return {name for name, mark in zip(NAMES, found, strict=True) if mark}


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("for i in range(10):", "code"),
        ("return result", "code"),
        ("# old settings below", "comment"),
        ("2024-05-03T10:22:41Z upstream timed out", "log"),
        ("CRIT: disk 91% used", "log"),
        ("buy milk and eggs", "remark"),
        ("fixed typo in footer", "change"),
        ("feat(api): return 409", "change"),
        ("why is the sky blue", "general"),
        ("192.168.0.14", "bare"),
        ("what is using port 80?", "asks"),
    ],
)
def test_mark(text: str, mark: str) -> None:
    """Each look is told by its mark."""
    assert mark in marks(text)


@pytest.mark.parametrize(
    "text", ["find all python files", "uppercase -> lowercase", "compress a folder", "show disk usage"]
)
def test_plain_task(text: str) -> None:
    """A plain task bears no mark."""
    assert not marks(text)


def test_pasted_command() -> None:
    """A program's name with flags is a command, unless English stands around it."""
    assert "pasted" in marks("grep -r needle src", names_program=True)
    assert "pasted" in marks("sudo systemctl restart nginx", names_program=True)
    assert "pasted" not in marks("grep -r but faster", names_program=True)
    assert "pasted" not in marks("folder -r needle")


@pytest.mark.parametrize(("text", "word"), [("sudo vi x", "vi"), ("LS -l", "ls"), ("sudo", ""), ("", "")])
def test_first_word(text: str, word: str) -> None:
    """The program of a command is its first word, after what runs it as another user."""
    assert first_word(text) == word


@pytest.mark.parametrize("text", ["", " ", "(" * 100_000, "a" * 100_000, "is " * 30_000, "\0", "-" * 100_000])
def test_hostile(text: str) -> None:
    """No line harms the reading of it."""
    assert len(shape(text, names_program=True)) == len(NAMES)
