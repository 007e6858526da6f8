"""What a daemon does for its model in time: a self-test, and an adapter merged; each served once it is better."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.daemon import serving_child
from tests.daemon.engine_real import until
from tests.daemon.serving_child import Child
from tests.daemon.worker_fakes import FakeWorkers, fake_workers
from toolrecd import app as app_module
from toolrecd import ownership
from toolrecd.app import App
from toolrecd.config import Paths
from toolrecd.engine import selftest
from toolrecd.engine.jobs import Settings
from toolrecd.engine.plan import Choice
from toolrecd.engine.selftest import Trial
from toolrecd.models import FIRST_THREADS

FIRST, BETTER = Settings(FIRST_THREADS), Settings(1, repack=True)


class Bench:
    """A daemon's inside with fake workers, quick recipes and trials that cost what the test says."""

    def __init__(self, app: App, workers: FakeWorkers, child: Child) -> None:
        self.app, self.workers, self.child = app, workers, child
        self.notes: list[str] = []
        self.tried: list[tuple[str, bool, Settings]] = []
        self.costs = {FIRST: 10.0, BETTER: 10.0}
        self.merged_costs = 5.0
        self.chore: asyncio.Task[None] | None = None

    def trial(self, model: Path, adapter: Path | None, settings: Settings) -> Trial:
        """Be a trial."""
        self.tried.append((model.name, adapter is not None, settings))
        merged = b"adapter" in model.read_bytes() if model.exists() else False
        cost = self.merged_costs if merged else self.costs.get(settings, 99.0)
        return Trial(settings, "", 1.0, cost / 2, cost / 2, 7)

    async def serve(self) -> None:
        """Serve."""
        self.app.engine.start()
        await self.app.engine.settled()

    async def start(self) -> None:
        """Serve, and improve."""
        await self.serve()
        self.improve()

    def improve(self) -> None:
        """Begin to improve."""
        self.chore = asyncio.create_task(self.app._improve())

    async def idle(self) -> None:
        """Let everything happen that is going to."""
        for _ in range(30):
            await asyncio.sleep(0.01)
        assert self.chore is not None
        assert not self.chore.done()


@pytest.fixture
async def bench(isolated_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    """A daemon that waits for nothing, configured with a base of its own."""
    for name in ("SELFTEST_AFTER_S", "MERGE_AFTER_S", "LOOK_AGAIN_S"):
        monkeypatch.setattr(app_module, name, 0.0)
    monkeypatch.setattr(selftest, "cores", lambda: 2)
    child = Child(tmp_path, monkeypatch)
    (tmp_path / "base.gguf").write_bytes(b"base")
    (tmp_path / "tuned.gguf").write_bytes(b" and adapter")
    folder = isolated_home / "c"
    folder.mkdir()
    (folder / "config.toml").write_text(f"[model]\npath = '{tmp_path}/base.gguf'\n")
    with fake_workers(monkeypatch) as workers:
        app = App(Paths(folder, tmp_path / "cache"), ownership.Files(isolated_home / "d.sock"), "1")
        made = Bench(app, workers, child)
        monkeypatch.setattr(selftest, "trial", made.trial)
        monkeypatch.setattr(app, "note", made.notes.append)
        yield made
        if made.chore:
            made.chore.cancel()
            await asyncio.wait([made.chore])
        await app.engine.close()


def _choice(bench: Bench) -> Choice:
    assert bench.app.engine.choice is not None
    return bench.app.engine.choice


def _with_adapter(bench: Bench) -> None:
    file = bench.app.paths.config_file
    file.write_text(file.read_text() + f"adapter = '{bench.child.folder}/tuned.gguf'\n")


async def test_what_runs_better_is_served(bench: Bench) -> None:
    """After the first load the model is tried out, and served anew where another way is cheaper."""
    bench.costs[BETTER] = 2.0
    await bench.start()
    await until(lambda: _choice(bench).settings == BETTER)
    assert [worker.load.settings for worker in bench.workers.started] == [FIRST, BETTER]
    assert bench.notes[0].startswith("self-test: base-")
    assert "runs best with 1 thread, repacked weights" in bench.notes[0]
    tried = len(bench.tried)
    await bench.idle()
    assert (len(bench.workers.started), len(bench.tried)) == (2, tried)
    assert bench.app.engine.restarts == 0


async def test_what_runs_well_stays(bench: Bench) -> None:
    """Where the way it is served in is the best, the worker stays."""
    bench.costs = {FIRST: 2.0}
    await bench.start()
    await until(lambda: bench.notes)
    await bench.idle()
    assert len(bench.workers.started) == 1


async def test_tried_once(bench: Bench) -> None:
    """A model that was tried out is not tried again, by the next daemon neither."""
    await bench.start()
    await until(lambda: bench.notes)
    tried = len(bench.tried)
    await bench.app.engine.replace(bench.app.engine._plan)
    await bench.idle()
    again = App(bench.app.paths, bench.app.where, "1")
    again.engine.start()
    await again.engine.settled()
    chore = asyncio.create_task(again._improve())
    await bench.idle()
    chore.cancel()
    await asyncio.wait([chore])
    await again.engine.close()
    assert len(bench.tried) == tried


async def test_adapter_is_merged(bench: Bench) -> None:
    """An adapter is first served beside the model, and once it is merged and faster so, as part of it."""
    _with_adapter(bench)
    await bench.app.reload()
    await bench.start()
    await until(lambda: any("is merged into the model" in note for note in bench.notes))
    await until(lambda: _choice(bench).adapter is None)
    assert bench.workers.started[0].load.adapter == str(bench.child.folder / "tuned.gguf")
    assert _choice(bench).model.read_bytes() == b"made of base and adapter"
    started = len(bench.workers.started)
    await bench.idle()
    assert len(bench.workers.started) == started


async def test_merge_that_is_slower(bench: Bench) -> None:
    """An adapter that is slower merged stays beside the model."""
    _with_adapter(bench)
    bench.merged_costs = 50.0
    await bench.app.reload()
    await bench.start()
    await until(lambda: bench.child.makes == 2)
    await bench.idle()
    assert bench.workers.last.load.adapter is not None
    assert not any("merged" in note for note in bench.notes)


async def test_merge_that_fails(bench: Bench) -> None:
    """A merge that cannot be made is told, and the adapter is served beside the model."""
    _with_adapter(bench)
    await bench.app.reload()
    await bench.serve()
    bench.child.does(serving_child.DISK_IS_FULL)
    bench.improve()
    await until(lambda: any("No space left on device" in note for note in bench.notes))
    await bench.idle()
    assert bench.workers.last.load.adapter is not None


async def test_whole_base_is_left_alone(bench: Bench) -> None:
    """Where the base itself serves for want of room, nothing is tried out: it is not to stay."""
    bench.child.does(serving_child.DISK_IS_FULL)
    await bench.start()
    await bench.idle()
    assert "No space left on device" in bench.app.engine.problem
    assert bench.tried == []


async def test_self_test_that_fails(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A self-test that cannot be made is told, and the chore goes on with what is served next."""

    def fail(model: Path, adapter: Path | None, settings: Settings) -> Trial:
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(selftest, "trial", fail)
        await bench.start()
        await until(lambda: bench.notes)
        await bench.idle()
    assert "Too many open files" in bench.notes[0]
    assert bench.app.engine.state == "ready"
