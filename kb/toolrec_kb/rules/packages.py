"""A package name stands in its manager's list and installs one of the entry's programs.

The lists do not know everything: programs that come by Debian's alternatives, by a metapackage's
dependencies or in /usr/games. Such names stand in `exceptions.toml`, each with its reason.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from toolrec_kb.load import Problem, Source

if TYPE_CHECKING:
    from toolrec_kb.rules import Base

EXCEPTIONS_FILE = Path(__file__).parent / "exceptions.toml"


def read_exceptions(path: Path = EXCEPTIONS_FILE) -> dict[str, dict[str, str]]:
    """Return manager → package → why its name is right though the list does not show it."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


EXCEPTIONS: Mapping[str, Mapping[str, str]] = read_exceptions()


def check(source: Source, base: Base) -> Iterator[Problem]:
    """Report unknown packages, packages that install other programs, and exceptions nobody needs."""
    for manager, package in source.tool.install.items():
        known = base.packages.get(manager)
        if known is None:
            continue
        wanted = {*source.tool.programs, *source.tool.program_names.get(manager, {}).values()}
        reason = _reason(wanted, package, known.get(package))
        if package in EXCEPTIONS.get(manager, {}):
            reason = "" if reason else _needless(wanted, package, known[package])
        if reason:
            yield Problem(str(source.path), f"install.{manager}", reason)


def _reason(wanted: set[str], package: str, programs: frozenset[str] | None) -> str:
    if programs is None:
        return f"no package {package!r} in the list"
    # Some lists name no programs for a package; then only its existence can be checked.
    if programs and not wanted & programs:
        return f"package {package!r} installs {', '.join(sorted(programs)[:6])}, none of {', '.join(sorted(wanted))}"
    return ""


def _needless(wanted: set[str], package: str, programs: frozenset[str]) -> str:
    shown = ", ".join(sorted(wanted & programs)) or "it"
    return f"the list shows {shown} in {package!r}: take it out of exceptions.toml"
