"""Notices changed files: configuration, the user's tools, model and adapter.

watchfiles' own steps would wake the process 20 times a second; these wake it once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection
from pathlib import Path

from watchfiles import Change, awatch

STEP_MS = 1000  # how often a waiting watcher looks; the delay that a person notices at most
DEBOUNCE_MS = 1200  # an editor's save is several events


async def watch(
    trees: Collection[Path], files: Collection[Path], changed: Callable[[], Awaitable[None]], stop: asyncio.Event
) -> None:
    """Await `changed` after each change below `trees` or of one of `files`, until `stop` is set.

    Sets `stop` itself when a folder that was missing is made: the caller begins again, with the folder.

    Raises:
        OSError: the system refuses to watch, for want of permission or of watches.
    """
    watched: dict[Path, set[str] | None] = {file.parent: set() for file in files}
    for file in files:
        watched[file.parent].add(file.name)  # type: ignore[union-attr]
    outermost = [tree for tree in trees if not any(other in tree.parents for other in trees)]
    watched |= dict.fromkeys(outermost)
    tasks = [
        asyncio.create_task(
            _watch_folder(folder, names, changed, stop) if folder.is_dir() else _await_folder(folder, stop)
        )
        for folder, names in watched.items()
    ]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


async def _watch_folder(
    folder: Path, names: set[str] | None, changed: Callable[[], Awaitable[None]], stop: asyncio.Event
) -> None:
    """Follow the files of these names in a folder or, without names, everything below it."""
    accept = names.__contains__ if names else lambda name: not name.startswith(".")
    async for _ in _changes(folder, stop, recursive=names is None, accept=accept):
        await changed()


async def _await_folder(folder: Path, stop: asyncio.Event) -> None:
    """Set `stop` once the next part of the path to a missing folder is there."""
    parent = next(parent for parent in folder.parents if parent.is_dir())
    part = folder.relative_to(parent).parts[0]
    async for _ in _changes(parent, stop, recursive=False, accept=part.__eq__):
        stop.set()


def _changes(
    folder: Path, stop: asyncio.Event, *, recursive: bool, accept: Callable[[str], bool]
) -> AsyncGenerator[set[tuple[Change, str]], None]:
    def wanted(change: Change, path: str) -> bool:
        return accept(Path(path).name)

    return awatch(
        folder, watch_filter=wanted, stop_event=stop, recursive=recursive,
        step=STEP_MS, debounce=DEBOUNCE_MS, rust_timeout=0,
    )  # fmt: skip
