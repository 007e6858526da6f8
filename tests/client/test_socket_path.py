"""Where the client looks for the daemon, and what it refuses to talk to there."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from toolrec_client import wire


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> dict[bytes, bytes]:
    """The environment as the client sees it: bytes, as it was when the interpreter started."""
    variables: dict[bytes, bytes] = {b"HOME": b"/home/ann"}
    monkeypatch.setattr(wire, "environ", variables)
    return variables


def test_path_follows_home(environment: dict[bytes, bytes]) -> None:
    """The socket lies in the state directory of the home directory, whatever slashes HOME ends in."""
    assert wire.socket_path() == "/home/ann/.local/state/toolrec/toolrecd.sock"
    environment[b"HOME"] = b"/home/ann//"
    assert wire.socket_path() == "/home/ann/.local/state/toolrec/toolrecd.sock"


def test_path_ignores_everything_else(environment: dict[bytes, bytes]) -> None:
    """XDG variables and TMPDIR differ between a login shell, tmux and ssh; they do not move the socket."""
    expected = wire.socket_path()
    for name in (b"XDG_STATE_HOME", b"XDG_RUNTIME_DIR", b"XDG_CONFIG_HOME", b"XDG_CACHE_HOME", b"TMPDIR"):
        environment[name] = b"/elsewhere"
    assert wire.socket_path() == expected


def test_without_home_the_password_database_says(environment: dict[bytes, bytes]) -> None:
    """Where HOME is unset or empty the home directory is the password database's."""
    import pwd

    expected = pwd.getpwuid(os.getuid()).pw_dir
    environment[b"HOME"] = b""
    assert wire.home() == expected
    del environment[b"HOME"]
    assert wire.home() == expected


def test_long_home_falls_back_to_tmp(environment: dict[bytes, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """A home too long for a socket address gives a short path, made of the uid and the home's checksum."""
    monkeypatch.setattr(wire, "getuid", lambda: 1234)
    environment[b"HOME"] = b"/home/" + b"a" * 62
    assert len(wire.socket_path()) == wire.MAX_SOCKET_PATH_BYTES
    environment[b"HOME"] = b"/home/" + b"a" * 63
    first = wire.socket_path()
    assert first == f"/tmp/toolrec-1234-{fnv1a(environment[b'HOME']):08x}/toolrecd.sock"
    environment[b"HOME"] = b"/home/" + b"a" * 62 + b"b"
    assert wire.socket_path() != first


def fnv1a(data: bytes) -> int:
    """Return the checksum as docs/protocol.md tells it."""
    value = 0x811C9DC5
    for byte in data:
        value = ((value ^ byte) * 0x01000193) % (1 << 32)
    return value


def test_checksum_is_the_published_one() -> None:
    """The checksum agrees with FNV-1a's published values."""
    assert [wire._checksum(text) for text in ("", "a", "foobar")] == [0x811C9DC5, 0xE40C292C, 0xBF9CF968]


def test_override(environment: dict[bytes, bytes]) -> None:
    """TOOLREC_SOCKET is taken as it is; an empty one counts as none."""
    environment[b"TOOLREC_SOCKET"] = b"/run/me/x.sock"
    assert wire.socket_path() == "/run/me/x.sock"
    environment[b"TOOLREC_SOCKET"] = b""
    assert wire.socket_path().startswith("/home/ann/")


def test_override_limits(environment: dict[bytes, bytes]) -> None:
    """103 bytes fit a socket address, counted as bytes; 104 are refused with the path and the remedy."""
    environment[b"TOOLREC_SOCKET"] = b"/" + b"x" * 102
    assert len(wire.socket_path()) == 103
    environment[b"TOOLREC_SOCKET"] = b"/" + "é".encode() * 52
    with pytest.raises(wire.ToolrecError, match=r"^socket path '/é+' is longer than 103 bytes; set TOOLREC_SOCKET to"):
        wire.socket_path()


def test_relative_override(environment: dict[bytes, bytes]) -> None:
    """A relative path would be another file in every directory; it is refused."""
    environment[b"TOOLREC_SOCKET"] = b"here.sock"
    with pytest.raises(wire.ToolrecError, match=r"^socket path 'here.sock' is relative; set TOOLREC_SOCKET to an abs"):
        wire.socket_path()


@pytest.fixture
def place(isolated_home: Path) -> Path:
    """A path for a socket in a directory of the user's own."""
    isolated_home.chmod(0o700)
    return isolated_home / "s"


@pytest.fixture
def listening(place: Path) -> Iterator[socket.socket]:
    """A socket at `place` that somebody listens on."""
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(place))
        made.listen()
        yield made


def refusal(path: Path) -> tuple[str, bool]:
    """Return the words with which connecting is refused, and whether they mean that no daemon runs."""
    with pytest.raises(wire.ToolrecError) as caught:
        wire.connect(str(path))
    return str(caught.value), isinstance(caught.value, wire.DaemonAbsent)


def test_connects_to_its_own(place: Path, listening: socket.socket) -> None:
    """A socket of the user's own in a directory of the user's own is connected to."""
    connection = wire.connect(str(place))
    accepted, _ = listening.accept()
    with accepted:
        wire.send(connection, b"hello")
        assert accepted.recv(100) == b"\0\0\0\5hello"
    connection.close()


def test_nothing_there(place: Path) -> None:
    """No socket, no directory or a file for a directory mean that no daemon runs."""
    expected = f"no daemon at {place}; start it with: toolrecd start"
    assert refusal(place) == (expected, True)
    assert refusal(place / "deeper")[1]
    place.write_text("")
    assert refusal(place / "deeper")[1]


def test_nobody_listens(place: Path, listening: socket.socket) -> None:
    """A socket left behind by a daemon that is gone means that none runs."""
    listening.close()
    assert refusal(place) == (f"no daemon answers at {place}; start it with: toolrecd start", True)


def test_symlink(place: Path, listening: socket.socket) -> None:
    """A symlink to a socket is refused, even to the user's own."""
    link = place.with_name("link")
    link.symlink_to(place)
    assert refusal(link) == (f"{link} is a symlink; remove it, then: toolrecd start", False)


def test_directory_that_is_a_symlink(place: Path, listening: socket.socket) -> None:
    """A socket in a directory that is a symlink is refused."""
    other = place.parent.with_name(place.parent.name + "-link")
    other.symlink_to(place.parent)
    try:
        message = f"{other} is not a directory of its own; remove it, then: toolrecd start"
        assert refusal(other / "s") == (message, False)
    finally:
        other.unlink()


def test_regular_file(place: Path) -> None:
    """A file in the socket's place is refused and left alone."""
    place.write_text("precious")
    assert refusal(place) == (f"{place} is not a socket; remove it, then: toolrecd start", False)
    assert place.read_text() == "precious"


def test_open_directory(place: Path, listening: socket.socket) -> None:
    """A directory that others may write to is refused, unless its sticky bit keeps them from our files."""
    for mode in (0o770, 0o702):
        place.parent.chmod(mode)
        expected = f"others may write to {place.parent}; run: chmod go-w {place.parent}"
        assert refusal(place) == (expected, False)
    place.parent.chmod(0o1777)
    wire.connect(str(place)).close()


def owned(monkeypatch: pytest.MonkeyPatch, owners: dict[str, int]) -> None:
    """Let the files in `owners` belong to these users and the client to user 1000."""

    def lstat(path: str) -> list[int]:
        found = list(os.lstat(path))
        found[4] = owners[path]
        return found

    monkeypatch.setattr(wire, "getuid", lambda: 1000)
    monkeypatch.setattr(wire, "lstat", lstat)


OWNERS = [(1000, 1000, True), (0, 1000, True), (1001, 1000, False), (1000, 1001, False), (1000, 0, False)]


@pytest.mark.parametrize(("directory", "entry", "ours"), OWNERS)
def test_owners(
    place: Path, listening: socket.socket, monkeypatch: pytest.MonkeyPatch, directory: int, entry: int, ours: bool
) -> None:
    """The socket must be the user's own, its directory the user's or root's."""
    owned(monkeypatch, {str(place.parent): directory, str(place): entry})
    if ours:
        wire.connect(str(place)).close()
    else:
        message = f"socket {place} belongs to another user; set TOOLREC_SOCKET to a path of your own"
        assert refusal(place) == (message, False)


def test_unreadable_directory(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory that may not be looked into gives the system's reason."""

    def lstat(path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(wire, "lstat", lstat)
    assert refusal(place) == (f"cannot look at socket {place}: Permission denied", False)
