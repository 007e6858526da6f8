"""How a way of running is chosen, remembered and given up; and trials that end badly are results."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from tests.daemon.tiny_gemma import write_tiny_gemma
from toolrecd.engine import selftest
from toolrecd.engine.jobs import Settings
from toolrecd.engine.selftest import MARGIN, MAX_RECORDS, SAFEST, Record, Trial, candidates, choose, demote, remembered

ONE, TWO, FOUR = Settings(1), Settings(2), Settings(4)
ONE_REPACKED, TWO_REPACKED = Settings(1, repack=True), Settings(2, repack=True)


def _trial(settings: Settings, cost: float, problem: str = "", answer: int = 7) -> Trial:
    return Trial(settings, problem, cost / 4, cost / 2, cost / 2, answer)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache that is not there yet."""
    return tmp_path / "cache"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model's file."""
    file = tmp_path / "m-0123.gguf"
    file.write_bytes(b"model")
    return file


@pytest.fixture
def trials(monkeypatch: pytest.MonkeyPatch) -> dict[Settings, Trial]:
    """What trials come to, in place of running them."""
    outcomes = {
        each: _trial(each, cost)
        for each, cost in ((ONE, 100.0), (TWO, 60.0), (ONE_REPACKED, 50.0), (TWO_REPACKED, 30.0))
    }
    monkeypatch.setattr(selftest, "trial", lambda model, adapter, settings: outcomes[settings])
    monkeypatch.setattr(selftest, "cores", lambda: 2)
    return outcomes


def test_cheapest_is_chosen() -> None:
    """The cheapest way that works is chosen, whatever its place."""
    assert (
        choose([_trial(ONE, 100), _trial(TWO, 60), _trial(ONE_REPACKED, 50), _trial(TWO_REPACKED, 70)]) == ONE_REPACKED
    )
    assert choose([_trial(ONE, 50), _trial(TWO, 60)]) == ONE


def test_less_simple_must_gain() -> None:
    """A way that is less simple must be cheaper by the margin than the one chosen so far."""
    assert choose([_trial(ONE, 100), _trial(TWO, 100 * MARGIN)]) == ONE
    assert choose([_trial(ONE, 100), _trial(TWO, 100 * MARGIN - 0.5)]) == TWO


def test_bad_ones_are_out() -> None:
    """A way with a problem is out however cheap, the simplest one too."""
    assert choose([_trial(ONE, 1, "crashed with SIGILL"), _trial(TWO, 60), _trial(TWO_REPACKED, 5, "x")]) == TWO


def test_nothing_works() -> None:
    """Where nothing works, or nothing was tried, it is the safest way."""
    assert choose([_trial(TWO, 1, "crashed"), _trial(TWO_REPACKED, 1, "crashed")]) == SAFEST
    assert choose([]) == SAFEST


def test_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    """The safest way comes first; a person's own count of threads is the only one; a machine's cores are the bound."""
    monkeypatch.setattr(selftest, "cores", lambda: 16)
    assert candidates() == tuple(Settings(count, repack) for repack in (False, True) for count in (1, 2, 4))
    assert candidates(3) == (Settings(3), Settings(3, repack=True))
    monkeypatch.setattr(selftest, "cores", lambda: 1)
    assert candidates() == (SAFEST, ONE_REPACKED)


def test_run_is_remembered(cache: Path, model: Path, trials: dict[Settings, Trial]) -> None:
    """What came out is chosen, kept and found again, with every trial."""
    assert remembered(cache, model) is None
    record = selftest.run(cache, model)
    assert record.chosen == TWO_REPACKED
    assert [each.settings for each in record.trials] == [ONE, TWO, ONE_REPACKED, TWO_REPACKED]
    assert remembered(cache, model) == record
    assert os.listdir(cache) == [selftest.FILE_NAME]


def test_another_answer_is_out(cache: Path, model: Path, trials: dict[Settings, Trial]) -> None:
    """A way that computes another answer than the safest one that works is out, with that problem."""
    trials[ONE] = _trial(ONE, 0, "crashed with SIGSEGV", -1)
    trials[TWO_REPACKED] = _trial(TWO_REPACKED, 30.0, answer=8)
    record = selftest.run(cache, model)
    assert record.chosen == ONE_REPACKED
    assert [each.problem for each in record.trials] == [
        "crashed with SIGSEGV", "", "", "gives another answer than the safest way",
    ]  # fmt: skip


def test_demoted_in_order(cache: Path, model: Path, trials: dict[Settings, Trial]) -> None:
    """Each crash in service gives up the way that was served; the next best follows, the safest in the end."""
    settings, seen = selftest.run(cache, model).chosen, []
    for _ in range(6):
        settings = demote(cache, model, settings, "was killed by SIGILL")
        seen.append(settings)
    assert seen == [ONE_REPACKED, TWO, ONE, ONE, ONE, ONE]
    record = remembered(cache, model)
    assert record is not None
    assert record.chosen == ONE
    assert {each.problem for each in record.trials} == {"in service: was killed by SIGILL"}


def test_demoted_without_a_record(cache: Path, model: Path) -> None:
    """Before any self-test a crash leads to the safest way, and nothing is written down."""
    assert demote(cache, model, TWO_REPACKED, "was killed by SIGSEGV") == SAFEST
    assert demote(cache, model, SAFEST, "was killed by SIGSEGV") == SAFEST
    assert remembered(cache, model) is None


def test_records_are_of_a_machine_a_model_and_a_library(
    cache: Path, model: Path, tmp_path: Path, trials: dict[Settings, Trial], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another processor, count of cores, model or library has no record yet; the first one's stays."""
    record = selftest.run(cache, model)
    other = tmp_path / "other-0123.gguf"
    other.write_bytes(b"model")
    assert remembered(cache, other) is None
    for name, value in (("_processor", lambda: "Other CPU"), ("cores", lambda: 64), ("version", lambda name: "0.0.1")):
        with monkeypatch.context() as patch:
            patch.setattr(selftest, name, value)
            assert remembered(cache, model) is None
    assert remembered(cache, model) == record
    os.truncate(model, 5_000_000)
    assert remembered(cache, model) is None


def test_models_of_one_base_run_alike(cache: Path, model: Path, tmp_path: Path, trials: dict[Settings, Trial]) -> None:
    """What was made of the same base anew, or with an adapter merged, has the record of the first."""
    record = selftest.run(cache, model)
    again = tmp_path / "m-4567.gguf"
    again.write_bytes(b"model, made again")
    assert remembered(cache, again) == record


def test_oldest_records_go(cache: Path, model: Path, trials: dict[Settings, Trial]) -> None:
    """Only so many records are kept, the last ones."""
    for megabytes in range(MAX_RECORDS + 5):
        os.truncate(model, megabytes * 1_000_000)
        selftest.run(cache, model)
    records = msgspec.json.decode((cache / selftest.FILE_NAME).read_bytes(), type=dict[str, Record])
    assert len(records) == MAX_RECORDS
    assert remembered(cache, model) is not None
    os.truncate(model, 0)
    assert remembered(cache, model) is None


@pytest.mark.parametrize("content", [b"", b"rubbish", b"[1]", b'{"x": 1}', b"\xff\xfe\x00", b'{"\xff": {}}'])
def test_broken_file(cache: Path, model: Path, trials: dict[Settings, Trial], content: bytes) -> None:
    """A file that cannot be read counts as none, and the next self-test writes it anew."""
    cache.mkdir()
    (cache / selftest.FILE_NAME).write_bytes(content)
    assert remembered(cache, model) is None
    assert demote(cache, model, TWO, "x") == SAFEST
    record = selftest.run(cache, model)
    assert remembered(cache, model) == record


def test_model_is_gone(cache: Path, tmp_path: Path) -> None:
    """Of a model that is not there nothing is remembered."""
    assert remembered(cache, tmp_path / "missing.gguf") is None


def test_model_vanishes(cache: Path, model: Path, trials: dict[Settings, Trial]) -> None:
    """A model that is removed while it is served may crash as well: what to try next is the safest way."""
    selftest.run(cache, model)
    model.unlink()
    assert demote(cache, model, TWO_REPACKED, "was killed by SIGBUS") == SAFEST
    assert selftest.run(cache, model).chosen == TWO_REPACKED


def test_cache_that_cannot_be_written(model: Path, tmp_path: Path, trials: dict[Settings, Trial]) -> None:
    """Where nothing can be remembered the outcome still counts."""
    taken = tmp_path / "taken"
    taken.write_text("in the way")
    assert selftest.run(taken, model).chosen == TWO_REPACKED
    assert remembered(taken, model) is None


@pytest.fixture
def interpreter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that trials run in the interpreter's place."""
    program = tmp_path / "python"
    monkeypatch.setattr(selftest.sys, "executable", str(program))
    return program


def _does(program: Path, code: str) -> None:
    program.write_text(f"#!/bin/sh\n{code}\n")
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("kill -SEGV $$", "crashed with SIGSEGV"),
        ("kill -ILL $$", "crashed with SIGILL"),
        ("echo half; kill -KILL $$", "crashed with SIGKILL"),
        ("echo rubbish", "ended with status 0"),
        ("echo '{\"settings\": 3}'; exit 4", "ended with status 4"),
        ("exit 1", "ended with status 1"),
        ("echo one >&2; echo 'ImportError: no such thing' >&2; exit 1", "ImportError: no such thing"),
        ("printf '\\377\\376'; printf '\\377 bad' >&2", "\ufffd bad"),
    ],
)
def test_trial_that_ends_badly(interpreter: Path, model: Path, code: str, problem: str) -> None:
    """A trial that crashes, fails or prints rubbish is out, with what is known of it."""
    _does(interpreter, code)
    assert selftest.trial(model, None, TWO) == Trial(TWO, problem=problem)


def test_trial_that_hangs(interpreter: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trial that does not end is ended, and out."""
    _does(interpreter, "exec sleep 60")
    monkeypatch.setattr(selftest, "TRIAL_TIMEOUT_S", 0.2)
    assert selftest.trial(model, None, ONE).problem == "took more than 0 s"


def test_trial_that_cannot_start(interpreter: Path, model: Path) -> None:
    """Where no process can be started that is the trial's problem."""
    assert selftest.trial(model, None, ONE).problem == "could not be started: No such file or directory"


def test_trial_is_told_how(interpreter: Path, model: Path, tmp_path: Path) -> None:
    """The process is told model, adapter, threads and whether to repack; lines before its last do no harm."""
    answer = msgspec.json.encode(_trial(TWO_REPACKED, 8.0)).decode()
    _does(interpreter, f"echo \"$@\" > {tmp_path}/words; echo a warning; echo '{answer}'")
    assert selftest.trial(model, tmp_path / "a.gguf", TWO_REPACKED) == _trial(TWO_REPACKED, 8.0)
    words = (tmp_path / "words").read_text().split()
    assert words == ["-I", "-m", "toolrecd.engine.selftest", str(model), f"{tmp_path}/a.gguf", "2", "1"]


def test_trial_of_a_tiny_model(tmp_path: Path) -> None:
    """A real trial, of a model that is quick to run, measures each of the three and has an answer."""
    done = selftest.trial(write_tiny_gemma(tmp_path / "tiny.gguf"), None, ONE)
    assert (done.settings, done.problem) == (ONE, "")
    assert min(done.one_ms, done.key_ms, done.step_ms) > 0
    assert done.cost_ms == done.key_ms + done.step_ms
    assert done.answer >= 0


def test_trial_of_no_model(model: Path) -> None:
    """A file that is no model is a problem in words."""
    done = selftest.trial(model, None, ONE)
    assert "LlamaError" in done.problem


@pytest.mark.slow
def test_trials_of_the_real_model(serving_file: Path, tmp_path: Path) -> None:
    """On the real model the self-test finds a way that works, whose answer is the safest one's."""
    record = selftest.run(tmp_path, serving_file, threads=1)
    chosen = next(each for each in record.trials if each.settings == record.chosen)
    assert chosen.problem == ""
    assert record.trials[0].problem == ""
    assert chosen.answer == record.trials[0].answer
    assert remembered(tmp_path, serving_file) == record
