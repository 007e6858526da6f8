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
from typing import Any

import bare as bare_llama
import knowledge_base
import load
import msgspec
import plot
import zsh

from toolrec_client import wire
from toolrecd.engine.basemodel import base_model
from toolrecd.engine.jobs import Settings
from toolrecd.status import resident_mb

ROOT = Path(__file__).parent.parent.parent
QUESTIONS = ROOT / "tests/kb/questions_dev.jsonl"
RUNS = 40
TURN = 10  # questions typed at the socket, then on bare llama.cpp


class Bench:
    """A daemon in a throwaway home, and the rows measured on it."""

    def __init__(self, home: Path, cache: Path) -> None:
        self.medians: dict[str, float] = {}
        """What the plot shows, in milliseconds."""
        self._environment = {**os.environ, "HOME": str(home), "TOOLREC_CACHE_DIR": str(cache)}
        self._seq = 0
        self.socket = home / ".local/state/toolrec/toolrecd.sock"

    def row(self, what: str, value: str, target: str = "") -> None:
        """Note and show a result, and what it is held to."""
        print(f"| {what} | {target} | {value} |", flush=True)

    def status(self) -> dict[str, Any]:
        """Return the daemon's status."""
        found: dict[str, Any] = json.loads(self.toolrecd("status", "--json"))
        return found

    def toolrecd(self, *words: str) -> str:
        """Run the daemon's command and return what it printed."""
        command = [sys.executable, "-I", "-m", "toolrecd", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True, env=self._environment).stdout

    def ask(self, query: str, mode: str, shell: str = "zsh") -> tuple[float, float]:
        """Return the milliseconds until the first and until the final reply."""
        self._seq += 1  # a lower number would be superseded
        started = time.perf_counter()
        connection = wire.connect(str(self.socket))
        request = {
            "v": 1,
            "id": 1,
            "op": "suggest",
            "query": query,
            "mode": mode,
            "shell": shell,
            "path": os.environ["PATH"],
        }
        wire.send(connection, msgspec.msgpack.encode({**request, "session": "bench", "seq": self._seq}))
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
    bench.row("the same until the first model-ranked answer", f"{statistics.median(answered):.0f} ms", "≤ 1000 ms")


def tried_out(bench: Bench) -> None:
    """Try out how the model runs best: what is measured then is what a user has."""
    bench.row("the self-test's choice", bench.toolrecd("model", "test").splitlines()[0].partition(" ")[2].strip())


def asking(bench: Bench, queries: Sequence[str]) -> None:
    """Measure different questions, asked whole."""
    times = [bench.ask(query, "ask") for query in queries]
    bench.row(
        f"{len(queries)} different questions asked: provisional, median / 95th", spread([first for first, _ in times])
    )
    bench.row("the same: final, model-ranked, with its category", spread([last for _, last in times]))


def typing(bench: Bench, queries: Sequence[str]) -> None:
    """Measure questions typed key by key at the socket, and what llama.cpp alone takes of the same lines.

    By turns, for the machine drifts. A line that stood there before comes from the cache: it is left out.
    """
    status = bench.status()["model"]
    bare = bare_llama.Bare(Path(status["path"]), Settings(status["threads"], status["repack"]))
    seen: set[str] = set()
    whole: list[tuple[float, float]] = []
    alone: list[bare_llama.Line] = []
    for start in range(0, len(queries), TURN):
        lines = [query[:end] for query in queries[start : start + TURN] for end in range(3, len(query) + 1)]
        lines = [line for line in dict.fromkeys(lines) if line not in seen]
        seen.update(lines)
        whole += [bench.ask(line, "typing") for line in lines]
        alone += bare.lines(lines)
    plain = [last for (_, last), line in zip(whole, alone, strict=True) if line.evaluations == 1]
    stepped = [last for (_, last), line in zip(whole, alone, strict=True) if line.evaluations > 1]
    keys = f"{len(queries)} questions typed, {len(whole)} keys"
    bench.row(f"{keys}: provisional, median / 95th", spread([first for first, _ in whole]), "95th ≤ 5 ms")
    bench.row(f"model-ranked, one evaluation ({len(plain)} keys)", spread(plain), "≤ 40 / 80 ms")
    bench.row(f"model-ranked, with a step between names ({len(stepped)} keys)", spread(stepped), "≤ 70 / 110 ms")
    bench.medians |= {
        "shortlist's hint, a key typed": statistics.median(first for first, _ in whole),
        "model-ranked hint, a key typed": statistics.median(last for _, last in whole),
        "bare llama.cpp, the same keys": statistics.median(line.ms for line in alone),
    }
    ours, llama = statistics.median(last for _, last in whole), statistics.median(line.ms for line in alone)
    bench.row("the same keys on bare llama.cpp", spread([line.ms for line in alone]))
    bench.row("ours over bare llama.cpp, at the median", f"{ours / llama:.2f} times", "at most 1.25 times")


def over_naive(bench: Bench, base: Path, queries: Sequence[str]) -> None:
    """Compare with llama-cpp-python's ordinary way of calling functions, on the whole base."""
    words = [sys.executable, str(Path(__file__).parent / "naive.py"), str(base)]
    done = subprocess.run(words, input="\n".join(queries), capture_output=True, text=True, check=True)
    naive = [float(line) for line in done.stdout.split()]
    bench.ask("warm up", "ask", shell="bash")  # in another shell than before, so that no answer comes from the cache
    bench.ask("warm up", "typing", shell="bash")
    asked = [bench.ask(query, "ask", shell="bash")[1] for query in queries]
    typed = [bench.ask(query, "typing", shell="bash")[1] for query in queries]
    bench.medians |= {
        "model-ranked answer, asked whole": statistics.median(asked),
        "create_chat_completion with tools": statistics.median(naive),
    }
    bench.row(f"`create_chat_completion` with tools, {len(queries)} questions", spread(naive))
    for what, ours in (("asked whole", asked), ("last key of the same, typed", typed)):
        ratio = statistics.median(naive) / statistics.median(ours)
        bench.row(f"ours, {what}", f"{spread(ours)}; {ratio:.0f} times faster", "at least 20 times")


def while_busy(bench: Bench, queries: Sequence[str]) -> None:
    """Measure typing while other processes want both cores."""
    bench.ask("warm up", "typing", shell="fish")
    burners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    try:
        lines = [query[:end] for query in queries for end in range(3, len(query) + 1)]
        times = [bench.ask(line, "typing", shell="fish") for line in lines]
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()
    bench.row("with another process burning each core: provisional", spread([first for first, _ in times]))
    bench.row("the same: model-ranked", spread([last for _, last in times]), "no 2 s")


def many_shells(bench: Bench, queries: Sequence[str], seconds: float) -> None:
    """Measure 200 shells at once."""
    tally = load.run(bench.socket, queries, seconds)
    what = f"{load.SHELLS} shells for {seconds:.0f} s, {tally.keys} keys"
    bench.row(f"{what}: errors, lost replies", f"{tally.errors}, {tally.lost}", "0, 0")
    bench.row("the same: provisional", spread(tally.provisional_ms), "95th ≤ 20 ms")
    finals = f"{spread(tally.final_ms)}; {tally.superseded} superseded by the next key"
    bench.row(f"the same: final ({len(tally.final_ms)})", finals)


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
    bench.row("one-shot `toolrec suggest`, cached answer", f"{whole:.1f} ms; {ratio}", "at most 1.5 times")


def in_zsh(home: Path, bench: Bench, questions: Sequence[str]) -> None:
    """Measure the hook in a real zsh, if there is one."""
    if not shutil.which("zsh"):
        bench.row("the zsh hook", "not measured: zsh is not installed")
        return
    empty, hooked = zsh.start_up_ms(home)
    more = f"{hooked - empty:.1f} ms more than {empty:.1f} ms"
    bench.row("zsh's start with the hook, over an empty start-up file", more, "≤ 5 ms")
    times = zsh.type_questions(home, questions)
    for what, taken in (("a key before its redraw", times.key), ("a key's answers, no key waiting", times.answers)):
        ordered = sorted(taken)
        figures = f"{statistics.median(ordered):.2f} / {ordered[int(len(ordered) * 0.99)]:.2f} ms"
        bench.row(f"time the hook takes of {what}, {len(ordered)} times, median / 99th", figures, "99th ≤ 1 ms")
    bench.row("last key to provisional hint in zsh, median / 95th", spread(times.provisional), "95th ≤ 5 ms")
    bench.row("last key to model-ranked hint in zsh", spread(times.final), "≤ 40 / 80 ms")


def resident(bench: Bench, when: str) -> list[int]:
    """Measure resident memory; return the processes."""
    status = bench.status()
    pids = [status["pid"], status["model"]["pid"]]
    daemon, worker = (resident_mb(pid) for pid in pids)
    memory = f"{daemon:.0f} + {worker:.0f} = {daemon + worker:.0f} MB"
    bench.row(f"resident memory {when}, daemon + worker", memory, "≤ 250 MB")
    return pids


def resources(bench: Bench, idle_s: float) -> None:
    """Measure resident memory after all that, and what the daemon costs when nobody asks."""
    pids = resident(bench, "after all that")
    if idle_s:
        before = sum(map(_cpu_s, pids))
        time.sleep(idle_s)
        used = sum(map(_cpu_s, pids)) - before
        bench.row(f"CPU used in {idle_s:.0f} idle seconds, both processes", f"{used:.2f} s", "≤ 0.1 s in 600 s")


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
    parser.add_argument("--typed", type=int, default=200, help="how many questions to type key by key")
    parser.add_argument("--load", type=float, default=60.0, help="seconds of 200 shells typing (0: none)")
    parser.add_argument(
        "--knowledge", action="store_true", help="measure the knowledge base alone: no daemon, no model"
    )
    parser.add_argument("--plot", type=Path, help="draw the medians into this SVG file")
    options = parser.parse_args()
    queries = [json.loads(line)["query"] for line in QUESTIONS.read_text(encoding="utf-8").splitlines()]
    print("| what | target | measured |\n|---|---|---|")
    for what, value in knowledge_base.rows(queries):
        print(f"| {what} | | {value} |", flush=True)
    if options.knowledge:
        return
    home = Path(tempfile.mkdtemp(prefix="trb-", dir="/tmp"))
    cache = ROOT / ".cache" / "toolrec"
    bench = Bench(home, cache)
    try:
        measure(bench, home, base_model(cache), queries, options)
        if options.plot:
            options.plot.write_text(plot.draw("Median time to an answer, 2 cores", bench.medians), encoding="utf-8")
    finally:
        bench.toolrecd("stop")
        shutil.rmtree(home, ignore_errors=True)


def measure(bench: Bench, home: Path, base: Path, queries: Sequence[str], options: argparse.Namespace) -> None:
    """Measure everything that needs a daemon."""
    tried_out(bench)
    starting(bench)
    asking(bench, queries[:: len(queries) // 100][:100])
    resident(bench, "after warm-up")
    typing(bench, queries[: options.typed])
    one_shot(bench, home)
    in_zsh(home, bench, queries[11 :: len(queries) // 8][:8])
    over_naive(bench, base, queries[3 :: len(queries) // 8][:8])
    while_busy(bench, queries[-4:])
    if options.load:
        many_shells(bench, queries, options.load)
    resources(bench, options.idle)


if __name__ == "__main__":
    main()
