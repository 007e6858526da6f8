"""Compiles the tool files into one msgpack file, so that loading is decoding. The wheel's build runs it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from toolrec_kb.knowledge import Knowledge, assemble
from toolrec_kb.load import (
    CATEGORIES_FILE,
    DATA_DIR,
    SYNONYMS_FILE,
    Problem,
    read_categories,
    read_folder,
    read_synonyms,
)

CODE_DIR = Path(__file__).parent  # what turns the files into an index


class CompileError(Exception):
    """A file of our own data is broken; the message lists every one."""


def build(folder: Path = DATA_DIR) -> Knowledge:
    """Return the knowledge base in `folder`.

    Raises:
        CompileError: any file is broken. Our own data ships whole or not at all.
    """
    sources, problems = read_folder(folder)
    categories = read_categories(folder / CATEGORIES_FILE)
    synonyms = read_synonyms(folder / SYNONYMS_FILE)
    problems += [read for read in (categories, synonyms) if isinstance(read, Problem)]
    if problems or isinstance(categories, Problem) or isinstance(synonyms, Problem):
        raise CompileError("\n".join(map(str, problems)))
    tools = tuple(source.tool for source in sources)
    return assemble(tools, categories, synonyms, fingerprint=fingerprint(folder))


def write(target: Path, folder: Path = DATA_DIR) -> Knowledge:
    """Compile `folder` into `target`, atomically, and return what was written."""
    knowledge = build(folder)
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        beside.write_bytes(msgspec.msgpack.encode(knowledge))
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
    return knowledge


def fingerprint(folder: Path) -> str:
    """Return a hash of the files' names, sizes and times: cheap to compare, changed by any edit.

    The code's own files count too: the index is made by them.
    """
    digest = hashlib.sha256()
    for root, ending, deep in ((folder, ".toml", True), (CODE_DIR, ".py", False)):
        for name, size, changed in sorted(_stamps(str(root), ending, deep=deep)):
            digest.update(f"{name} {size} {changed}\n".encode())
    return digest.hexdigest()


def _stamps(folder: str, ending: str, *, deep: bool, below: str = "") -> Iterator[tuple[str, int, int]]:
    # pathlib's glob takes five times as long, and a checkout's every start waits for this.
    for entry in os.scandir(folder):
        if entry.name.endswith(ending):
            status = entry.stat()
            yield below + entry.name, status.st_size, status.st_mtime_ns
        elif deep and entry.is_dir():
            yield from _stamps(entry.path, ending, deep=True, below=f"{below}{entry.name}/")
