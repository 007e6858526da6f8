"""How standard an entry says its tool is agrees with what else is known of it.

Knows POSIX's utilities by name. Whether a tool comes with a system, or is popular, nobody can tell from its entry:
docs/adding-a-tool.md has the criteria.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from toolrec_kb.load import Problem, Source
from toolrec_kb.rules.coverage import STANDARD
from toolrec_kb.schema import Tool

if TYPE_CHECKING:
    from toolrec_kb.rules import Base

POSIX: Final = frozenset(name for name, row in STANDARD.items() if "posix" in row.origins)
MAX_NICHE_USAGE: Final = 3


def check(source: Source, base: Base) -> Iterator[Problem]:
    """Report a standardness that the entry's other fields speak against."""
    for field, reason in _findings(source.tool):
        yield Problem(str(source.path), field, reason)


def _findings(tool: Tool) -> Iterator[tuple[str, str]]:
    known = POSIX.intersection(tool.programs)
    if tool.standardness == "builtin" and not tool.shells:
        yield "standardness", "is builtin: name the shells it is part of in `shells`"
    if tool.shells and tool.standardness not in ("builtin", "posix"):
        yield "standardness", "names shells: what is part of a shell is builtin"
    if tool.standardness == "posix" and not known:
        yield "standardness", f"POSIX has no utility {tool.programs[0]!r}: what comes with a system is core"
    if tool.standardness == "core" and tool.programs[0] in known and tool.platforms != ("windows",):
        yield "standardness", f"{tool.programs[0]!r} is a utility of POSIX: write posix"
    if tool.standardness == "niche" and tool.usage > MAX_NICHE_USAGE:
        yield "usage", f"is {tool.usage}: what most people use now and then is not niche"
