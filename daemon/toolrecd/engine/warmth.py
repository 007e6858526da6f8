"""Keeps what a worker has evaluated once for all questions in a file, so that the next start need not.

A file is trusted only under its checksum: llama.cpp takes a state as it is. The name is made of all that the
state depends on; another model, adapter, setting, prompt, knowledge base or library gives another name.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from toolrecd.engine.ranker import Warmth

_SUM_BYTES: Final = 32
KEPT_FILES: Final = 4  # a few megabytes each: this model with and without its adapter, and the ones before
_decoder = msgspec.msgpack.Decoder(Warmth)


def file_for(folder: Path, parts: Sequence[object]) -> Path:
    """Return the file for a state that depends on `parts`."""
    name = hashlib.sha256(repr(list(parts)).encode()).hexdigest()[:24]
    return folder / f"{name}.warm"


def stamp(path: str | None) -> tuple[object, ...]:
    """Return what tells one version of a file from another."""
    if path is None:
        return ()
    found = Path(path).stat()
    return path, found.st_size, found.st_mtime_ns


def read(file: Path) -> Warmth | None:
    """Return what a file keeps, or None if it is not there or not whole."""
    try:
        raw = file.read_bytes()
    except OSError:
        return None
    if hashlib.sha256(raw[_SUM_BYTES:]).digest() != raw[:_SUM_BYTES]:
        return None
    try:
        return _decoder.decode(raw[_SUM_BYTES:])
    except msgspec.DecodeError:  # of another version of ours
        return None


def write(file: Path, warmth: Warmth) -> None:
    """Write a file, atomically, and remove the oldest; a disk that is full costs only the next start's time."""
    if not warmth.state:
        before = read(file)
        if before is None:
            return
        warmth = msgspec.structs.replace(warmth, state=before.state)
    payload = msgspec.msgpack.encode(warmth)
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(hashlib.sha256(payload).digest() + payload)
        beside.replace(file)
        kept = sorted(file.parent.glob("*.warm"), key=lambda path: -path.stat().st_mtime_ns)
        for old in kept[KEPT_FILES:]:
            old.unlink(missing_ok=True)
    except OSError:
        with contextlib.suppress(OSError):
            beside.unlink()
