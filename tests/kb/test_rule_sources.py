"""The rule that every package name has a row saying where it was seen, and what writes such rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import msgspec
import pytest

from toolrec_kb import package_sources
from toolrec_kb.load import Source
from toolrec_kb.rules import Base, sources
from toolrec_kb.rules.sources import SOURCES_DIR, Row, read_records

MakeSource = Callable[..., Source]
Write = Callable[[str, str], Path]
GOOD = "fd\tsomewhere\t2026-11-24\n"


@pytest.fixture
def judged(base: Base, write: Write) -> Callable[[str], Base]:
    """A function that returns a base whose file for brew holds this text."""

    def make(text: str) -> Base:
        return msgspec.structs.replace(base, sources=read_records(write("brew.tsv", text).parent))

    return make


def test_clean(make_source: MakeSource, judged: Callable[[str], Base]) -> None:
    """A name with a row, and a row with an entry, are in order."""
    source = make_source("fd", install={"brew": "fd"})
    base = judged(GOOD)
    assert [*sources.check(source, base), *sources.check_files([source], base)] == []


def test_no_row(make_source: MakeSource, judged: Callable[[str], Base]) -> None:
    """A name without a row, and one whose manager has no file, is reported with the remedy."""
    found = list(sources.check(make_source("fd", install={"brew": "fdd", "apt": "fd"}), judged(GOOD)))
    assert [problem.field for problem in found] == ["install.brew", "install.apt"]
    assert found[0].reason.startswith("nothing says where 'fdd' was seen: add a row to sources/brew.tsv")


def test_needless_row(make_source: MakeSource, judged: Callable[[str], Base], tmp_path: Path) -> None:
    """A row that no entry needs is reported with its file and line."""
    (problem,) = sources.check_files([make_source("fd", install={"brew": "fd"})], judged(GOOD + "old\tx\t2026-01-01\n"))
    assert str(problem) == f"{tmp_path / 'brew.tsv'}:2: old: no entry has this package: take the row out"


BAD_ROWS = {
    "two fields": ("fd\tsomewhere\n", "is no row of package, source and day"),
    "four fields": ("fd\ta\tb\t2026-11-24\n", "is no row of package, source and day"),
    "empty line": ("\n", "is no row of package, source and day"),
    "no source": ("fd\t\t2026-11-24\n", "is no row of package, source and day"),
    "space at an end": ("fd \tsomewhere\t2026-11-24\n", "is no row of package, source and day"),
    "no day": ("fd\tsomewhere\tyesterday\n", "'yesterday' is no day; write it as 2026-11-24"),
    "impossible day": ("fd\tsomewhere\t2026-02-30\n", "'2026-02-30' is no day"),
}


@pytest.mark.parametrize(("text", "reason"), BAD_ROWS.values(), ids=BAD_ROWS.keys())
def test_bad_row(judged: Callable[[str], Base], text: str, reason: str) -> None:
    """A bad row is reported with its line."""
    (problem,) = sources.check_files([], judged(text))
    assert (problem.line, problem.reason[: len(reason)]) == (1, reason)


def test_order(make_source: MakeSource, judged: Callable[[str], Base]) -> None:
    """A row out of order and a package given twice are reported."""
    source = make_source("fd", install={"brew": "fd"})
    (problem,) = sources.check_files([source], judged(GOOD + "bat\tx\t2026-11-24\n"))
    assert (problem.line, problem.reason) == (2, "'bat' belongs above 'fd'")
    (problem,) = sources.check_files([source], judged(GOOD + GOOD))
    assert (problem.line, problem.reason) == (2, "'fd' stands twice")


def test_no_manager(base: Base, write: Write) -> None:
    """A file of a manager that does not exist is reported."""
    records = read_records(write("yum.tsv", GOOD).parent)
    (problem,) = sources.check_files([], msgspec.structs.replace(base, sources=records))
    assert problem.reason == "'yum' is no package manager"


def test_not_judged(make_source: MakeSource, base: Base) -> None:
    """Where no records are at hand nothing is asked for."""
    source = make_source("fd", install={"brew": "fd"})
    assert [*sources.check(source, base), *sources.check_files([source], base)] == []


def test_written(make_source: MakeSource, tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names in a list get a row of the day, those of no list keep theirs, needless rows go, other files stay."""
    reasons = {"apt": {"unrar": "Lies in Debian's non-free section.", "cowsay": "Installs into /usr/games."}}
    monkeypatch.setattr(package_sources, "EXCEPTIONS", reasons)
    write("brew.tsv", "kept\tits page\t2025-01-01\nold\tx\t2025-01-01\n")
    write("npm.tsv", "other\tx\t2025-01-01\n")
    tools = [
        make_source("a", install={"brew": "fd", "npm": "no"}).tool,
        make_source("b", install={"brew": "kept", "apt": "unrar"}).tool,
        make_source("c", install={"brew": "gone", "apt": "cowsay"}).tool,
    ]
    package_sources.refresh(tools, {"brew": {"fd": (), "other": ()}, "apt": {}}, date(2026, 11, 24), tmp_path)
    rows = read_records(tmp_path).rows
    assert list(rows["brew"].values()) == [
        Row("fd", "Homebrew formulae, 2025-09", "2026-11-24"),
        Row("kept", "its page", "2025-01-01"),
    ]
    assert [row.source for row in rows["apt"].values()] == [
        "Debian 12 package index",
        "Debian 12 package index, non-free",
    ]
    assert (tmp_path / "npm.tsv").read_text() == "other\tx\t2025-01-01\n"


def test_our_own_files() -> None:
    """Our files hold good rows."""
    assert read_records(SOURCES_DIR).problems == ()
