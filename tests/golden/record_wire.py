"""Generates tests/golden/wire/: one recorded message a file, as it stands on the wire, frame header included.

Run it after a deliberate change of the protocol: `python tests/golden/record_wire.py`. The tests compare the
files with what it would write, and with what the client's msgpack and the daemon's messages make of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from toolrecd import messages
from toolrecd.messages import ToolHint

FOLDER = Path(__file__).parent / "wire"

FIND = ToolHint(
    name="find",
    installed=True,
    install=None,
    example="find . -name '*.py'",
    score=0.625,
    summary="Find files and folders by name, size, age or owner",
)
FD = ToolHint(
    name="fd",
    installed=False,
    install="apt install fd-find",
    example="fdfind -e py",
    score=0.25,
    summary="A simpler and faster find",
)
RM = ToolHint(
    name="rm",
    installed=None,
    install=None,
    example="rm -r {directory}",
    score=1.0,
    summary="Löscht Dateien 🗑",
    caution="cannot be undone",
)

REQUESTS: dict[str, dict[str, Any]] = {
    "request_suggest_typing": {
        "v": 1, "id": 7, "op": "suggest", "mode": "typing", "query": "find all python files", "shell": "zsh",
        "path": "/usr/local/bin:/usr/bin:/bin", "session": "4242", "seq": 300,
    },
    "request_suggest_ask": {
        "v": 1, "id": 70000, "op": "suggest", "mode": "ask", "shell": "fish", "path": "/usr/bin", "os": "ubuntu",
        "limit": 3, "query": "compress «logs» 🗜",
    },
    "request_suggest_explain": {"v": 1, "id": 1 << 40, "op": "suggest", "mode": "explain", "query": "parse JSON"},
    "request_resolve": {"v": 1, "id": 8, "op": "resolve", "name": "rg", "shell": "bash", "path": "/usr/bin:/bin"},
    "request_tools": {"v": 1, "id": 9, "op": "tools"},
    "request_status": {"v": 1, "id": 200, "op": "status"},
    "request_reload": {"v": 1, "id": 11, "op": "reload"},
    "request_shutdown": {"v": 1, "id": 12, "op": "shutdown"},
}  # fmt: skip

REPLIES: dict[str, messages.Reply] = {
    "reply_hint_provisional": messages.Hint(
        id=7,
        final=False,
        stage="shortlist",
        hint="find: installed. Find files and folders by name, size, age or owner",
        insert="find . -name '*.py'",
        below="find . -name '*.py'",
        confidence=0.75,
        latency_ms=0.875,
    ),
    "reply_hint_final": messages.Hint(
        id=7,
        stage="model",
        hint="find: installed. Find files and folders by name, size, age or owner",
        insert="find . -name '*.py'",
        below="find . -name '*.py'",
        confidence=0.8125,
        latency_ms=31.0625,
    ),
    "reply_hint_nothing": messages.Hint(
        id=7, stage="model", hint="", insert="", below="", confidence=0.0, latency_ms=12.5
    ),
    "reply_suggestion": messages.Suggestion(
        id=70000,
        stage="model",
        query="find all python files",
        is_task=True,
        confidence=0.8125,
        task_category="search",
        tools=[FIND, FD],
        related=["xargs", "ripgrep"],
        note="",
        latency_ms=42.25,
    ),
    "reply_suggestion_shortlist": messages.Suggestion(
        id=70000,
        stage="shortlist",
        query="xyzzy",
        is_task=False,
        confidence=1e-05,
        task_category=None,
        tools=[RM],
        related=[],
        note="the model is switched off (model.enabled)",
        latency_ms=0.1,
    ),
    "reply_reasoning": messages.Reasoning(id=1 << 40, text="The task names a file type,"),
    "reply_resolved": messages.Resolved(id=8, name="rg", tools=[FD], similar=["rgb", "rcs"]),
    "reply_tools_part": messages.ToolList(
        id=9,
        final=False,
        tools=[
            messages.ToolEntry(
                name="fd",
                programs=["fd", "fdfind"],
                categories=["search"],
                platforms=["linux", "macos"],
                standardness="popular",
                examples=[{"task": "find all python files", "command": "fd -e py"}],
                install={"apt": "fd-find", "brew": "fd"},
                summary="A simpler and faster find",
            )
        ],
    ),
    "reply_status": messages.StatusReport(
        id=200,
        status={
            "pid": 4242,
            "version": "0.1.0",
            "uptime_s": 12.5,
            "model": {"state": "ready", "problem": None, "functiongemma": False},
            "requests": {"suggest": 65536},
            "problems": [],
        },
    ),
    "reply_reloaded": messages.Reloaded(id=11, changed=["knowledge base"], problems=["tools/a.toml: name: missing"]),
    "reply_done": messages.Done(id=12),
    "reply_failure": messages.Failure(
        id=7, code="query_too_long", message="query of 2001 characters is over the limit of 2000; say it shorter"
    ),
    "reply_superseded": messages.Failure(
        id=-129, code="superseded", message="a newer request of the same session has come"
    ),
}


def frame(payload: bytes) -> bytes:
    """Return `payload` behind its length."""
    return len(payload).to_bytes(4, "big") + payload


def record() -> dict[str, bytes]:
    """Return the content of each file by its name."""
    requests = {name: msgspec.msgpack.encode(message) for name, message in REQUESTS.items()}
    replies = {name: messages.encode(reply) for name, reply in REPLIES.items()}
    return {f"{name}.bin": frame(payload) for name, payload in (requests | replies).items()}


def main() -> None:
    """Write the files, and remove those that are recorded no more."""
    FOLDER.mkdir(exist_ok=True)
    recorded = record()
    for path in FOLDER.glob("*.bin"):
        if path.name not in recorded:
            path.unlink()
    for name, content in recorded.items():
        (FOLDER / name).write_bytes(content)


if __name__ == "__main__":
    main()
