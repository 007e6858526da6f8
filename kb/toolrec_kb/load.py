"""Reads tool files and categories into a knowledge base; a broken file is reported and left out.

Knows the folder layout and nothing of how entries are searched or shown.
"""

from __future__ import annotations

import re
import stat
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from toolrec_kb import plain_toml
from toolrec_kb.lines import line_of
from toolrec_kb.schema import Categories, Category, Synonyms, Tool

DATA_DIR = Path(__file__).parent / "data"
CATEGORIES_FILE = "categories.toml"
SYNONYMS_FILE = "synonyms.toml"
MAX_FILE_BYTES = 256 * 1024  # the largest entry of ours is under 8 kB; more is a mistake, not a tool
_NAMED_LINE = re.compile(r"\(at line (\d+), column \d+\)$")
_SOME_KEY = re.compile(r" - at `(?:key` in `)?\$\.(\w+)(?:\[\.\.\.\])?(?=[`\[])")
_NAMED_FIELD = re.compile(r"(?:missing required|contains unknown) field `(.*)`$", re.DOTALL)


_Document = TypeVar("_Document", Tool, Categories, Synonyms)


class Problem(msgspec.Struct, frozen=True):
    """Why a file, or one field of it, is not used."""

    file: str
    field: str
    reason: str
    line: int = 0
    """From 1; 0 where it is not known."""

    def __str__(self) -> str:
        """Return `file:line: field: reason`, the field left out where the whole file is meant."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(part for part in (place, self.field, self.reason) if part)


def located(problem: Problem) -> Problem:
    """Return a problem with the line of its field, if it has none yet and its file is one of fields and can be read."""
    if problem.line or not problem.field or not problem.file.endswith(".toml"):
        return problem
    try:
        text = Path(problem.file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return problem
    return msgspec.structs.replace(problem, line=line_of(text, problem.field))


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
            reason = f"{source.tool.name!r} is also defined in {kept.path}"
            problems.append(located(Problem(str(source.path), "name", reason)))
    return list(first.values())


def _read(path: Path, kind: type[_Document]) -> _Document | Problem:
    document = _read_toml(path)
    if isinstance(document, Problem):
        return document
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        return located(_validation_problem(path, _narrowed(error, document, kind)))


def _read_toml(path: Path) -> dict[str, Any] | Problem:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for its writer for ever
            return Problem(str(path), "", "not a regular file")
        if status.st_size > MAX_FILE_BYTES:
            return Problem(str(path), "", f"larger than {MAX_FILE_BYTES} bytes; one file holds one tool")
        text = path.read_text(encoding="utf-8")
        return plain_toml.read(text) or tomllib.loads(text)
    except OSError as error:
        return Problem(str(path), "", f"cannot be read: {error.strerror}")
    except UnicodeDecodeError as error:
        return Problem(str(path), "", f"not UTF-8 text at byte {error.start}", _newlines(error) + 1)
    except tomllib.TOMLDecodeError as error:
        return Problem(str(path), "", f"not valid TOML: {error}", _toml_line(error, text))
    except RecursionError:
        return Problem(str(path), "", "not valid TOML: nested too deeply")


def _newlines(error: UnicodeDecodeError) -> int:
    return error.object[: error.start].count(b"\n")


def _toml_line(error: tomllib.TOMLDecodeError, text: str) -> int:
    named = _NAMED_LINE.search(str(error))
    return int(named[1]) if named else text.rstrip("\n").count("\n") + 1  # "(at end of document)"


def _narrowed(error: msgspec.ValidationError, document: dict[str, Any], kind: type[_Document]) -> str:
    """Return the error's message with the key in place of "some key of this table", which is all that msgspec says."""
    found = _SOME_KEY.search(str(error))
    name = found[1] if found else ""
    table = document.get(name)
    for key, value in table.items() if isinstance(table, dict) else ():
        try:
            msgspec.convert({**document, name: {key: value}}, kind)
        except msgspec.ValidationError as narrower:
            return _SOME_KEY.sub(f" - at `$.{name}.{key}", str(narrower))
    return str(error)


def _validation_problem(path: Path, message: str) -> Problem:
    # msgspec closes its message with " - at `$.examples[0].task`", or with " - at `key` in `$.install`".
    reason, _, where = message.partition(" - at `")
    field = where.rpartition("`$")[2].rstrip("`").removeprefix("$").removeprefix(".")
    named = _NAMED_FIELD.search(reason)  # the place is then the table around it
    return Problem(str(path), ".".join(filter(None, (field, named[1] if named else ""))), reason)
