"""The cache of serving models: made once, checked, made again when they must be, and never half there."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import msgspec
import pytest

from tests.daemon import serving_child
from tests.daemon.engine_files import write_model
from tests.daemon.serving_child import Child
from toolrecd.engine import serving
from toolrecd.engine.basemodel import FILE_NAME
from toolrecd.engine.compatibility import KEY_ORIGINAL_IDS
from toolrecd.engine.serving import NotPrepared, ServingModel, check, find, known, model_for, prepare, remove
from toolrecd.errors import ToolrecError


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Child:
    """A child process with a quick recipe."""
    return Child(tmp_path, monkeypatch)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """An empty cache."""
    made = tmp_path / "cache"
    made.mkdir()
    return made


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A base; its content matters to nobody here."""
    file = tmp_path / "base.gguf"
    file.write_bytes(b"base")
    return file


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    """An adapter of the same kind."""
    file = tmp_path / "adapter.gguf"
    file.write_bytes(b" and an adapter")
    return file


def _files(cache: Path) -> list[str]:
    return sorted(os.listdir(cache / "models" / serving.FOLDER))


def _touch(path: Path, later: float = 10.0) -> None:
    found = path.stat()
    os.utime(path, (found.st_atime + later, found.st_mtime + later))


def test_made_once(child: Child, cache: Path, base: Path) -> None:
    """A model is made with its manifest and nothing beside it, and found from then on."""
    assert find(cache, base) is None
    seen: list[tuple[str, float]] = []
    path = prepare(cache, base, progress=lambda what, share: seen.append((what, share)))
    assert path.read_bytes() == b"made of base"
    assert seen == [("making", 0.5)]
    assert _files(cache) == [path.with_suffix(".gguf").name, path.with_suffix(".json").name]
    assert find(cache, base) == prepare(cache, base) == path
    assert model_for(cache, base) == ServingModel(path)
    assert child.makes == 1
    assert check(path) == ""


def test_manifest(child: Child, cache: Path, base: Path, adapter: Path) -> None:
    """The manifest names base and adapter and holds size, time and checksum; `known` yields each model with it."""
    plain, merged = prepare(cache, base), prepare(cache, base, adapter)
    found = dict(known(cache))
    assert set(found) == {plain, merged}
    assert (found[plain].base, found[plain].adapter) == (str(base), "")
    assert found[merged].adapter == str(adapter)
    assert found[merged].size == merged.stat().st_size == len(b"made of base and an adapter")


@pytest.mark.parametrize("manifest", [None, b"", b"rubbish", b'{"base": "x"}', b"\xff\xfe\x00", b'{"base": "\xff"}'])
def test_without_a_manifest(child: Child, cache: Path, base: Path, manifest: bytes | None) -> None:
    """A model without a manifest that can be read is not there, and is made again."""
    path = prepare(cache, base)
    file = path.with_suffix(".json")
    file.unlink() if manifest is None else file.write_bytes(manifest)
    assert find(cache, base) is None
    assert list(known(cache)) == []
    assert check(path) == "it has no manifest"
    assert model_for(cache, base) == ServingModel(path)
    assert child.makes == 2


@pytest.mark.parametrize("content", [b"", b"made of bas", b"made of base and more"])
def test_of_another_size(child: Child, cache: Path, base: Path, content: bytes) -> None:
    """A model cut short or grown is made again, whatever its time."""
    path = prepare(cache, base)
    before = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert find(cache, base) is None
    assert prepare(cache, base).read_bytes() == b"made of base"


def test_changed_content(child: Child, cache: Path, base: Path) -> None:
    """A model of the right size whose content and time changed is made again."""
    path = prepare(cache, base)
    path.write_bytes(b"MADE of base")
    _touch(path)
    assert check(path) == "its content has changed"
    assert find(cache, base) is None
    assert model_for(cache, base).path.read_bytes() == b"made of base"
    assert child.makes == 2


def test_touched(child: Child, cache: Path, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that has another time but the same content is served, and hashed only once."""
    path = prepare(cache, base)
    _touch(path)
    assert find(cache, base) == path
    monkeypatch.setattr(serving, "_sha256", lambda path: pytest.fail("hashed again"))
    assert find(cache, base) == path
    assert child.makes == 1


def test_check_reads_the_whole_file(child: Child, cache: Path, base: Path) -> None:
    """A change that size and time do not show is found by the checksum; so is a file that is gone."""
    path = prepare(cache, base)
    before = path.stat()
    path.write_bytes(b"made of bAse")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert find(cache, base) == path
    assert check(path) == "its content has changed"
    path.unlink()
    assert check(path) == "it cannot be read: No such file or directory"


def test_another_base_of_that_name(child: Child, cache: Path, base: Path) -> None:
    """A base that was replaced has its model made again, and the old one goes."""
    old = prepare(cache, base)
    base.write_bytes(b"a new base")
    assert find(cache, base) is None
    new = model_for(cache, base).path
    assert new.read_bytes() == b"made of a new base"
    assert _files(cache) == [new.name, new.with_suffix(".json").name]
    assert not old.exists()


def test_another_adapter(child: Child, cache: Path, base: Path, adapter: Path) -> None:
    """An adapter that was trained again takes its old model's place; the model without an adapter stays."""
    plain, old = prepare(cache, base), prepare(cache, base, adapter)
    assert plain != old
    adapter.write_bytes(b" and a better adapter")
    assert find(cache, base, adapter) is None
    new = prepare(cache, base, adapter)
    assert new.read_bytes() == b"made of base and a better adapter"
    assert {path for path, _ in known(cache)} == {plain, new}
    assert find(cache, base) == plain


def test_another_keep_list(
    child: Child, cache: Path, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another list of tokens to keep, or another recipe, leads to another model."""
    prepare(cache, base)
    other = tmp_path / "keep.xz"
    other.write_bytes(serving.KEEP_FILE.read_bytes() + b"\0")
    with monkeypatch.context() as patch:
        patch.setattr(serving, "KEEP_FILE", other)
        assert find(cache, base) is None
    with monkeypatch.context() as patch:
        patch.setattr(serving, "RECIPE_VERSION", serving.RECIPE_VERSION + 1)
        assert find(cache, base) is None
    assert find(cache, base) is not None


def test_models_of_bases_that_are_gone(child: Child, cache: Path, base: Path, tmp_path: Path) -> None:
    """What was made of a base that is gone goes with the next model made; what has its base stays."""
    other, third = tmp_path / "other.gguf", tmp_path / "third.gguf"
    for file in (other, third):
        file.write_bytes(file.name.encode())
        prepare(cache, file)
    other.unlink()
    made = prepare(cache, base)
    assert {Path(manifest.base) for _, manifest in known(cache)} == {base, third}
    assert made.exists()


def test_killed_halfway(child: Child, cache: Path, base: Path) -> None:
    """Killed in the middle, no model is there; the next call makes it and removes what was left."""
    child.does(serving_child.DIES_HALFWAY)
    with pytest.raises(NotPrepared, match=r"could not be made: the process ended \(-9\)"):
        prepare(cache, base)
    assert find(cache, base) is None
    assert list(known(cache)) == []
    assert [name for name in _files(cache) if not name.startswith(".")] == []
    (cache / "models" / serving.FOLDER / ".older.gguf.pruned").write_bytes(b"half")
    child.does(serving_child.MAKES)
    path = prepare(cache, base)
    assert path.read_bytes() == b"made of base"
    assert _files(cache) == [path.name, path.with_suffix(".json").name]


def test_killed_before_the_manifest(child: Child, cache: Path, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model whose manifest was not written any more is not there, and neither is one with the older's manifest."""
    path = prepare(cache, base)
    path.with_suffix(".json").unlink()
    assert find(cache, base) is None
    assert prepare(cache, base) == path
    assert child.makes == 2


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        (serving_child.DISK_IS_FULL, "No space left on device; set TOOLREC_CACHE_DIR to another place"),
        (serving_child.HITS_A_LIMIT, "File too large"),
        (serving_child.CRASHES, "ZeroDivisionError: what is this"),
        (serving_child.DIES_HALFWAY, "the process ended (-9)"),
    ],
    ids=["full", "limit", "crash", "kill"],
)
def test_could_not_be_made(child: Child, cache: Path, base: Path, recipe: str, said: str) -> None:
    """Where the model cannot be made the base is served meanwhile, with the reason, and nothing is left of it."""
    child.does(recipe)
    with pytest.raises(NotPrepared) as refusal:
        prepare(cache, base)
    assert said in str(refusal.value)
    served = model_for(cache, base)
    assert served.path == base
    assert said in served.problem
    assert served.problem.endswith("the whole base serves meanwhile, slower")
    assert find(cache, base) is None
    child.does(serving_child.MAKES)
    assert model_for(cache, base).problem == ""


def test_neither_model_nor_base(child: Child, cache: Path, tmp_path: Path) -> None:
    """A base that is not there is an error with its path, the key and the remedy; nothing is served instead."""
    with pytest.raises(ToolrecError, match=r"missing\.gguf \(model\.path\) is not there; name an existing") as refusal:
        model_for(cache, tmp_path / "missing.gguf")
    assert not isinstance(refusal.value, NotPrepared)
    assert child.makes == 0


def test_refused_base(child: Child, cache: Path, base: Path) -> None:
    """A base that is of another kind is an error, and is not served as it is."""
    child.does(serving_child.IS_REFUSED)
    with pytest.raises(ToolrecError, match=r"base\.gguf is a llama model") as refusal:
        model_for(cache, base)
    assert not isinstance(refusal.value, NotPrepared)


def test_cache_that_cannot_be_written(child: Child, tmp_path: Path, base: Path) -> None:
    """Where the cache's place is taken the base is served, and the problem names the place."""
    cache = tmp_path / "cache"
    cache.write_text("in the way")
    served = model_for(cache, base)
    assert served.path == base
    assert f"cannot write to {cache}: Not a directory" in served.problem


def test_two_at_once(child: Child, cache: Path, base: Path) -> None:
    """Two processes that want the same model make one, and both get it."""
    child.does(serving_child.TAKES_LONG)
    made: list[Path] = []
    threads = [threading.Thread(target=lambda: made.append(prepare(cache, base))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made[0] == made[1]
    assert child.makes == 1
    assert find(cache, base) == made[0]


def test_removed(child: Child, cache: Path, base: Path) -> None:
    """A removed model is gone with its manifest; removing it again is no error."""
    path = prepare(cache, base)
    remove(path)
    remove(path)
    assert _files(cache) == []
    assert find(cache, base) is None


def test_default_base(cache: Path) -> None:
    """Where no base is named it is the default one in the cache; a named one is itself."""
    assert serving.base_path(cache, None) == cache / "models" / FILE_NAME
    assert serving.base_path(cache, Path("/x.gguf")) == Path("/x.gguf")


def test_a_serving_model_named_as_the_base(child: Child, cache: Path, tmp_path: Path) -> None:
    """A file that is a serving model already is served as it is; one that is none is not taken for one."""
    plain = write_model(tmp_path / "plain.gguf")
    ready = write_model(tmp_path / "ready.gguf", original_ids=[0, 1, 2])
    assert not serving.is_serving_model(plain)
    assert not serving.is_serving_model(tmp_path / "missing.gguf")
    assert serving.is_serving_model(ready)
    assert model_for(cache, ready) == ServingModel(ready)
    assert child.makes == 0
    assert KEY_ORIGINAL_IDS == "toolrec.original_ids"


def test_manifest_of_another_version(child: Child, cache: Path, base: Path) -> None:
    """A manifest without a field that is needed counts as none."""
    path = prepare(cache, base)
    file = path.with_suffix(".json")
    fields = msgspec.json.decode(file.read_bytes())
    del fields["sha256"]
    file.write_bytes(msgspec.json.encode(fields))
    assert find(cache, base) is None
