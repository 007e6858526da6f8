"""Which programs are on a PATH, and which of a tool's names to type there.

Asked on every keystroke: an unchanged PATH costs a dictionary look-up, and directories are looked at
once a second at most. Runs no program and knows nothing of managers but the names they give programs.
Not safe for use by several threads at a time.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from toolrec_kb.schema import Shell, Tool
from toolrecd.context import Machine

MAX_DIRECTORIES = 256  # of one PATH; nix-shell makes the longest, of about 100
MAX_CACHED_DIRECTORIES = 1024  # four such PATHs that share nothing
MAX_CACHED_PATHS = 64  # the names of one take about 200 KB
CHECK_S = 1.0  # a person who installs a tool and types on sees it in time
SLOW_SCAN_S = 0.05  # /usr/bin with 1,000 programs takes about 5 ms; longer is a network or a Windows disk
SLOW_CHECK_S = 60.0
# A file made in the clock tick of the scan leaves the mtime as it was; ticks are 4 to 15 ms long.
SETTLED_NS = 50_000_000
PATHEXT = frozenset([".com", ".exe", ".bat", ".cmd", ".ps1", ".vbs", ".vbe", ".js", ".jse", ".wsf", ".wsh", ".msc"])

Signature = tuple[int, int, int]
Names = frozenset[str]


@dataclass(slots=True)
class _Directory:
    names: Names
    signature: Signature | None  # None: not to be trusted, scan again
    due_s: float


@dataclass(slots=True)
class _Path:
    names: Names
    listings: tuple[Names, ...]
    due_s: float


def list_programs(directory: str, windows: bool) -> Names:
    """Return the names of the programs in a directory; on Windows in lower case, with and without ending.

    Raises:
        OSError: it cannot be read.
    """
    with os.scandir(directory) as entries:
        if windows:
            return frozenset(name for entry in entries for name in _windows_names(entry))
        return frozenset(entry.name for entry in entries if _is_file(entry) and os.access(entry.path, os.X_OK))


def _windows_names(entry: os.DirEntry[str]) -> tuple[str, ...]:
    name = entry.name.lower()
    stem, ending = os.path.splitext(name)
    return (stem, name) if ending in PATHEXT and _is_file(entry) else ()


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a ring of symbolic links, or a link into a place that may not be read
        return False


class ProgramIndex:
    """Knows the programs of the PATHs that were asked about lately.

    `clock` counts seconds and only goes forward; `wall_ns` is the time that files are stamped with.
    """

    def __init__(
        self,
        *,
        windows: bool = False,
        clock: Callable[[], float] = time.monotonic,
        wall_ns: Callable[[], int] = time.time_ns,
        scan: Callable[[str, bool], Names] = list_programs,
    ) -> None:
        self._windows = windows
        self._clock = clock
        self._wall_ns = wall_ns
        self._scan = scan
        self._paths: dict[str, _Path] = {}
        self._directories: dict[str, _Directory] = {}  # the last used stand last

    def find(self, path: str) -> Names:
        """Return the names of the programs in the directories of `path`; those that cannot be read have none."""
        held = self._paths.get(path)
        if held is not None and self._clock() < held.due_s:
            return held.names
        return self._look(path, held)

    def _look(self, path: str, held: _Path | None) -> Names:
        listings = tuple(self._listing(directory) for directory in islice(self._split(path), MAX_DIRECTORIES))
        same = held is not None and held.listings == listings
        names = held.names if held is not None and same else frozenset().union(*listings)
        self._paths.pop(path, None)
        self._paths[path] = _Path(names, listings, self._clock() + CHECK_S)
        _shorten(self._paths, MAX_CACHED_PATHS)
        return names

    def _split(self, path: str) -> Iterator[str]:
        seen = set()
        for part in path.split(";" if self._windows else ":"):
            place = part.strip('"') if self._windows else part
            directory = place.rstrip("/") or "/"
            # A relative one means another directory in every shell, and the daemon stands in none of them.
            if os.path.isabs(place) and directory not in seen:
                seen.add(directory)
                yield directory

    def _listing(self, directory: str) -> Names:
        held = self._directories.pop(directory, None)
        if held is None or self._clock() >= held.due_s:
            held = self._check(directory, held)
        self._directories[directory] = held
        _shorten(self._directories, MAX_CACHED_DIRECTORIES)
        return held.names

    def _check(self, directory: str, held: _Directory | None) -> _Directory:
        start = self._clock()
        signature, names = self._read(directory, held)
        end = self._clock()
        return _Directory(names, signature, end + (SLOW_CHECK_S if end - start > SLOW_SCAN_S else CHECK_S))

    def _read(self, directory: str, held: _Directory | None) -> tuple[Signature | None, Names]:
        try:
            state = os.stat(directory)
            signature = (state.st_mtime_ns, state.st_ino, state.st_dev)
            if held is not None and held.signature == signature:
                return signature, held.names
            settled = not 0 <= self._wall_ns() - state.st_mtime_ns < SETTLED_NS
            return signature if settled else None, self._scan(directory, self._windows)
        except (OSError, ValueError):  # ValueError: a NUL byte or a lone surrogate in the PATH
            return None, frozenset()


def _shorten(cache: dict[str, _Path] | dict[str, _Directory], most: int) -> None:
    while len(cache) > most:
        del cache[next(iter(cache))]


def installed_program(tool: Tool, programs: Names, machine: Machine, shell: Shell) -> str | None:
    """Return the name to type for the tool, or None where it is not installed.

    `programs` are those on the PATH; what is part of a shell counts in that shell only.
    """
    if tool.shells:
        return tool.programs[0] if shell in tool.shells else None
    for name in tool.programs:
        if _among(name, programs, machine):
            return name
    for manager in machine.managers:
        for new in tool.program_names.get(manager, {}).values():
            if _among(new, programs, machine):
                return new
    return None


def _among(name: str, programs: Names, machine: Machine) -> bool:
    return (name.lower() if machine.os == "windows" else name) in programs
