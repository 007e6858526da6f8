"""The compiled knowledge base: what it keeps, how it is written, and what stops it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from toolrec_kb import compile as compiler
from toolrec_kb.compile import CompileError
from toolrec_kb.knowledge import Knowledge


def test_round_trip(folder: Path, tmp_path: Path) -> None:
    """What is read back from the file equals what was compiled, index included."""
    target = tmp_path / "compiled.msgpack"
    written = compiler.write(target, folder)
    assert msgspec.msgpack.decode(target.read_bytes(), type=Knowledge) == written
    assert [tool.name for tool in written.tools] == ["fd", "rm"]
    assert [category.name for category in written.categories] == ["search", "files"]
    assert written.synonyms == (("delete", "erase"),)


def test_same_files_same_bytes(folder: Path, tmp_path: Path) -> None:
    """Compiled twice, the same files give the same bytes and the same version."""
    first, second = tmp_path / "first", tmp_path / "second"
    assert compiler.write(first, folder).version == compiler.write(second, folder).version
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("search/fd.toml", "Do the work", "Do any work"),
        ("categories.toml", "Copy, move", "Copy, rename"),
        ("synonyms.toml", "erase", "wipe"),
    ],
)
def test_version(folder: Path, file: str, old: str, new: str) -> None:
    """The version changes with a tool, a category or a synonym."""
    before = compiler.build(folder).version
    (folder / file).write_text((folder / file).read_text().replace(old, new))
    assert compiler.build(folder).version != before


def test_version_is_of_the_content(folder: Path) -> None:
    """A file that was only touched changes the fingerprint, and not the version."""
    before = compiler.build(folder)
    os.utime(folder / "search" / "fd.toml", ns=(1, 1))
    after = compiler.build(folder)
    assert after.version == before.version
    assert after.fingerprint != before.fingerprint


def test_fingerprint(folder: Path, save: Callable[..., Path]) -> None:
    """Adding, renaming and removing a file each change the fingerprint; reading does not."""
    start = compiler.fingerprint(folder)
    added = save("rg")
    os.utime(added, ns=(1, 1))
    with_rg = compiler.fingerprint(folder)
    renamed = added.rename(added.with_name("sd.toml"))
    with_sd = compiler.fingerprint(folder)
    renamed.unlink()
    assert len({start, with_rg, with_sd}) == 3
    assert compiler.fingerprint(folder) == start


def test_fingerprint_of_the_code(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change of the code that makes the index counts as a change, or an old index would live on."""
    monkeypatch.setattr(compiler, "CODE_DIR", tmp_path / "code")
    (tmp_path / "code").mkdir()
    before = compiler.fingerprint(folder)
    (tmp_path / "code" / "search.py").write_text("WEIGHT = 2\n")
    assert compiler.fingerprint(folder) != before


def test_every_broken_file(folder: Path, save: Callable[..., Path]) -> None:
    """One error lists every broken file, categories and synonyms among them."""
    broken = [save("rg", usage=9), save("sd", summary=None)]
    for name in ("categories.toml", "synonyms.toml"):
        (folder / name).write_text("[")
        broken.append(folder / name)
    with pytest.raises(CompileError) as refused:
        compiler.build(folder)
    lines = str(refused.value).splitlines()
    assert [line.partition(":")[0] for line in lines] == [str(path) for path in broken]
    assert lines[0].endswith("usage: Expected `int` <= 5")


@pytest.mark.parametrize("name", ["categories.toml", "synonyms.toml"])
def test_missing_list(folder: Path, name: str) -> None:
    """Without its lists there is no knowledge base."""
    (folder / name).unlink()
    with pytest.raises(CompileError, match=f"{name}: cannot be read: No such file"):
        compiler.build(folder)


def test_broken_data_keeps_the_old_file(folder: Path, tmp_path: Path, save: Callable[..., Path]) -> None:
    """When compiling fails the file from before stays as it was."""
    target = tmp_path / "out" / "compiled.msgpack"
    target.parent.mkdir()
    compiler.write(target, folder)
    before = target.read_bytes()
    save("rg", usage=9)
    with pytest.raises(CompileError):
        compiler.write(target, folder)
    assert target.read_bytes() == before
    assert list(target.parent.iterdir()) == [target]


def test_full_disk(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When writing fails half-way the file from before stays whole and nothing lies beside it."""
    target = tmp_path / "out" / "compiled.msgpack"
    target.parent.mkdir()
    target.write_bytes(b"old")

    def write_half(path: Path, content: bytes) -> int:
        with path.open("wb") as file:
            file.write(content[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", write_half)
    with pytest.raises(OSError, match="No space left"):
        compiler.write(target, folder)
    assert target.read_bytes() == b"old"
    assert list(target.parent.iterdir()) == [target]


def test_replaced_in_one_step(folder: Path, tmp_path: Path) -> None:
    """A reader that has the old file open keeps reading the old one: it is replaced, not rewritten."""
    target = tmp_path / "compiled.msgpack"
    target.write_bytes(b"old")
    with target.open("rb") as reader:
        compiler.write(target, folder)
        assert reader.read() == b"old"
    assert target.read_bytes() != b"old"
