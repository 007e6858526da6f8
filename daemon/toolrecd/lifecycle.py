"""Starts, finds and stops the daemon process. Liveness is an answered request, never a pid or a file.

One daemon a socket: whoever holds the lock beside it may bind it. The lock goes with the process,
however that ends, so nothing is ever stale but the socket file, which is unlinked only if it refuses.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import msgspec

from toolrec_client import wire
from toolrecd.errors import ToolrecError
from toolrecd.server import check_directory

UNKNOWN = "unknown"  # the version of a daemon that speaks another protocol
START_TIMEOUT_S = 15.0  # it listens within half a second; a busy machine may take longer
STOP_TIMEOUT_S = 5.0
PROBE_TIMEOUT_S = 2.0
LOCK_TIMEOUT_S = 0.2
POLL_S = 0.02


class Unanswered(ToolrecError):
    """Somebody listens and does not answer."""


class Files(msgspec.Struct, frozen=True):
    """The files that belong to a socket; all in its directory."""

    socket: Path

    @property
    def lock(self) -> Path:
        """Held locked, with the pid in it, by the daemon as long as it lives."""
        return self.socket.with_suffix(".lock")

    @property
    def log(self) -> Path:
        """What the daemon writes on its standard error."""
        return self.socket.with_suffix(".log")


def files() -> Files:
    """Return the files of the socket that the environment and the home directory give."""
    try:
        return Files(Path(wire.socket_path()))
    except wire.ToolrecError as error:
        raise ToolrecError(str(error)) from None


def ask(path: Path, operation: str, timeout: float = PROBE_TIMEOUT_S) -> dict[str, object] | None:
    """Return the daemon's reply to `operation`, or None if nobody listens.

    Raises:
        Unanswered: somebody listens but does not answer.
        ToolrecError: the socket must not be trusted.
    """
    try:
        connection = wire.connect(str(path))
    except wire.DaemonAbsent:
        return None
    except wire.ToolrecError as error:
        raise ToolrecError(str(error)) from None
    try:
        connection.settimeout(timeout)
        message = {"v": wire.PROTOCOL_VERSION, "id": os.getpid(), "op": operation}
        wire.send(connection, msgspec.msgpack.encode(message))
        reply: dict[str, object] = msgspec.msgpack.decode(wire.receive(connection))
        return reply
    except (wire.ToolrecError, msgspec.DecodeError) as error:
        raise Unanswered(f"the daemon at {path} does not answer ({error}); run: toolrecd restart") from None
    finally:
        connection.close()


def status(path: Path) -> dict[str, object] | None:
    """Return the running daemon's status, or None if none runs."""
    reply = ask(path, "status")
    if reply is None:
        return None
    found = reply.get("status")
    # A daemon of another protocol answers with an error: it runs, and that is all that can be said.
    return found if isinstance(found, dict) else {"version": UNKNOWN, "pid": _locked_pid(Files(path))}


def start(where: Files, version: str) -> tuple[bool, dict[str, object]]:
    """Make sure that a daemon of this version runs; return whether one was started, and its status.

    Raises:
        ToolrecError: it does not come up; the message carries its own last words.
    """
    running = status(where.socket)
    if running and running.get("version") == version:
        return False, running
    if running:
        stop(where)
    check_directory(where.socket.parent)
    offset = where.log.stat().st_size if where.log.exists() else 0
    with _open(where.log, os.O_APPEND | os.O_WRONLY, "ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-I", "-m", "toolrecd", "run"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # the terminal's hang-up and Ctrl-C are not for the daemon
            cwd="/",
            close_fds=True,
        )
    return True, _await_answer(where, process, offset, version)


def _open(path: Path, flags: int, mode: str) -> IO[Any]:
    """Open a file of the daemon's for its owner alone, made if it is not there."""
    try:
        return os.fdopen(os.open(path, flags | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600), mode)
    except OSError as error:
        raise ToolrecError(
            f"cannot write {path}: {error.strerror}; remove it, or set TOOLREC_SOCKET to another path"
        ) from None


def _await_answer(where: Files, process: subprocess.Popen[bytes], offset: int, version: str) -> dict[str, object]:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        running = status(where.socket)
        if running and running.get("version") == version:
            return running
        # Another start may have won the race: its daemon answers, ours ends with status 0.
        if process.poll() not in (None, 0):
            raise ToolrecError(_last_words(where.log, offset))
        time.sleep(POLL_S)
    raise ToolrecError(f"the daemon did not answer within {START_TIMEOUT_S:.0f} s; see {where.log}")


def _last_words(log: Path, offset: int) -> str:
    with log.open("rb") as file:
        file.seek(offset)
        lines = file.read().decode("utf-8", "replace").strip().splitlines()
    return lines[-1].removeprefix("toolrecd: ") if lines else f"the daemon ended without a word; see {log}"


def stop(where: Files) -> bool:
    """Stop the daemon, gently if it listens, by signal if it does not; return whether one ran."""
    pid = _locked_pid(where)
    try:
        listens = answered = ask(where.socket, "shutdown") is not None
    except Unanswered:
        listens, answered = True, False
    except ToolrecError:
        if pid is None:
            raise
        answered = False
    if pid is None:
        return listens and _await_silence(where)
    if not answered:
        _signal(pid, signal.SIGTERM)
    if not _wait_until(lambda: not _is_locked(where), STOP_TIMEOUT_S):
        # Frozen or stuck: a stopped process takes SIGKILL, and the lock goes with it.
        _signal(pid, signal.SIGKILL)
        if not _wait_until(lambda: not _is_locked(where), STOP_TIMEOUT_S):
            raise ToolrecError(f"the daemon (pid {pid}) could not be stopped; end it with: kill -9 {pid}")
    return True


def _await_silence(where: Files) -> bool:
    """Await the end of what listens without the lock. It is never killed: its pid is anybody's guess."""
    if not _wait_until(lambda: not _listens(where.socket), STOP_TIMEOUT_S):
        raise ToolrecError(
            f"what listens at {where.socket} is no daemon of ours and does not stop; end it, "
            "or set TOOLREC_SOCKET to another path"
        )
    return True


def _listens(path: Path) -> bool:
    try:
        return ask(path, "status") is not None
    except ToolrecError:
        return True


def take_lock(where: Files) -> IO[str] | None:
    """Return the lock file, held for as long as it is open, or None if another daemon holds it."""
    check_directory(where.lock.parent)
    file = _open(where.lock, os.O_RDWR, "r+")

    def take() -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    # Not at the first refusal: whoever asks whether it is held, holds it for a moment.
    if not _wait_until(take, LOCK_TIMEOUT_S):
        file.close()
        return None
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file


def clear_socket(path: Path) -> None:
    """Remove a socket that nobody listens on; leave anything else alone.

    Raises:
        ToolrecError: what is there is not a dead socket of this user's.
    """
    try:
        held = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(held.st_mode):
        kind = "a symlink" if stat.S_ISLNK(held.st_mode) else "not a socket"
        raise ToolrecError(f"{path} is {kind}; remove it, then: toolrecd start")
    if held.st_uid != os.getuid():
        raise ToolrecError(f"{path} belongs to user {held.st_uid}; set TOOLREC_SOCKET to a path of your own")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(PROBE_TIMEOUT_S)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
        except OSError as error:
            raise ToolrecError(f"{path} cannot be probed: {error}; remove it, then: toolrecd start") from None
    raise ToolrecError(f"another process listens at {path}; set TOOLREC_SOCKET to another path")


def _locked_pid(where: Files) -> int | None:
    """Return the pid in the lock file, if the lock is held."""
    if not _is_locked(where):
        return None
    text = where.lock.read_text(encoding="ascii").strip()
    return int(text) if text.isdigit() else None


def _is_locked(where: Files) -> bool:
    try:
        with where.lock.open("r", encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def _signal(pid: int | None, number: signal.Signals) -> None:
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):  # it may have ended by itself meanwhile
            os.kill(pid, number)


def _wait_until(done: Callable[[], bool], timeout: float) -> bool:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if done():
            return True
        time.sleep(POLL_S)
    return done()
