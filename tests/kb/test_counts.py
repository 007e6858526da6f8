"""The counts, and the page made of the knowledge base."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from toolrec_kb import __main__ as command
from toolrec_kb import counts, page
from toolrec_kb.schema import Category, Tool

MakeTool = Callable[..., Tool]
CATEGORIES = [Category("search", "Find files and text."), Category("files", "Copy, move and delete files.")]


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("builtins of Unix shells", {"standardness": "builtin", "shells": ["bash"]}),
        ("PowerShell cmdlets", {"standardness": "builtin", "shells": ["powershell"], "platforms": ["windows"]}),
        ("Windows programs", {"platforms": ["windows"]}),
        ("for macOS alone", {"platforms": ["macos"]}),
        ("for the BSDs alone", {"platforms": ["openbsd", "netbsd"]}),
    ],
)
def test_kinds(make_tool: MakeTool, kind: str, fields: dict[str, Any]) -> None:
    """A tool counts in the one kind it is of, and one for several systems in none."""
    found = counts.kinds([make_tool("a", **fields), make_tool("b")])
    assert {name for name, count in found.items() if count} == {kind}


def test_lines(make_tool: MakeTool) -> None:
    """The lines hold the tools, their examples, the smallest category, and each field's values."""
    tools = [make_tool("fd", install={"apt": "fd-find"}), make_tool("rm", categories=["files", "search"])]
    lines = list(counts.lines(tools, CATEGORIES))
    assert lines[:2] == [
        "2 tools with 4 examples, never fewer than 2",
        "2 categories, the smallest files with 1 tools",
    ]
    assert lines[-1].startswith("by manager: apt 1, dnf 0, ")
    assert any("by system: linux 2, macos 2, windows 0" in line for line in lines)


def test_nothing_to_count() -> None:
    """An empty knowledge base has counts too."""
    assert next(counts.lines([], [])) == "0 tools with 0 examples, never fewer than 0"


def test_page(make_tool: MakeTool) -> None:
    """The page names what makes it, counts, defines each category and lists the tools in their first one."""
    tools = [
        make_tool("b", summary="Show <b> and *c*"),
        make_tool("A"),
        make_tool("rm", categories=["files", "search"]),
    ]
    text = page.text(tools, CATEGORIES)
    assert text.startswith("<!-- Made by `python -m toolrec_kb page`")
    assert "| [search](#search) | 3 | Find files and text. |" in text
    assert (
        "## search\n\nFind files and text.\n\n- `A`: Do the work of A quickly\n- `b`: Show \\<b> and \\*c\\*\n" in text
    )
    assert text.endswith("## files\n\nCopy, move and delete files.\n\n- `rm`: Do the work of rm quickly\n")


def test_fresh_page(capsys: pytest.CaptureFixture[str]) -> None:
    """The page in docs is the one that the entries give today."""
    assert command.main(["page", "--check"]) == 0, capsys.readouterr().out


def test_stale_page(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A page that is not as it would be made now is reported with the command that makes it, which then does."""
    monkeypatch.setattr(command, "DATA_DIR", folder)
    monkeypatch.setattr(page, "PAGE_FILE", tmp_path / "tools.md")
    assert command.main(["page", "--check"]) == 1
    assert capsys.readouterr().out == f"{tmp_path / 'tools.md'}: out of date; run: python -m toolrec_kb page\n"
    assert command.main(["page"]) == 0
    assert command.main(["page", "--check"]) == 0
