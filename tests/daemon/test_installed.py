"""Which programs are on a PATH, how seldom it is looked at, and which name of a tool to type."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from toolrec_kb.schema import Example, Manager, Platform, Program, Shell, Tool
from toolrecd import installed
from toolrecd.context import Machine
from toolrecd.installed import ProgramIndex, installed_program, list_programs

LONG_AGO_NS = 10**18


class Scene:
    """An index under a clock that the test moves, with every scan counted."""

    def __init__(self, scan_takes_s: float = 0.0, *, windows: bool = False) -> None:
        self.now_s = 100.0
        self.wall_ns = LONG_AGO_NS * 2
        self.scanned: list[str] = []
        self.scan_takes_s = scan_takes_s
        self.index = ProgramIndex(
            windows=windows, clock=lambda: self.now_s, wall_ns=lambda: self.wall_ns, scan=self._scan
        )

    def _scan(self, directory: str, windows: bool) -> frozenset[str]:
        self.scanned.append(directory)
        self.now_s += self.scan_takes_s
        return list_programs(directory, windows)


def program(directory: Path, name: str, mode: int = 0o755, mtime_ns: int = LONG_AGO_NS) -> Path:
    """Make a file; the directory then looks as if it had changed at `mtime_ns`."""
    directory.mkdir(exist_ok=True)
    file = directory / name
    file.write_text("")
    file.chmod(mode)
    os.utime(directory, ns=(mtime_ns, mtime_ns))
    return file


def test_names_of_all_directories(tmp_path: Path) -> None:
    """The programs of every directory of the PATH are found."""
    program(tmp_path / "a", "fd")
    program(tmp_path / "b", "rg")
    assert ProgramIndex().find(f"{tmp_path}/a:{tmp_path}/b") == {"fd", "rg"}


def test_only_executable_files(tmp_path: Path) -> None:
    """Files that cannot be run, directories, broken links and rings of links do not count; good links do."""
    target = program(tmp_path / "a", "fd")
    program(tmp_path / "a", "readme", 0o644)
    (tmp_path / "a" / "folder").mkdir()
    for name, place in (("fdfind", str(target)), ("broken", "nowhere"), ("ring", "ring"), ("notes", "readme")):
        (tmp_path / "a" / name).symlink_to(place)
    assert ProgramIndex().find(f"{tmp_path}/a") == {"fd", "fdfind"}


@pytest.mark.parametrize(
    "bad", ["", ".", "bin", "~/bin", "/no/such/place", "/etc/passwd", "/nul\0byte", "/\udc80\ud800"]
)
def test_useless_directories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bad: str) -> None:
    """Missing, relative, unreadable and senseless parts are skipped, and the others still count."""
    program(tmp_path / "bin", "stray")
    program(tmp_path / "good", "fd")
    program(tmp_path, "here")
    monkeypatch.chdir(tmp_path)
    assert ProgramIndex().find(f"{bad}:{tmp_path}/good:{bad}") == {"fd"}


def test_empty_path() -> None:
    """An empty PATH has no programs."""
    assert ProgramIndex().find("") == frozenset()


def test_duplicates_are_scanned_once(tmp_path: Path) -> None:
    """A directory named twice, with or without a slash at its end, is read once."""
    program(tmp_path / "a", "fd")
    scene = Scene()
    assert scene.index.find(f"{tmp_path}/a:{tmp_path}/a/:{tmp_path}/a") == {"fd"}
    assert scene.scanned == [f"{tmp_path}/a"]


def test_unchanged_directory_is_not_read_again(tmp_path: Path) -> None:
    """However much later, a directory that did not change is not read again, and the answer is the same object."""
    program(tmp_path / "a", "fd")
    scene = Scene()
    first = scene.index.find(f"{tmp_path}/a")
    scene.now_s += 1000
    assert scene.index.find(f"{tmp_path}/a") is first
    assert len(scene.scanned) == 1


def test_change_is_seen_after_a_second(tmp_path: Path) -> None:
    """A new program is found once a second has passed, and only its directory is read again."""
    program(tmp_path / "a", "fd")
    program(tmp_path / "b", "rg")
    scene = Scene()
    path = f"{tmp_path}/a:{tmp_path}/b"
    scene.index.find(path)
    program(tmp_path / "a", "new", mtime_ns=LONG_AGO_NS + 1)
    scene.now_s += 1.01
    assert scene.index.find(path) == {"fd", "new", "rg"}
    assert scene.scanned == [f"{tmp_path}/a", f"{tmp_path}/b", f"{tmp_path}/a"]


def test_nothing_is_looked_at_within_a_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked again within a second, no directory is even looked at; afterwards each is, once for all PATHs."""
    program(tmp_path / "a", "fd")
    scene, real = Scene(), os.stat
    looked: list[object] = []

    def stat(place: str) -> os.stat_result:
        looked.append(place)
        return real(place)

    monkeypatch.setattr("toolrecd.installed.os.stat", stat)
    for now in (100.0, 100.5, 100.99, 101.01, 101.5):
        scene.now_s = now
        scene.index.find(f"{tmp_path}/a")
        scene.index.find(f"{tmp_path}/a:")
    monkeypatch.undo()
    assert looked == [f"{tmp_path}/a"] * 2


def test_answer_holds_for_a_second(tmp_path: Path) -> None:
    """An answer put together from directories seen a little earlier still holds for its own second."""
    program(tmp_path / "a", "fd")
    scene = Scene()
    scene.index.find(f"{tmp_path}/a")
    scene.now_s += 0.9
    scene.index.find(f"{tmp_path}/a:")
    program(tmp_path / "a", "new", mtime_ns=LONG_AGO_NS + 1)
    scene.now_s += 0.9
    assert scene.index.find(f"{tmp_path}/a:") == {"fd"}
    scene.now_s += 0.2
    assert scene.index.find(f"{tmp_path}/a:") == {"fd", "new"}


def test_replaced_directory_is_read_again(tmp_path: Path) -> None:
    """A link that leads to another directory of the same age, as on NixOS, is read again."""
    program(tmp_path / "one", "fd")
    program(tmp_path / "two", "rg")
    link = tmp_path / "profile"
    link.symlink_to(tmp_path / "one")
    scene = Scene()
    assert scene.index.find(str(link)) == {"fd"}
    link.unlink()
    link.symlink_to(tmp_path / "two")
    scene.now_s += 2
    assert scene.index.find(str(link)) == {"rg"}


def test_directory_that_just_changed_is_read_again(tmp_path: Path) -> None:
    """A directory changed in the very moment of its scan is not trusted until it has settled."""
    program(tmp_path / "a", "fd")
    scene = Scene()
    scene.wall_ns = LONG_AGO_NS + 1_000_000
    scene.index.find(f"{tmp_path}/a")
    program(tmp_path / "a", "same-tick")
    scene.now_s += 2
    scene.wall_ns += 2 * 10**9
    assert scene.index.find(f"{tmp_path}/a") == {"fd", "same-tick"}
    scene.now_s += 2
    scene.index.find(f"{tmp_path}/a")
    assert len(scene.scanned) == 2


def test_directory_that_comes_and_goes(tmp_path: Path) -> None:
    """A directory that is made later is found, and forgotten when it is removed."""
    scene = Scene()
    assert scene.index.find(f"{tmp_path}/a") == frozenset()
    file = program(tmp_path / "a", "fd")
    scene.now_s += 2
    assert scene.index.find(f"{tmp_path}/a") == {"fd"}
    file.unlink()
    file.parent.rmdir()
    scene.now_s += 2
    assert scene.index.find(f"{tmp_path}/a") == frozenset()


def test_slow_directory_rests_a_minute(tmp_path: Path) -> None:
    """A directory whose scan was slow is left alone for a minute, even when it changes."""
    program(tmp_path / "a", "fd")
    scene = Scene(scan_takes_s=0.06)
    scene.index.find(f"{tmp_path}/a")
    program(tmp_path / "a", "new", mtime_ns=LONG_AGO_NS + 1)
    scene.now_s += 59
    assert scene.index.find(f"{tmp_path}/a") == {"fd"}
    scene.now_s += 2
    assert scene.index.find(f"{tmp_path}/a") == {"fd", "new"}


def test_at_most_256_directories(tmp_path: Path) -> None:
    """Of a PATH of 300 directories the first 256 are read."""
    directories = [tmp_path / str(number) for number in range(300)]
    for number, directory in enumerate(directories):
        program(directory, f"p{number}")
    scene = Scene()
    assert scene.index.find(":".join(map(str, directories))) == {f"p{number}" for number in range(256)}
    assert len(scene.scanned) == 256


def test_least_used_directory_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit the directory asked for longest ago is forgotten and has to be read again."""
    monkeypatch.setattr(installed, "MAX_CACHED_DIRECTORIES", 2)
    for name in "abc":
        program(tmp_path / name, name)
    scene = Scene()
    for name in "abacab":
        scene.index.find(f"{tmp_path}/{name}")
        scene.now_s += 2
    assert [Path(place).name for place in scene.scanned] == ["a", "b", "c", "b"]


def test_paths_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand different PATHs leave only the bounded number of answers behind."""
    monkeypatch.setattr(installed, "MAX_CACHED_PATHS", 3)
    scene = Scene()
    for number in range(1000):
        scene.index.find(f"{tmp_path}:x{number}")
    assert len(scene.index._paths) == 3


def test_windows_endings(tmp_path: Path) -> None:
    """On Windows a program is known by its ending and is found in lower case with and without it."""
    program(tmp_path / "a", "FD.EXE", 0o644)
    program(tmp_path / "b", "npm.cmd", 0o644)
    program(tmp_path / "b", "notes.txt", 0o755)
    program(tmp_path / "b", "npm", 0o755)
    found = ProgramIndex(windows=True).find(f'{tmp_path}/a;"{tmp_path}/b";')
    assert found == {"fd", "fd.exe", "npm", "npm.cmd"}


def tool(
    *programs: str, shells: tuple[Shell, ...] = (), renamed: dict[Manager, dict[Program, Program]] | None = None
) -> Tool:
    """Return a tool with these programs."""
    return Tool(
        name=programs[0],
        summary="Do what it does",
        programs=programs,
        categories=("files",),
        platforms=("linux",),
        standardness="popular",
        usage=3,
        examples=(Example("do it", programs[0]),),
        shells=shells,
        program_names=renamed or {},
    )


def typed(
    tool: Tool,
    programs: set[str],
    *,
    managers: tuple[Manager, ...] = ("apt",),
    shell: Shell = "bash",
    os: Platform = "linux",
) -> str | None:
    """Return the name to type on a machine with these programs and managers."""
    return installed_program(tool, frozenset(programs), Machine(os, "", managers, local=True), shell)


def test_first_program_that_is_there() -> None:
    """The first of the tool's programs that is installed is typed."""
    editor = tool("nvim", "vim", "vi")
    assert typed(editor, {"vi", "vim"}) == "vim"
    assert typed(editor, {"emacs"}) is None


def test_renamed_program() -> None:
    """A name given by a manager of the machine counts where the tool's own name is not there."""
    fd = tool("fd", renamed={"apt": {"fd": "fdfind"}})
    assert typed(fd, {"fdfind"}) == "fdfind"
    assert typed(fd, {"fdfind", "fd"}) == "fd"


def test_renamed_by_a_manager_of_other_machines() -> None:
    """A name that only another system's manager gives may be another program and does not count."""
    assert typed(tool("hx", renamed={"pacman": {"hx": "helix"}}), {"helix"}, managers=("apt", "cargo")) is None


def test_shell_builtin() -> None:
    """What is part of a shell is there in that shell and in no other, whatever the PATH holds."""
    typeset = tool("declare", "typeset", shells=("bash", "zsh"))
    assert typed(typeset, set()) == "declare"
    assert typed(typeset, {"declare"}, shell="fish") is None


def test_cmdlet() -> None:
    """A cmdlet is there in PowerShell; a program of its alias's name does not make it so elsewhere."""
    tee = tool("Tee-Object", "tee", shells=("powershell",))
    assert typed(tee, set(), shell="powershell", os="windows") == "Tee-Object"
    assert typed(tee, {"tee"}, shell="zsh") is None


def test_case_on_windows() -> None:
    """On Windows a program is found whatever the case of its letters, elsewhere not."""
    assert typed(tool("UnRAR"), {"unrar"}, os="windows") == "UnRAR"
    assert typed(tool("UnRAR"), {"unrar"}) is None
