"""Notices changed files: configuration, the user's tools, model and adapter.

watchfiles' own steps would wake the process 20 times a second; these wake it once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from pathlib import Path

from watchfiles import Change, awatch

STEP_MS = 1000  # how often a waiting watcher looks; the delay that a person notices at most
DEBOUNCE_MS = 1200  # an editor's save is several events


async def watch(
    trees: Iterable[Path], files: Iterable[Path], changed: Callable[[], Awaitable[None]], stop: asyncio.Event
) -> None:
    """Await `changed` after each change below `trees` or of one of `files`, until `stop` is set."""
    watchers = [_watch_tree(tree, changed, stop) for tree in trees if tree.is_dir()]
    wanted: dict[Path, set[str]] = {}
    for file in files:
        wanted.setdefault(file.parent, set()).add(file.name)
    watchers += [_watch_files(folder, names, changed, stop) for folder, names in wanted.items() if folder.is_dir()]
    await asyncio.gather(*watchers)


async def _watch_tree(tree: Path, changed: Callable[[], Awaitable[None]], stop: asyncio.Event) -> None:
    async for _ in _changes(tree, stop, recursive=True, accept=lambda name: not name.startswith(".")):
        await changed()


async def _watch_files(
    folder: Path, names: set[str], changed: Callable[[], Awaitable[None]], stop: asyncio.Event
) -> None:
    async for _ in _changes(folder, stop, recursive=False, accept=names.__contains__):
        await changed()


def _changes(
    folder: Path, stop: asyncio.Event, *, recursive: bool, accept: Callable[[str], bool]
) -> AsyncGenerator[set[tuple[Change, str]], None]:
    def wanted(change: Change, path: str) -> bool:
        return accept(Path(path).name)

    return awatch(
        folder, watch_filter=wanted, stop_event=stop, recursive=recursive,
        step=STEP_MS, debounce=DEBOUNCE_MS, rust_timeout=0,
    )  # fmt: skip
