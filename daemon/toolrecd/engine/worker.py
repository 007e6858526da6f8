"""The worker process: loads a model and does one job after another until its socket closes.

Started by `supervisor` with two inherited descriptors: a socket for jobs and results, and a shared
byte that aborts the job under way. Whatever kills this process costs the daemon nothing but the model.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import socket
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from toolrec_kb.functiongemma import (
    FORMS_OF_BASE,
    FORMS_OF_FUNCTIONGEMMA,
    FORMS_OF_OURS,
    PROMPT_VERSION,
    Control,
)
from toolrecd.engine import compatibility, jobs, warmth
from toolrecd.engine.gguf import GgufError, Header, read_header
from toolrecd.engine.llama import (
    BATCH_TOKENS,
    CONTEXT_TOKENS,
    Aborted,
    AbortFlag,
    Adapter,
    Context,
    LlamaError,
    Model,
    start_backend,
    system_info,
)
from toolrecd.engine.ranker import Ranker

NICENESS = 5  # a third of the share of what else wants the processor


class Served:
    """A loaded model with its context, adapter and ranker."""

    def __init__(self, load: jobs.Load, abort: AbortFlag) -> None:
        base = read_header(Path(load.model))
        compatibility.check_model(base, load.model)
        self.model = Model(Path(load.model), repack=load.settings.repack)
        control = self.model.text(Control.START_CALL.token)
        self.context = Context(self.model, threads=load.settings.threads, abort=abort)
        adapter, problem = self._adapter(load.adapter, base)
        ours = compatibility.is_ours(adapter) or compatibility.is_ours(base)
        named_so = control == Control.START_CALL.text
        forms = FORMS_OF_OURS if ours else FORMS_OF_FUNCTIONGEMMA if named_so else FORMS_OF_BASE
        self.ranker = Ranker(self.model, self.context, forms, BATCH_TOKENS)
        self.ranker.speak_of(load.names, load.categories)
        self._file = _warmth_file(load, adapter is not None) if load.warmth else None
        kept = warmth.read(self._file) if self._file else None
        self.ranker.warm(kept)
        merged = base.text(compatibility.KEY_MERGED)
        description, size, parameters = self.model.describe()
        self.info = jobs.ModelInfo(
            path=load.model,
            description=description,
            size_bytes=size,
            parameters=parameters,
            vocabulary=self.model.vocabulary_size,
            functiongemma=named_so,
            form=forms.full.name,
            typing_form=forms.typing.name,
            trained=ours,
            adapter=load.adapter if adapter else merged or None,
            merged=bool(merged),
            adapter_problem=problem,
            settings=load.settings,
            warm=kept is not None and not self.ranker.learned,
            system=system_info(),
        )

    def keep_warmth(self) -> None:
        """Write down what was evaluated for all questions to come, if there is something new."""
        if self._file and self.ranker.learned:
            warmth.write(self._file, self.ranker.warmth())

    def _adapter(self, path: str | None, base: Header) -> tuple[Header | None, str]:
        """Put the adapter on the context; return its header, or None and why it is not in use."""
        if path is None:
            return None, ""
        try:
            header = read_header(Path(path))
            problem = compatibility.adapter_problem(header, base)
            if not problem:
                self.context.use(Adapter(self.model, Path(path)))
                return header, ""
        except (GgufError, LlamaError) as error:
            problem = str(error)
        return None, f"adapter {path} is not used: {problem}"


def _warmth_file(load: jobs.Load, adapted: bool) -> Path:
    parts = (
        *warmth.stamp(load.model), *warmth.stamp(load.adapter if adapted else None), version("llama-cpp-python"),
        CONTEXT_TOKENS, BATCH_TOKENS, PROMPT_VERSION, load.names, load.categories,
    )  # fmt: skip
    return warmth.file_for(Path(load.warmth or ""), parts)


class Worker:
    """Does jobs. The abort flag is the parent's to set and to clear."""

    def __init__(self, abort: AbortFlag) -> None:
        self._abort = abort
        self._served: Served | None = None

    def do(self, job: jobs.Job) -> Iterator[jobs.Result]:
        """Yield the results of a job; a failure is a result too."""
        try:
            if isinstance(job, jobs.Load):
                yield self._load(job)
            elif self._served is None:
                yield jobs.Failed("no model is loaded")
            else:
                yield from self._ask(self._served.ranker, job)
        except Aborted:
            yield jobs.Stopped()
        except (GgufError, LlamaError, ValueError) as error:
            yield jobs.Failed(str(error))

    def tidy(self) -> None:
        """Do what nobody waits for, after a job is answered."""
        if self._served:
            self._served.keep_warmth()

    def _load(self, job: jobs.Load) -> jobs.Loaded:
        started = time.perf_counter()
        self._served = Served(job, self._abort)
        return jobs.Loaded(self._served.info, (time.perf_counter() - started) * 1e3)

    def _ask(self, ranker: Ranker, job: jobs.Rank | jobs.Categorise | jobs.Think) -> Iterator[jobs.Result]:
        before = ranker.evaluated
        if isinstance(job, jobs.Rank):
            scores = ranker.rank(job.question, job.candidates, typing=job.typing)
            yield jobs.Scores(scores.tolist(), ranker.evaluated - before)
        elif isinstance(job, jobs.Categorise):
            scores = ranker.categorise(job.question, job.name)
            yield jobs.Scores(scores.tolist(), ranker.evaluated - before)
        else:
            for text in ranker.think(job.question):
                yield jobs.Thought(text)
            yield jobs.Thought("")


def serve(connection: socket.socket, abort: AbortFlag) -> None:
    """Do jobs until the other end is closed."""
    worker = Worker(abort)
    reader = connection.makefile("rb")
    while head := reader.read(jobs.LENGTH_BYTES):
        job = jobs.job_decoder.decode(reader.read(int.from_bytes(head, "big")))
        for result in worker.do(job):
            connection.sendall(jobs.frame(result))
        worker.tidy()


def main() -> None:
    """Run the worker on the descriptors given as arguments."""
    connection = socket.socket(fileno=int(sys.argv[1]))
    shared = mmap.mmap(int(sys.argv[2]), mmap.PAGESIZE)
    # Whoever types gets the shortlist's answer from the daemon: that must not wait for the model.
    os.nice(NICENESS)
    start_backend()
    # If the daemon is gone, so is the reason to be here.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        serve(connection, AbortFlag(shared))


if __name__ == "__main__":
    main()
