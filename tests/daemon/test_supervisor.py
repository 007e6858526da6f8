"""The supervised worker on the real model: it ranks, one job at a time, and stops when it is told."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.daemon.engine_real import (
    CATEGORIES,
    FIND,
    NAMES,
    PACK,
    PATIENCE_S,
    alive,
    best,
    plan_for,
    serving,
    until,
    with_names,
)
from toolrecd.engine import jobs
from toolrecd.engine.process import Process
from toolrecd.engine.supervisor import Supervisor
from toolrecd.errors import EngineUnavailable


async def test_ranks(model_file: Path) -> None:
    """It says what it serves, ranks names, names categories and thinks."""
    async with serving(plan_for(model_file)) as engine:
        assert (engine.state, engine.problem, engine.restarts) == ("ready", "", 0)
        assert engine.info is not None
        assert (engine.info.form, engine.info.functiongemma, engine.info.adapter) == ("plain", False, None)
        assert engine.info.path == str(model_file)
        scores = await engine.rank(FIND, NAMES)
        assert list(scores) == NAMES
        assert best(scores) in ("find", "fd")
        assert best(await engine.rank(PACK, NAMES)) == "tar"
        assert best(await engine.categorise(PACK, "tar")) == "archive"
        assert set(await engine.categorise(FIND, "find")) == set(CATEGORIES)
        thought = "".join([piece async for piece in engine.think(FIND)])
        assert len(thought) > 10
        assert "\n" not in thought


async def test_unknown_candidates(model_file: Path) -> None:
    """A candidate that the worker does not know, as after a reload, is left out."""
    async with serving(with_names(plan_for(model_file), ["find", "tar"])) as engine:
        assert set(await engine.rank(FIND, ["find", "gone"])) == {"find", "tar"}


@pytest.mark.slow
async def test_cancelled_thought(model_file: Path) -> None:
    """A thought whose reader leaves stops the model: the same worker answers the next question correctly."""
    async with serving(plan_for(model_file)) as engine:
        pid, expected = engine.pid, await engine.rank(FIND, NAMES)
        thought = engine.think(PACK)
        first = await anext(thought)
        await thought.aclose()  # type: ignore[attr-defined]
        again = await engine.rank(FIND, NAMES)
        assert first
        assert best(again) == best(expected)
        assert again == pytest.approx(expected, abs=1.0)
        assert (engine.pid, engine.restarts) == (pid, 0)


async def test_cancelled_task(model_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cancelled caller stops the model in the middle of a job, and the worker is ready for the next."""
    aborted: list[bool] = []
    abort = Process.abort

    async def watched(self: Process) -> bool:
        aborted.append(await abort(self))
        return aborted[-1]

    monkeypatch.setattr(Process, "abort", watched)
    async with serving(plan_for(model_file)) as engine:
        pid = engine.pid
        for delay_steps in range(0, 40, 4):
            task = asyncio.create_task(engine.rank(PACK if delay_steps % 8 else FIND, NAMES))
            for _ in range(delay_steps):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
        assert best(await engine.rank(PACK, NAMES)) == "tar"
        assert aborted
        assert all(aborted)
        assert engine.pid == pid


@pytest.mark.slow
async def test_many_callers(model_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many callers at once are served in the order they came, one job at a time, each with its own answer."""
    sent: list[jobs.Job] = []
    send = Process.send

    def watched(self: Process, job: jobs.Job) -> None:
        assert not self.busy
        sent.append(job)
        send(self, job)

    async with serving(plan_for(model_file)) as engine:
        monkeypatch.setattr(Process, "send", watched)
        questions = [FIND, PACK] * 10
        answers = await asyncio.gather(*(engine.rank(question, NAMES) for question in questions))
    assert [job.question for job in sent if isinstance(job, jobs.Rank)] == questions
    assert all(
        (best(answer) == "tar") == (question == PACK) for question, answer in zip(questions, answers, strict=True)
    )


async def test_callers_wait_for_the_first_load(model_file: Path) -> None:
    """Whoever asks while the model is loading waits for it."""
    engine = Supervisor(plan_for(model_file))
    engine.start()
    try:
        assert best(await asyncio.wait_for(engine.rank(PACK, NAMES), PATIENCE_S)) == "tar"
    finally:
        await engine.close()


@pytest.mark.slow
async def test_close_leaves_nothing(model_file: Path) -> None:
    """Closed, there is no process, no state, and callers are told; started again, it serves again."""
    engine = Supervisor(plan_for(model_file))
    engine.start()
    await engine.settled()
    pid = engine.pid
    assert alive(pid)
    await engine.close()
    assert not alive(pid)
    assert (engine.state, engine.pid) == ("stopped", None)
    with pytest.raises(EngineUnavailable):
        await engine.rank(FIND, NAMES)
    engine.start()
    assert best(await engine.rank(PACK, NAMES)) == "tar"
    await engine.close()


async def test_close_while_loading(model_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closed in the middle of a load, the process that was loading ends, and a waiting caller is told."""
    started: list[Process] = []
    start = Process.start.__func__  # type: ignore[attr-defined]

    async def watched(cls: type[Process]) -> Process:
        started.append(await start(cls))
        return started[-1]

    monkeypatch.setattr(Process, "start", classmethod(watched))
    engine = Supervisor(plan_for(model_file))
    engine.start()
    waiting = asyncio.create_task(engine.rank(FIND, NAMES))
    await until(lambda: started)
    await engine.close()
    await until(lambda: not alive(started[0].pid))
    with pytest.raises(EngineUnavailable):
        await asyncio.wait_for(waiting, PATIENCE_S)
    assert len(started) == 1


@pytest.mark.slow
async def test_replaced(model_file: Path) -> None:
    """A new plan's worker takes over while the old one goes on serving until it is ready."""
    async with serving(plan_for(model_file)) as engine:
        old = engine.pid
        replacing = asyncio.create_task(engine.replace(with_names(plan_for(model_file), ["grep", "tar"])))
        answers = []
        while not replacing.done():
            answers.append(await engine.rank(PACK, NAMES))
            await asyncio.sleep(0)
        assert await replacing == ""
        assert set(answers[0]) == set(NAMES)
        assert len(answers) > 2
        assert set(await engine.rank(PACK, NAMES)) == {"grep", "tar"}
        assert engine.pid != old
        await until(lambda: not alive(old))


async def test_failed_replacement(model_file: Path, tmp_path: Path) -> None:
    """Where the new plan fails the old worker stays, and the caller is told why."""
    async with serving(plan_for(model_file)) as engine:
        old = engine.pid
        problem = await engine.replace(plan_for(tmp_path / "missing.gguf"))
        assert problem == f"{tmp_path / 'missing.gguf'} cannot be read: No such file or directory"
        assert (engine.pid, engine.state, engine.problem) == (old, "ready", "")
        assert best(await engine.rank(PACK, NAMES)) == "tar"


@pytest.mark.slow
async def test_replaced_while_loading(model_file: Path) -> None:
    """A plan that comes while the first one is loading wins, whichever is ready first, and one worker is left."""
    engine = Supervisor(plan_for(model_file))
    engine.start()
    try:
        assert await engine.replace(with_names(plan_for(model_file), ["grep", "tar"])) == ""
        await engine.settled()
        assert set(await engine.rank(PACK, [])) == {"grep", "tar"}
        await until(lambda: engine.state == "ready")
    finally:
        await engine.close()
