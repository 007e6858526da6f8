"""An entry lies in its first category's folder, under its own name, in known categories."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from toolrec_kb.load import Problem, Source

if TYPE_CHECKING:
    from toolrec_kb.rules import Base


def check(source: Source, base: Base) -> Iterator[Problem]:
    """Report a wrong folder or file name, and categories that do not exist."""
    tool, path = source.tool, source.path
    if path.parent.name != tool.categories[0]:
        yield Problem(str(path), "categories", f"lies in {path.parent.name!r} but its first is {tool.categories[0]!r}")
    if path.stem != tool.name:
        yield Problem(str(path), "name", f"is {tool.name!r}, so the file must be {tool.name}.toml")
    for category in tool.categories:
        if category not in base.categories:
            yield Problem(str(path), "categories", f"unknown category {category!r}; see categories.toml")
