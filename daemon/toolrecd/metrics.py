"""Counts requests and latencies for `status`: the last thousand of each stage, in memory only."""

from __future__ import annotations

from collections import Counter, deque

KEPT = 1000  # enough for a 99th percentile, small enough to sort at every status


class Metrics:
    """What the daemon did since it started."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.cache_hits = 0
        self.cache_misses = 0
        self.superseded = 0
        self._latencies: dict[str, deque[float]] = {}

    def fail(self, code: str) -> None:
        """Note a request that was refused; one that was superseded is no error."""
        if code == "superseded":
            self.superseded += 1
        else:
            self.errors[code] += 1

    def observe(self, stage: str, latency_ms: float) -> None:
        """Note how long an answer of `stage` took from its request's arrival."""
        self._latencies.setdefault(stage, deque(maxlen=KEPT)).append(latency_ms)

    def percentiles(self) -> dict[str, dict[str, float]]:
        """Return, for each stage, how many answers are kept and their 50th, 95th and 99th percentile in ms."""
        return {stage: _percentiles(sorted(values)) for stage, values in self._latencies.items()}


def _percentiles(values: list[float]) -> dict[str, float]:
    at = {f"p{percent}": values[min(len(values) - 1, len(values) * percent // 100)] for percent in (50, 95, 99)}
    return {"count": len(values)} | {name: round(value, 2) for name, value in at.items()}
