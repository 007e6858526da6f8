"""The rule about standard programs, their lists, and the generator of the longer one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from toolrec_kb import coverage as generator
from toolrec_kb.coverage import Found
from toolrec_kb.load import DATA_DIR, Source, read_folder
from toolrec_kb.rules import Base, coverage
from toolrec_kb.rules.coverage import Standard

MakeSource = Callable[..., Source]


@pytest.fixture
def lists(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three standard programs, one of them ignored."""
    names = {"fd": ("posix",), "rm": ("posix", "required"), "rmt": ("required",)}
    listed = {name: Standard(name, origins, ("coreutils",)) for name, origins in names.items()}
    monkeypatch.setattr(coverage, "STANDARD", listed)
    monkeypatch.setattr(coverage, "IGNORED", {"rmt": "tar starts it."})


def findings(*sources: Source) -> list[tuple[str, str, str]]:
    """Return file name, program and reason of what the rule reports."""
    return [
        (Path(problem.file).name, problem.field, problem.reason)
        for problem in coverage.check(list(sources), Base(frozenset(), frozenset()))
    ]


@pytest.mark.usefixtures("lists")
def test_clean(make_source: MakeSource) -> None:
    """Programs that are an entry's, whether its first, a further one or a manager's name, or ignored are in order."""
    assert findings(make_source("fd", programs=["fd", "rm"])) == []
    assert findings(make_source("fd"), make_source("del", program_names={"apt": {"del": "rm"}})) == []


@pytest.mark.usefixtures("lists")
def test_missing(make_source: MakeSource) -> None:
    """A standard program without an entry is reported with where it comes from."""
    reason = "no entry has this program (posix required coreutils): write one or say why not"
    assert findings(make_source("fd")) == [("standard_programs.tsv", "rm", reason)]


@pytest.mark.usefixtures("lists")
@pytest.mark.parametrize("fields", [{"shells": ["powershell"]}, {"platforms": ["windows"]}])
def test_namesake(make_source: MakeSource, fields: dict[str, list[str]]) -> None:
    """A PowerShell alias or a Windows program of the same name is not the standard program."""
    assert [found[1] for found in findings(make_source("fd"), make_source("rm", **fields))] == ["rm"]


@pytest.mark.usefixtures("lists")
def test_needless(make_source: MakeSource) -> None:
    """An ignored program that has an entry is reported."""
    found = findings(make_source("fd", programs=["fd", "rm", "rmt"]))
    assert found == [("ignored_programs.toml", "rmt", "has an entry: take it out")]


@pytest.mark.usefixtures("lists")
def test_stale(make_source: MakeSource, monkeypatch: pytest.MonkeyPatch) -> None:
    """An ignored program that no list has is reported."""
    monkeypatch.setattr(coverage, "IGNORED", {"rmt": "tar starts it.", "gone": "It went."})
    found = findings(make_source("fd", programs=["fd", "rm"]))
    assert found == [("ignored_programs.toml", "gone", "is in no list of standard programs: take it out")]


def test_ours() -> None:
    """Every utility of POSIX and every program of a plain Debian has an entry of ours or a reason."""
    assert [str(problem) for problem in coverage.check(read_folder(DATA_DIR)[0], Base(frozenset(), frozenset()))] == []


def test_list() -> None:
    """The list holds all of POSIX's utilities, and programs of each of Debian's priorities, in order."""
    posix = generator.read_posix(generator.POSIX_FILE.read_text(encoding="utf-8"))
    assert len({found.program for found in posix}) == len(posix) == 184
    assert {found.program for found in posix} == {n for n, row in coverage.STANDARD.items() if "posix" in row.origins}
    counts = [sum(origin in row.origins for row in coverage.STANDARD.values()) for origin in generator.PRIORITIES]
    assert [count > least for count, least in zip(counts, (350, 100, 100), strict=True)] == [True, True, True]
    assert list(coverage.STANDARD) == sorted(coverage.STANDARD)


def test_reasons() -> None:
    """Every reason is a sentence."""
    bad = [name for name, reason in coverage.IGNORED.items() if len(reason) < 20 or not reason.endswith(".")]
    assert bad == []


def test_read_posix() -> None:
    """Comments and empty lines hold no names."""
    assert generator.read_posix("# Some\n\nls cat\n[\n") == [Found(name, "posix") for name in ("ls", "cat", "[")]


def test_priorities() -> None:
    """Of apt's index the packages that every Debian has are kept."""
    index = "Package: dash\nPriority: required\nSize: 1\n\nPackage: fd-find\nPriority: optional\n\nPackage: odd\n\n"
    assert generator.priorities(index) == {"dash": "required"}


def test_shipped() -> None:
    """Programs are the files and links in the folders of programs, whether /usr is merged or not."""
    lines = [
        "drwxr-xr-x root/root         0 2023-01-08 11:34 ./usr/bin/",
        "-rwxr-xr-x root/root    125640 2023-01-08 11:34 ./bin/dash",
        "lrwxrwxrwx root/root         0 2023-01-08 11:34 ./bin/sh -> dash",
        "hrwxr-xr-x root/root         0 2023-01-08 11:34 ./usr/bin/perl5 link to ./usr/bin/perl",
        "-rwxr-xr-x root/root         7 2023-01-08 11:34 ./usr/sbin/cron",
        "-rwxr-xr-x root/root         7 2023-01-08 11:34 ./usr/games/sl",
        "-rw-r--r-- root/root         7 2023-01-08 11:34 ./usr/share/doc/dash/bin/x",
        "-rw-r--r-- root/root         7 2023-01-08 11:34 ./usr/lib/bin/y",
    ]
    assert generator.shipped("\n".join(lines)) == {"dash", "sh", "perl5", "cron", "sl"}


def test_alternatives() -> None:
    """Programs linked by Debian's alternatives count, manual pages and comments do not."""
    script = (
        "if true; then\n"
        "  update-alternatives --install /usr/bin/awk awk /usr/bin/mawk 5 \\\n"
        "    --slave /usr/share/man/man1/awk.1.gz awk.1.gz /usr/share/man/man1/mawk.1.gz \\\n"
        "    --slave /usr/bin/nawk nawk /usr/bin/mawk\n"
        "  # update-alternatives --install /usr/bin/program program /usr/bin/other 5\n"
        "fi\n"
    )
    assert generator.alternatives(script) == {"awk", "nawk"}


def test_merge() -> None:
    """A program that several packages bring has one row."""
    found = [Found("vi", "posix"), Found("vi", "important", "vim-tiny"), Found("awk", "required", "mawk")]
    assert generator.merge(found) == [
        Standard("awk", ("required",), ("mawk",)),
        Standard("vi", ("important", "posix"), ("vim-tiny",)),
    ]


def test_rows(tmp_path: Path) -> None:
    """A row is read as it was written, with packages or without."""
    rows = [Standard("asa", ("posix",)), Standard("vi", ("important", "posix"), ("nano", "vim-tiny"))]
    path = tmp_path / "list.tsv"
    path.write_text("".join(f"{row}\n" for row in rows))
    assert list(coverage.read_standard(path).values()) == rows


def test_generator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The generator writes one list from POSIX's names, the packages, and the names that scripts link in loops."""
    answers = {"apt-cache": "Package: xz-utils\nPriority: standard\n", "dpkg-deb": "-rwx r/r 1 d t ./usr/bin/xz"}
    monkeypatch.setattr(generator, "_run", lambda *command: answers[command[0]])
    monkeypatch.setattr(generator, "_postinst", lambda archive: "--install /usr/bin/lzma lzma /usr/bin/xz 20")
    monkeypatch.setattr(generator, "STANDARD_FILE", tmp_path / "list.tsv")
    for package in ("xz-utils", "other"):
        (tmp_path / f"{package}_1.deb").touch()
    assert generator.main([str(tmp_path)]) == 0
    listed = coverage.read_standard(tmp_path / "list.tsv")
    assert {"ls", "xz", "lzma", "lzcat"} <= set(listed)
    assert listed["xz"] == Standard("xz", ("standard",), ("xz-utils",))
    assert f"{len(listed)} programs" in capsys.readouterr().out
