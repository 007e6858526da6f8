"""All rules together, the package lists, and the command that runs them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from toolrec_kb import __main__ as command
from toolrec_kb import rules
from toolrec_kb.load import Source
from toolrec_kb.rules import Base, coverage, sources

MakeSource = Callable[..., Source]


@pytest.fixture(autouse=True)
def no_standard_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists of standard programs as small as the knowledge bases here: empty."""
    monkeypatch.setattr(coverage, "STANDARD", {})
    monkeypatch.setattr(coverage, "IGNORED", {})


@pytest.fixture
def data(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The small knowledge base in the place of ours; what is made of ours is taken for up to date."""
    monkeypatch.setattr(command, "DATA_DIR", folder)
    monkeypatch.setattr(command, "_stale", lambda read: [])
    monkeypatch.setattr(sources, "SOURCES_DIR", folder.parent / "sources")
    return folder


def test_all_rules(make_source: MakeSource, base: Base) -> None:
    """Each rule's findings come, entry by entry in the given order."""
    bad = make_source(
        "fd", categories=["nowhere"], alternative_to=["fd"], install={"apt": "none"},
        examples=[{"task": "find it.", "command": "fd"}, {"task": "find all", "command": "fd ."}],
    )  # fmt: skip
    found = rules.check([make_source("rg"), bad, make_source("find", replaces=["old"])], base)
    assert [(Path(problem.file).stem, problem.field) for problem in found] == [
        ("fd", "categories"), ("fd", "examples[0].task"), ("fd", "alternative_to"), ("fd", "install.apt"),
        ("find", "replaces"),
    ]  # fmt: skip


def test_rules_of_the_whole(make_source: MakeSource, base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the entries lack together comes last."""
    monkeypatch.setattr(coverage, "STANDARD", {"ls": coverage.Standard("ls", ("posix",))})
    found = rules.check([make_source("fd", replaces=["old"])], base)
    assert [problem.field for problem in found] == ["replaces", "ls"]


def test_package_lists(write: Callable[[str, str], Path]) -> None:
    """Lists give each package's programs; a line without programs is a package all the same."""
    folder = write("debian-bookworm.tsv", "fd-find\tfdfind\ncoreutils\tls cat\n\nlibc6\t\n").parent
    write("winget-ids.txt", "sharkdp.fd\n")
    assert rules.read_package_lists(folder) == {
        "apt": {"fd-find": {"fdfind"}, "coreutils": {"ls", "cat"}, "libc6": frozenset()},
        "winget": {"sharkdp.fd": frozenset()},
    }
    assert rules.read_package_lists(folder / "none") == {}


def test_check_clean(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A clean knowledge base is counted and ends well."""
    assert command.main(["check"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert (shown[0], shown[-1]) == ("2 tools with 4 examples, never fewer than 2", "2 tools, 0 problems")


def test_check_findings(data: Path, save: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    """Broken files and broken rules are printed a line each, and the exit status is 1."""
    broken, ruled = save("rg", usage=9), save("sd", replaces=["sed"])
    assert command.main(["check"]) == 1
    shown = capsys.readouterr().out.splitlines()
    assert shown[:2] == [
        f"{broken}:7: usage: Expected `int` <= 5",
        f"{ruled}:9: replaces: 'sed' is not in the knowledge base",
    ]
    assert shown[-1] == "3 tools, 2 problems"


def test_check_paths(data: Path, save: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    """With paths given only what lies there is reported."""
    save("sd", replaces=["sed"])
    assert command.main(["check", str(data / "files")]) == 0
    assert command.main(["check", str(data / "search" / "sd.toml")]) == 1
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "3 tools, 0 problems"  # no counts: nobody asked for the whole
    assert shown[2] == "3 tools, 1 problems"


def test_check_packages(
    data: Path, save: Callable[..., Path], write: Callable[[str, str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """With package lists given, packages are checked too."""
    path = save("sd", install={"apt": "none"})
    write("sources/apt.tsv", "none\tsomewhere\t2026-11-24\n")
    lists = write("lists/debian-bookworm.tsv", "fd-find\tfdfind\n").parent
    assert command.main(["check"]) == 0
    assert command.main(["check", "--packages", str(lists)]) == 1
    assert f"{path}:9: install.apt: no package 'none' in the list" in capsys.readouterr().out


def test_broken_categories(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A broken list of categories is a finding of its own."""
    (data / "categories.toml").write_text("category = 1")
    assert command.main(["check"]) == 1
    assert f"{data / 'categories.toml'}:1: category: Expected `array`" in capsys.readouterr().out


def test_counts(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The counts can be had alone."""
    assert command.main(["counts"]) == 0
    assert capsys.readouterr().out.startswith("2 tools with 4 examples")


def test_own(make_source: MakeSource, base: Base) -> None:
    """A user's own tool may lie anywhere and have a package from anywhere; what it says is judged alike."""
    source = Source(Path("tools/mine.toml"), make_source("fd", replaces=["old"], install={"brew": "x"}).tool)
    judged = msgspec.structs.replace(base, sources=sources.Records())
    assert [problem.field for problem in rules.check_own([source], judged)] == ["replaces"]
