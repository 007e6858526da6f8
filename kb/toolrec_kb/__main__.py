"""`python -m toolrec_kb check|schema|page|counts|sources`: what `make kb` runs and what a contributor runs."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import msgspec

from toolrec_kb import counts, package_sources, page, rules
from toolrec_kb.load import CATEGORIES_FILE, DATA_DIR, Problem, Source, read_categories, read_folder
from toolrec_kb.rules import Base
from toolrec_kb.schema import Category, Tool

SCHEMA_FILE = Path(__file__).parent / "tool.schema.json"


class Read(msgspec.Struct, frozen=True):
    """Everything in the data folder."""

    sources: list[Source]
    categories: tuple[Category, ...]
    problems: list[Problem]

    @property
    def tools(self) -> list[Tool]:
        """The tools without their files."""
        return [source.tool for source in self.sources]


def main(arguments: list[str] | None = None) -> int:
    """Run one of the sub-commands; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m toolrec_kb", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", help="judge every entry by the schema and the rules, and count them")
    check.add_argument("paths", nargs="*", type=Path, help="report on these files or folders only")
    check.add_argument("--packages", type=Path, help="folder of package lists to check names against")
    for name, what in (("schema", "the JSON Schema of a tool file"), ("page", "docs/tools.md")):
        made = commands.add_parser(name, help=f"write {what}")
        made.add_argument("--check", action="store_true", help="only say whether it is up to date")
    commands.add_parser("counts", help="count the entries")
    sources = commands.add_parser("sources", help="write where the package names were seen that lists show")
    sources.add_argument("--packages", type=Path, required=True, help="folder of package lists")
    options = parser.parse_args(arguments)
    return _run(options)


def _run(options: argparse.Namespace) -> int:
    read = _read()
    if options.command == "check":
        return _check(read, options.paths, options.packages)
    if options.command == "counts":
        print(*counts.lines(read.tools, read.categories), sep="\n")
    elif options.command == "sources":
        package_sources.refresh(read.tools, rules.read_package_lists(options.packages), date.today())
    else:
        return _make(options.command, read, check=options.check)
    return 0


def _read() -> Read:
    sources, problems = read_folder(DATA_DIR)
    categories = read_categories(DATA_DIR / CATEGORIES_FILE)
    if isinstance(categories, Problem):
        return Read(sources, (), [*problems, categories])
    return Read(sources, categories, problems)


def _check(read: Read, paths: list[Path], packages: Path | None) -> int:
    base = Base(
        tools=frozenset(source.tool.name for source in read.sources),
        categories=frozenset(category.name for category in read.categories),
        packages=rules.read_package_lists(packages) if packages else {},
        sources=rules.read_records(),
    )
    found = [*read.problems, *rules.check(read.sources, base), *_stale(read)]
    wanted = [problem for problem in found if _within(Path(problem.file), paths)]
    for problem in wanted:
        print(problem)
    if not paths:
        print(*counts.lines(read.tools, read.categories), sep="\n")
    print(f"{len(read.sources)} tools, {len(wanted)} problems")
    return 1 if wanted else 0


def _within(file: Path, paths: list[Path]) -> bool:
    return not paths or any(file.resolve().is_relative_to(path.resolve()) for path in paths)


def _stale(read: Read) -> Iterator[Problem]:
    """Report made files that are not as they would be made now."""
    for name in ("schema", "page"):
        path, text = _made(name, read)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            yield Problem(str(path), "", f"out of date; run: python -m toolrec_kb {name}")


def _made(name: str, read: Read) -> tuple[Path, str]:
    if name == "page":
        return page.PAGE_FILE, page.text(read.tools, read.categories)
    return SCHEMA_FILE, json.dumps(msgspec.json.schema(Tool), indent=2) + "\n"


def _make(name: str, read: Read, *, check: bool) -> int:
    path, text = _made(name, read)
    if not check:
        path.write_text(text, encoding="utf-8")
        return 0
    stale = [problem for problem in _stale(read) if problem.file == str(path)]
    print(*stale, sep="\n", end="\n" if stale else "")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
