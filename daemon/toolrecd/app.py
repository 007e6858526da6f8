"""The daemon process: puts the parts together, reloads them, and ends them in order."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from toolrec_kb import knowledge as kb
from toolrecd import config as configuration
from toolrecd import context, ownership, status
from toolrecd.config import Config, Paths
from toolrecd.engine import selftest
from toolrecd.engine.plan import Choice
from toolrecd.engine.supervisor import Supervisor
from toolrecd.errors import ToolrecError
from toolrecd.models import Models, plan_for
from toolrecd.server import Server, bind
from toolrecd.service import Service
from toolrecd.state import State, changes, named_path, needs_worker, take_state
from toolrecd.watch import watch

# The self-test takes some seconds of all cores: not while somebody waits for the first answers, and not while
# the machine has other work, which would be measured too.
SELFTEST_AFTER_S = 5.0
QUIET_LOAD = 0.5  # runnable processes a core, over the last minute
PATIENCE = 20  # how often a busy machine is looked at again before it is tried all the same
LOOK_AGAIN_S = 30.0
MERGE_AFTER_S = 120.0  # an adapter that is still being worked on changes more often than that


class App:
    """A running daemon."""

    def __init__(self, paths: Paths, where: ownership.Files, version: str) -> None:
        self.paths, self.where, self.version = paths, where, version
        self.started = time.time()
        self.last_reload = ""
        self.last_error = ""
        self._stop = asyncio.Event()
        self._restart_watch = asyncio.Event()
        self._reloading = asyncio.Lock()
        config, problems = _read_config(paths, Config())
        knowledge, broken = kb.load(paths.tools_dir(config))
        self.problems = [*problems, *map(str, broken)]
        self.state = take_state(config, knowledge)
        self._model_problem = ""
        self.engine = Supervisor(plan_for(config, paths, knowledge))
        self.machine = context.detect(context.read_facts())
        self.service = Service(
            machine=self.machine,
            path=os.environ.get("PATH", ""),
            knowledge=knowledge,
            config=config,
            engine=self.engine if config.model.enabled else None,
            control=self,
        )

    async def run(self, server: Server) -> None:
        """Serve until told to stop."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.shutdown)
        loop.add_signal_handler(signal.SIGHUP, lambda: loop.create_task(self._reload_quietly()))
        for problem in self.problems:
            self.report(problem)
        if self.state.config.model.enabled:
            self.engine.start()
        chores = [asyncio.create_task(self._watch()), asyncio.create_task(self._improve())]
        await self._stop.wait()
        for chore in chores:
            chore.cancel()
        await server.close()
        await self.engine.close()

    def shutdown(self) -> None:
        """Stop after the replies under way are written."""
        self._stop.set()

    def status(self) -> dict[str, object]:
        """Describe the process, for `toolrecd status`."""
        return status.describe(self)

    def report(self, problem: str) -> None:
        """Write a problem to the log and remember it for `status`. Never what somebody typed."""
        self.last_error = problem
        self.note(problem)

    def note(self, text: str) -> None:
        """Write a line to the log."""
        print(f"{_now()} {text}", file=sys.stderr, flush=True)

    async def reload(self) -> tuple[list[str], list[str]]:
        """Read everything again; return what changed and what is wrong. A bad file changes nothing."""
        # Shielded: whoever asked for it may hang up, and half a reload would be neither the old state nor the new.
        return await asyncio.shield(asyncio.create_task(self._reload()))

    async def _reload(self) -> tuple[list[str], list[str]]:
        async with self._reloading:
            config, problems = _read_config(self.paths, self.state.config)
            knowledge, broken = await asyncio.to_thread(kb.load, self.paths.tools_dir(config))
            problems += map(str, broken)
            new = take_state(config, knowledge)
            changed = changes(self.state, new)
            await self._apply(new)
            self.last_reload = _now()
            self.problems = [*problems, *filter(None, [self._model_problem])]
            for found in self.problems:
                self.report(found)
            return changed, self.problems

    async def _apply(self, new: State) -> None:
        """Serve from `new`; what needs another model process waits for it to be ready."""
        old, self.state = self.state, new
        # A model that could not be had is tried again: what kept it away may be gone.
        other_worker = needs_worker(old, new) or bool(self._model_problem)
        if other_worker:
            self._model_problem = await self._use_model(new)
        if other_worker or old.config != new.config:
            self.service.engine = self.engine if new.config.model.enabled else None
            self.service.use(new.knowledge, new.config)
        if self._watched(old.config) != self._watched(new.config):
            self._restart_watch.set()

    async def _use_model(self, new: State) -> str:
        """Start, replace or end the model process; return what keeps the new one from serving."""
        plan = plan_for(new.config, self.paths, new.knowledge)
        if not new.config.model.enabled:
            await self.engine.close()
            return ""
        if self.engine.state == "stopped":
            self.engine.use(plan)
            self.engine.start()
            return ""
        problem = await self.engine.replace(plan)
        if problem and self.engine.pid is None:
            self.engine.use(plan)  # nothing serves: the next try is for what is wanted now
        return problem

    async def _reload_quietly(self) -> None:
        await self.reload()

    async def _watch(self) -> None:
        """Reload after each change of a file that matters; follow the configuration to other files."""
        while True:
            self._restart_watch.clear()
            stop = asyncio.Event()
            trees, files = self._watched(self.state.config)
            watching = asyncio.create_task(watch(trees, files, self._reload_quietly, stop))
            other = asyncio.create_task(self._restart_watch.wait())
            await asyncio.wait({watching, other}, return_when=asyncio.FIRST_COMPLETED)
            stop.set()
            try:
                await watching
            except OSError as error:
                self.report(f"changed files go unnoticed ({error}); after a change, run: toolrecd reload")
                await other
            # What changed while nobody looked.
            await self._reload_quietly()

    async def _improve(self) -> None:
        """Serve each model better in time: try out how it runs best, merge an adapter that has settled."""
        choice: Choice | None = None
        while True:
            choice = await self.engine.served(after=choice)
            try:
                await self._improve_on(choice, Models(self.state.config, self.paths.cache_dir))
            except (ToolrecError, OSError) as error:
                self.report(str(error))

    async def _improve_on(self, choice: Choice, models: Models) -> None:
        if choice.problem:
            return
        if not models.tried(choice.model):
            await asyncio.sleep(SELFTEST_AFTER_S)
            await _quiet()
            settings = await asyncio.to_thread(models.try_out, choice.model)
            self.note(f"self-test: {choice.model.name} runs best with {settings}")
            await self._serve_again(choice, models)
        used = self.engine.info is not None and not self.engine.info.adapter_problem
        if self.engine.choice == choice and used and models.to_merge(choice):
            await asyncio.sleep(MERGE_AFTER_S)
            if self.engine.choice == choice and await asyncio.to_thread(models.merge, choice):
                self.note(f"adapter {choice.adapter} is merged into the model")
                await self._serve_again(choice, models)

    async def _serve_again(self, old: Choice, models: Models) -> None:
        """Serve what would be chosen now, unless that is the same, or something else is served already."""
        async with self._reloading:
            new = await asyncio.to_thread(models.choose)
            if self.engine.choice == old != new:
                problem = await self.engine.replace(plan_for(self.state.config, self.paths, self.state.knowledge))
                if problem:
                    self.report(problem)

    def _watched(self, config: Config) -> tuple[list[Path], list[Path]]:
        """Return the folders and the single files that a configuration is made of."""
        files = [named_path(text) for text in (config.model.path, config.model.adapter) if text]
        return [self.paths.config_dir, self.paths.tools_dir(config)], files


async def _quiet() -> None:
    """Wait until the machine has little to do, but not for ever."""
    for _ in range(PATIENCE):
        if os.getloadavg()[0] < QUIET_LOAD * selftest.cores():
            return
        await asyncio.sleep(LOOK_AGAIN_S)


def serve(paths: Paths, where: ownership.Files, version: str) -> bool:
    """Run the daemon in this process until it is told to stop; return False if another one runs."""
    lock = ownership.take_lock(where)
    if lock is None:
        return False
    ownership.clear_socket(where.socket)
    with lock:
        asyncio.run(_serve(paths, where, version))
    return True


async def _serve(paths: Paths, where: ownership.Files, version: str) -> None:
    app = App(paths, where, version)
    server = Server(app.service, app.report)
    listening = bind(where.socket)
    own = where.socket.stat().st_ino
    await server.start(listening)
    try:
        await app.run(server)
    finally:
        # Only our own: somebody may have removed it and another daemon made a new one.
        if where.socket.exists() and where.socket.stat().st_ino == own:
            where.socket.unlink()


def _read_config(paths: Paths, last_good: Config) -> tuple[Config, list[str]]:
    try:
        return configuration.read(paths.config_file), []
    except ToolrecError as error:
        return last_good, [str(error)]


def _now() -> str:
    return datetime.now(UTC).astimezone().isoformat(timespec="seconds")
