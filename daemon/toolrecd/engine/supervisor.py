"""Keeps a worker process alive and gives it one job at a time; the daemon's side of the engine.

A worker that dies, hangs or cannot be fed is replaced, after a pause that grows while it keeps failing, and with
safer settings if it crashed. Meanwhile every call raises EngineUnavailable, and the daemon serves its shortlist.
A worker that nobody has asked for long enough is ended; the next question has a new one started.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Literal, Protocol

import msgspec

from toolrecd.engine import jobs
from toolrecd.engine.jobs import Question, Settings
from toolrecd.engine.plan import Choice, Plan
from toolrecd.engine.process import ABORT_TIMEOUT_S, Process, WorkerGone
from toolrecd.errors import EngineUnavailable

JOB_TIMEOUT_S = 10.0  # the slowest honest job, a long query on a loaded machine, takes about one
LOAD_TIMEOUT_S = 120.0  # a cold disk reads 250 MB
BACKOFF_S = (0.2, 1.0, 5.0, 30.0, 120.0)
MIN_IDLE_STEP_S = 0.05
STABLE_S = 60.0  # a worker that lived so long was well; its end starts the back-off anew

State = Literal["loading", "ready", "resting", "restarting", "unusable", "stopped"]


class Engine(Protocol):
    """What recommendation needs of a language model."""

    @property
    def trained(self) -> bool:
        """Whether the model was taught the tools, so that its scores deserve weight."""

    async def rank(self, question: Question, candidates: Sequence[str], *, typing: bool = False) -> dict[str, float]:
        """Return a score in nats for each name it knows; raises EngineUnavailable."""

    async def categorise(self, question: Question, name: str) -> dict[str, float]:
        """Return a score in nats for each category it knows; raises EngineUnavailable."""

    def think(self, question: Question) -> AsyncIterator[str]:
        """Yield pieces of a thought; raises EngineUnavailable. Close it to stop the model."""


class Supervisor:
    """The engine: a worker process and what is needed to replace it."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._lock = asyncio.Lock()
        self._worker: Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._settled = asyncio.Event()
        self._wanted = asyncio.Event()
        self._news = asyncio.Event()  # something else is served than before
        self._used = time.monotonic()
        self._safer: Settings | None = None  # instead of the plan's, since a worker crashed with those
        self.choice: Choice | None = None
        self.info: jobs.ModelInfo | None = None
        self.state: State = "stopped"
        self.problem = ""
        self.restarts = 0
        self.load_ms = 0.0

    @property
    def pid(self) -> int | None:
        """The worker's process id, while there is one."""
        return self._worker.pid if self._worker else None

    @property
    def trained(self) -> bool:
        """Whether an adapter of ours taught the model the tools."""
        return self.info is not None and self.info.trained

    def start(self) -> None:
        """Begin to keep a worker alive; returns at once."""
        self.state = "loading"
        self._settled.clear()
        self._keeper = asyncio.create_task(self._keep())

    async def settled(self) -> None:
        """Wait until the first model is loaded, or has failed to."""
        await self._settled.wait()

    async def served(self, after: Choice | None = None) -> Choice:
        """Wait until something other than `after` is served, and return it."""
        while self.choice is None or self.choice == after:
            self._news.clear()
            await self._news.wait()
        return self.choice

    def use(self, plan: Plan) -> None:
        """Set what the next start loads."""
        self._plan = plan

    async def replace(self, plan: Plan) -> str:
        """Load `plan` in a new worker and, if that works, serve from it; return the problem or "".

        The old worker answers until the new one is ready, and stays if the new one fails.
        """
        try:
            self._safer = None  # what was too much for the old model may be right for the new
            worker, loaded, choice = await self._spawn(plan)
        except EngineUnavailable as error:
            return str(error)
        if (loaded.info.adapter_problem and self._worker) or self.state == "stopped":
            await worker.close()
            return loaded.info.adapter_problem
        async with self._lock:
            old = self._worker
            self._accept(worker, loaded, plan, choice)
        if old:
            await old.close()
        self._changed.set()
        return loaded.info.adapter_problem

    async def close(self) -> None:
        """End the worker and keep none."""
        keeper, self._keeper = self._keeper, None
        if keeper:
            keeper.cancel()
            await asyncio.wait([keeper])
        worker, self._worker, self.state = self._worker, None, "stopped"
        self._settled.set()  # whoever waits for the model waits in vain
        if worker:
            await worker.close()

    async def rank(self, question: Question, candidates: Sequence[str], *, typing: bool = False) -> dict[str, float]:
        """Return the model's score for each name. By name, for a reload may change the numbers meanwhile."""
        async with self._busy_with(lambda plan: jobs.Rank(question, plan.numbers(candidates), typing)) as worker:
            return await self._scores(worker, self._plan.names)

    async def categorise(self, question: Question, name: str) -> dict[str, float]:
        """Return the model's score for each category, given that `name` answers the question."""
        async with self._busy_with(lambda plan: jobs.Categorise(question, name)) as worker:
            return await self._scores(worker, self._plan.categories)

    async def think(self, question: Question) -> AsyncIterator[str]:
        """Yield the model's thought, piece by piece."""
        async with self._busy_with(lambda plan: jobs.Think(question)) as worker:
            while worker.busy:
                result = await worker.receive(JOB_TIMEOUT_S)
                if not isinstance(result, jobs.Thought):
                    raise EngineUnavailable(_failure(result))
                yield result.text

    async def _scores(self, worker: Process, names: list[str]) -> dict[str, float]:
        result = await worker.receive(JOB_TIMEOUT_S)
        if not isinstance(result, jobs.Scores):
            raise EngineUnavailable(_failure(result))
        return dict(zip(names, result.values, strict=True))

    @asynccontextmanager
    async def _busy_with(self, job: Callable[[Plan], jobs.Job]) -> AsyncIterator[Process]:
        """Give the worker a job and hold it; leaving early stops the model, ready for the next job."""
        self._used = time.monotonic()
        if self.state == "resting":
            self._wake()
        if self.state == "loading":
            await self.settled()
        async with self._lock:
            worker = self._worker
            if worker is None:
                raise EngineUnavailable(self.problem or "the model is being restarted")
            try:
                await self._finish(worker)
                worker.send(job(self._plan))
                yield worker
            except WorkerGone as error:
                self._lose(worker, str(error))
                raise EngineUnavailable(str(error)) from None
            finally:
                # Whoever left early (superseded, hung up, out of time) must not leave the model running.
                await self._finish(worker)
                self._used = time.monotonic()

    async def _finish(self, worker: Process) -> None:
        if worker is self._worker and worker.busy and not await worker.abort():
            self._lose(worker, f"the model did not stop within {ABORT_TIMEOUT_S:.0f} s")

    def _lose(self, worker: Process, reason: str) -> None:
        if self._worker is worker:
            self._worker = None
            self.state, self.problem = "restarting", reason
            if worker.crashed and self.choice:
                self._safer = self._plan.settings_after(self.choice, reason)
            worker.kill()
            self._changed.set()

    async def _rest(self, worker: Process) -> None:
        """End a worker that nobody needs; `_wake` has a new one started."""
        async with self._lock:
            if self._worker is worker and self._idle_left() <= 0:
                self._wanted.clear()
                self._worker, self.state = None, "resting"
                await worker.close()

    def _wake(self) -> None:
        self.state = "loading"
        self._settled.clear()
        self._wanted.set()

    def _idle_left(self) -> float:
        return self._used + self._plan.idle_s - time.monotonic()

    async def _keep(self) -> None:
        failures = 0
        while True:
            started = time.monotonic()
            if self._worker is None:
                await self._try_to_load()
            await self._watch()
            if self.state in ("resting", "loading"):  # put to rest, and perhaps woken while that was done
                await self._wanted.wait()
                continue
            failures = 1 if time.monotonic() - started > STABLE_S else failures + 1
            self.restarts += 1
            await asyncio.sleep(BACKOFF_S[min(failures, len(BACKOFF_S)) - 1])

    async def _try_to_load(self) -> None:
        try:
            worker, loaded, choice = await self._spawn(self._plan)
        except EngineUnavailable as error:
            self.state, self.problem = "unusable", str(error)
        else:
            if self._worker:  # `replace` was faster, and its plan is the newer one
                await worker.close()
            else:  # without the lock: whoever holds it holds a lost worker
                self._accept(worker, loaded, self._plan, choice)
        self._settled.set()

    async def _watch(self) -> None:
        """Return when there is no worker any more, whoever noticed it."""
        while worker := self._worker:
            self._changed.clear()
            ended = asyncio.create_task(worker.ended())
            changed = asyncio.create_task(self._changed.wait())
            # The wait is no poll: it wakes when the idle time would be over, and then again by what was left of it.
            left = max(self._idle_left(), MIN_IDLE_STEP_S) if self._plan.idle_s else None
            await asyncio.wait({ended, changed}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                self._lose(worker, f"the model process {ended.result()}")
            elif not changed.done():
                await self._rest(worker)
            ended.cancel()
            changed.cancel()

    def _accept(self, worker: Process, loaded: jobs.Loaded, plan: Plan, choice: Choice) -> None:
        self._worker, self._plan, self.choice = worker, plan, choice
        self.info, self.load_ms = loaded.info, loaded.load_ms
        self.state, self.problem = "ready", choice.problem or loaded.info.adapter_problem
        self._used = time.monotonic()
        self._news.set()
        self._wanted.set()  # a keeper that rests has this one to watch

    async def _spawn(self, plan: Plan) -> tuple[Process, jobs.Loaded, Choice]:
        try:
            # The process starts while its model is looked for: importing takes it longer than that.
            worker = await Process.start()
        except OSError as error:  # no memory or no process left
            raise EngineUnavailable(f"cannot start the model process: {error.strerror}") from None
        try:
            choice = await self._choose(plan)
            worker.send(plan.job(choice))
            result = await worker.receive(LOAD_TIMEOUT_S)
        except WorkerGone as error:
            if worker.crashed:
                self._safer = plan.settings_after(choice, str(error))
            worker.kill()
            raise EngineUnavailable(f"while loading {choice.model}: {error}") from None
        except (asyncio.CancelledError, EngineUnavailable):
            worker.kill()
            raise
        if isinstance(result, jobs.Loaded):
            return worker, result, choice
        await worker.close()
        raise EngineUnavailable(_failure(result))

    async def _choose(self, plan: Plan) -> Choice:
        try:
            choice = await asyncio.to_thread(plan.choose)
        except Exception as error:  # whatever keeps the model from being had, the shortlist goes on
            raise EngineUnavailable(str(error)) from None
        return msgspec.structs.replace(choice, settings=self._safer) if self._safer else choice


def _failure(result: jobs.Result) -> str:
    return result.reason if isinstance(result, jobs.Failed) else f"unexpected {type(result).__name__} from the model"
