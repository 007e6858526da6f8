"""`python -m toolrec_kb check|schema|counts`: what `make kb` runs and what a contributor runs."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

import msgspec

from toolrec_kb import rules
from toolrec_kb.load import CATEGORIES_FILE, DATA_DIR, Problem, read_categories, read_folder
from toolrec_kb.schema import MANAGERS, PLATFORMS, Tool

SCHEMA_FILE = Path(__file__).parent / "tool.schema.json"


def main(arguments: list[str] | None = None) -> int:
    """Run one of the sub-commands; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m toolrec_kb", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", help="judge every entry by the schema and the rules")
    check.add_argument("paths", nargs="*", type=Path, help="report on these files or folders only")
    check.add_argument("--packages", type=Path, help="folder of package lists to check names against")
    schema = commands.add_parser("schema", help="write the JSON Schema of a tool file")
    schema.add_argument("--check", action="store_true", help="only say whether it is up to date")
    commands.add_parser("counts", help="count the entries by category, platform and manager")
    options = parser.parse_args(arguments)
    if options.command == "check":
        return _check(options.paths, options.packages)
    return _schema(options.check) if options.command == "schema" else _counts()


def _check(paths: list[Path], packages: Path | None) -> int:
    sources, problems = read_folder(DATA_DIR)
    categories = read_categories(DATA_DIR / CATEGORIES_FILE)
    if isinstance(categories, Problem):
        problems.append(categories)
        categories = ()
    base = rules.Base(
        tools=frozenset(source.tool.name for source in sources),
        categories=frozenset(category.name for category in categories),
        packages=rules.read_package_lists(packages) if packages else {},
    )
    problems += rules.check(sources, base)
    wanted = [problem for problem in problems if _within(Path(problem.file), paths)]
    for problem in wanted:
        print(problem)
    print(f"{len(sources)} tools, {len(wanted)} problems")
    return 1 if wanted else 0


def _within(file: Path, paths: list[Path]) -> bool:
    return not paths or any(file.resolve().is_relative_to(path.resolve()) for path in paths)


def _schema(check: bool) -> int:
    text = json.dumps(msgspec.json.schema(Tool), indent=2) + "\n"
    if not check:
        SCHEMA_FILE.write_text(text, encoding="utf-8")
        return 0
    if SCHEMA_FILE.is_file() and SCHEMA_FILE.read_text(encoding="utf-8") == text:
        return 0
    print(f"{SCHEMA_FILE}: out of date; run: python -m toolrec_kb schema")
    return 1


def _counts() -> int:
    tools = [source.tool for source in read_folder(DATA_DIR)[0]]
    print(f"{len(tools)} tools, {sum(len(tool.examples) for tool in tools)} examples")
    _table("category", Counter(category for tool in tools for category in tool.categories))
    _table("platform", {platform: sum(platform in t.platforms for t in tools) for platform in PLATFORMS})
    _table("manager", {manager: sum(manager in t.install for t in tools) for manager in MANAGERS})
    return 0


def _table(title: str, counts: Counter[str] | dict[str, int]) -> None:
    print(f"\n{title}")
    for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        print(f"{count:6} {name}")


if __name__ == "__main__":
    sys.exit(main())
