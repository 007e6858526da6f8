"""Every program of POSIX and of a plain Debian has an entry, or a reason why it needs none.

Judges the knowledge base as a whole, and knows programs by their names only: another program of the same
name counts too. `standard_programs.tsv` is made by `python -m toolrec_kb.coverage`, `ignored_programs.toml`
is written by hand.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from toolrec_kb.load import Problem, Source
from toolrec_kb.schema import Tool, all_programs

if TYPE_CHECKING:
    from toolrec_kb.rules import Base

STANDARD_FILE = Path(__file__).parent / "standard_programs.tsv"
IGNORED_FILE = Path(__file__).parent / "ignored_programs.toml"


class Standard(msgspec.Struct, frozen=True):
    """A program that people may expect on a Unix system, and where that comes from."""

    program: str
    origins: tuple[str, ...]
    """`posix` or one of Debian's priorities."""
    packages: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return its line in the list."""
        return f"{self.program}\t{','.join(self.origins)}\t{','.join(self.packages)}"


def read_standard(path: Path = STANDARD_FILE) -> dict[str, Standard]:
    """Return program → its row in the list at `path`."""
    rows = (line.split("\t") for line in path.read_text(encoding="utf-8").splitlines())
    listed = (Standard(name, _split(origins), _split(packages)) for name, origins, packages in rows)
    return {row.program: row for row in listed}


def _split(text: str) -> tuple[str, ...]:
    return tuple(text.split(",")) if text else ()


def read_ignored(path: Path = IGNORED_FILE) -> dict[str, str]:
    """Return program → why nobody types it."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


STANDARD: Mapping[str, Standard] = read_standard()
IGNORED: Mapping[str, str] = read_ignored()


def check(sources: list[Source], base: Base) -> Iterator[Problem]:
    """Report standard programs that no entry has, and reasons that nobody needs."""
    covered = {name for source in sources if _is_unix(source.tool) for name in all_programs(source.tool)}
    for name in sorted(STANDARD.keys() - covered - IGNORED.keys()):
        where = " ".join(filter(None, (*STANDARD[name].origins, *STANDARD[name].packages)))
        yield Problem(str(STANDARD_FILE), name, f"no entry has this program ({where}): write one or say why not")
    for name in sorted(IGNORED):
        if name in covered:
            yield Problem(str(IGNORED_FILE), name, "has an entry: take it out")
        elif name not in STANDARD:
            yield Problem(str(IGNORED_FILE), name, "is in no list of standard programs: take it out")


def _is_unix(tool: Tool) -> bool:
    # PowerShell's aliases (`dir`, `man`, `ps`) are no programs, and Windows has its own of the same name.
    return "powershell" not in tool.shells and tool.platforms != ("windows",)
