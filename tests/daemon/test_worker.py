"""The worker's jobs and results, without a process of its own."""

from __future__ import annotations

import io
import mmap
import socket
from pathlib import Path

import pytest

from tests.daemon.engine_files import write_model
from tests.daemon.engine_real import CATEGORIES, FIND, NAMES
from toolrecd.engine import jobs
from toolrecd.engine.llama import AbortFlag
from toolrecd.engine.worker import Worker, serve


@pytest.fixture
def shared() -> mmap.mmap:
    """The byte that aborts."""
    return mmap.mmap(-1, mmap.PAGESIZE)


@pytest.fixture
def worker(shared: mmap.mmap) -> Worker:
    """A worker without a model."""
    return Worker(AbortFlag(shared))


def _load(model: Path) -> jobs.Load:
    return jobs.Load(str(model), None, NAMES, CATEGORIES, jobs.Settings(threads=2))


@pytest.mark.parametrize("job", [jobs.Rank(FIND, [0]), jobs.Categorise(FIND, "find"), jobs.Think(FIND)])
def test_without_a_model(worker: Worker, job: jobs.Job) -> None:
    """A job before the model is loaded fails in words."""
    assert list(worker.do(job)) == [jobs.Failed("no model is loaded")]


def test_missing_model(worker: Worker, tmp_path: Path) -> None:
    """A model file that is not there fails with its name and the system's reason."""
    path = tmp_path / "missing.gguf"
    assert list(worker.do(_load(path))) == [jobs.Failed(f"{path} cannot be read: No such file or directory")]


def test_header_without_a_model(worker: Worker, tmp_path: Path) -> None:
    """A file that only looks like the model is refused by the engine, and that is a result too."""
    [result] = worker.do(_load(write_model(tmp_path / "hollow.gguf")))
    assert isinstance(result, jobs.Failed)
    assert result.reason


def test_names_twice(worker: Worker, model_file: Path) -> None:
    """Names that repeat fail the load rather than end the process."""
    load = jobs.Load(str(model_file), None, ["find", "find"], [], jobs.Settings(threads=2))
    assert list(worker.do(load)) == [jobs.Failed("name 1 is empty or repeats another")]


def test_jobs_in_order(shared: mmap.mmap, model_file: Path) -> None:
    """Over the socket each job has its results in order, and the worker ends when the socket does."""
    ours, theirs = socket.socketpair()
    rank, categorise = jobs.Rank(FIND, [0, 1]), jobs.Categorise(FIND, "find")
    for job in (_load(model_file), rank, categorise, rank, categorise):
        ours.sendall(jobs.frame(job))
    ours.shutdown(socket.SHUT_WR)
    serve(theirs, AbortFlag(shared))
    theirs.close()
    with ours, ours.makefile("rb") as reader:
        loaded, ranked, _, again, categorised = _results(io.BytesIO(reader.read()))
    assert isinstance(loaded, jobs.Loaded)
    assert (loaded.info.vocabulary, loaded.info.form, loaded.info.functiongemma) == (262_144, "plain", False)
    assert isinstance(ranked, jobs.Scores)
    assert len(ranked.values) == len(NAMES)
    assert isinstance(categorised, jobs.Scores)
    assert len(categorised.values) == len(CATEGORIES)
    assert isinstance(again, jobs.Scores)
    assert 0 < categorised.evaluated < ranked.evaluated
    assert 0 < again.evaluated < ranked.evaluated


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (jobs.Settings(), "1 thread, weights as they are"),
        (jobs.Settings(4, repack=True), "4 threads, repacked weights"),
    ],
)
def test_settings_in_words(settings: jobs.Settings, text: str) -> None:
    """Settings are told to people in words."""
    assert str(settings) == text


def _results(stream: io.BytesIO) -> list[jobs.Result]:
    found: list[jobs.Result] = []
    while head := stream.read(jobs.LENGTH_BYTES):
        found.append(jobs.result_decoder.decode(stream.read(int.from_bytes(head, "big"))))
    return found


def test_abort_flag_set(worker: Worker, shared: mmap.mmap, model_file: Path) -> None:
    """While the byte is set every job is stopped; cleared, the next one is done."""
    list(worker.do(_load(model_file)))
    shared[0] = 1
    assert list(worker.do(jobs.Rank(FIND, [0]))) == [jobs.Stopped()]
    assert list(worker.do(jobs.Think(FIND))) == [jobs.Stopped()]
    shared[0] = 0
    [result] = worker.do(jobs.Rank(FIND, [0]))
    assert isinstance(result, jobs.Scores)
