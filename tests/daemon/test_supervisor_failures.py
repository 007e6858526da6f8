"""A worker that dies, hangs or cannot load: it is replaced, callers are told, and `state` says why."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from pathlib import Path

import pytest

from tests.daemon.engine_real import FIND, NAMES, PACK, PATIENCE_S, alive, best, plan_for, serving, until
from tests.daemon.worker_fakes import fake_workers
from toolrecd.engine import process, supervisor
from toolrecd.engine.plan import Choice, Plan
from toolrecd.engine.process import Process
from toolrecd.engine.supervisor import Supervisor
from toolrecd.errors import EngineUnavailable


def _kill(engine: Supervisor, number: signal.Signals) -> int:
    pid = engine.pid
    assert pid is not None
    os.kill(pid, number)
    return pid


@pytest.mark.slow
async def test_killed(model_file: Path) -> None:
    """A killed worker is noticed without a question, said so, and another one serves in its place."""
    async with serving(plan_for(model_file)) as engine:
        pid = _kill(engine, signal.SIGKILL)
        await until(lambda: engine.state == "restarting")
        assert engine.problem == "the model process was killed by SIGKILL (out of memory?)"
        with pytest.raises(EngineUnavailable, match="was killed by SIGKILL"):
            await engine.rank(FIND, NAMES)
        await until(lambda: engine.state == "ready")
        assert best(await engine.rank(PACK, NAMES)) == "tar"
        assert (engine.restarts, engine.problem) == (1, "")
        assert engine.pid != pid


@pytest.mark.slow
async def test_killed_while_asked(model_file: Path) -> None:
    """A question under way when the worker dies fails at once, and the thought stops with an error."""
    async with serving(plan_for(model_file)) as engine:
        thought = engine.think(FIND)
        await anext(thought)
        _kill(engine, signal.SIGKILL)
        with pytest.raises(EngineUnavailable, match="SIGKILL"):
            [piece async for piece in thought]
        await until(lambda: engine.state == "ready")
        assert best(await engine.rank(PACK, NAMES)) == "tar"


@pytest.mark.slow
async def test_ended_by_itself(model_file: Path) -> None:
    """A worker that ends on a signal that asks it to is replaced too."""
    async with serving(plan_for(model_file)) as engine:
        _kill(engine, signal.SIGTERM)
        await until(lambda: engine.state == "restarting")
        assert engine.problem == "the model process was killed by SIGTERM"
        await until(lambda: engine.state == "ready")


@pytest.mark.slow
async def test_frozen(model_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that does not answer in time is killed and replaced."""
    async with serving(plan_for(model_file)) as engine:
        await engine.rank(FIND, NAMES)
        monkeypatch.setattr(supervisor, "JOB_TIMEOUT_S", 0.3)
        pid = _kill(engine, signal.SIGSTOP)
        with pytest.raises(EngineUnavailable, match="the model did not answer within 0 s"):
            await engine.rank(PACK, NAMES)
        monkeypatch.setattr(supervisor, "JOB_TIMEOUT_S", 30.0)
        await until(lambda: not alive(pid))
        await until(lambda: engine.state == "ready")
        assert best(await engine.rank(PACK, NAMES)) == "tar"


@pytest.mark.slow
async def test_frozen_and_cancelled(model_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that does not stop when told to is killed and replaced, though nobody waits for its answer."""
    monkeypatch.setattr(process, "ABORT_TIMEOUT_S", 0.3)
    async with serving(plan_for(model_file)) as engine:
        pid = _kill(engine, signal.SIGSTOP)
        task = asyncio.create_task(engine.rank(PACK, NAMES))
        while not (engine._worker and engine._worker.busy):  # noqa: ASYNC110  no event says that a job is on its way
            await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.wait([task])
        assert engine.state == "restarting"
        assert "did not stop within" in engine.problem
        await until(lambda: not alive(pid))
        await until(lambda: engine.state == "ready")


async def test_frozen_and_closed(model_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing ends even a worker that is frozen."""
    monkeypatch.setattr(process, "ABORT_TIMEOUT_S", 0.3)
    async with serving(plan_for(model_file)) as engine:
        pid = _kill(engine, signal.SIGSTOP)
        await engine.close()
        assert not alive(pid)


class Pauses:
    """The pauses between starts: each is over at once, but the ninth lasts."""

    def __init__(self) -> None:
        self.taken: list[float] = []
        self.ninth = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        """Take a pause."""
        self.taken.append(seconds)
        if len(self.taken) == 9:
            self.ninth.set()
            await asyncio.Event().wait()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> Pauses:
    """What takes the place of sleeping between starts."""
    made = Pauses()
    monkeypatch.setattr(supervisor.asyncio, "sleep", made.sleep)
    return made


async def _after_nine_tries(plan: Plan, pauses: Pauses) -> Supervisor:
    engine = Supervisor(plan)
    engine.start()
    await asyncio.wait_for(pauses.ninth.wait(), PATIENCE_S)
    return engine


async def test_no_model_to_be_had(pauses: Pauses, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that cannot be made makes the engine unusable with that reason; tries get rarer, no process is left."""

    def fail() -> Choice:
        raise RuntimeError("no room for the model")

    with fake_workers(monkeypatch) as workers:
        engine = await _after_nine_tries(Plan(choose=fail, names=NAMES, categories=[]), pauses)
    assert len(workers.started) == 9
    assert all(worker.over for worker in workers.started)
    assert (engine.state, engine.problem) == ("unusable", "no room for the model")
    assert pauses.taken == [*supervisor.BACKOFF_S, *[supervisor.BACKOFF_S[-1]] * 4]
    with pytest.raises(EngineUnavailable, match="no room for the model"):
        await engine.rank(FIND, NAMES)
    await engine.close()


async def test_no_process_to_be_had(pauses: Pauses, monkeypatch: pytest.MonkeyPatch, model_file: Path) -> None:
    """Where no process can be started the engine says so and goes on trying."""

    async def refuse() -> Process:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(Process, "start", refuse)
    engine = await _after_nine_tries(plan_for(model_file), pauses)
    assert (engine.state, engine.problem) == ("unusable", "cannot start the model process: Cannot allocate memory")
    await engine.close()


async def test_missing_model(tmp_path: Path) -> None:
    """A model file that is missing makes the engine unusable with the reason; once it is there it is served."""
    missing = tmp_path / "missing.gguf"
    async with serving(plan_for(missing)) as engine:
        assert (engine.state, engine.pid) == ("unusable", None)
        assert engine.problem == f"{missing} cannot be read: No such file or directory"
        with pytest.raises(EngineUnavailable, match="No such file"):
            await engine.rank(FIND, NAMES)


async def test_model_appears(tmp_path: Path, model_file: Path) -> None:
    """A model that could not be loaded at first is served once its file is there."""
    path = tmp_path / "model.gguf"
    async with serving(plan_for(path)) as engine:
        assert engine.state == "unusable"
        path.symlink_to(model_file)
        await until(lambda: engine.state == "ready")
        assert best(await engine.rank(PACK, NAMES)) == "tar"


@pytest.mark.parametrize("length", [0, 1000, 3_000_000, 200_000_000])
async def test_truncated_model(tmp_path: Path, model_file: Path, length: int) -> None:
    """A model file cut short, in the header or in its tensors, is unusable with that reason."""
    path = tmp_path / "cut.gguf"
    shutil.copyfile(model_file, path)
    os.truncate(path, length)
    async with serving(plan_for(path)) as engine:
        assert engine.state == "unusable"
        assert "too short" in engine.problem if length == 0 else "is cut short" in engine.problem
        assert str(path) in engine.problem
