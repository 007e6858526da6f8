"""Entries, folders and facts that the knowledge base's tests share."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from toolrec_kb.knowledge import Knowledge, load
from toolrec_kb.load import CATEGORIES_FILE, SYNONYMS_FILE, Source
from toolrec_kb.rules import Base
from toolrec_kb.schema import Tool

REFERENCE = Path(__file__).parents[3] / "shared" / "reference"

MakeTool = Callable[..., Tool]


def _entry(name: str = "fd", **fields: Any) -> dict[str, Any]:
    return {
        "name": name,
        "summary": f"Do the work of {name} quickly",
        "programs": [name],
        "categories": ["search"],
        "platforms": ["linux", "macos"],
        "standardness": "popular",
        "usage": 3,
        "examples": [
            {"task": "find files by name", "command": f"{name} {{pattern}}"},
            {"task": "find files by their ending", "command": f"{name} -e {{extension}}"},
        ],
        **fields,
    }


@pytest.fixture
def entry() -> Callable[..., dict[str, Any]]:
    """A function that returns a good entry as a plain document; fields by name replace its own."""
    return _entry


@pytest.fixture
def make_tool() -> MakeTool:
    """A function that returns a good tool; fields by name replace its own."""
    return lambda name="fd", **fields: msgspec.convert(_entry(name, **fields), Tool)


@pytest.fixture
def make_source(make_tool: MakeTool) -> Callable[..., Source]:
    """A function that returns a tool in the file where it belongs."""

    def make(name: str = "fd", **fields: Any) -> Source:
        tool = make_tool(name, **fields)
        return Source(Path("data") / tool.categories[0] / f"{name}.toml", tool)

    return make


@pytest.fixture(scope="session")
def ours() -> Knowledge:
    """Our own knowledge base."""
    return load()[0]


@pytest.fixture
def base() -> Base:
    """A small knowledge base to judge entries against."""
    return Base(
        tools=frozenset({"fd", "find", "rg"}),
        categories=frozenset({"search", "files"}),
        packages={"apt": {"fd-find": frozenset({"fdfind"}), "fd": frozenset({"fdisk"}), "quiet": frozenset()}},
    )


def _toml(document: dict[str, Any]) -> str:
    """Return a flat document as TOML; its tables inline, which JSON's strings and lists already fit."""

    def value(item: Any) -> str:
        if isinstance(item, dict):
            return "{" + ", ".join(f"{json.dumps(key)} = {value(inner)}" for key, inner in item.items()) + "}"
        if isinstance(item, list):
            return "[" + ", ".join(map(value, item)) + "]"
        return json.dumps(item)

    return "".join(f"{key} = {value(item)}\n" for key, item in document.items())


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes a good entry, below `kb` if not told otherwise, and returns its path."""

    def write(name: str = "fd", /, file: str = "", **fields: Any) -> Path:
        document = _entry(name, **fields)
        path = tmp_path / (file or f"kb/{document['categories'][0]}/{name}.toml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_toml({key: item for key, item in document.items() if item is not None}), encoding="utf-8")
        return path

    return write


@pytest.fixture
def folder(tmp_path: Path, save: Callable[..., Path]) -> Path:
    """A complete small knowledge base: two tools, two categories, one group of synonyms."""
    save("fd")
    save("rm", categories=["files"], examples=[{"task": f"delete {what}", "command": "rm"} for what in ("it", "all")])
    kb = tmp_path / "kb"
    categories = [("search", "Find files and text in them."), ("files", "Copy, move and delete files.")]
    (kb / CATEGORIES_FILE).write_text(
        "".join(f'[[category]]\nname = "{name}"\ndefinition = "{text}"\n' for name, text in categories)
    )
    (kb / SYNONYMS_FILE).write_text('group = [["delete", "erase"]]\n')
    return kb


@pytest.fixture
def package_lists() -> Path:
    """The folder of package lists, where it is at hand."""
    lists = REFERENCE / "packages"
    if not lists.is_dir():
        pytest.skip("no package lists beside this checkout")
    return lists
