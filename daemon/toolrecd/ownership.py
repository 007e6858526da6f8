"""Who is the daemon: one process a socket, decided by a lock beside it.

The lock goes with the process, however that ends, so nothing is ever stale but the socket file, which is
unlinked only if it refuses.
"""

from __future__ import annotations

import fcntl
import os
import socket
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import msgspec

from toolrecd.errors import ToolrecError

PROBE_TIMEOUT_S = 2.0
LOCK_TIMEOUT_S = 0.2
POLL_S = 0.02


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


def open_private(path: Path, flags: int, mode: str) -> IO[Any]:
    """Open a file of the daemon's for its owner alone, made if it is not there."""
    try:
        return os.fdopen(os.open(path, flags | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600), mode)
    except OSError as error:
        raise ToolrecError(
            f"cannot write {path}: {error.strerror}; remove it, or set TOOLREC_SOCKET to another path"
        ) from None


def check_directory(directory: Path) -> None:
    """Make the socket's directory, or refuse it if another user could change what lies in it."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        held = directory.lstat()
    except OSError as error:
        raise ToolrecError(f"cannot make {directory}: {error.strerror}; set TOOLREC_SOCKET to another path") from None
    if directory.is_symlink():
        raise ToolrecError(f"{directory} is a symlink; remove it, or set TOOLREC_SOCKET to another path")
    if held.st_uid != os.getuid():
        raise ToolrecError(f"{directory} belongs to user {held.st_uid}; set TOOLREC_SOCKET to a path of your own")
    if held.st_mode & 0o022:
        raise ToolrecError(f"others may write to {directory}; run: chmod go-w {directory}")


def take_lock(where: Files) -> IO[str] | None:
    """Return the lock file, held for as long as it is open, or None if another daemon holds it."""
    check_directory(where.lock.parent)
    file = open_private(where.lock, os.O_RDWR, "r+")

    def take() -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    # Not at the first refusal: whoever asks whether it is held, holds it for a moment.
    if not wait_until(take, LOCK_TIMEOUT_S):
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


def locked_pid(where: Files) -> int | None:
    """Return the pid in the lock file, if the lock is held."""
    if not is_locked(where):
        return None
    text = where.lock.read_text(encoding="ascii").strip()
    return int(text) if text.isdigit() else None


def is_locked(where: Files) -> bool:
    """Return whether some process holds the lock."""
    try:
        with where.lock.open("r", encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def wait_until(done: Callable[[], bool], timeout: float) -> bool:
    """Return whether `done` holds within `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if done():
            return True
        time.sleep(POLL_S)
    return done()
