"""`make bench`: measures the numbers the product is held to, on a daemon and a home of its own.

Prints one Markdown table; docs/measurements.md holds a run of it. Every figure is of this machine in
this state: compare ratios within one run, not milliseconds between runs.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import bare as bare_llama
import knowledge_base
import msgspec
import zsh

from toolrec_client import wire
from toolrecd.engine.basemodel import base_model
from toolrecd.status import resident_mb

ROOT = Path(__file__).parent.parent.parent
QUESTIONS = ROOT / "tests/kb/questions_dev.jsonl"
RUNS = 40


class Bench:
    """A daemon in a throwaway home, and the rows measured on it."""

    def __init__(self, home: Path, cache: Path) -> None:
        self.rows: list[tuple[str, str]] = []
        self._environment = {**os.environ, "HOME": str(home), "TOOLREC_CACHE_DIR": str(cache)}
        self._socket = home / ".local/state/toolrec/toolrecd.sock"

    def row(self, what: str, value: str) -> None:
        """Note and show a result."""
        self.rows.append((what, value))
        print(f"| {what} | {value} |", flush=True)

    def toolrecd(self, *words: str) -> str:
        """Run the daemon's command and return what it printed."""
        command = [sys.executable, "-I", "-m", "toolrecd", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True, env=self._environment).stdout

    def ask(self, query: str, mode: str, seq: int = 0) -> tuple[float, float]:
        """Return the milliseconds until the first and until the final reply."""
        started = time.perf_counter()
        connection = wire.connect(str(self._socket))
        request = {
            "v": 1,
            "id": 1,
            "op": "suggest",
            "query": query,
            "mode": mode,
            "shell": "zsh",
            "path": os.environ["PATH"],
        }
        wire.send(connection, msgspec.msgpack.encode({**request, "session": f"bench-{mode}", "seq": seq}))
        first = 0.0
        while True:
            reply = msgspec.msgpack.decode(wire.receive(connection))
            elapsed = (time.perf_counter() - started) * 1e3
            first = first or elapsed
            if reply["final"]:
                connection.close()
                return first, elapsed

    def client(self, launcher: Sequence[str]) -> Run:
        """Return the one-shot client, ready to be run."""
        return Run([*launcher, "suggest", "--json", "find all python files"], self._environment)


class Run:
    """A command that can be run again and again."""

    def __init__(self, words: Sequence[str], environment: dict[str, str]) -> None:
        self.words, self.environment = words, environment

    def __call__(self) -> None:
        """Run it; what it prints goes nowhere."""
        subprocess.run(self.words, check=True, stdout=subprocess.DEVNULL, env=self.environment)


def spread(values: Sequence[float]) -> str:
    """Return the median and the 95th percentile in words."""
    ordered = sorted(values)
    return f"{statistics.median(ordered):.1f} / {ordered[int(len(ordered) * 0.95)]:.1f} ms"


def milliseconds(action: Callable[[], object], runs: int) -> list[float]:
    """Return how long each of `runs` calls took."""
    taken = []
    for _ in range(runs):
        started = time.perf_counter()
        action()
        taken.append((time.perf_counter() - started) * 1e3)
    return taken


def starting(bench: Bench) -> None:
    """Measure from the command to listening, and to the first answer that the model had its part in."""
    listening, answered = [], []
    for _ in range(5):
        bench.toolrecd("stop")
        started = time.perf_counter()
        bench.toolrecd("start")
        listening.append((time.perf_counter() - started) * 1e3)
        bench.ask("find all python files", "ask")
        answered.append((time.perf_counter() - started) * 1e3)
    bench.row("`toolrecd start` until it returns, median of 5", f"{statistics.median(listening):.0f} ms")
    bench.row("the same until the first model-ranked answer", f"{statistics.median(answered):.0f} ms")


def asking(bench: Bench, queries: Sequence[str]) -> None:
    """Measure different questions, asked whole."""
    times = [bench.ask(query, "ask", number) for number, query in enumerate(queries)]
    bench.row(
        f"{len(queries)} different questions asked: provisional, median / 95th", spread([first for first, _ in times])
    )
    bench.row("the same: final, model-ranked", spread([last for _, last in times]))


def typing(bench: Bench, queries: Sequence[str]) -> None:
    """Measure questions typed key by key; a key that comes before the answer is not waited for."""
    times: list[tuple[float, float]] = []
    for query in queries:
        for end in range(3, len(query) + 1):
            times.append(bench.ask(query[:end], "typing", len(times)))
    bench.row(f"{len(queries)} questions typed, {len(times)} keys: provisional", spread([first for first, _ in times]))
    bench.row("the same: final, model-ranked", spread([last for _, last in times]))


def one_shot(bench: Bench, home: Path) -> None:
    """Measure the one-shot client through the installer's kind of launcher, over a bare interpreter."""
    launcher = home / "toolrec"
    client = ROOT / "client"
    launcher.write_text(
        f"#!{sys.executable} -IS\nimport sys\nsys.path.insert(0, {str(client)!r})\n"
        "from toolrec_client.cli import main\nraise SystemExit(main())\n"
    )
    launcher.chmod(0o755)
    action = bench.client([str(launcher)])
    action()  # into the daemon's cache: its own time is not the client's
    bare = Run([sys.executable, "-IS", "-c", "pass"], action.environment)
    times = [(milliseconds(bare, 1)[0], milliseconds(action, 1)[0]) for _ in range(RUNS)]  # in turn: the machine drifts
    nothing, whole = (statistics.median(column) for column in zip(*times, strict=True))
    daemon = json.loads(subprocess.run(action.words, check=True, capture_output=True, env=action.environment).stdout)
    beyond = whole - daemon["latency_ms"]
    bench.row("bare `python3 -I -S`, median", f"{nothing:.1f} ms")
    ratio = f"without the daemon's own {daemon['latency_ms']:.1f} ms {beyond / nothing:.2f} times the bare one"
    bench.row("one-shot `toolrec suggest`, cached answer", f"{whole:.1f} ms; {ratio}")


def in_zsh(home: Path, bench: Bench, questions: Sequence[str]) -> None:
    """Measure the hook in a real zsh, if there is one."""
    if not shutil.which("zsh"):
        bench.row("the zsh hook", "not measured: zsh is not installed")
        return
    empty, hooked = zsh.start_up_ms(home)
    bench.row(
        "zsh's start with the hook, over an empty start-up file", f"{hooked - empty:.1f} ms more than {empty:.1f} ms"
    )
    times = zsh.type_questions(home, questions)
    for what, taken in (("a key before its redraw", times.key), ("a key's answers, no key waiting", times.answers)):
        ordered = sorted(taken)
        figures = f"{statistics.median(ordered):.2f} / {ordered[int(len(ordered) * 0.99)]:.2f} ms"
        bench.row(f"time the hook takes of {what}, {len(ordered)} times, median / 99th", figures)
    bench.row("last key to provisional hint in zsh, median / 95th", spread(times.provisional))
    bench.row("last key to model-ranked hint in zsh", spread(times.final))


def over_bare(bench: Bench, model_file: Path, queries: Sequence[str]) -> None:
    """Compare whole answers at the socket with the bare evaluation of the same kind of lines."""
    typed = [query[:end] for query in queries for end in range(3, len(query) + 1)]
    bare = bare_llama.evaluation_ms(model_file, typed)
    whole = [bench.ask(line, "typing", 10_000 + number)[1] for number, line in enumerate(typed)]
    bench.row("bare llama.cpp evaluating such lines' batches", spread(bare))
    ratio = statistics.median(whole) / statistics.median(bare)
    bench.row("the same lines answered at the socket", f"{spread(whole)}; {ratio:.2f} times the bare one at the median")


def resources(bench: Bench, idle_s: float) -> None:
    """Measure resident memory after all that, and what the daemon costs when nobody asks."""
    status = json.loads(bench.toolrecd("status", "--json"))
    pids = [status["pid"], status["model"]["pid"]]
    daemon, worker = (resident_mb(pid) for pid in pids)
    bench.row("resident memory after warm-up, daemon + worker", f"{daemon:.0f} + {worker:.0f} MB")
    if idle_s:
        before = sum(map(_cpu_s, pids))
        time.sleep(idle_s)
        used = sum(map(_cpu_s, pids)) - before
        bench.row(f"CPU used in {idle_s:.0f} idle seconds, both processes", f"{used:.2f} s")


def _cpu_s(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0.0  # no /proc here: the row then says 0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure everything."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--idle", type=float, default=60.0, help="seconds of idleness to measure (0: none)")
    parser.add_argument("--typed", type=int, default=20, help="how many questions to type key by key")
    parser.add_argument(
        "--knowledge", action="store_true", help="measure the knowledge base alone: no daemon, no model"
    )
    options = parser.parse_args()
    queries = [json.loads(line)["query"] for line in QUESTIONS.read_text(encoding="utf-8").splitlines()]
    for what, value in knowledge_base.rows(queries):
        print(f"| {what} | {value} |", flush=True)
    if options.knowledge:
        return
    home = Path(tempfile.mkdtemp(prefix="trb-", dir="/tmp"))
    cache = ROOT / ".cache" / "toolrec"
    model_file = base_model(cache)
    bench = Bench(home, cache)
    try:
        starting(bench)
        asking(bench, queries[:: len(queries) // 100][:100])
        typing(bench, queries[7 :: len(queries) // options.typed][: options.typed])
        one_shot(bench, home)
        in_zsh(home, bench, queries[11 :: len(queries) // 8][:8])
        over_bare(bench, model_file, queries[5 :: len(queries) // 6][:6])
        resources(bench, options.idle)
    finally:
        bench.toolrecd("stop")
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
