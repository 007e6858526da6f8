"""The knowledge base in memory: ours, the user's on top, and the compiled file that saves reading it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from toolrec_kb import compile as compiler
from toolrec_kb import knowledge
from toolrec_kb.knowledge import load
from toolrec_kb.search import prepare, search

WriteUser = Callable[..., Path]


@pytest.fixture(autouse=True)
def own(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The small knowledge base in the place of ours; returns where its compiled file lies."""
    compiled = tmp_path / "installed" / "compiled.msgpack"
    compiled.parent.mkdir()
    monkeypatch.setattr(knowledge, "DATA_DIR", folder)
    monkeypatch.setattr(knowledge, "COMPILED_FILE", compiled)
    monkeypatch.setattr(compiler.build, "__defaults__", (folder,))
    monkeypatch.setattr(compiler.write, "__defaults__", (folder,))
    return compiled


@pytest.fixture
def write_user(save: Callable[..., Path], tmp_path: Path) -> WriteUser:
    """A function that writes a tool file of the user's."""
    return lambda name, **fields: save(name, file=f"user/{name}.toml", **fields)


def test_without_a_user(tmp_path: Path) -> None:
    """Without a folder of the user's, or with an empty one, there are our tools and no problems."""
    (tmp_path / "empty").mkdir()
    for user_folder in (None, tmp_path / "none", tmp_path / "empty"):
        loaded, problems = load(user_folder)
        assert ([tool.name for tool in loaded.tools], problems) == (["fd", "rm"], [])


def test_added_tool(write_user: WriteUser, tmp_path: Path) -> None:
    """A tool of the user's is added in order of name, is found, and the version differs."""
    write_user("gizmo", summary="Frobnicate the widgets")
    loaded, problems = load(tmp_path / "user")
    assert ([tool.name for tool in loaded.tools], problems) == (["fd", "gizmo", "rm"], [])
    best = search(loaded.index, prepare(loaded.index, "frobnicate my widgets"))[0]
    assert loaded.tools[best.number].name == "gizmo"
    assert loaded.version != load()[0].version


def test_overridden_tool(write_user: WriteUser, tmp_path: Path) -> None:
    """A tool of the user's takes the place of ours of that name."""
    write_user("fd", summary="My very own wrapper")
    loaded, problems = load(tmp_path / "user")
    assert problems == []
    assert [(tool.name, tool.summary) for tool in loaded.tools] == [
        ("fd", "My very own wrapper"),
        ("rm", "Do the work of rm quickly"),
    ]


def test_merged_as_if_made_at_once(write_user: WriteUser, tmp_path: Path) -> None:
    """What is taken over from our own index gives the index that counting everything again gives."""
    write_user("gizmo", summary="Frobnicate the widgets")
    write_user("fd", summary="My very own wrapper")
    loaded, _ = load(tmp_path / "user")
    written = [loaded.entries.written(number) for number in range(len(loaded.names))]
    assert knowledge.assemble(written, loaded.categories, loaded.synonyms) == loaded


def test_broken_user_file(write_user: WriteUser, tmp_path: Path) -> None:
    """A broken file of the user's is reported; the user's other tools and ours load."""
    broken = write_user("bad", usage=9)
    write_user("gizmo")
    loaded, problems = load(tmp_path / "user")
    assert [tool.name for tool in loaded.tools] == ["fd", "gizmo", "rm"]
    assert [str(problem) for problem in problems] == [f"{broken}:7: usage: Expected `int` <= 5"]


def test_only_broken_user_files(write_user: WriteUser, tmp_path: Path) -> None:
    """A broken file that would have taken the place of one of ours leaves ours in place."""
    write_user("fd", usage=9)
    loaded, problems = load(tmp_path / "user")
    assert [tool.usage for tool in loaded.tools if tool.name == "fd"] == [3]
    assert len(problems) == 1


def test_unknown_category(write_user: WriteUser, tmp_path: Path) -> None:
    """A tool of the user's in a category that does not exist is reported and left out."""
    path = write_user("gizmo", categories=["gizmos"])
    loaded, problems = load(tmp_path / "user")
    assert [tool.name for tool in loaded.tools] == ["fd", "rm"]
    assert [str(problem) for problem in problems] == [f"{path}:4: categories: unknown category 'gizmos'"]


def test_compiled_once(own: Path) -> None:
    """The first load of a checkout compiles, the next reads what was compiled."""
    first = load()[0]
    stamp = own.stat().st_mtime_ns, own.stat().st_ino
    assert load()[0] == first
    assert (own.stat().st_mtime_ns, own.stat().st_ino) == stamp


def test_stale(own: Path, folder: Path, save: Callable[..., Path]) -> None:
    """Once a file of a checkout is edited, added or removed the next load shows it."""
    load()
    save("fd", summary="Find files in another way")
    save("rg")
    (folder / "files" / "rm.toml").unlink()
    assert [(tool.name, tool.summary) for tool in load()[0].tools] == [
        ("fd", "Find files in another way"),
        ("rg", "Do the work of rg quickly"),
    ]


def test_compiled_is_used(own: Path, folder: Path) -> None:
    """A compiled file whose fingerprint fits is believed without reading the tool files."""
    load()
    compiled = msgspec.msgpack.decode(own.read_bytes(), type=knowledge.Knowledge)
    own.write_bytes(msgspec.msgpack.encode(msgspec.structs.replace(compiled, version="from the file")))
    assert load()[0].version == "from the file"


@pytest.mark.parametrize("content", [b"", b"\x80", b"not msgpack", b"\x92\x01\x02"])
def test_corrupt_compiled_file(own: Path, content: bytes) -> None:
    """A corrupt compiled file, or one of another version's form, is made anew."""
    own.write_bytes(content)
    assert [tool.name for tool in load()[0].tools] == ["fd", "rm"]
    assert own.read_bytes() != content


def test_installed(own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation, which has no tool files, reads the compiled one."""
    version = load()[0].version
    monkeypatch.setattr(knowledge, "DATA_DIR", tmp_path / "none")
    assert load()[0].version == version


def test_read_only_checkout(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the compiled file cannot be written the tools load all the same."""
    own.parent.rmdir()
    assert [tool.name for tool in load()[0].tools] == ["fd", "rm"]
    assert not own.exists()
