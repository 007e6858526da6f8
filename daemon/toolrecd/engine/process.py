"""One worker process as the daemon sees it: its socket, its abort byte, its end."""

from __future__ import annotations

import asyncio
import mmap
import os
import signal
import socket
import sys
import tempfile

from toolrecd.engine import jobs

# OpenMP threads that spin turn 26 ms into 2 s on a busy machine; read when the library is loaded.
ENVIRONMENT = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0"}
ABORT_TIMEOUT_S = 2.0  # an abort returns within 12 ms


# What a program dies of that runs instructions the machine does not take, or trips over an assertion of its own.
CRASHES = frozenset({signal.SIGSEGV, signal.SIGILL, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE})


class WorkerGone(Exception):
    """The worker died, hung or was cut off."""


class Process:
    """One worker process, its socket and its abort byte."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        shared: mmap.mmap,
    ) -> None:
        self._process, self._reader, self._writer, self._shared = process, reader, writer, shared
        self.pid = process.pid
        self._length: int | None = None  # of a result that is under way; a cancelled `receive` may have read it
        self.busy = False
        """Whether results of the last job are still to be read."""

    @classmethod
    async def start(cls) -> Process:
        """Start a worker; it waits for a job."""
        ours, theirs = socket.socketpair()
        file = tempfile.TemporaryFile()  # noqa: SIM115  closed below, once both sides have mapped it
        file.truncate(mmap.PAGESIZE)
        shared = mmap.mmap(file.fileno(), mmap.PAGESIZE)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-m", "toolrecd.engine.worker", str(theirs.fileno()), str(file.fileno()),
            pass_fds=(theirs.fileno(), file.fileno()),
            stdin=asyncio.subprocess.DEVNULL,
            env={**os.environ, **ENVIRONMENT},
        )  # fmt: skip
        theirs.close()
        file.close()
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        return cls(process, reader, writer, shared)

    @property
    def crashed(self) -> bool:
        """Whether it died of itself, so that other settings may help."""
        code = self._process.returncode
        return code is not None and -code in CRASHES

    def send(self, job: jobs.Job) -> None:
        """Hand over a job. The one before is done, so no abort can hit the wrong one."""
        self._shared[0] = 0
        if self._writer.is_closing():
            raise WorkerGone("the model process hung up")
        self._writer.write(jobs.frame(job))
        self.busy = True

    async def receive(self, limit_s: float) -> jobs.Result:
        """Return the next result."""
        try:
            async with asyncio.timeout(limit_s):
                return await self._next()
        except TimeoutError:
            raise WorkerGone(f"the model did not answer within {limit_s:.0f} s") from None

    async def abort(self) -> bool:
        """Stop the job under way and read what is left of its results; tell whether that worked."""
        self._shared[0] = 1
        try:
            # Not asyncio.timeout: in a task that is being cancelled Python 3.11.2's never ends in TimeoutError.
            await asyncio.wait_for(self._drain(), ABORT_TIMEOUT_S)
        except (WorkerGone, TimeoutError):
            return False
        return True

    async def _drain(self) -> None:
        while self.busy:
            await self._next()

    async def _next(self) -> jobs.Result:
        try:
            if self._length is None:
                self._length = int.from_bytes(await self._reader.readexactly(jobs.LENGTH_BYTES), "big")
            payload = await self._reader.readexactly(self._length)
        except (asyncio.IncompleteReadError, ConnectionError):
            raise WorkerGone(f"the model process {await self.ended()}") from None
        self._length = None
        result = jobs.result_decoder.decode(payload)
        self.busy = isinstance(result, jobs.Thought) and bool(result.text)
        return result

    async def ended(self) -> str:
        """Wait for the process to end; return how, in words."""
        code = await self._process.wait()
        if code >= 0:
            return f"ended with status {code}"
        name = signal.Signals(-code).name
        return f"was killed by {name}" + (" (out of memory?)" if name == "SIGKILL" else "")

    def kill(self) -> None:
        """End the process now."""
        if self._process.returncode is None:
            self._process.kill()
        self._writer.close()

    async def close(self) -> None:
        """End the process; it notices the closed socket, and is killed if it does not."""
        self._writer.close()
        try:
            async with asyncio.timeout(ABORT_TIMEOUT_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
