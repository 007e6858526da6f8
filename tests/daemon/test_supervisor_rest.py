"""A worker that nobody needs is ended and comes back; one that crashes comes back more careful."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.engine_real import FIND, NAMES, PACK, PATIENCE_S, alive, best, serving, until
from tests.daemon.engine_real import plan_for as real_plan
from tests.daemon.worker_fakes import MODEL, FakeWorkers, fake_workers
from toolrecd.engine import jobs, supervisor
from toolrecd.engine.jobs import Settings
from toolrecd.engine.plan import Choice, Plan
from toolrecd.engine.supervisor import Supervisor
from toolrecd.errors import EngineUnavailable

QUICK, CAREFUL = Settings(2, repack=True), Settings(1)
SOON_S = 0.05


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeWorkers]:
    """Workers that are no processes; pauses between starts are over at once."""
    monkeypatch.setattr(supervisor, "BACKOFF_S", (0.0,))
    with fake_workers(monkeypatch) as made:
        yield made


class Demoting:
    """What to try after a crash, and what it was told."""

    def __init__(self, *settings: Settings) -> None:
        self._settings = list(settings)
        self.told: list[tuple[Settings, str]] = []

    def __call__(self, choice: Choice, reason: str) -> Settings:
        """Return the next settings."""
        self.told.append((choice.settings, reason))
        return self._settings.pop(0)


def _plan(
    *, idle_s: float = 0.0, safer: Demoting | None = None, problem: str = "", names: tuple[str, ...] = ()
) -> Plan:
    choice = Choice(MODEL, None, QUICK, problem)
    return Plan(choose=lambda: choice, names=list(names or NAMES), categories=[], idle_s=idle_s, safer=safer)


async def _rested(engine: Supervisor) -> None:
    await until(lambda: engine.state == "resting")


async def test_idle_worker_rests_and_wakes(workers: FakeWorkers) -> None:
    """A worker nobody asks is ended; the next question is answered by a new one, and that is no restart."""
    async with serving(_plan(idle_s=SOON_S)) as engine:
        await _rested(engine)
        assert workers.last.closed
        assert (engine.pid, engine.problem, len(workers.started)) == (None, "", 1)
        assert set(await engine.rank(FIND, NAMES)) == set(NAMES)
        assert (len(workers.started), engine.restarts) == (2, 0)
        await _rested(engine)
        assert set(await engine.rank(FIND, NAMES)) == set(NAMES)
        assert (len(workers.started), engine.restarts) == (3, 0)


async def test_no_idle_time(workers: FakeWorkers) -> None:
    """Without an idle time the worker stays."""
    async with serving(_plan()) as engine:
        await asyncio.sleep(3 * SOON_S)
        assert (engine.state, len(workers.started)) == ("ready", 1)


async def test_questions_keep_it_awake(workers: FakeWorkers, monkeypatch: pytest.MonkeyPatch) -> None:
    """While somebody asks it is not put to rest, though a question takes longer than the idle time."""
    async with serving(_plan(idle_s=SOON_S)) as engine:
        workers.gate.clear()
        asked = asyncio.create_task(engine.rank(FIND, NAMES))
        await asyncio.sleep(4 * SOON_S)
        assert not workers.last.closed
        workers.gate.set()
        assert set(await asked) == set(NAMES)
        assert len(workers.started) == 1
        await _rested(engine)


async def test_asked_while_put_to_rest(workers: FakeWorkers) -> None:
    """A question that comes while the worker is being ended waits for the next one, and that is no failure."""
    async with serving(_plan(idle_s=SOON_S)) as engine:
        workers.may_close.clear()
        await asyncio.wait_for(workers.closing.wait(), PATIENCE_S)
        asked = [asyncio.create_task(engine.rank(FIND, NAMES)) for _ in range(3)]
        for _ in range(5):
            await asyncio.sleep(0)
        workers.may_close.set()
        for answer in await asyncio.wait_for(asyncio.gather(*asked), PATIENCE_S):
            assert set(answer) == set(NAMES)
        assert (len(workers.started), engine.restarts) == (2, 0)


async def test_many_wake_it_once(workers: FakeWorkers) -> None:
    """Several questions to a resting model start one worker, which answers all of them."""
    async with serving(_plan(idle_s=SOON_S)) as engine:
        await _rested(engine)
        answers = await asyncio.gather(*(engine.rank(FIND, NAMES) for _ in range(5)))
        assert all(set(answer) == set(NAMES) for answer in answers)
        assert len(workers.started) == 2


async def test_model_is_gone_when_it_wakes(workers: FakeWorkers) -> None:
    """A model that cannot be had when it is woken is told to who asked; once it can, it serves again."""
    gone = False

    def choose() -> Choice:
        if gone:
            raise RuntimeError("the model is gone")
        return Choice(MODEL)

    async with serving(Plan(choose=choose, names=NAMES, categories=[], idle_s=SOON_S)) as engine:
        await _rested(engine)
        gone = True
        with pytest.raises(EngineUnavailable, match="the model is gone"):
            await engine.rank(FIND, NAMES)
        gone = False
        await until(lambda: engine.state in ("ready", "resting"))
        assert set(await engine.rank(FIND, NAMES)) == set(NAMES)


async def test_closed_while_resting(workers: FakeWorkers) -> None:
    """A resting engine can be closed and started again."""
    engine = Supervisor(_plan(idle_s=SOON_S))
    engine.start()
    await _rested(engine)
    await engine.close()
    assert engine.state == "stopped"
    engine.start()
    assert set(await engine.rank(FIND, NAMES)) == set(NAMES)
    await engine.close()


async def test_closed_while_put_to_rest(workers: FakeWorkers) -> None:
    """Closed in the middle of ending an idle worker, that worker is ended all the same."""
    engine = Supervisor(_plan(idle_s=SOON_S))
    engine.start()
    workers.may_close.clear()
    await asyncio.wait_for(workers.closing.wait(), PATIENCE_S)
    await engine.close()
    assert workers.last.over
    assert engine.state == "stopped"


async def test_replaced_while_resting(workers: FakeWorkers) -> None:
    """A plan that comes while the model rests is served, and its worker is looked after like any other."""
    async with serving(_plan(idle_s=SOON_S)) as engine:
        await _rested(engine)
        assert await engine.replace(_plan(idle_s=30.0, names=("grep", "tar"))) == ""
        assert set(await engine.rank(FIND, [])) == {"grep", "tar"}
        workers.last.die("SIGKILL")
        await until(lambda: len(workers.started) == 3 and engine.state == "ready")
        assert set(await engine.rank(FIND, [])) == {"grep", "tar"}


async def test_replaced_while_resting_rests_again(workers: FakeWorkers) -> None:
    """A worker that took over while the model rested is put to rest in its turn."""
    async with serving(_plan(idle_s=SOON_S)) as engine:
        await _rested(engine)
        await engine.replace(_plan(idle_s=SOON_S))
        taken_over = workers.last
        await until(lambda: taken_over.closed)
        assert set(await engine.rank(FIND, NAMES)) == set(NAMES)


@pytest.mark.parametrize("how", ["SIGSEGV", "SIGILL"])
async def test_crash_leads_to_safer_settings(workers: FakeWorkers, how: str) -> None:
    """After a crash in service the next worker runs as the plan says is safer; so does every later one."""
    safer = Demoting(CAREFUL)
    async with serving(_plan(safer=safer)) as engine:
        assert workers.last.load.settings == QUICK
        workers.last.die(how)
        await until(lambda: len(workers.started) == 2 and engine.state == "ready")
        assert safer.told == [(QUICK, f"the model process was killed by {how}")]
        assert workers.last.load.settings == CAREFUL
        assert engine.choice is not None
        assert engine.choice.settings == CAREFUL
        workers.last.die("SIGKILL")
        await until(lambda: len(workers.started) == 3 and engine.state == "ready")
        assert workers.last.load.settings == CAREFUL


@pytest.mark.parametrize("how", ["SIGKILL", "SIGTERM"])
async def test_killed_is_no_crash(workers: FakeWorkers, how: str) -> None:
    """A worker that was killed from outside comes back as it was."""
    safer = Demoting()
    async with serving(_plan(safer=safer)) as engine:
        workers.last.die(how)
        await until(lambda: len(workers.started) == 2 and engine.state == "ready")
        assert safer.told == []
        assert workers.last.load.settings == QUICK


async def test_crash_while_loading(workers: FakeWorkers) -> None:
    """Settings that crash while loading are given up one after another, until some work."""
    middle = Settings(1, repack=True)
    workers.deadly = {QUICK, middle}
    safer = Demoting(middle, CAREFUL)
    async with serving(_plan(safer=safer)) as engine:
        await until(lambda: engine.state == "ready")
        assert [settings for settings, _ in safer.told] == [QUICK, middle]
        assert [worker.load.settings for worker in workers.started] == [QUICK, middle, CAREFUL]
        assert engine.problem == ""


async def test_crash_without_a_plan_for_it(workers: FakeWorkers) -> None:
    """Where the plan knows nothing safer, the same is tried again."""
    async with serving(_plan()) as engine:
        workers.last.die("SIGSEGV")
        await until(lambda: len(workers.started) == 2 and engine.state == "ready")
        assert workers.last.load.settings == QUICK


async def test_new_plan_has_its_own_settings(workers: FakeWorkers) -> None:
    """What was too much for one model is tried again with the next."""
    safer = Demoting(CAREFUL)
    async with serving(_plan(safer=safer)) as engine:
        workers.last.die("SIGSEGV")
        await until(lambda: len(workers.started) == 2 and engine.state == "ready")
        assert await engine.replace(_plan(safer=safer)) == ""
        assert workers.last.load.settings == QUICK


async def test_problem_of_a_choice(workers: FakeWorkers) -> None:
    """What is wrong with what is served shows as the engine's problem, though it serves."""
    async with serving(_plan(problem="no room for the serving model")) as engine:
        assert (engine.state, engine.problem) == ("ready", "no room for the serving model")
        assert set(await engine.rank(FIND, NAMES)) == set(NAMES)


async def test_served(workers: FakeWorkers) -> None:
    """Whoever waits for something else to be served is told when it is, and not before."""
    engine = Supervisor(_plan())
    first = asyncio.create_task(engine.served())
    engine.start()
    choice = await asyncio.wait_for(first, PATIENCE_S)
    assert choice == engine.choice
    other = asyncio.create_task(engine.served(after=choice))
    await engine.replace(_plan(names=("tar",)))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not other.done()
    await engine.replace(_plan(problem="another"))
    assert (await asyncio.wait_for(other, PATIENCE_S)).problem == "another"
    await engine.close()


def test_plan_as_a_job() -> None:
    """A choice and its plan make the job that loads it; unknown candidates have no number."""
    plan = Plan(choose=lambda: Choice(MODEL), names=["a", "b", "c"], categories=["x"], warmth=Path("/w"))
    assert plan.job(Choice(MODEL, Path("/a"), QUICK)) == jobs.Load(
        str(MODEL), "/a", ["a", "b", "c"], ["x"], QUICK, "/w"
    )
    assert plan.job(Choice(MODEL)).adapter is None
    assert plan.numbers(["c", "z", "a"]) == [0, 2]


def test_plan_after_a_crash() -> None:
    """What is safer is the plan's to say; where that fails it is the safest, and where there is nothing, nothing."""

    def fail(choice: Choice, reason: str) -> Settings:
        raise PermissionError(13, "Permission denied")

    choice = Choice(MODEL, None, QUICK)
    assert _plan(safer=Demoting(CAREFUL)).settings_after(choice, "x") == CAREFUL
    assert _plan().settings_after(choice, "x") is None
    plan = Plan(choose=lambda: choice, names=[], categories=[], safer=fail)
    assert plan.settings_after(choice, "x") == Settings()


async def test_thinking_wakes_it(workers: FakeWorkers) -> None:
    """A thought asked of a resting model starts a worker too, and naming a category does."""
    async with serving(_plan(idle_s=SOON_S)) as engine:
        await _rested(engine)
        await engine.categorise(FIND, "find")
        await _rested(engine)
        with pytest.raises(EngineUnavailable, match="unexpected Scores"):  # all that a fake worker has to say
            await anext(engine.think(FIND))
        assert [type(job).__name__ for job in workers.last.jobs] == ["Load", "Think"]


@pytest.mark.slow
async def test_real_worker_rests_and_crashes(serving_file: Path) -> None:
    """A real worker is ended when idle, wakes for a question, and after SIGSEGV runs as is safer."""
    plan = real_plan(serving_file)
    safer = Demoting(CAREFUL)
    async with serving(Plan(choose=plan.choose, names=NAMES, categories=[], idle_s=0.2, safer=safer)) as engine:
        old = engine.pid
        await _rested(engine)
        await until(lambda: not alive(old))
        assert best(await engine.rank(PACK, NAMES)) == "tar"
        thought = engine.think(FIND)
        await anext(thought)
        assert engine.pid is not None
        os.kill(engine.pid, signal.SIGSEGV)
        with pytest.raises(EngineUnavailable, match="SIGSEGV"):
            [piece async for piece in thought]
        assert len(safer.told) == 1
        assert best(await _patiently(engine)) == "tar"
        assert engine.info is not None
        assert engine.info.settings == CAREFUL


async def _patiently(engine: Supervisor) -> dict[str, float]:
    await until(lambda: engine.state in ("ready", "resting"))
    return await engine.rank(PACK, NAMES)
