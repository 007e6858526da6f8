"""Worker processes that are none: they load and rank at once, end as they are told, and remember their jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from toolrecd.engine import jobs
from toolrecd.engine.process import Process, WorkerGone

CRASHES = ("SIGSEGV", "SIGILL")
MODEL = Path("/nowhere/model.gguf")


class FakeWorker:
    """A worker as the supervisor sees it."""

    def __init__(self, workers: FakeWorkers) -> None:
        self._workers = workers
        self.pid = 1000 + len(workers.started)
        self.busy = self.crashed = self.closed = False
        self.jobs: list[jobs.Job] = []
        self._how = "ended with status 0"
        self._end = asyncio.Event()

    @property
    def load(self) -> jobs.Load:
        """The job that loaded its model."""
        return next(job for job in self.jobs if isinstance(job, jobs.Load))

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self._end.is_set()

    def die(self, how: str) -> None:
        """Be killed by a signal."""
        self._how, self.crashed = f"was killed by {how}", how in CRASHES
        self._end.set()

    def send(self, job: jobs.Job) -> None:
        """Take a job."""
        if self._end.is_set():
            raise WorkerGone("the model process hung up")
        self.jobs.append(job)
        self.busy = True
        if isinstance(job, jobs.Load) and job.settings in self._workers.deadly:
            self.die("SIGILL")

    async def receive(self, limit_s: float) -> jobs.Result:
        """Answer the job."""
        await self._workers.gate.wait()
        self.busy = False
        if self._end.is_set():
            raise WorkerGone(f"the model process {self._how}")
        job = self.jobs[-1]
        if isinstance(job, jobs.Load):
            return jobs.Loaded(_info(job), 1.0)
        asked = self.load.categories if isinstance(job, jobs.Categorise) else self.load.names
        return jobs.Scores([0.0] * len(asked), 1)

    async def abort(self) -> bool:
        """Stop at once."""
        self.busy = False
        return True

    async def ended(self) -> str:
        """Wait for the end."""
        await self._end.wait()
        return self._how

    def kill(self) -> None:
        """End at once."""
        self._end.set()

    async def close(self) -> None:
        """End, when the test lets it."""
        self.closed = True
        self._workers.closing.set()
        await self._workers.may_close.wait()
        self._end.set()


class FakeWorkers:
    """All workers of a test."""

    def __init__(self) -> None:
        self.started: list[FakeWorker] = []
        self.deadly: set[jobs.Settings] = set()
        """With these settings a load crashes."""
        self.gate, self.closing, self.may_close = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.gate.set()
        self.may_close.set()

    @property
    def last(self) -> FakeWorker:
        """The worker that was started last."""
        return self.started[-1]

    async def start(self) -> FakeWorker:
        """Start one."""
        self.started.append(FakeWorker(self))
        return self.started[-1]


def _info(load: jobs.Load) -> jobs.ModelInfo:
    return jobs.ModelInfo(
        path=load.model, description="fake", size_bytes=1, parameters=1, vocabulary=1, functiongemma=False,
        form="plain", typing_form="plain", trained=False, adapter=load.adapter, merged=False, adapter_problem="",
        settings=load.settings, warm=False, system="",
    )  # fmt: skip


@contextmanager
def fake_workers(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeWorkers]:
    """Put fake workers in the place of processes."""
    made = FakeWorkers()
    monkeypatch.setattr(Process, "start", made.start)
    yield made
