"""Newest request wins, without any socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from toolrecd import sessions as sessions_module
from toolrecd.errors import RequestError
from toolrecd.sessions import Sessions


@pytest.fixture
async def tasks() -> AsyncIterator[list[asyncio.Task[None]]]:
    """Three tasks that wait for ever."""
    made = [asyncio.create_task(asyncio.Event().wait()) for _ in range(3)]
    await asyncio.sleep(0)
    yield made
    for task in made:
        task.cancel()
    await asyncio.gather(*made, return_exceptions=True)


async def test_a_newer_number_cancels_the_older_task(tasks):
    """The task before is cancelled with the reason, the newer goes on."""
    held = Sessions()
    held.enter("s", 1, tasks[0])
    held.enter("s", 2, tasks[1])
    with pytest.raises(asyncio.CancelledError) as cancelled:
        await tasks[0]
    assert cancelled.value.args == ("superseded",)
    assert not tasks[1].done()


async def test_an_equal_number_counts_as_newer(tasks):
    """A request repeated with its number supersedes the first sending of it."""
    held = Sessions()
    held.enter("s", 1, tasks[0])
    held.enter("s", 1, tasks[1])
    await asyncio.wait([tasks[0]])
    assert tasks[0].cancelled()


async def test_an_older_number_is_refused_even_after_the_newer_was_answered(tasks):
    """The highest number is remembered when its request is done."""
    held = Sessions()
    held.enter("s", 5, tasks[0])
    held.leave("s", tasks[0])
    with pytest.raises(RequestError, match="a newer request of the same session has come") as refused:
        held.enter("s", 4, tasks[1])
    assert refused.value.code == "superseded"
    held.enter("s", 6, tasks[2])
    assert not tasks[0].done()


async def test_leaving_late_does_not_forget_the_newer_request(tasks):
    """A superseded task that ends after its successor began leaves the successor cancellable."""
    held = Sessions()
    held.enter("s", 1, tasks[0])
    held.enter("s", 2, tasks[1])
    held.leave("s", tasks[0])
    held.enter("s", 3, tasks[2])
    await asyncio.wait([tasks[1]])
    assert tasks[1].cancelled()


async def test_the_longest_silent_session_is_forgotten_first(tasks, monkeypatch):
    """Only so many sessions are kept; one that asked again counts as new."""
    monkeypatch.setattr(sessions_module, "MAX_SESSIONS", 2)
    held = Sessions()
    for session, seq in (("a", 7), ("b", 7), ("a", 8), ("c", 7)):
        held.enter(session, seq, tasks[0])
    assert len(held) == 2
    held.enter("b", 1, tasks[1])  # forgotten, so its old numbers are no obstacle
    with pytest.raises(RequestError):
        held.enter("c", 1, tasks[1])
