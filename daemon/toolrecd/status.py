"""Describes a running daemon, for machines (`status --json`) and for people."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from toolrecd.app import App

BASE_NOTE = "the default base is Gemma 3 270M, not FunctionGemma"


def describe(app: App) -> dict[str, object]:
    """Return the daemon's state; docs/protocol.md lists the fields."""
    metrics, knowledge = app.service.metrics, app.state.knowledge
    memory = {"daemon": resident_mb(os.getpid()), "worker": resident_mb(app.engine.pid) if app.engine.pid else 0.0}
    return {
        "pid": os.getpid(),
        "version": app.version,
        "uptime_s": round(time.time() - app.started, 1),
        "socket": str(app.where.socket),
        "log": str(app.where.log),
        "configuration": str(app.paths.config_file),
        "machine": {
            "os": app.machine.os,
            "distribution": app.machine.distribution,
            "package_managers": list(app.machine.managers),
        },
        "model": _model(app),
        "knowledge": {
            "tools": len(knowledge.tools),
            "categories": len(knowledge.categories),
            "version": knowledge.version,
        },
        "memory_mb": {**memory, "total": round(sum(memory.values()), 1)},
        "requests": dict(metrics.requests),
        "errors": dict(metrics.errors),
        "superseded": metrics.superseded,
        "latency_ms": metrics.percentiles(),
        "cache": {"hits": metrics.cache_hits, "misses": metrics.cache_misses},
        "sessions": len(app.service.sessions),
        "last_reload": app.last_reload or None,
        "last_error": app.last_error or None,
        "problems": app.problems,
    }


def _model(app: App) -> dict[str, object]:
    engine, info = app.engine, app.engine.info
    enabled = app.state.config.model.enabled
    described: dict[str, object] = {
        "state": engine.state if enabled else "off",
        "problem": engine.problem or None,
        "pid": engine.pid,
        "restarts": engine.restarts,
    }
    if info is None:
        return described
    kind, _, quantisation = info.description.partition(" ")
    size, _, quantisation = quantisation.partition(" ")
    return described | {
        "name": f"{kind} {size}",
        "quantisation": quantisation,
        "path": info.path,
        "size_mb": round(info.size_bytes / 1e6, 1),
        "parameters": info.parameters,
        "vocabulary": info.vocabulary,
        "functiongemma": info.functiongemma,
        "note": None if info.functiongemma or app.state.config.model.path else BASE_NOTE,
        "prompt_form": info.form,
        "typing_form": info.typing_form,
        "adapter": info.adapter,
        "merged": info.merged,
        "threads": info.settings.threads,
        "repack": info.settings.repack,
        "prefix_kept": info.warm,
        "load_ms": round(engine.load_ms, 1),
        "system": info.system,
    }


def resident_mb(pid: int) -> float:
    """Return the resident memory of a process in MB, 0 if it cannot be told."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmRSS:"):
                return round(int(line.split()[1]) / 1024, 1)
    except OSError:
        pass  # no /proc on macOS and most BSDs
    done = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False)
    text = done.stdout.strip()
    return round(int(text) / 1024, 1) if text.isdigit() else 0.0


def for_people(found: dict[str, Any]) -> str:
    """Return a status as lines for a person."""
    if "model" not in found:
        return f"daemon       running, pid {found['pid']}, of another version; replace it with: toolrecd restart"
    model, knowledge, memory, cache = (found[key] for key in ("model", "knowledge", "memory_mb", "cache"))
    errors = f"; errors: {_counts(found['errors'])}" if found["errors"] else ""
    rows = [
        ("daemon", f"running, pid {found['pid']}, version {found['version']}, up {_duration(found['uptime_s'])}"),
        ("socket", found["socket"]),
        ("model", _model_line(model)),
        *([("", model["note"])] if model.get("note") else []),
        *([("", f"problem: {model['problem']}")] if model.get("problem") else []),
        ("adapter", _adapter_line(model)),
        (
            "knowledge",
            f"{knowledge['tools']} tools, {knowledge['categories']} categories, version {knowledge['version']}",
        ),
        ("memory", f"{memory['total']:.0f} MB (daemon {memory['daemon']:.0f}, model {memory['worker']:.0f})"),
        ("requests", _counts(found["requests"]) + errors),
        *((name, _percentiles(values)) for name, values in sorted(found["latency_ms"].items(), reverse=True)),
        ("cache", f"{cache['hits']} hits, {cache['misses']} misses"),
        ("sessions", str(found["sessions"])),
        ("last reload", found["last_reload"] or "never"),
        ("last error", found["last_error"] or "none"),
        *(("problem", problem) for problem in found["problems"]),
    ]
    return "\n".join(f"{name:12} {text}" for name, text in rows)


def _model_line(model: dict[str, Any]) -> str:
    if "name" not in model:
        return str(model["state"])
    return f"{model['name']}, {model['quantisation']}, {model['size_mb']:.0f} MB, {model['state']} ({model['path']})"


def _adapter_line(model: dict[str, Any]) -> str:
    return (model.get("adapter") or "none") + (" (merged into the model)" if model.get("merged") else "")


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "none"


def _percentiles(values: dict[str, float]) -> str:
    return (
        f"{values['p50']:.1f} ms median, {values['p95']:.1f} 95th, {values['p99']:.1f} 99th, of {values['count']:.0f}"
    )


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
