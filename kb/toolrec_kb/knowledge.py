"""The knowledge base in memory: tools, categories and the index over them, ours and the user's.

An installation holds it compiled (`compiled.msgpack`); a checkout compiles it when its files changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import msgspec

from toolrec_kb.entries import Entries, Tools, pack_entries
from toolrec_kb.index import Index, build_index
from toolrec_kb.load import DATA_DIR, Problem, located, read_folder
from toolrec_kb.schema import Category, Tool
from toolrec_kb.term_counts import TermCounts

COMPILED_FILE = Path(__file__).parent / "compiled.msgpack"


class Knowledge(msgspec.Struct, frozen=True, dict=True):
    """Tools in order of name; `index` and the other fields speak of them by position."""

    version: str
    """Changes with any tool, category or synonym."""
    fingerprint: str
    """Of the files it was compiled from; empty where the user's tools are merged in."""
    entries: Entries
    categories: tuple[Category, ...]
    synonyms: tuple[tuple[str, ...], ...]
    index: Index

    @cached_property
    def tools(self) -> Tools:
        """The tools by number, each with its alternatives both ways."""
        return Tools(self.entries)

    @cached_property
    def numbers(self) -> dict[str, int]:
        """A tool's name → its number."""
        return {name: number for number, name in enumerate(self.names)}

    @property
    def names(self) -> list[str]:
        """The tools' names by number."""
        return self.entries.names


def assemble(
    tools: Sequence[Tool],
    categories: Sequence[Category],
    synonyms: Sequence[Sequence[str]],
    *,
    fingerprint: str = "",
    counted: Mapping[str, TermCounts] | None = None,
) -> Knowledge:
    """Return the knowledge base made of these parts, indexed; `counted` are the term counts of some tools by name."""
    ordered = tuple(sorted(tools, key=lambda tool: tool.name.lower()))
    groups = tuple(tuple(group) for group in synonyms)
    content = msgspec.msgpack.encode((ordered, tuple(categories), groups), order="deterministic")
    return Knowledge(
        version=hashlib.sha256(content).hexdigest()[:12],
        fingerprint=fingerprint,
        entries=pack_entries(ordered),
        categories=tuple(categories),
        synonyms=groups,
        index=build_index(ordered, groups, counted),
    )


def load(user_folder: Path | None = None) -> tuple[Knowledge, list[Problem]]:
    """Return the knowledge base with the user's tools merged in, and what is wrong with those.

    A tool of the user's takes the place of ours of the same name.
    """
    own = _load_own()
    if user_folder is None or not user_folder.is_dir():
        return own, []
    sources, problems = read_folder(user_folder)
    known = {category.name for category in own.categories}
    added: dict[str, Tool] = {}
    for source in sources:
        unknown = [category for category in source.tool.categories if category not in known]
        if unknown:
            problems.append(located(Problem(str(source.path), "categories", f"unknown category {unknown[0]!r}")))
        else:
            added[source.tool.name] = source.tool
    if not added:
        return own, problems
    return _merged(own, added), problems


def _merged(own: Knowledge, added: Mapping[str, Tool]) -> Knowledge:
    kept = {name: number for number, name in enumerate(own.names) if name not in added}
    tools = [*map(own.entries.written, kept.values()), *added.values()]
    counted = {name: own.index.counts(number) for name, number in kept.items()}
    return assemble(tools, own.categories, own.synonyms, counted=counted)


def _load_own() -> Knowledge:
    compiled = _read_compiled()
    if not DATA_DIR.is_dir() and compiled:
        return compiled
    # In a checkout: the files are the truth, the compiled one a cache of them.
    from toolrec_kb import compile as compiler

    if compiled and compiled.fingerprint == compiler.fingerprint(DATA_DIR):
        return compiled
    try:
        return compiler.write(COMPILED_FILE)
    except OSError:  # a read-only checkout works too, only slower
        return compiler.build()


def _read_compiled() -> Knowledge | None:
    try:
        return msgspec.msgpack.decode(COMPILED_FILE.read_bytes(), type=Knowledge)
    except (OSError, msgspec.DecodeError):
        return None
