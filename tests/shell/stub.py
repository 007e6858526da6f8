"""A daemon that says what a test tells it to: it keeps count of everything that hooks do with its socket."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec

PATIENCE_S = 20.0
Reply = dict[str, Any]
Script = Callable[[Reply], Iterable[Reply | bytes | threading.Event]]


def hint(request: Reply, *, stage: str = "model", final: bool = True, tool: str = "zip", **fields: object) -> Reply:
    """Return an answer to a request in mode `typing`."""
    return {
        "v": 1,
        "id": request["id"],
        "final": final,
        "stage": stage,
        "hint": f"{tool}: installed. {stage} on {request['query']}",
        "insert": f"{tool} -r {{name}}.zip {{directory}}",
        "below": f"{tool} -r {{name}}.zip {{directory}}",
        "confidence": 0.8,
        "latency_ms": 1.25,
        **fields,
    }


def listing(request: Reply, *names: str, **fields: object) -> Reply:
    """Return an answer to a request in mode `ask` with tools of these names."""
    tools = [
        {
            "name": name,
            "installed": number % 2 == 0,
            "install": None if number % 2 == 0 else f"apt install {name}",
            "example": f"{name} -x {{file}}",
            "score": 0.25,
            "summary": f"Do it with {name}",
            "caution": "",
        }
        for number, name in enumerate(names)
    ]
    head = {"v": 1, "id": request["id"], "final": True, "stage": "model", "query": request["query"]}
    tail = {"is_task": bool(tools), "confidence": 0.5, "task_category": None, "tools": tools, "related": ["a", "b"]}
    return {**head, **tail, "note": "", "latency_ms": 3.5, **fields}


def answer(request: Reply) -> list[Reply]:
    """Answer as the real daemon does: at once and in full."""
    if request["mode"] == "typing":
        return [hint(request, stage="shortlist", final=False), hint(request)]
    return [listing(request, "zip", "tar", "xz")]


class Stub:
    """Listens at `path`. `script` makes of a request what is sent: maps, raw bytes, events to wait for.

    Where a script ends without a final map the connection stays open, unless it ends with b"", a hang-up.
    """

    def __init__(self, path: Path, script: Script = answer) -> None:
        self.path, self.script = path, script
        self.requests: list[Reply] = []
        self.opened = self.closed = 0
        self._changed = threading.Condition()
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._listening.bind(str(path))
        self._listening.listen(128)
        threading.Thread(target=self._accept, daemon=True).start()

    def wait(self, condition: Callable[[Stub], bool]) -> None:
        """Wait until the condition holds for this object."""
        with self._changed:
            assert self._changed.wait_for(lambda: condition(self), PATIENCE_S), self.state()

    def wait_idle(self) -> None:
        """Wait until no connection is open."""
        self.wait(lambda stub: stub.opened == stub.closed)

    def state(self) -> str:
        """Describe what has happened, for a failure's message."""
        return f"{self.opened} opened, {self.closed} closed, asked {[r['query'] for r in self.requests]}"

    def queries(self) -> list[str]:
        """Return what was asked, in order."""
        return [request["query"] for request in self.requests]

    def stop(self, *, leave: bool = False) -> None:
        """Listen no more; the socket stays where a killed daemon's would if `leave` says so."""
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        if not leave:
            self.path.unlink(missing_ok=True)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self._count("opened")
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _count(self, name: str) -> None:
        with self._changed:
            setattr(self, name, getattr(self, name) + 1)
            self._changed.notify_all()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            try:
                while frame := _frame(connection):
                    request = msgspec.msgpack.decode(frame)
                    with self._changed:
                        self.requests.append(request)
                        self._changed.notify_all()
                    if not self._play(connection, request):
                        return
            finally:
                self._count("closed")

    def _play(self, connection: socket.socket, request: Reply) -> bool:
        for step in self.script(request):
            if isinstance(step, threading.Event):
                step.wait(PATIENCE_S)
            elif step == b"":
                return False
            else:
                connection.sendall(step if isinstance(step, bytes) else framed(step))
        return True


def framed(reply: Reply) -> bytes:
    """Return a reply as it goes over the wire."""
    payload = msgspec.msgpack.encode(reply)
    return len(payload).to_bytes(4, "big") + payload


def in_bytes(reply: Reply) -> Iterable[bytes]:
    """Return a reply byte by byte, each sent by itself."""
    for byte in framed(reply):
        time.sleep(0.001)  # so that the other side reads it by itself
        yield bytes([byte])


def _frame(connection: socket.socket) -> bytes:
    head = connection.recv(4, socket.MSG_WAITALL)
    return connection.recv(int.from_bytes(head, "big"), socket.MSG_WAITALL) if len(head) == 4 else b""
