"""Every tool that an entry names is in the knowledge base, and none names itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from toolrec_kb.load import Problem, Source

if TYPE_CHECKING:
    from toolrec_kb.rules import Base


def check(source: Source, base: Base) -> Iterator[Problem]:
    """Report names of tools that are not there."""
    tool = source.tool
    for field in ("alternative_to", "replaces", "piped_with"):
        for name in getattr(tool, field):
            if name == tool.name:
                yield Problem(str(source.path), field, "names the tool itself")
            elif name not in base.tools:
                yield Problem(str(source.path), field, f"{name!r} is not in the knowledge base")
