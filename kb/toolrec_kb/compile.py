"""Compiles the tool files into one msgpack file, so that loading is decoding. The wheel's build runs it."""

from __future__ import annotations

import hashlib
import os
import tomllib
from pathlib import Path

import msgspec

from toolrec_kb.knowledge import Knowledge, assemble
from toolrec_kb.load import CATEGORIES_FILE, DATA_DIR, SYNONYMS_FILE, Problem, read_categories, read_folder


class CompileError(Exception):
    """A file of our own data is broken; the message lists every one."""


def build(folder: Path = DATA_DIR) -> Knowledge:
    """Return the knowledge base in `folder`.

    Raises:
        CompileError: any file is broken. Our own data ships whole or not at all.
    """
    sources, problems = read_folder(folder)
    categories = read_categories(folder / CATEGORIES_FILE)
    if isinstance(categories, Problem):
        problems.append(categories)
    if problems or isinstance(categories, Problem):
        raise CompileError("\n".join(map(str, problems)))
    synonyms = tomllib.loads((folder / SYNONYMS_FILE).read_text(encoding="utf-8"))["group"]
    tools = tuple(source.tool for source in sources)
    return assemble(tools, categories, synonyms, fingerprint=fingerprint(folder))


def write(target: Path, folder: Path = DATA_DIR) -> Knowledge:
    """Compile `folder` into `target`, atomically, and return what was written."""
    knowledge = build(folder)
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    beside.write_bytes(msgspec.msgpack.encode(knowledge))
    beside.replace(target)
    return knowledge


def fingerprint(folder: Path) -> str:
    """Return a hash of the files' names, sizes and times: cheap to compare, changed by any edit."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.toml")):
        stat = path.stat()
        digest.update(f"{path.relative_to(folder)} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()
