"""Reading the worker's results: whole ones only, and none lost when a reader gives up."""

from __future__ import annotations

import asyncio
import mmap
from types import SimpleNamespace

import pytest

from toolrecd.engine import jobs
from toolrecd.engine.process import Process, WorkerGone

SCORES = jobs.Scores([0.5] * 5000, 7)


@pytest.fixture
async def reader() -> asyncio.StreamReader:
    """What the worker's results come from."""
    return asyncio.StreamReader()


def _process(reader: asyncio.StreamReader) -> Process:
    async def wait() -> int:
        return 3

    child = SimpleNamespace(pid=1, wait=wait, returncode=None)
    made = Process(child, reader, SimpleNamespace(), mmap.mmap(-1, mmap.PAGESIZE))  # type: ignore[arg-type]
    made.busy = True
    return made


@pytest.mark.parametrize("arrived", [0, 2, 4, 5, 1000])
async def test_cancelled_in_the_middle(reader: asyncio.StreamReader, arrived: int) -> None:
    """A reader that gives up in the middle of a result leaves it to the next one, wherever it stood."""
    process, frame = _process(reader), jobs.frame(SCORES)
    reader.feed_data(frame[:arrived])
    task = asyncio.create_task(process.receive(60))
    for _ in range(5):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert process.busy
    reader.feed_data(frame[arrived:] + jobs.frame(jobs.Stopped()))
    assert await process.receive(60) == SCORES
    assert not process.busy
    assert await process.receive(60) == jobs.Stopped()


async def test_busy_until_the_last_piece(reader: asyncio.StreamReader) -> None:
    """A thought is under way until its empty piece."""
    process = _process(reader)
    for text in ("use ", "find", ""):
        reader.feed_data(jobs.frame(jobs.Thought(text)))
    assert [(await process.receive(60), process.busy) for _ in range(3)] == [
        (jobs.Thought("use "), True), (jobs.Thought("find"), True), (jobs.Thought(""), False),
    ]  # fmt: skip


async def test_abort_reads_what_is_left(reader: asyncio.StreamReader) -> None:
    """Aborting reads the rest of a job's results, so that the next job's come first."""
    process = _process(reader)
    for result in (jobs.Thought("use "), jobs.Thought("find"), jobs.Stopped(), SCORES):
        reader.feed_data(jobs.frame(result))
    assert await process.abort()
    assert await process.receive(60) == SCORES


async def test_ended_in_the_middle(reader: asyncio.StreamReader) -> None:
    """A worker that ends in the middle of a result is gone, and it is said how it ended."""
    process = _process(reader)
    reader.feed_data(jobs.frame(SCORES)[:100])
    reader.feed_eof()
    with pytest.raises(WorkerGone, match="the model process ended with status 3"):
        await process.receive(60)
