"""What `toolrecd model` says and does."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.daemon.engine_files import write_adapter, write_model
from toolrecd import model_cli
from toolrecd.config import Paths
from toolrecd.engine import serving
from toolrecd.engine.basemodel import FILE_NAME
from toolrecd.errors import ToolrecError


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """An installation without a model."""
    return Paths(tmp_path / "conf", tmp_path / "cache")


@pytest.fixture
def prepared(paths: Paths, model_file: Path, serving_file: Path) -> Paths:
    """An installation whose default base has its serving model."""
    target = paths.cache_dir / "models" / FILE_NAME
    target.parent.mkdir(parents=True)
    target.symlink_to(model_file)
    serving.prepare(paths.cache_dir, target)
    return paths


def test_nothing_yet(paths: Paths) -> None:
    """Without a model the list says how to come by one, and so does what describes it."""
    assert "toolrecd model prepare" in model_cli.list_models(paths)
    with pytest.raises(ToolrecError, match="toolrecd model prepare"):
        model_cli.info(paths, None)


@pytest.mark.parametrize("named", ["/nowhere.gguf", "/etc/passwd"])
def test_use_refuses_what_cannot_be_served(paths: Paths, named: str) -> None:
    """A file that is no model is refused by name, and the configuration is not even made."""
    with pytest.raises(ToolrecError, match=named):
        model_cli.use(paths, named)
    assert not paths.config_file.exists()


def test_use_refuses_a_foreign_model(paths: Paths, tmp_path: Path) -> None:
    """A model of another architecture and an adapter are refused with what they are."""
    with pytest.raises(ToolrecError, match="llama model"):
        model_cli.use(paths, str(write_model(tmp_path / "other.gguf", architecture="llama")))
    with pytest.raises(ToolrecError, match=r"model\.adapter"):
        model_cli.use(paths, str(write_adapter(tmp_path / "adapter.gguf")))
    assert not paths.config_file.exists()


def test_use_default(paths: Paths) -> None:
    """The default base is named by nothing in the file."""
    model_cli.use(paths, model_cli.DEFAULT)
    assert paths.config_file.read_text() == '[model]\npath = ""\n'


@pytest.mark.slow
def test_prepared(prepared: Paths) -> None:
    """The list stars what is configured; the description says that it is whole; preparing again makes nothing."""
    lines = model_cli.list_models(prepared).splitlines()
    assert len(lines) == 2
    assert all(line.startswith("*") for line in lines)
    assert "checksum right" in model_cli.info(prepared, None)
    found = serving.find(prepared.cache_dir, prepared.cache_dir / "models" / FILE_NAME)
    assert model_cli.prepare(prepared, None) == found


@pytest.mark.slow
def test_damage_is_told(prepared: Paths) -> None:
    """A serving model whose content has changed under an unchanged date is called damaged."""
    path, manifest = next(iter(serving.known(prepared.cache_dir)))
    with path.open("r+b") as file:
        file.seek(50_000_000)
        file.write(b"damaged!")
    os.utime(path, ns=(manifest.mtime_ns, manifest.mtime_ns))
    assert "damaged" in model_cli.info(prepared, None)


@pytest.mark.slow
def test_use_a_file_of_ones_own(paths: Paths, tmp_path: Path, model_file: Path) -> None:
    """A model of one's own is prepared before it is named, and named by its whole path."""
    own = tmp_path / "own.gguf"
    shutil.copyfile(model_file, own)
    model_cli.use(paths, str(own))
    assert paths.config_file.read_text() == f'[model]\npath = "{own}"\n'
    assert serving.find(paths.cache_dir, own)
    assert str(own) in model_cli.info(paths, None)
