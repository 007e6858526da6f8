"""Reads tool files and categories into a knowledge base; a broken file is reported and left out.

Knows the folder layout and nothing of how entries are searched or shown.
"""

from __future__ import annotations

import re
import stat
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from toolrec_kb.schema import Categories, Category, Synonyms, Tool

DATA_DIR = Path(__file__).parent / "data"
CATEGORIES_FILE = "categories.toml"
SYNONYMS_FILE = "synonyms.toml"
MAX_FILE_BYTES = 256 * 1024  # the largest entry of ours is under 8 kB; more is a mistake, not a tool
_NAMED_FIELD = re.compile(r"(?:missing required|contains unknown) field `(.*)`$", re.DOTALL)


_Document = TypeVar("_Document", Tool, Categories, Synonyms)


class Problem(msgspec.Struct, frozen=True):
    """Why a file, or one field of it, is not used."""

    file: str
    field: str
    reason: str

    def __str__(self) -> str:
        """Return `file: field: reason`, the field left out where the whole file is meant."""
        return ": ".join(part for part in (self.file, self.field, self.reason) if part)


class Source(msgspec.Struct, frozen=True):
    """A tool and the file it came from."""

    path: Path
    tool: Tool


def read_tool(path: Path) -> Tool | Problem:
    """Return the tool in the TOML file `path`, or what is wrong with it."""
    return _read(path, Tool)


def read_categories(path: Path) -> tuple[Category, ...] | Problem:
    """Return the categories listed in `path`, or what is wrong with it."""
    read = _read(path, Categories)
    return read if isinstance(read, Problem) else read.category


def read_synonyms(path: Path) -> tuple[tuple[str, ...], ...] | Problem:
    """Return the groups of synonyms listed in `path`, or what is wrong with it."""
    read = _read(path, Synonyms)
    return read if isinstance(read, Problem) else read.group


def read_folder(folder: Path) -> tuple[list[Source], list[Problem]]:
    """Return the tools under `folder` sorted by path, and the problems of the files left out."""
    sources: list[Source] = []
    problems: list[Problem] = []
    for path in _tool_files(folder):
        read = read_tool(path)
        if isinstance(read, Problem):
            problems.append(read)
        else:
            sources.append(Source(path, read))
    return _without_duplicates(sources, problems), problems


def _tool_files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*.toml")):
        if path.name not in (CATEGORIES_FILE, SYNONYMS_FILE) and not path.name.startswith("."):
            yield path


def _without_duplicates(sources: Iterable[Source], problems: list[Problem]) -> list[Source]:
    first: dict[str, Source] = {}
    for source in sources:
        kept = first.setdefault(source.tool.name, source)
        if kept is not source:
            problems.append(Problem(str(source.path), "name", f"{source.tool.name!r} is also defined in {kept.path}"))
    return list(first.values())


def _read(path: Path, kind: type[_Document]) -> _Document | Problem:
    document = _read_toml(path)
    if isinstance(document, Problem):
        return document
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        return _validation_problem(path, error)


def _read_toml(path: Path) -> dict[str, object] | Problem:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for its writer for ever
            return Problem(str(path), "", "not a regular file")
        if status.st_size > MAX_FILE_BYTES:
            return Problem(str(path), "", f"larger than {MAX_FILE_BYTES} bytes; one file holds one tool")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        return Problem(str(path), "", f"cannot be read: {error.strerror}")
    except UnicodeDecodeError as error:
        return Problem(str(path), "", f"not UTF-8 text at byte {error.start}")
    except tomllib.TOMLDecodeError as error:
        return Problem(str(path), "", f"not valid TOML: {error}")
    except RecursionError:
        return Problem(str(path), "", "not valid TOML: nested too deeply")


def _validation_problem(path: Path, error: msgspec.ValidationError) -> Problem:
    # msgspec closes its message with " - at `$.examples[0].task`", or with " - at `key` in `$.install`".
    reason, _, where = str(error).partition(" - at `")
    field = where.rpartition("`$")[2].rstrip("`").removeprefix("$").removeprefix(".")
    named = _NAMED_FIELD.search(reason)  # the place is then the table around it
    return Problem(str(path), ".".join(filter(None, (field, named[1] if named else ""))), reason)
