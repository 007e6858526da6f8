"""Measures the knowledge base by itself: loading it, a user's change, and the shortlist as the base grows."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import synthetic

from toolrec_kb import knowledge as kb
from toolrec_kb.knowledge import Knowledge
from toolrec_kb.load import DATA_DIR
from toolrec_kb.search import prepare, search

GROWN = 12_000
SHORTLIST = 40
PASSES = 3


def rows(queries: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield what is measured, and its figure."""
    knowledge = kb.load()[0]
    tools = len(knowledge.names)
    content = msgspec.msgpack.encode(knowledge)
    yield "knowledge base loaded, warm, median of 20", f"{_median_ms(kb.load, 20):.1f} ms"
    read = _median_ms(lambda: msgspec.msgpack.decode(content, type=Knowledge), 20)
    yield f"the same without the look whether the files changed, {len(content) / 1e6:.1f} MB", f"{read:.1f} ms"
    yield "the same after a user's tool was added, median of 3", f"{_user_change_ms() / 1e3:.2f} s"
    median, late = _shortlist_ms(knowledge, queries)
    yield f"shortlist of {len(queries)} questions, {tools} tools, median / 95th", f"{median:.2f} / {late:.2f} ms"
    grown = synthetic.grow(knowledge, GROWN)
    content = msgspec.msgpack.encode(grown)
    read = _median_ms(lambda: msgspec.msgpack.decode(content, type=Knowledge), 10)
    yield f"{GROWN} synthetic entries decoded, {len(content) / 1e6:.1f} MB", f"{read:.1f} ms"
    # Questions with our words find what they find in ours: as many words as ours, each in more entries.
    grown_median, grown_late = _shortlist_ms(grown, queries)
    ratio = (
        f"{grown_median / median:.2f} and {grown_late / late:.2f} times as long for {GROWN / tools:.1f} times the tools"
    )
    yield f"shortlist at {GROWN} synthetic entries", f"{grown_median:.2f} / {grown_late:.2f} ms; {ratio}"


def _median_ms(action: Callable[[], object], runs: int) -> float:
    taken = []
    for _ in range(runs):
        started = time.perf_counter()
        action()
        taken.append((time.perf_counter() - started) * 1e3)
    return statistics.median(taken)


def _user_change_ms() -> float:
    example = (DATA_DIR / "search" / "fd.toml").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "mine.toml").write_text(example.replace('name = "fd"', 'name = "mine"'), encoding="utf-8")
        return _median_ms(lambda: kb.load(Path(folder)), 3)


def _shortlist_ms(knowledge: Knowledge, queries: Sequence[str]) -> tuple[float, float]:
    """Return the median and the 95th percentile over the questions, each the median of a few passes after a first."""
    index = knowledge.index
    taken: list[list[float]] = [[] for _ in queries]
    for _ in range(PASSES + 1):
        for number, query in enumerate(queries):
            started = time.perf_counter()
            search(index, prepare(index, query), limit=SHORTLIST)
            taken[number].append((time.perf_counter() - started) * 1e3)
    ordered = sorted(statistics.median(times[1:]) for times in taken)
    return statistics.median(ordered), ordered[int(len(ordered) * 0.95)]
