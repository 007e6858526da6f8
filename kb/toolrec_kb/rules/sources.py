"""Every package name has a row that says where it was seen, and when: `sources/<manager>.tsv`.

Rows are `package<TAB>source<TAB>day`, in order of package. Knows nothing of whether a source is right;
`python -m toolrec_kb sources` writes those rows that a package list shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import msgspec

from toolrec_kb.load import Problem, Source
from toolrec_kb.schema import Manager

if TYPE_CHECKING:
    from toolrec_kb.rules import Base

SOURCES_DIR = Path(__file__).parent.parent / "sources"


class Row(msgspec.Struct, frozen=True):
    """Where a package name was seen."""

    package: str
    source: str
    day: str

    def __str__(self) -> str:
        """Return its line in the file."""
        return f"{self.package}\t{self.source}\t{self.day}"


class Records(msgspec.Struct, frozen=True):
    """The rows of all managers, and what is wrong with the files."""

    rows: Mapping[str, Mapping[str, Row]] = {}
    lines: Mapping[tuple[str, str], tuple[str, int]] = {}
    """Manager and package → file and line."""
    problems: tuple[Problem, ...] = ()


def read_records(folder: Path | None = None) -> Records:
    """Return what the files in `folder` say, ours if none is given."""
    rows: dict[str, dict[str, Row]] = {}
    lines: dict[tuple[str, str], tuple[str, int]] = {}
    problems: list[Problem] = []
    for path in sorted((folder or SOURCES_DIR).glob("*.tsv")):
        if path.stem not in get_args(Manager):
            problems.append(Problem(str(path), "", f"{path.stem!r} is no package manager"))
            continue
        before = ""
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            row = _read_row(line, before)
            if isinstance(row, str):
                problems.append(Problem(str(path), "", row, number))
                continue
            before = row.package
            rows.setdefault(path.stem, {})[row.package] = row
            lines[path.stem, row.package] = str(path), number
    return Records(rows, lines, tuple(problems))


def _read_row(line: str, before: str) -> Row | str:
    """Return the row in a line, or what is wrong with it."""
    fields = line.split("\t")
    if len(fields) != 3 or not all(field and field == field.strip() for field in fields):
        return "is no row of package, source and day with a tab between each"
    row = Row(*fields)
    try:
        date.fromisoformat(row.day)
    except ValueError:
        return f"{row.day!r} is no day; write it as 2026-11-24"
    if row.package <= before:
        return f"{row.package!r} stands twice" if row.package == before else f"{row.package!r} belongs above {before!r}"
    return row


def check(source: Source, base: Base) -> Iterator[Problem]:
    """Report package names without a row."""
    if base.sources is None:
        return
    for manager, package in source.tool.install.items():
        if package not in base.sources.rows.get(manager, {}):
            remedy = f"add a row to sources/{manager}.tsv, or run: python -m toolrec_kb sources --packages DIR"
            yield Problem(str(source.path), f"install.{manager}", f"nothing says where {package!r} was seen: {remedy}")


def check_files(sources: list[Source], base: Base) -> Iterator[Problem]:
    """Report bad rows, and rows of names that no entry has."""
    if base.sources is None:
        return
    yield from base.sources.problems
    named = {(manager, package) for source in sources for manager, package in source.tool.install.items()}
    for place, (file, line) in base.sources.lines.items():
        if place not in named:
            yield Problem(file, place[1], "no entry has this package: take the row out", line)
