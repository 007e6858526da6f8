"""The wire as the client sees it: protocol version, framing, socket path, environment.

The protocol is specified in docs/protocol.md. This module promises to be light: it imports nothing
that a bare interpreter would have to read from disk, and every environment variable the client
honours is read here.
"""

import _socket
from posix import environ, getuid, lstat

PROTOCOL_VERSION = 1
MAX_FRAME_BYTES = 1 << 20  # one mebibyte: a thousand times the largest honest request
MAX_SOCKET_PATH_BYTES = 103  # sun_path holds 104 bytes on macOS and the BSDs, 108 on Linux, one for NUL
CONNECT_TIMEOUT_S = 1.0
REPLY_TIMEOUT_S = 45.0  # of silence; `explain` gives a model that hangs 30 s before it answers without it
SOCKET_NAME = "toolrecd.sock"

_STAT_MODE, _STAT_UID = 0, 4
_TYPE_MASK, _DIRECTORY, _SOCKET, _LINK = 0o170000, 0o040000, 0o140000, 0o120000
_STICKY, _OTHERS_MAY_WRITE = 0o1000, 0o022


class ToolrecError(Exception):
    """What a person has to be told: lower case, names the value and the remedy."""


class DaemonAbsent(ToolrecError):
    """Nobody answers at the socket; starting the daemon is the remedy."""


class RequestTooLarge(ToolrecError):
    """The request does not fit a frame; nothing was sent."""


class ErrorReply(ToolrecError):
    """The daemon refused the request; `code` is the protocol's word for why."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def env(name, default=""):
    """Return an environment variable as text, undecodable bytes as surrogates."""
    value = environ.get(name.encode())
    return value.decode("utf-8", "surrogateescape") if value else default


def home():
    """Return the home directory, from HOME or, without it, from the password database."""
    found = env("HOME")
    if not found:
        import pwd

        found = pwd.getpwuid(getuid()).pw_dir
    return found.rstrip("/") or "/"


def state_dir():
    """Return the directory that holds the socket, the log and the lock.

    It depends on the home directory and the uid alone, never on XDG variables, which differ between
    a login shell, tmux and ssh. Under /tmp, by a name made from both, where the path would be too long.
    """
    directory = home() + "/.local/state/toolrec"
    if _fits(directory + "/" + SOCKET_NAME):
        return directory
    return f"/tmp/toolrec-{getuid()}-{_checksum(home()):08x}"


def socket_path():
    """Return the daemon's socket path; `TOOLREC_SOCKET` overrides it.

    Raises:
        ToolrecError: the path is relative, or longer than a socket address can be.
    """
    path = env("TOOLREC_SOCKET") or state_dir() + "/" + SOCKET_NAME
    if not path.startswith("/"):
        # The daemon runs in another directory than the shells: it would be another file for each.
        raise ToolrecError(f"socket path {path!r} is relative; set TOOLREC_SOCKET to an absolute one")
    if not _fits(path):
        raise ToolrecError(
            f"socket path {path!r} is longer than {MAX_SOCKET_PATH_BYTES} bytes; set TOOLREC_SOCKET to a shorter one"
        )
    return path


def connect(path):
    """Return a connected socket after checking that it and its directory are the user's own.

    Raises:
        DaemonAbsent: no socket there, or nobody listens.
        ToolrecError: a symlink, a foreign owner or an open directory.
    """
    check_owner(path)
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    connection.settimeout(CONNECT_TIMEOUT_S)
    try:
        connection.connect(path)
    except (FileNotFoundError, ConnectionRefusedError):
        connection.close()
        raise DaemonAbsent(f"no daemon answers at {path}; start it with: toolrecd start") from None
    except OSError as error:
        connection.close()
        raise ToolrecError(f"cannot connect to {path}: {error}; see: toolrecd doctor") from None
    connection.settimeout(REPLY_TIMEOUT_S)
    return connection


def check_owner(path):
    """Refuse a socket or a directory of it that another user could have put there.

    Raises:
        DaemonAbsent: there is no socket.
        ToolrecError: what is there is not a socket of this user's.
    """
    directory = path.rpartition("/")[0] or "/"
    try:
        held, entry = lstat(directory), lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        raise DaemonAbsent(f"no daemon at {path}; start it with: toolrecd start") from None
    except OSError as error:
        raise ToolrecError(f"cannot look at socket {path}: {error.strerror}") from None
    if int(held[_STAT_MODE]) & _TYPE_MASK != _DIRECTORY:
        raise ToolrecError(f"{directory} is not a directory of its own; remove it, then: toolrecd start")
    mode = int(held[_STAT_MODE])
    if mode & _OTHERS_MAY_WRITE and not mode & _STICKY:
        raise ToolrecError(f"others may write to {directory}; run: chmod go-w {directory}")
    if held[_STAT_UID] not in (getuid(), 0) or entry[_STAT_UID] != getuid():
        raise ToolrecError(f"socket {path} belongs to another user; set TOOLREC_SOCKET to a path of your own")
    kind = int(entry[_STAT_MODE]) & _TYPE_MASK
    if kind != _SOCKET:
        what = "a symlink" if kind == _LINK else "not a socket"
        raise ToolrecError(f"{path} is {what}; remove it, then: toolrecd start")


def send(connection, payload):
    """Send one frame: a 4-byte big-endian length and the payload.

    Raises:
        RequestTooLarge: the payload is over the protocol's limit.
        ToolrecError: the daemon hung up.
    """
    if len(payload) > MAX_FRAME_BYTES:
        raise RequestTooLarge(f"request of {len(payload)} bytes is over the limit of {MAX_FRAME_BYTES}; shorten it")
    try:
        connection.sendall(len(payload).to_bytes(4, "big") + payload)
    except OSError as error:
        raise ToolrecError(f"the daemon hung up: {error}; see: toolrecd logs") from None


def receive(connection):
    """Return the payload of the next frame.

    Raises:
        ToolrecError: the daemon hung up, is silent, or sent a frame over the limit.
    """
    length = int.from_bytes(_receive_exactly(connection, 4), "big")
    if length > MAX_FRAME_BYTES:
        raise ToolrecError(
            f"reply of {length} bytes is over the limit of {MAX_FRAME_BYTES}; restart with: toolrecd restart"
        )
    return _receive_exactly(connection, length)


def _receive_exactly(connection, length):
    parts = []
    while length:
        try:
            part = connection.recv(min(length, 65536))
        except TimeoutError:
            raise ToolrecError(f"the daemon was silent for {REPLY_TIMEOUT_S:.0f} s; see: toolrecd doctor") from None
        except OSError as error:
            raise ToolrecError(f"the daemon hung up: {error}; see: toolrecd logs") from None
        if not part:
            raise DaemonAbsent("the daemon hung up before it answered; see: toolrecd logs")
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def _fits(path):
    return len(path.encode("utf-8", "surrogateescape")) <= MAX_SOCKET_PATH_BYTES


def _checksum(text):
    # FNV-1a, 32 bits: a stable short name; hashlib would double the client's start-up time.
    value = 0x811C9DC5
    for byte in text.encode("utf-8", "surrogateescape"):
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value
