"""The ready invocation: which of a tool's examples fits the question, and what it becomes here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from toolrec_kb.index import Index
from toolrec_kb.question import Operands
from toolrec_kb.schema import Example, Platform, Tool, all_programs
from toolrec_kb.search import Query, example_fits
from toolrecd import fill

QUESTION_SHARE: Final = 0.85  # of a fit: between examples of one tool, what the question says decides
FILLED_BONUS: Final = 0.3  # an example that can use what the question says fits it better
HOLE_MALUS: Final = 0.08  # one that leaves more to fill in is less ready
LATER_MALUS: Final = 0.01  # entries begin with the plainest example
PLACE_IS_HERE: Final = frozenset({"search", "disk"})
_NAMES_ARCHIVE: Final = re.compile(r"\{name\}\.(?:tar|zip|7z|tgz)\b")
_CHANGES: Final = re.compile(r"\b(?:delete|rm|mv|shred|truncate|mkfs|dd|of=|exec|x)\b|sudo")


def invocation(index: Index, number: int, tool: Tool, query: Query, *, os: Platform, program: str) -> str:
    """Return the command to type on `os`, where the usual program of tool `number` is called `program`."""
    fits = example_fits(index, number, query, QUESTION_SHARE)
    example = _with_program(_example(tool, fits, os, query.operands), tool, program)
    return _filled(tool, example, query.operands)


def _example(tool: Tool, fits: Sequence[float], os: Platform, operands: Operands) -> Example:
    """Return the example that fits the question best, and its operands, among those that work on `os`."""

    def worth(number: int) -> float:
        example = tool.examples[number]
        works = not example.platforms or os in example.platforms
        left = fill.holes(fill.fill(example, operands))
        filled = fill.holes(example.command) - left
        malus = HOLE_MALUS * left + LATER_MALUS * number + (0.0 if works else 100.0)
        return fits[number] + FILLED_BONUS * filled - malus

    return tool.examples[max(range(len(tool.examples)), key=worth)]


def _filled(tool: Tool, example: Example, operands: Operands) -> str:
    """Return the example's command, filled; a search without a place is of the present folder, an
    archive without a name is named after the folder it is made of."""
    values = dict(operands.values)
    folder = values.get("directory", "").rstrip("/").rpartition("/")[2]
    if _NAMES_ARCHIVE.search(example.command) and folder.strip("."):
        values.setdefault("name", folder)
    if tool.categories[0] in PLACE_IS_HERE and not _CHANGES.search(example.command):
        values.setdefault("directory", ".")
    return fill.fill(example, Operands(values, operands.words))


def _with_program(example: Example, tool: Tool, program: str) -> Example:
    """Return the example with the tool's usual program called by the name it has here.

    Before it is filled: a file of the question's may be called like the program.
    """
    usual = tool.programs[0]
    if program == usual or program not in all_programs(tool) or program in tool.programs:
        return example
    words = example.command.split(" ")
    command = " ".join(program if word == usual else word for word in words)
    return msgspec.structs.replace(example, command=command)
