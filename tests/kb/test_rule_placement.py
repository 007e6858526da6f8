"""The rule about where an entry lies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from toolrec_kb.load import Source
from toolrec_kb.rules import Base, placement

MakeSource = Callable[..., Source]


def test_clean(make_source: MakeSource, base: Base) -> None:
    """An entry in its first category's folder and under its own name is in order."""
    assert list(placement.check(make_source("fd", categories=["search", "files"]), base)) == []


def test_wrong_folder(make_source: MakeSource, base: Base) -> None:
    """An entry in another folder than its first category's is reported."""
    source = Source(Path("data/files/fd.toml"), make_source("fd", categories=["search", "files"]).tool)
    (problem,) = placement.check(source, base)
    assert (problem.file, problem.field) == ("data/files/fd.toml", "categories")
    assert problem.reason == "lies in 'files' but its first is 'search'"


def test_wrong_file_name(make_source: MakeSource, base: Base) -> None:
    """A file called otherwise than its tool is reported with the name it must have."""
    (problem,) = placement.check(Source(Path("data/search/find.toml"), make_source("fd").tool), base)
    assert (problem.field, problem.reason) == ("name", "is 'fd', so the file must be fd.toml")


def test_name_with_dots(make_source: MakeSource, base: Base) -> None:
    """Only the ending is taken off a file's name: dots belong to the tool's."""
    assert list(placement.check(make_source("perl5.36"), base)) == []


def test_unknown_category(make_source: MakeSource, base: Base) -> None:
    """A category that the list does not hold is reported, as a further one too."""
    (problem,) = placement.check(make_source("fd", categories=["search", "serch"]), base)
    assert (problem.field, problem.reason) == ("categories", "unknown category 'serch'; see categories.toml")
