"""What a good entry keeps beyond its schema; one rule a module, each returning its findings.

A rule is a function `check(source: Source, base: Base) -> Iterator[Problem]`; one that judges all entries
together is a function `check(sources: list[Source], base: Base) -> Iterator[Problem]`. The line of what it reports
is found for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec

from toolrec_kb.load import Problem, Source, located
from toolrec_kb.rules import (
    cautions,
    coverage,
    examples,
    packages,
    placement,
    relations,
    sources,
    standardness,
)
from toolrec_kb.rules.sources import Records, read_records

__all__ = ["OWN_RULES", "RULES", "Base", "check", "check_own", "read_package_lists", "read_records"]


class Base(msgspec.Struct, frozen=True):
    """What a rule may look at besides the entry itself."""

    tools: frozenset[str]
    categories: frozenset[str]
    packages: Mapping[str, Mapping[str, frozenset[str]]] = {}
    """manager → package → the programs it installs; empty where no list is at hand."""
    sources: Records | None = None
    """Where package names were seen; None where that is not to be judged."""


Rule = Callable[[Source, Base], Iterator[Problem]]
OWN_RULES: tuple[Rule, ...] = (examples.check, relations.check, packages.check, cautions.check, standardness.check)
"""What a tool of the user's own is judged by too: it lies in no category's folder and owes nobody a source."""
RULES: tuple[Rule, ...] = (placement.check, *OWN_RULES, sources.check)
WHOLE_RULES: tuple[Callable[[list[Source], Base], Iterator[Problem]], ...] = (coverage.check, sources.check_files)


def check(entries: list[Source], base: Base) -> list[Problem]:
    """Return what all rules find in `entries`, in the entries' order, then what they lack as a whole."""
    found = [problem for entry in entries for rule in RULES for problem in rule(entry, base)]
    return [located(problem) for problem in (*found, *(p for rule in WHOLE_RULES for p in rule(entries, base)))]


def check_own(entries: list[Source], base: Base) -> list[Problem]:
    """Return what the rules for a user's own tools find in `entries`."""
    return [located(problem) for entry in entries for rule in OWN_RULES for problem in rule(entry, base)]


def read_package_lists(folder: Path) -> dict[str, dict[str, frozenset[str]]]:
    """Return manager → package → programs from the tab-separated lists in `folder`.

    A folder or list that is not there gives no facts, and the rule that needs them stays quiet.
    """
    files = {
        "apt": "debian-bookworm.tsv",
        "brew": "homebrew.tsv",
        "scoop": "scoop-main.tsv",
        "winget": "winget-ids.txt",
    }
    return {manager: _read_list(folder / name) for manager, name in files.items() if (folder / name).is_file()}


def _read_list(path: Path) -> dict[str, frozenset[str]]:
    rows = (line.partition("\t") for line in path.read_text(encoding="utf-8").splitlines() if line)
    return {package: frozenset(programs.split()) for package, _, programs in rows}
