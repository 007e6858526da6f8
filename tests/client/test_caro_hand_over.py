"""Every other call of caro goes, unchanged, to the real caro; the shim never takes itself for it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from toolrec_client import caro as shim

if TYPE_CHECKING:
    from .conftest import Run

MISSING = (
    "caro: caro itself is not installed; this is toolrec's part of it, "
    'and answers: caro --suggest-tools "…"\n'
)  # fmt: skip
Write = Callable[[str, str], Path]


@pytest.fixture
def script(tmp_path: Path) -> Write:
    """Return a function that writes an executable `caro` of a text into a folder of a name."""

    def write(folder: str, text: str) -> Path:
        path = tmp_path / folder / "caro"
        path.parent.mkdir()
        path.write_text(text)
        path.chmod(0o755)
        return path

    return write


@pytest.fixture
def real(script: Write) -> Path:
    """A caro that prints its arguments one a line, its name and its input, and fails in its own way."""
    return script("real", '#!/bin/sh\nprintf "[%s]\\n" "$@"\ncat\necho problem >&2\nexit 201\n')


def path_of(*places: Path) -> str:
    """Return a PATH of the folders that hold these files, and the system's."""
    return os.pathsep.join([*(str(place.parent) for place in places), "/usr/bin", "/bin"])


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--version"],
        ["find", "all", "python files"],
        ["-o", "json", "--", "--suggest-tools", "x"],
        ["show", "--suggest-tools"],
        ["-p", "--suggest-tools"],
        ["init", "zsh"],
        ["", " ", "a\nb", "é", "*", "$HOME", "\udcff"],
    ],
)
def test_other_calls_are_handed_over(caro: Run, real: Path, words: list[str]) -> None:
    """Arguments, standard input and output, and the exit status are those of the real caro."""
    done = caro(*words, stdin="piped", PATH=path_of(real))
    # Without arguments printf still prints its form once.
    expected = "".join(f"[{word}]\n" for word in words or [""]) + "piped"
    assert (done.returncode, done.stdout, done.stderr) == (201, expected, "problem\n")


def test_signals_are_as_a_shell_leaves_them(caro: Run, script: Write) -> None:
    """The real caro is not left with signals ignored that Python ignores for itself."""
    place = script("real", '#!/bin/sh\nsh -c "kill -PIPE \\$\\$"\necho $?\n')
    assert caro(PATH=path_of(place)).stdout == "141\n"


def test_first_on_the_path_wins(caro: Run, script: Write, real: Path) -> None:
    """Of several real ones the first that can be run is taken; files and folders of that name are passed over."""
    (plain := script("plain", "not to be run")).chmod(0o644)
    folder = plain.parent.parent / "folder" / "caro"
    folder.mkdir(parents=True)
    first = script("first", "#!/bin/sh\necho first\n")
    assert caro(PATH=path_of(plain, folder, first, real)).stdout == "first\n"


def test_not_installed(caro: Run, tmp_path: Path) -> None:
    """Without a real caro it says so and what it can do, exit status 1; an empty PATH is not this directory."""
    for path in ("/usr/bin:/bin", "", str(tmp_path / "none")):
        done = caro("find", "files", PATH=path)
        assert (done.returncode, done.stdout, done.stderr) == (1, "", MISSING)


@pytest.fixture
def ours(launch: Callable[[str], Path], tmp_path: Path) -> Path:
    """The shim's launcher as `caro` in a folder of the PATH."""
    place = tmp_path / "ours" / "caro"
    place.parent.mkdir()
    return launch("toolrec_client.caro").rename(place)


def run_ours(ours: Path, *others: Path) -> tuple[int, str, str]:
    """Run the shim with a PATH of its own folder and then others."""
    from .conftest import run_program

    done = run_program(ours, "--version", PATH=path_of(ours, *others))
    return done.returncode, done.stdout, done.stderr


def test_never_itself(ours: Path) -> None:
    """Its own launcher on the PATH is not the real caro."""
    assert run_ours(ours) == (1, "", MISSING)


def test_never_a_link_to_itself(ours: Path, tmp_path: Path, real: Path) -> None:
    """A symlink to the launcher, or to such a link, is passed over; the real one behind it is found."""
    link, second = tmp_path / "link" / "caro", tmp_path / "second" / "caro"
    for place, target in ((link, ours), (second, link)):
        place.parent.mkdir()
        place.symlink_to(target)
    assert run_ours(second, link) == (1, "", MISSING)
    assert run_ours(link, second, real) == (201, "[--version]\n", "problem\n")


def test_never_a_copy_of_itself(ours: Path, tmp_path: Path, real: Path) -> None:
    """A copy of the launcher, and a second launcher of another interpreter, are passed over."""
    copy = tmp_path / "copy" / "caro"
    copy.parent.mkdir()
    shutil.copy(ours, copy)
    other = tmp_path / "pip" / "caro"
    other.parent.mkdir()
    other.write_text("#!/usr/bin/python3\nimport sys\nfrom toolrec_client.caro import main\nsys.exit(main())\n")
    other.chmod(0o755)
    assert run_ours(ours, copy, other) == (1, "", MISSING)
    assert run_ours(copy, ours, other, real) == (201, "[--version]\n", "problem\n")


def test_launchers_are_known_by_their_mark(ours: Path, real: Path) -> None:
    """A launcher is known for one without running it, wherever it lies; an empty PATH holds nothing at all."""
    assert shim.real_caro(str(ours.parent), set()) is None
    assert shim.real_caro(path_of(ours, real), set()) == str(real)
    assert shim.real_caro(path_of(real), {str(real)}) is None


def test_empty_path_is_not_the_working_directory(real: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No PATH means no caro, though the working directory holds one; an empty part of a PATH means it."""
    monkeypatch.chdir(real.parent)
    assert shim.real_caro("", set()) is None
    assert shim.real_caro(":/none", set()) == "./caro"


@pytest.mark.parametrize("call", ['exec "{ours}" "$@"', '"{ours}" "$@"'])
def test_wrappers_of_itself_end(ours: Path, script: Write, real: Path, call: str) -> None:
    """A script on the PATH that calls the shim again is passed over the second time, and so is another."""
    text = "#!/bin/sh\n" + call.format(ours=ours) + "\n"
    first, second = script("first", text), script("second", text)
    assert run_ours(ours, first, second) == (1, "", MISSING)
    assert run_ours(ours, first, second, real) == (201, "[--version]\n", "problem\n")


def test_real_caro_may_call_the_shim(ours: Path, script: Write) -> None:
    """A real caro whose shell calls caro again reaches itself, not a refusal."""
    place = script("real", f'#!/bin/sh\n[ "$1" = again ] && echo again && exit\nsh -c "{ours} again; true"\n')
    assert run_ours(ours, place) == (0, "again\n", "")


@pytest.mark.parametrize("text", ["#!/no/such/interpreter\n", "\x7fELF broken", "no first line"])
def test_caro_that_cannot_be_executed(caro: Run, script: Write, text: str) -> None:
    """A caro that the system will not run is named on one line with its reason, exit status 1."""
    place = script("real", text)
    done = caro("x", PATH=path_of(place))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith(f"caro: cannot run {place}: ")
    assert done.stderr.endswith("; install caro again\n")
