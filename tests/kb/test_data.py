"""Our own knowledge base: by the schema, by the rules, and rich enough to be asked."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from toolrec_kb import rules
from toolrec_kb.load import CATEGORIES_FILE, DATA_DIR, SYNONYMS_FILE, Problem, Source, read_categories, read_folder
from toolrec_kb.load import read_synonyms as read_groups

MIN_CATEGORIES, MIN_TOOLS = 25, 150


@pytest.fixture(scope="module")
def read() -> tuple[list[Source], list[Problem]]:
    """All tool files and what is wrong with them."""
    return read_folder(DATA_DIR)


@pytest.fixture(scope="module")
def categories() -> list[str]:
    """The categories' names."""
    listed = read_categories(DATA_DIR / CATEGORIES_FILE)
    assert not isinstance(listed, Problem), str(listed)
    return [category.name for category in listed]


def found(sources: list[Source], categories: list[str], lists: Path | None = None) -> list[str]:
    """Return what the rules find, a line each."""
    base = rules.Base(
        tools=frozenset(source.tool.name for source in sources),
        categories=frozenset(categories),
        packages=rules.read_package_lists(lists) if lists else {},
        sources=rules.read_records(),
    )
    return [str(problem) for problem in rules.check(sources, base)]


def test_schema(read: tuple[list[Source], list[Problem]]) -> None:
    """Every tool file is in order by the schema, and no name stands twice."""
    sources, problems = read
    assert [str(problem) for problem in problems] == []
    assert len(sources) >= MIN_TOOLS


def test_rules(read: tuple[list[Source], list[Problem]], categories: list[str]) -> None:
    """Every entry keeps the rules."""
    assert found(read[0], categories) == []


def test_packages(read: tuple[list[Source], list[Problem]], categories: list[str], package_lists: Path) -> None:
    """Every package stands in its manager's list and installs one of the entry's programs."""
    assert set(rules.read_package_lists(package_lists)) == {"apt", "brew", "scoop", "winget"}
    assert [line for line in found(read[0], categories, package_lists) if ": install." in line] == []


def test_categories(read: tuple[list[Source], list[Problem]], categories: list[str]) -> None:
    """There are enough categories, each name once, the most needed among them, and each has tools of its own."""
    first = Counter(source.tool.categories[0] for source in read[0])
    assert len(categories) == len(set(categories)) >= MIN_CATEGORIES
    assert {"archive", "version_control", "containers", "permissions"} <= set(categories)
    assert [category for category in categories if not first[category]] == []


def test_examples(read: tuple[list[Source], list[Problem]]) -> None:
    """Every tool has two examples or more, and on the average four."""
    counts = {source.tool.name: len(source.tool.examples) for source in read[0]}
    assert [name for name, count in counts.items() if count < 2] == []
    assert sum(counts.values()) / len(counts) >= 4


def test_installable(read: tuple[list[Source], list[Problem]]) -> None:
    """What neither is part of a shell nor comes with a system says how to install it."""
    wanting = [
        source.tool.name
        for source in read[0]
        if source.tool.standardness in ("popular", "niche") and not source.tool.install
    ]
    assert len(wanting) <= len(read[0]) / 20, wanting


def test_synonyms() -> None:
    """The synonyms are groups of distinct words."""
    groups = read_groups(DATA_DIR / SYNONYMS_FILE)
    assert not isinstance(groups, Problem), str(groups)
    assert [group for group in groups if len(set(group)) != len(group)] == []
