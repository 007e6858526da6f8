"""A broken file is reported with file, field and reason, and the rest loads."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from toolrec_kb import load
from toolrec_kb.load import Problem, read_categories, read_folder, read_synonyms, read_tool

Save = Callable[..., Path]


def names(folder: Path) -> list[str]:
    """Return the names of the tools that load."""
    return [source.tool.name for source in read_folder(folder)[0]]


def only_problem(folder: Path) -> Problem:
    """Return the one problem of the folder's files, whose good tool loads all the same."""
    sources, problems = read_folder(folder)
    assert "fd" in [source.tool.name for source in sources]
    assert len(problems) == 1
    return problems[0]


def test_folder(folder: Path) -> None:
    """All tools under a folder load in the order of their paths; categories and synonyms are no tools."""
    assert names(folder) == ["rm", "fd"]
    assert read_folder(folder)[1] == []


def test_everything_survives_the_file(save: Save) -> None:
    """What stands in the file is in the tool, tables and non-ASCII text included."""
    path = save("fd", summary="Find files: schnell, vite, 速い", program_names={"apt": {"fd": "fdfind"}}, usage=5)
    tool = read_tool(path)
    assert not isinstance(tool, Problem)
    assert (tool.summary, tool.usage) == ("Find files: schnell, vite, 速い", 5)
    assert tool.program_names == {"apt": {"fd": "fdfind"}}


BROKEN_FIELDS: dict[str, tuple[dict[str, Any], str, str]] = {
    "wrong type": ({"usage": "often"}, "usage", "Expected `int`, got `str`"),
    "wrong type inside": ({"programs": ["rg", 7]}, "programs[1]", "Expected `str`, got `int`"),
    "missing field": ({"summary": None}, "summary", "Object missing required field `summary`"),
    "unknown field": ({"sumary": "x"}, "sumary", "Object contains unknown field `sumary`"),
    "value out of its range": ({"usage": 9}, "usage", "Expected `int` <= 5"),
    "unknown manager": ({"install": {"apt": "rg", "yum": "rg"}}, "install.yum", "Invalid enum value 'yum'"),
    "bad package": ({"install": {"apt": "rg", "dnf": "-x"}}, "install.dnf", "Expected `str` matching regex"),
    "rename of an unknown manager": (
        {"program_names": {"yum": {"rg": "r"}}},
        "program_names.yum",
        "Invalid enum value",
    ),
    "missing field inside": (
        {"examples": [{"task": "find text", "command": "rg"}, {"task": "find it"}]},
        "examples[1].command",
        "Object missing required field `command`",
    ),
}


@pytest.mark.parametrize(("fields", "field", "reason"), BROKEN_FIELDS.values(), ids=BROKEN_FIELDS.keys())
def test_broken_field(folder: Path, save: Save, fields: dict[str, Any], field: str, reason: str) -> None:
    """A bad field is reported with its file, its place and what is wrong with it."""
    path = save("rg", **fields)
    problem = only_problem(folder)
    assert (problem.file, problem.field) == (str(path), field)
    assert problem.reason.startswith(reason)
    assert str(problem).startswith(f"{path}:{problem.line}: {field}: ")
    text = path.read_text().splitlines()
    key = field.partition(".")[0].partition("[")[0]
    assert text[problem.line - 1].startswith(key) or problem.line == 1


BROKEN_FILES = {
    "not TOML": (b"name = fd\n", 1, "not valid TOML: Invalid value (at line 1, column 8)"),
    "cut off": (b'usage = 1\nname = "rg', 2, "not valid TOML: Unterminated string"),
    "array left open": (b"usage = 1\nname = [1,\n\n", 2, "not valid TOML: Invalid value (at end of document)"),
    "key given twice": (b'name = "a"\nname = "b"\n', 2, "not valid TOML: Cannot overwrite a value"),
    "Latin-1": (b'\nname = "caf\xe9"\n', 2, "not UTF-8 text at byte 12"),
    "binary": (bytes(range(256)), 2, "not UTF-8 text at byte 128"),
    "NUL": (b"\0", 1, "not valid TOML: "),
    "nested too deeply": (b"name = " + b"[" * 100_000, 0, "not valid TOML: nested too deeply"),
    "too large": (b"#" * (load.MAX_FILE_BYTES + 1), 0, "larger than 262144 bytes; one file holds one tool"),
}


@pytest.mark.parametrize(("content", "line", "reason"), BROKEN_FILES.values(), ids=BROKEN_FILES.keys())
def test_broken_file(folder: Path, content: bytes, line: int, reason: str) -> None:
    """A file that cannot be read as TOML is reported with the reason and, if that has one, its line."""
    path = folder / "search" / "rg.toml"
    path.write_bytes(content)
    problem = only_problem(folder)
    assert (problem.file, problem.field) == (str(path), "")
    assert problem.reason.startswith(reason)
    assert str(problem) == f"{path}{f':{line}' if line else ''}: {problem.reason}"


def test_empty_file(folder: Path) -> None:
    """An empty file lacks the first field that a tool must have."""
    (folder / "search" / "rg.toml").touch()
    assert only_problem(folder).field == "name"


def test_largest_file(save: Save) -> None:
    """A file of just the greatest size is still read."""
    path = save("fd")
    text = path.read_text()
    path.write_text(text + "#" * (load.MAX_FILE_BYTES - len(text)))
    assert not isinstance(read_tool(path), Problem)


def test_unreadable_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file without permission is reported; permissions do not bind root, so the refusal is played here."""
    path = folder / "search" / "rg.toml"
    path.touch()
    real = Path.read_text

    def read_text(file: Path, *arguments: Any, **options: Any) -> str:
        if file == path:
            raise PermissionError(13, "Permission denied")
        return real(file, *arguments, **options)

    monkeypatch.setattr(Path, "read_text", read_text)
    assert only_problem(folder).reason == "cannot be read: Permission denied"


def test_things_that_are_no_files(folder: Path) -> None:
    """A dangling link, a folder and a pipe called like tool files are reported, and the pipe is not waited for."""
    (folder / "a.toml").symlink_to("nowhere")
    (folder / "b.toml").mkdir()
    os.mkfifo(folder / "c.toml")
    sources, problems = read_folder(folder)
    assert len(sources) == 2
    assert [(Path(problem.file).name, problem.reason) for problem in problems] == [
        ("a.toml", "cannot be read: No such file or directory"),
        ("b.toml", "not a regular file"),
        ("c.toml", "not a regular file"),
    ]


def test_duplicate_name(folder: Path, save: Save) -> None:
    """Of two files with one name the first by path counts, and the report of the second names the first."""
    first = folder / "search" / "fd.toml"
    second = save("fd", file="kb/search/zz.toml", summary="Another one of that name")
    problem = only_problem(folder)
    assert (problem.file, problem.field) == (str(second), "name")
    assert problem.reason == f"'fd' is also defined in {first}"
    assert {source.path for source in read_folder(folder)[0] if source.tool.name == "fd"} == {first}


def test_many_broken_files(folder: Path, save: Save) -> None:
    """Every broken file is reported, not the first alone."""
    for number in range(5):
        save(f"bad{number}", usage=number + 6)
    sources, problems = read_folder(folder)
    assert len(sources) == 2
    assert [Path(problem.file).stem for problem in problems] == [f"bad{number}" for number in range(5)]


def test_other_files_are_left_alone(folder: Path) -> None:
    """Hidden files, an editor's leavings and other endings are not looked at."""
    for name in (".fd.toml", "fd.toml~", "README.md", "fd.toml.bak"):
        (folder / name).write_text("no entry")
    assert read_folder(folder)[1] == []


def test_missing_folder(tmp_path: Path) -> None:
    """A folder that is not there holds nothing."""
    assert read_folder(tmp_path / "none") == ([], [])


def test_categories(folder: Path) -> None:
    """The categories keep the file's order."""
    categories = read_categories(folder / "categories.toml")
    assert not isinstance(categories, Problem)
    assert [category.name for category in categories] == ["search", "files"]


def test_broken_categories(write: Callable[[str, str], Path], tmp_path: Path) -> None:
    """A bad or missing file of categories is reported with the place."""
    path = write("categories.toml", '[[category]]\nname = "search"\n')
    assert read_categories(path) == Problem(
        str(path), "category[0].definition", "Object missing required field `definition`", 1
    )
    missing = read_categories(tmp_path / "none.toml")
    assert isinstance(missing, Problem)
    assert missing.reason == "cannot be read: No such file or directory"


def test_synonyms(folder: Path, write: Callable[[str, str], Path]) -> None:
    """Groups of synonyms are read; a group of one word is a mistake."""
    assert read_synonyms(folder / "synonyms.toml") == (("delete", "erase"),)
    broken = read_synonyms(write("synonyms.toml", 'group = [["delete", "erase"], ["alone"]]'))
    assert isinstance(broken, Problem)
    assert broken.field == "group[1]"
