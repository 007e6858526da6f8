"""What `status` says, for machines and for people."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from toolrecd import status
from toolrecd.metrics import KEPT, Metrics

FOUND = {
    "pid": 12,
    "version": "1.2.3",
    "uptime_s": 3725.0,
    "socket": "/s/d.sock",
    "model": {
        "state": "ready",
        "problem": None,
        "name": "gemma3 270M",
        "quantisation": "Q4_K - Medium",
        "size_mb": 253.1,
        "path": "/m.gguf",
        "note": status.BASE_NOTE,
        "adapter": "/a.gguf",
    },
    "knowledge": {"tools": 150, "categories": 30, "version": "abc"},
    "memory_mb": {"daemon": 64.0, "worker": 150.2, "total": 214.2},
    "requests": {"suggest": 3, "status": 1},
    "errors": {"malformed": 2},
    "latency_ms": {"provisional": {"count": 3, "p50": 1.0, "p95": 2.0, "p99": 3.0}},
    "cache": {"hits": 1, "misses": 2},
    "sessions": 4,
    "last_reload": None,
    "last_error": None,
    "problems": ["x.toml: summary: too long"],
}


def test_a_person_reads_everything_of_worth():
    """The rows name process, model with its base, memory, counts, latencies and each problem."""
    lines = status.for_people(FOUND).splitlines()
    assert lines[0] == "daemon       running, pid 12, version 1.2.3, up 1 h 2 min"
    text = "\n".join(lines)
    for part in (
        "model        gemma3 270M, Q4_K - Medium, 253 MB, ready (/m.gguf)",
        "the default base is Gemma 3 270M, not FunctionGemma",
        "adapter      /a.gguf",
        "knowledge    150 tools, 30 categories, version abc",
        "memory       214 MB (daemon 64, model 150)",
        "requests     1 status, 3 suggest; errors: 2 malformed",
        "provisional  1.0 ms median, 2.0 95th, 3.0 99th, of 3",
        "cache        1 hits, 2 misses",
        "sessions     4",
        "last reload  never",
        "problem      x.toml: summary: too long",
    ):
        assert part in text


def test_a_model_in_trouble_is_explained():
    """Why the model does not serve stands beneath its state."""
    text = status.for_people({**FOUND, "model": {"state": "unusable", "problem": "m.gguf is cut short"}})
    assert "model        unusable\n             problem: m.gguf is cut short" in text


@pytest.mark.parametrize(("seconds", "text"), [(5.9, "5 s"), (65.0, "1 min 5 s"), (7200.0, "2 h 0 min")])
def test_durations_are_short(seconds, text):
    """The two largest units are enough."""
    assert status._duration(seconds) == text


def test_the_memory_of_a_process_is_read():
    """A running interpreter takes some megabytes; a process that is gone takes none."""
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    assert status.resident_mb(os.getpid()) > 5
    assert status.resident_mb(done.pid) == 0.0


def test_percentiles_are_of_the_last_thousand_answers():
    """Older answers fall out; each percentile is a value that was observed."""
    metrics = Metrics()
    for number in range(KEPT + 500):
        metrics.observe("final", float(number))
    found = metrics.percentiles()["final"]
    assert found == {"count": KEPT, "p50": 1000.0, "p95": 1450.0, "p99": 1490.0}


def test_one_answer_is_every_percentile():
    """With a single observation all percentiles are that one."""
    metrics = Metrics()
    metrics.observe("provisional", 1.234567)
    assert metrics.percentiles() == {"provisional": {"count": 1, "p50": 1.23, "p95": 1.23, "p99": 1.23}}


def test_what_is_superseded_is_no_error():
    """Refusals are counted by their code, superseded requests apart."""
    metrics = Metrics()
    for code in ("malformed", "superseded", "malformed"):
        metrics.fail(code)
    assert (dict(metrics.errors), metrics.superseded) == ({"malformed": 2}, 1)


def test_a_running_daemon_counts_what_it_did(daemon, monkeypatch):
    """Requests, latencies, sessions and the machine are told by the process itself."""
    monkeypatch.setenv("TOOLREC_MODEL_ENABLED", "false")
    daemon.toolrecd("start", check=True)
    daemon.toolrec("suggest", "find files", check=True)
    found = json.loads(daemon.toolrecd("status", "--json", check=True).stdout)
    assert found["requests"]["suggest"] == 1
    assert found["latency_ms"]["final"]["count"] == 1
    assert found["knowledge"]["tools"] > 100
    assert found["memory_mb"]["total"] == found["memory_mb"]["daemon"] > 10
    assert found["machine"]["os"]
    assert (found["sessions"], found["errors"], found["problems"], found["last_error"]) == (0, {}, [], None)
    assert found["configuration"].startswith(str(daemon.home))
