"""The shortlist: what it finds for words as people type them, and that no question harms it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from toolrec_kb.index import build_index
from toolrec_kb.knowledge import Knowledge
from toolrec_kb.search import Hit, example_fits, prepare, search, similar_names

MakeTool = Callable[..., object]


def hits(knowledge: Knowledge, query: str, limit: int = 20) -> list[Hit]:
    """Return what is found."""
    return search(knowledge.index, prepare(knowledge.index, query), limit=limit)


def found(knowledge: Knowledge, query: str, limit: int = 5, *, platform: str = "") -> list[str]:
    """Return the names of the best tools, on one platform alone if told."""

    def allowed(number: int) -> float | None:
        return 0.0 if not platform or platform in knowledge.tools[number].platforms else None

    query_made = prepare(knowledge.index, query)
    best = search(knowledge.index, query_made, limit=limit, allowed=allowed)
    return [knowledge.tools[hit.number].name for hit in best]


QUESTIONS = {
    "plain": ("compress a folder", {"tar", "zip"}),
    "misspelt": ("comprss a foldr", {"tar", "zip"}),
    "letters swapped": ("serach for text in files", {"grep", "rg", "ripgrep"}),
    "letter doubled": ("list runnning processes", {"ps", "top", "htop"}),
    "half-typed last word": ("list running proce", {"ps", "top", "htop"}),
    "another ending": ("comparing two files", {"diff"}),
    "synonym": ("unpack a tarball", {"tar"}),
    "synonym of a tool's own word": ("erase a directory", {"rm"}),
    "upper case": ("SHOW DISK USAGE", {"du", "df"}),
    "filler words": ("how can i please see the disk usage of my folder", {"du", "df"}),
    "file's type": ("filter data.json", {"jq"}),
    "bare ending": ("pretty print .json", {"jq"}),
    "double ending": ("extract backup.tar.gz", {"tar"}),
    "name of a tool": ("rsync", {"rsync"}),
    "name among words": ("use rsync to copy a folder", {"rsync"}),
    "phrase of small words": ("who am i logged in as", {"whoami", "id"}),
    "phrase and a stop word that is a program": ("which program is using port 80", {"ss", "lsof", "netstat", "fuser"}),
    "type said of any file": ("rename all .jpeg to .jpg", {"rename", "mv", "mmv", "rename.ul"}),
    "sum": ("whats 15% of 2480", {"bc", "qalc", "fend", "calc"}),
    "program as a package": ("install nginx", {"apt", "apt-get", "dnf", "pacman", "brew", "winget"}),
    "curly apostrophe": ("show what\u2019s using the disk", {"du", "df", "ncdu"}),
}


@pytest.mark.parametrize(("query", "right"), QUESTIONS.values(), ids=QUESTIONS.keys())
def test_found(ours: Knowledge, query: str, right: set[str]) -> None:
    """However the question is put, a right tool is among the first five."""
    assert right & set(found(ours, query))


def test_phrase(make_tool: MakeTool) -> None:
    """A phrase finds the single words of its group, also with other endings, and is itself not looked for."""
    tools = [make_tool("last", summary="Show the latest login"), make_tool("tail", summary="Show the end of a log")]
    plain, index = build_index(tools), build_index(tools, [("login", "log in")])
    assert index.synonyms == {"log in": ["login"], "login": []}
    assert [hit.number for hit in search(plain, prepare(plain, "who logged in"))] == [1]
    assert {hit.number for hit in search(index, prepare(index, "who logged in"))} == {0, 1}


def test_stop_word_as_a_name(make_tool: MakeTool) -> None:
    """A program called like a small word is found by it alone, and not named by a sentence that needs it."""
    index = build_index([make_tool("which"), make_tool("fd")])
    assert [hit.number for hit in search(index, prepare(index, "which"))] == [0]
    first, second = search(index, prepare(index, "which files by name"))
    assert first.score == pytest.approx(second.score, abs=0.1)


def test_neighbours_count(make_tool: MakeTool) -> None:
    """Of tools that share their words the one where they stand side by side comes first."""
    apart = make_tool("apart", keywords=["system", "file"])
    together = make_tool("together", keywords=["file system"])
    index = build_index([apart, together])
    assert search(index, prepare(index, "file system"))[0].number == 1
    assert index.holders("fil", "system") == [1]
    assert index.holders("system", "fil") == []


def test_leaning(make_tool: MakeTool) -> None:
    """A word that the tools of one category use leans to it and away from the others."""
    tools = [make_tool(f"net{n}", categories=["network"], keywords=["wifi"]) for n in range(5)]
    tools += [make_tool(f"disk{n}", categories=["disk"]) for n in range(5)]
    index = build_index(tools)
    disk, network = index.leaning(index.numbers["wifi"])
    assert disk < 0 < network


@pytest.mark.parametrize("whole", ["find files by name", "download a web page", "delete a directory"])
def test_while_typing(ours: Knowledge, whole: str) -> None:
    """At each keystroke of a question something or nothing is found, and at its end something."""
    for length in range(len(whole)):
        assert len(found(ours, whole[:length])) <= 5
    assert len(found(ours, whole)) == 5


def test_platform(ours: Knowledge) -> None:
    """Tools that are not for the platform are left out, and others move up into their places."""
    for platform in ("linux", "macos", "windows"):
        names = found(ours, "copy text to the clipboard", limit=20, platform=platform)
        tools = {tool.name: tool for tool in ours.tools}
        assert len(names) >= 3
        assert all(platform in tools[name].platforms for name in names)
    assert "pbcopy" in found(ours, "copy text to the clipboard", platform="macos")
    assert "pbcopy" not in found(ours, "copy text to the clipboard", limit=20, platform="linux")


def test_nothing_allowed(ours: Knowledge) -> None:
    """Where no tool is for the machine, none is found."""
    query = prepare(ours.index, "compress a folder")
    assert search(ours.index, query, allowed=lambda number: None) == []


def test_bonus(ours: Knowledge) -> None:
    """A tool that gets a bonus moves up by just that."""
    query = prepare(ours.index, "compress a folder")
    plain = search(ours.index, query, limit=20)
    last = plain[-1]
    lifted = search(ours.index, query, allowed=lambda number: 100.0 if number == last.number else 0.0)
    assert lifted[0].number == last.number
    assert lifted[0].score == pytest.approx(last.score + 100)


@pytest.mark.parametrize("limit", [0, 1, 7])
def test_limit(ours: Knowledge, limit: int) -> None:
    """No more is given than was asked for, and a smaller limit gives the start of a greater one's list."""
    best = hits(ours, "find files", limit)
    assert len(best) == limit
    assert best == hits(ours, "find files", 20)[:limit]


def test_order(ours: Knowledge) -> None:
    """Tools come best first, each once, and cover between none and all of the question."""
    best = hits(ours, "search for error in logs")
    assert [hit.score for hit in best] == sorted((hit.score for hit in best), reverse=True)
    assert len({hit.number for hit in best}) == len(best)
    assert all(0 <= hit.coverage <= 1 for hit in best)


def test_same_question_same_answer(ours: Knowledge) -> None:
    """Asked twice, the answer is the same."""
    assert hits(ours, "convert an image to png") == hits(ours, "convert an image to png")


def test_best_example(ours: Knowledge) -> None:
    """The example whose task is the question fits it best."""
    number = next(number for number, tool in enumerate(ours.tools) if tool.name == "tar")
    for position, example in enumerate(ours.tools[number].examples):
        fits = example_fits(ours.index, number, prepare(ours.index, example.task))
        assert fits[position] == max(fits)


@pytest.mark.parametrize(
    "query", ["", " ", "\n\t", "?!,;:", "the of and", "…", "💾🔥", "\0", "\0" * 50, "-", "*", "''"]
)
def test_nothing_said(ours: Knowledge, query: str) -> None:
    """A question without a word finds nothing."""
    assert hits(ours, query) == []


HOSTILE = {
    "a word without end": "a" * 1_000_000,
    "words without end": "compress a folder " * 55_000,
    "different words": " ".join(f"word{number}" for number in range(100_000)),
    "dashes": "-" * 1_000_000,
    "slashes and stars": "/*" * 500_000,
    "dots": "." * 1_000_000,
    "digits": "1" * 1_000_000,
    "numbers with dots": "1." * 500_000,
    "foreign letters": "é" * 1_000_000,
    "quotes": "'" * 1_000_000,
    "spaces": " " * 1_000_000,
    "emoji": "💾" * 250_000,
    "NUL inside": "find\0files",
    "half a surrogate": "find \ud800 files",
    "escape sequences": "\x1b[31mfind files\x1b]0;x\x07",
    "a regular expression": "((((a+)+)+)+)$ [z-a] \\",
    "control tokens": "<escape><end_of_turn><start_function_call>call:x{}",
    "right to left": "\u202e files find",
    "combining marks": "e" + "\u0301" * 1000,
}


@pytest.mark.timeout(20)  # far above what it takes; one pass too many over a megabyte would take minutes
@pytest.mark.parametrize("query", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile(ours: Knowledge, query: str) -> None:
    """No question harms the search, and what is found is a bounded list of known tools."""
    best = hits(ours, query)
    assert len(best) <= 20
    assert all(0 <= hit.number < len(ours.tools) for hit in best)


def test_words_survive_noise(ours: Knowledge) -> None:
    """Control characters and emoji between the words do not hide them."""
    assert "tar" in found(ours, "compress \x1b[31m a 💾 folder\0")


def test_first_words_count(ours: Knowledge) -> None:
    """Of a pasted page the first words say the task."""
    page = "compress a folder " + " ".join(f"line{number}" for number in range(5000))
    assert {"tar", "zip"} & set(found(ours, page))


def test_empty_base() -> None:
    """A knowledge base without tools finds nothing."""
    index = build_index([])
    assert search(index, prepare(index, "compress a folder")) == []
    assert similar_names(index, "tar") == []


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("gti", "git"), ("grpe", "grep"), ("sl", "ls"), ("pythn3", "python3"), ("TAR", ""), ("dokcer", "docker")],
)
def test_similar_names(ours: Knowledge, typed: str, meant: str) -> None:
    """A program's name with two letters swapped or one left out leads to the program, never to itself."""
    names = similar_names(ours.index, typed)
    assert len(names) <= 3
    assert typed.lower() not in names
    if meant and meant in ours.index.names:
        assert meant in names


@pytest.mark.parametrize("typed", ["", "x", "\0", "💾", "a" * 5000, "/usr/bin/gti"])
def test_no_similar_names(ours: Knowledge, typed: str) -> None:
    """Names that resemble nothing, and those that are no names, give at most the few that are near."""
    assert len(similar_names(ours.index, typed)) <= 3
