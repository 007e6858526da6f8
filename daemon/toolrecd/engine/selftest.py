"""Tries how a model runs best on this machine, each way in a process of its own, and remembers what came out.

A way that crashes, hangs or gives another answer than the safest one is out; of the others the cheapest for a key
typed is chosen. Run as `python -m toolrecd.engine.selftest MODEL ADAPTER THREADS REPACK` it is one trial.
"""

from __future__ import annotations

import contextlib
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import msgspec

from toolrecd.engine.jobs import Settings
from toolrecd.engine.process import ENVIRONMENT

SAFEST: Final = Settings(threads=1, repack=False)
FILE_NAME: Final = "selftest.json"
TRIAL_TIMEOUT_S: Final = 60.0  # a trial takes about two seconds; on a machine that is busy, some more
MAX_THREADS: Final = 4  # a 270M model gains nothing from more
MARGIN: Final = 0.93  # more threads or repacked weights have to gain 7 %: fewer get on better with what else runs
MAX_RECORDS: Final = 20
_ROUNDS: Final = 7
_PASSES: Final = 2  # some time apart: what else ran during one need not run during the other
_PROMPT: Final = 40  # tokens; with fewer the crashing kernels are not reached
_TEXT: Final = "List the files of this folder, the newest first, and say how large each of them is on the disk: "


class Trial(msgspec.Struct, frozen=True):
    """How one way of running went. Milliseconds are the least of several rounds."""

    settings: Settings
    problem: str = ""
    """Why it is out; empty if it is not."""
    one_ms: float = 0.0
    """One token."""
    key_ms: float = 0.0
    """Six tokens, about what a key costs."""
    step_ms: float = 0.0
    """One token in each of four branches, a step that tells names apart."""
    answer: int = -1
    """The likeliest token after a fixed text."""

    @property
    def cost_ms(self) -> float:
        """What a key with a step costs."""
        return self.key_ms + self.step_ms


class Record(msgspec.Struct, frozen=True):
    """What a self-test found."""

    chosen: Settings
    trials: tuple[Trial, ...]
    when: str


_Records = dict[str, Record]


def key_for(model: Path) -> str:
    """Return what a record is kept under: the machine, the model's file and the library's version."""
    try:
        library = version("llama-cpp-python")
    except PackageNotFoundError:
        library = "none"
    # Not the file itself: what was made of the same base anew, or with an adapter merged, runs alike.
    kind, megabytes = model.stem.rpartition("-")[0] or model.stem, model.stat().st_size // 1_000_000
    return " | ".join((_processor(), f"{cores()} cores", kind, f"{megabytes} MB", library))


def remembered(cache: Path, model: Path) -> Record | None:
    """Return what an earlier self-test found for this machine and model, or None."""
    try:
        return _read(cache).get(key_for(model))
    except OSError:  # the model is not there
        return None


def run(cache: Path, model: Path, threads: int = 0) -> Record:
    """Try every way, remember and return what came out; `threads` other than 0 is the person's own choice."""
    ways = candidates(threads)
    passes = [[trial(model, None, settings) for settings in ways] for _ in range(_PASSES)]
    trials = _with_answers_compared([_best(each) for each in zip(*passes, strict=True)])
    record = Record(chosen=choose(trials), trials=trials, when=time.strftime("%Y-%m-%d %H:%M"))
    _keep(cache, model, record)
    return record


def demote(cache: Path, model: Path, settings: Settings, reason: str) -> Settings:
    """Note that a way failed in service, and return the next best."""
    record = remembered(cache, model)
    trials = record.trials if record else ()
    trials = tuple(
        msgspec.structs.replace(each, problem=f"in service: {reason}") if each.settings == settings else each
        for each in trials
    )
    chosen = choose(trials) if record else SAFEST
    chosen = SAFEST if chosen == settings else chosen
    if record:
        _keep(cache, model, Record(chosen, trials, record.when))
    return chosen


def candidates(threads: int = 0) -> tuple[Settings, ...]:
    """Return the ways to try, the safest first."""
    counts = [threads] if threads else sorted({1, min(2, cores()), min(MAX_THREADS, cores())})
    return tuple(Settings(count, repack) for repack in (False, True) for count in counts)


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def choose(trials: Sequence[Trial]) -> Settings:
    """Return the cheapest way that works; one that is less simple must be cheaper by the margin."""
    best: Trial | None = None
    for each in trials:
        if not each.problem and (best is None or each.cost_ms < best.cost_ms * MARGIN):
            best = each
    return best.settings if best else SAFEST


def trial(model: Path, adapter: Path | None, settings: Settings) -> Trial:
    """Run a model in a process of its own; a crash is a result."""
    words = [sys.executable, "-I", "-m", "toolrecd.engine.selftest", str(model), str(adapter or "")]
    words += [str(settings.threads), str(int(settings.repack))]
    try:
        done = subprocess.run(
            words, capture_output=True, timeout=TRIAL_TIMEOUT_S, check=False,
            stdin=subprocess.DEVNULL, env={**os.environ, **ENVIRONMENT},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Trial(settings, problem=f"took more than {TRIAL_TIMEOUT_S:.0f} s")
    except OSError as error:
        return Trial(settings, problem=f"could not be started: {error.strerror}")
    if done.returncode < 0:
        return Trial(settings, problem=f"crashed with {signal.Signals(-done.returncode).name}")
    try:
        return msgspec.json.decode(done.stdout.splitlines()[-1], type=Trial)
    except (IndexError, msgspec.DecodeError):
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()
        return Trial(settings, problem=last[-1] if last else f"ended with status {done.returncode}")


def _best(trials: Sequence[Trial]) -> Trial:
    """Return the quickest of several trials of one way; one that went wrong once is out."""
    wrong = next((each for each in trials if each.problem), None)
    return wrong or min(trials, key=lambda each: each.cost_ms)


def _with_answers_compared(trials: Sequence[Trial]) -> tuple[Trial, ...]:
    """Rule out whoever gives another answer than the safest way that works."""
    working = [each for each in trials if not each.problem]
    return tuple(
        msgspec.structs.replace(each, problem="gives another answer than the safest way")
        if not each.problem and each.answer != working[0].answer
        else each
        for each in trials
    )


def measure(model: Path, adapter: Path | None, settings: Settings) -> Trial:
    """Run a model in this process, which may not survive it, and return how that went."""
    import numpy as np

    from toolrecd.engine import llama

    llama.start_backend()
    loaded = llama.Model(model, repack=settings.repack)
    context = llama.Context(loaded, threads=settings.threads)
    if adapter:
        context.use(llama.Adapter(loaded, adapter))
    tokens = (loaded.tokenize(_TEXT) * 4)[:_PROMPT]
    context.evaluate([(token, place, 0, place == _PROMPT - 1) for place, token in enumerate(tokens)])
    logits = context.logits().copy()
    if not np.isfinite(logits).all():
        return Trial(settings, problem="computes numbers that are none")

    def key(count: int) -> float:
        context.forget(0, _PROMPT)
        return _timed(lambda: context.evaluate([(tokens[i], _PROMPT + i, 0, i == count - 1) for i in range(count)]))

    def step() -> float:
        for branch in range(1, 5):
            context.branch(0, branch)
        took = _timed(lambda: context.evaluate([(tokens[b], _PROMPT + 6, b, True) for b in range(1, 5)]))
        for branch in range(1, 5):
            context.forget(branch, 0)
        return took

    one = min(key(1) for _ in range(_ROUNDS))
    few = min(key(6) for _ in range(_ROUNDS))
    return Trial(settings, "", one, few, min(step() for _ in range(_ROUNDS)), int(logits.argmax()))


def _timed(action: Callable[[], None]) -> float:
    started = time.perf_counter()
    action()
    return round((time.perf_counter() - started) * 1e3, 2)


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _read(cache: Path) -> _Records:
    try:
        return msgspec.json.decode((cache / FILE_NAME).read_bytes(), type=_Records)
    except (OSError, ValueError):  # msgspec's errors are ValueErrors, and so are those of text that is none
        return {}


def _keep(cache: Path, model: Path, record: Record) -> None:
    """Write a record down; what cannot be remembered is tried again at the next start."""
    beside = cache / f".{FILE_NAME}.{os.getpid()}"
    try:
        records, key = _read(cache), key_for(model)
        records.pop(key, None)
        kept = dict([*records.items(), (key, record)][-MAX_RECORDS:])
        cache.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(msgspec.json.format(msgspec.json.encode(kept)))
        beside.replace(cache / FILE_NAME)
    except OSError:  # a full disk, or a model that was removed meanwhile
        with contextlib.suppress(OSError):
            beside.unlink()


def main() -> None:
    """Be one trial."""
    model, adapter, threads, repack = sys.argv[1:]
    settings = Settings(int(threads), bool(int(repack)))
    result = measure(Path(model), Path(adapter) if adapter else None, settings)
    sys.stdout.buffer.write(msgspec.json.encode(result) + b"\n")


if __name__ == "__main__":
    main()
