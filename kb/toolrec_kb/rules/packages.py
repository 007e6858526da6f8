"""A package name stands in its manager's list and installs one of the entry's programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from toolrec_kb.load import Problem, Source
from toolrec_kb.schema import Tool, all_programs

if TYPE_CHECKING:
    from toolrec_kb.rules import Base


def check(source: Source, base: Base) -> Iterator[Problem]:
    """Report unknown packages, and packages that install other programs."""
    for manager, package in source.tool.install.items():
        known = base.packages.get(manager)
        if known is None:
            continue
        reason = _reason(source.tool, package, known.get(package))
        if reason:
            yield Problem(str(source.path), f"install.{manager}", reason)


def _reason(tool: Tool, package: str, programs: frozenset[str] | None) -> str:
    if programs is None:
        return f"no package {package!r} in the list"
    wanted = set(all_programs(tool))
    # Some lists name no programs for a package; then only its existence can be checked.
    if programs and not wanted & programs:
        return f"package {package!r} installs {', '.join(sorted(programs)[:6])}, none of {', '.join(sorted(wanted))}"
    return ""
