"""The rule about package names."""

from __future__ import annotations

from collections.abc import Callable

from toolrec_kb.load import Source
from toolrec_kb.rules import Base, packages

MakeSource = Callable[..., Source]


def test_clean(make_source: MakeSource, base: Base) -> None:
    """A listed package that installs the program, under the manager's own name for it, is in order."""
    source = make_source("fd", install={"apt": "fd-find"}, program_names={"apt": {"fd": "fdfind"}})
    assert list(packages.check(source, base)) == []


def test_unknown_package(make_source: MakeSource, base: Base) -> None:
    """A package that its manager's list does not hold is reported."""
    (problem,) = packages.check(make_source("fd", install={"apt": "fd-fimd"}), base)
    assert (problem.file, problem.field) == ("data/search/fd.toml", "install.apt")
    assert problem.reason == "no package 'fd-fimd' in the list"


def test_package_of_other_programs(make_source: MakeSource, base: Base) -> None:
    """A package that exists but installs something else is reported with what it installs."""
    (problem,) = packages.check(make_source("fd", install={"apt": "fd"}), base)
    assert problem.reason == "package 'fd' installs fdisk, none of fd"


def test_list_without_programs(make_source: MakeSource, base: Base) -> None:
    """Where a list names no programs for a package, that it exists is enough."""
    assert list(packages.check(make_source("fd", install={"apt": "quiet"}), base)) == []


def test_manager_without_a_list(make_source: MakeSource, base: Base) -> None:
    """Packages of a manager that no list is at hand for are believed."""
    assert list(packages.check(make_source("fd", install={"brew": "anything"}), base)) == []
