"""Changed files are noticed: in folders, single files, and folders that are made later."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from toolrecd import watch as watch_module
from toolrecd.watch import watch

PATIENCE_S = 15.0


class Watching:
    """A running watch and what it noticed."""

    def __init__(self, trees: list[Path], files: list[Path]) -> None:
        self.stop, self.noticed = asyncio.Event(), asyncio.Event()
        self.task = asyncio.create_task(watch(trees, files, self._changed, self.stop))

    async def _changed(self) -> None:
        self.noticed.set()

    async def __aenter__(self) -> Watching:
        await asyncio.sleep(0.05)  # the system's watches are set by a thread; nothing tells when
        return self

    async def __aexit__(self, *_: object) -> None:
        self.stop.set()
        async with asyncio.timeout(PATIENCE_S):
            await self.task


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Look often, so that the tests are short."""
    monkeypatch.setattr(watch_module, "STEP_MS", 20)
    monkeypatch.setattr(watch_module, "DEBOUNCE_MS", 40)


async def noticed(watching: Watching) -> bool:
    """Wait until a change was noticed."""
    async with asyncio.timeout(PATIENCE_S):
        return await watching.noticed.wait()


@pytest.mark.parametrize("name", ["config.toml", "tools/deep/mine.toml"])
async def test_a_change_anywhere_below_a_folder_is_noticed(tmp_path, name):
    """A file written at any depth of a watched folder counts."""
    (tmp_path / "tools/deep").mkdir(parents=True)
    async with Watching([tmp_path], []) as watching:
        (tmp_path / name).write_text("x")
        assert await noticed(watching)


async def test_of_a_single_files_folder_only_the_file_counts(tmp_path):
    """A neighbour of a watched file goes unnoticed, the file itself does not."""
    async with Watching([], [tmp_path / "a.gguf"]) as watching:
        (tmp_path / "b.gguf").write_text("x")
        await asyncio.sleep(0.3)
        assert not watching.noticed.is_set()
        (tmp_path / "a.gguf").write_text("x")
        assert await noticed(watching)


async def test_an_editors_hidden_files_do_not_count(tmp_path):
    """Swap files and the like are no change."""
    async with Watching([tmp_path], []) as watching:
        (tmp_path / ".config.toml.swp").write_text("x")
        await asyncio.sleep(0.3)
        assert not watching.noticed.is_set()


async def test_a_folder_that_is_made_later_ends_the_watch(tmp_path):
    """When a missing folder, or the first part of the way to it, appears, the caller is told to begin again."""
    async with Watching([tmp_path / "config" / "toolrec"], []) as watching:
        (tmp_path / "config").mkdir()
        async with asyncio.timeout(PATIENCE_S):
            await watching.stop.wait()


async def test_folders_inside_each_other_are_watched_once(tmp_path, monkeypatch):
    """A folder below another watched one needs no watch of its own."""
    watched: list[Path] = []

    async def remember(folder: Path, *_: object) -> None:
        watched.append(folder)

    monkeypatch.setattr(watch_module, "_watch_folder", remember)
    (tmp_path / "tools").mkdir()
    await watch([tmp_path, tmp_path / "tools"], [], lambda: None, asyncio.Event())
    assert watched == [tmp_path]


async def test_a_system_that_refuses_to_watch_is_an_error_of_the_caller(tmp_path, monkeypatch):
    """No watches left: the error comes out instead of a silence that never ends."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError("OS file watch limit reached")

    monkeypatch.setattr(watch_module, "awatch", refuse)
    with pytest.raises(OSError, match="limit reached"):
        await watch([tmp_path], [], lambda: None, asyncio.Event())
