"""What a good entry keeps beyond its schema; one rule a module, each returning its findings.

A rule is a function `check(source: Source, base: Base) -> Iterator[Problem]`; one that judges all entries
together is a function `check(sources: list[Source]) -> Iterator[Problem]`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec

from toolrec_kb.load import Problem, Source
from toolrec_kb.rules import cautions, coverage, examples, packages, placement, relations


class Base(msgspec.Struct, frozen=True):
    """What a rule may look at besides the entry itself."""

    tools: frozenset[str]
    categories: frozenset[str]
    packages: Mapping[str, Mapping[str, frozenset[str]]] = {}
    """manager → package → the programs it installs; empty where no list is at hand."""


Rule = Callable[[Source, Base], Iterator[Problem]]
RULES: tuple[Rule, ...] = (placement.check, examples.check, relations.check, packages.check, cautions.check)
WHOLE_RULES: tuple[Callable[[list[Source]], Iterator[Problem]], ...] = (coverage.check,)


def check(sources: list[Source], base: Base) -> list[Problem]:
    """Return what all rules find in `sources`, in the sources' order, then what they lack as a whole."""
    found = [problem for source in sources for rule in RULES for problem in rule(source, base)]
    return found + [problem for rule in WHOLE_RULES for problem in rule(sources)]


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
