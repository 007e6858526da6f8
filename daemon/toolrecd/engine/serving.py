"""Keeps the serving models made of the bases: finds them, has them made in a process of their own, checks them.

A model is written beside and renamed, then its manifest is: without that it is not there. The manifest says of what
it was made and what it must be, so that another base, adapter or recipe, or a file that was cut or changed, leads
to a new one. Run as `python -m toolrecd.engine.serving CACHE BASE ADAPTER` it makes one.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from toolrecd.engine import basemodel
from toolrecd.engine.compatibility import KEY_ORIGINAL_IDS
from toolrecd.engine.gguf import GgufError, read_header
from toolrecd.engine.process import ENVIRONMENT
from toolrecd.errors import ToolrecError

RECIPE_VERSION: Final = 1  # raised whenever what is built of the same files changes
KEEP_FILE: Final = Path(__file__).parent / "keep.xz"  # the tokens that are kept; toolrec_trainer.vocabulary makes it
FOLDER: Final = "serving"
LOCK_NAME: Final = "serving.lock"
Progress = Callable[[str, float], None]


class Manifest(msgspec.Struct, frozen=True):
    """Of what a serving model was made, and what it must be."""

    base: str
    adapter: str
    inputs: str
    """A hash of all that went in."""
    size: int
    mtime_ns: int
    sha256: str


class ServingModel(msgspec.Struct, frozen=True):
    """What is to be loaded, and what is wrong with it though it can be."""

    path: Path
    problem: str = ""


class NotPrepared(ToolrecError):
    """The serving model could not be written; the base could be served instead."""


def base_path(cache: Path, named: Path | None) -> Path:
    """Return the base's path, that of the default one if none is named; it need not exist."""
    return named or cache / "models" / basemodel.FILE_NAME


def find(cache: Path, base: Path, adapter: Path | None = None) -> Path | None:
    """Return the whole, current serving model of `base`, or None."""
    try:
        target = _target(cache, base, _inputs(base, adapter))
    except OSError:
        return None
    return target if _is_whole(target) else None


def model_for(cache: Path, named: Path | None, adapter: Path | None = None) -> ServingModel:
    """Return what to load for a base: its serving model, made first if need be, or the base where that cannot be.

    Raises:
        ToolrecError: there is no such base, or it cannot be served at all.
    """
    base = base_path(cache, named)
    found = find(cache, base, adapter)
    if found or (named and is_serving_model(base)):
        return ServingModel(found or base)
    try:
        return ServingModel(prepare(cache, named, adapter))
    except NotPrepared as error:
        if base.is_file():
            return ServingModel(base, f"{error}; the whole base serves meanwhile, slower")
        raise


def is_serving_model(path: Path) -> bool:
    """Return whether a file that somebody names as a base is a serving model already."""
    try:
        return KEY_ORIGINAL_IDS in read_header(path).array_lengths
    except GgufError:
        return False


def prepare(
    cache: Path, named: Path | None, adapter: Path | None = None, progress: Progress = lambda what, share: None
) -> Path:
    """Make the serving model in a process of its own and return its path.

    Raises:
        NotPrepared: it could not be written.
        ToolrecError: the base or the adapter cannot be used.
    """
    words = [sys.executable, "-I", "-m", "toolrecd.engine.serving", str(cache), str(named or ""), str(adapter or "")]
    last = ["failed", "it ended without a word"]
    with subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, **ENVIRONMENT},
    ) as child:  # fmt: skip
        assert child.stdout is not None
        assert child.stderr is not None
        for line in child.stdout:
            last = line.rstrip("\n").split("\t")
            if last[0] == "progress":
                progress(last[2], float(last[1]))
        error = child.stderr.read().strip().splitlines()
    if last[0] == "done":
        return Path(last[1])
    if last[0] == "unusable":
        raise ToolrecError(last[1])
    reason = last[1] if last[0] == "failed" and child.returncode >= 0 else f"the process ended ({child.returncode})"
    raise NotPrepared(f"the serving model could not be made: {error[-1] if error else reason}")


def known(cache: Path) -> Iterator[tuple[Path, Manifest]]:
    """Yield the serving models in the cache with their manifests."""
    for file in sorted((cache / "models" / FOLDER).glob("*.json")):
        manifest, path = _read_manifest(file), file.with_suffix(".gguf")
        if manifest and path.is_file():
            yield path, manifest


def check(path: Path) -> str:
    """Return what is wrong with a serving model by its checksum; empty if nothing is."""
    manifest = _read_manifest(path.with_suffix(".json"))
    if manifest is None:
        return "it has no manifest"
    try:
        return "" if _sha256(path) == manifest.sha256 else "its content has changed"
    except OSError as error:
        return f"it cannot be read: {error.strerror}"


def reject(path: Path) -> None:
    """Remove a serving model and remember by its manifest that it is not wanted."""
    path.unlink(missing_ok=True)


def is_rejected(cache: Path, base: Path, adapter: Path) -> bool:
    """Return whether a base with that adapter merged was made and not wanted."""
    try:
        target = _target(cache, base, _inputs(base, adapter))
    except OSError:
        return False
    return target.with_suffix(".json").is_file() and not target.exists()


def remove(path: Path) -> None:
    """Remove a serving model."""
    path.with_suffix(".json").unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def _make(cache: Path, named: Path | None, adapter: Path | None, progress: Progress) -> Path:
    base = named or basemodel.base_model(cache, lambda done, total: progress("putting the base together", done / total))
    if not base.is_file():
        raise GgufError(f"model {base} (model.path) is not there; name an existing GGUF file, or none")
    inputs = _inputs(base, adapter)
    target = _target(cache, base, inputs)
    target.parent.mkdir(parents=True, exist_ok=True)
    with (cache / LOCK_NAME).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a second one waits, and finds the model made
        if not _is_whole(target):
            for left in target.parent.glob(".*"):  # nobody else writes while the lock is held
                left.unlink(missing_ok=True)
            _write(target, base, adapter, inputs, progress)
            _remove_older(cache, target)
    return target


def _write(target: Path, base: Path, adapter: Path | None, inputs: str, progress: Progress) -> None:
    from toolrecd.engine import build  # and so numpy, which the daemon does without

    beside = target.with_name(f".{target.name}")
    manifest_file = target.with_suffix(".json")
    manifest_file.unlink(missing_ok=True)
    try:
        build.build(base, beside, adapter, progress)
        sha256 = _sha256(beside)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
    found = target.stat()
    manifest = Manifest(str(base), str(adapter or ""), inputs, found.st_size, found.st_mtime_ns, sha256)
    _write_manifest(manifest_file, manifest)


def _remove_older(cache: Path, kept: Path) -> None:
    """Remove what the new model takes the place of, and what was made of bases that are gone."""
    new = _read_manifest(kept.with_suffix(".json"))
    for path, manifest in known(cache):
        same = new and manifest.base == new.base and bool(manifest.adapter) == bool(new.adapter)
        if path != kept and (same or not Path(manifest.base).exists()):
            remove(path)


def _inputs(base: Path, adapter: Path | None) -> str:
    digest = hashlib.sha256(f"{RECIPE_VERSION}".encode())
    for file in filter(None, (base, adapter)):
        found = file.stat()
        digest.update(f"\0{file}\0{found.st_size}\0{found.st_mtime_ns}".encode())
    digest.update(KEEP_FILE.read_bytes())
    return digest.hexdigest()


def _target(cache: Path, base: Path, inputs: str) -> Path:
    return cache / "models" / FOLDER / f"{base.stem}-{inputs[:16]}.gguf"


def _is_whole(target: Path) -> bool:
    """Return whether a model is what its manifest says; one whose time differs is hashed, once."""
    manifest = _read_manifest(target.with_suffix(".json"))
    try:
        found = target.stat()
        if manifest is None or found.st_size != manifest.size:
            return False
        if found.st_mtime_ns == manifest.mtime_ns:
            return True
        if _sha256(target) != manifest.sha256:
            return False
    except OSError:
        return False
    with contextlib.suppress(OSError):
        _write_manifest(target.with_suffix(".json"), msgspec.structs.replace(manifest, mtime_ns=found.st_mtime_ns))
    return True


def _read_manifest(file: Path) -> Manifest | None:
    try:
        return msgspec.json.decode(file.read_bytes(), type=Manifest)
    except (OSError, ValueError):  # msgspec's errors are ValueErrors, and so are those of text that is none
        return None


def _write_manifest(file: Path, manifest: Manifest) -> None:
    beside = file.with_name(f".{file.name}")
    beside.write_bytes(msgspec.json.encode(manifest) + b"\n")
    beside.replace(file)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> None:
    """Make a serving model, telling the parent how far it is: lines of tab-separated words."""

    def say(*words: object) -> None:
        print(*words, sep="\t", flush=True)

    shown: list[object] = []

    def progress(what: str, share: float) -> None:
        if shown != [what, int(share * 50)]:
            shown[:] = what, int(share * 50)
            say("progress", round(share, 2), what)

    from toolrecd.engine import llama

    llama.start_backend()
    cache, named, adapter = sys.argv[1:]
    try:
        say("done", _make(Path(cache), Path(named) if named else None, Path(adapter) if adapter else None, progress))
    except (GgufError, ToolrecError) as error:
        say("unusable", str(error).replace("\n", " "))
    except llama.LlamaError as error:
        say("failed", error)
    except OSError as error:
        remedy = "; set TOOLREC_CACHE_DIR to another place" if error.errno == errno.ENOSPC else ""
        say("failed", f"cannot write to {cache}: {error.strerror}{remedy}")


if __name__ == "__main__":
    main()
