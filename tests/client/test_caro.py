"""`caro --suggest-tools` as caro's users know caro, against a fake daemon."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from toolrec_client import caro as shim

if TYPE_CHECKING:
    from .conftest import FakeDaemon, Run

PLAIN = "Recommended: find (installed), fd (install: apt install fd-find)\n"
YAML = """\
query: "find files"
is_task: true
confidence: 0.75
task_category: "search"
tools:
- name: "find"
  installed: true
  install: null
  example: "find ."
  score: 0.25
  summary: "A simpler and faster find"
- name: "fd"
  installed: false
  install: "apt install fd-find"
  example: "fdfind -e py"
  score: 0.25
  summary: "A simpler and faster find"
stage: "model"
latency_ms: 12.5
"""
PARAGRAPH = "Available tools for this task, best first: find (for example: find .). Not installed, so do not use: fd.\n"


def test_plain(fake: FakeDaemon, caro: Run) -> None:
    """The tools are printed on one line with their state, and the daemon is asked about the shell's PATH."""
    done = caro("--suggest-tools", "find", "all python files", PATH="/a")
    assert (done.returncode, done.stdout, done.stderr) == (0, PLAIN, "")
    request = {key: value for key, value in fake.requests[0].items() if key not in ("v", "id")}
    expected = {"op": "suggest", "mode": "ask", "query": "find all python files", "limit": 5}
    assert request == expected | {"shell": "zsh", "path": "/a"}


@pytest.mark.parametrize(
    "words",
    [
        ["--suggest-tools", "-o", "json"],
        ["-o", "json", "--suggest-tools"],
        ["--suggest-tools", "-ojson"],
        ["--suggest-tools", "-o=json"],
        ["--output", "json", "--suggest-tools"],
        ["--output=json", "--suggest-tools"],
        ["-v", "--suggest-tools", "--output=json", "--"],
    ],
)
def test_json(fake: FakeDaemon, caro: Run, words: list[str]) -> None:
    """Every spelling of `-o json` before the prompt gives pretty-printed JSON with snake_case keys."""
    done = caro(*words, "find files")
    answer = json.loads(done.stdout)
    assert done.stdout == json.dumps(answer, indent=2) + "\n"
    assert list(answer) == ["query", "is_task", "confidence", "task_category", "tools", "stage", "latency_ms"]
    assert [tool["name"] for tool in answer["tools"]] == ["find", "fd"]
    assert answer["query"] == "find files"


def test_yaml(fake: FakeDaemon, caro: Run) -> None:
    """`-o yaml` prints the same fields, every string quoted."""
    assert caro("--suggest-tools", "-o", "yaml", "find files").stdout == YAML


def test_yaml_of_awkward_values(fake: FakeDaemon, caro: Run) -> None:
    """Quotes, escapes and tiny numbers stay what they are in YAML; no tools are an empty list."""
    answer = {"query": "x", "is_task": False, "confidence": 1e-05, "task_category": None, "tools": []}
    fake.answer = lambda request: [answer | {"query": 'no: "\\ #\x1b', "stage": "model", "latency_ms": 1e22}]
    lines = caro("--suggest-tools", "-oyaml", "x").stdout.splitlines()
    assert lines[0] == r'query: "no: \"\\ #\u001b"'
    assert lines[2:5] == ["confidence: 1.0e-05", "task_category: null", "tools: []"]
    assert lines[6] == "latency_ms: 1.0e+22"


def test_prompt(fake: FakeDaemon, caro: Run) -> None:
    """`--format prompt` is one paragraph of what may be used and what not."""
    assert caro("--suggest-tools", "--format", "prompt", "find files").stdout == PARAGRAPH
    assert caro("--suggest-tools", "--format=prompt", "-o", "json", "find files").stdout == PARAGRAPH


@pytest.mark.parametrize(
    ("form", "shown"),
    [
        ("plain", "Recommended: none\n"),
        ("prompt", "No particular tool is known for this task; use standard POSIX utilities.\n"),
    ],
)
def test_no_task(fake: FakeDaemon, caro: Run, form: str, shown: str) -> None:
    """What asks for no tool is answered so, exit status 0."""
    fake.answer = lambda request: [{"query": "x", "is_task": False, "tools": [{"name": "find"}]}]
    done = caro("--suggest-tools", "--format", form, "thanks")
    assert (done.returncode, done.stdout) == (0, shown)


def test_hostile_answer(fake: FakeDaemon, caro: Run) -> None:
    """Nothing a terminal acts on is printed, in any format."""
    tool = {"name": "a\x1b[2J\u202e", "installed": False, "install": "b\x9b1m", "example": "c\n", "summary": "\x07"}
    fake.answer = lambda request: [{"query": "q\x9b\u202e", "is_task": True, "tools": [tool]}]
    for form in ("plain", "json", "yaml", "prompt"):
        shown = caro("--suggest-tools", "--format", form, "x").stdout
        assert not set(shown) & {"\x1b", "\x9b", "\x07", "\u202e"}
    assert caro("--suggest-tools", "x").stdout == "Recommended: a[2J (install: b1m)\n"


@pytest.mark.parametrize("words", [["-o", "xml"], ["--format", "toml"], ["--output=JSON"]])
def test_unknown_format(fake: FakeDaemon, caro: Run, words: list[str]) -> None:
    """An unknown format is refused by name, exit status 1, and nobody is asked."""
    done = caro("--suggest-tools", *words, "x")
    name = words[-1].removeprefix("--output=")
    message = f"caro: unknown output format {name!r}; use json, yaml or plain, or --format prompt\n"
    assert (done.returncode, done.stdout, done.stderr, fake.requests) == (1, "", message, [])


def asked(fake: FakeDaemon) -> Any:
    """Return the query that was asked last."""
    return fake.requests[-1]["query"]


def test_where_the_prompt_comes_from(fake: FakeDaemon, caro: Run) -> None:
    """`-p` beats standard input, which beats the words; flags after the first word belong to the prompt."""
    caro("--suggest-tools", "-p", "option", "words", stdin="piped")
    assert asked(fake) == "option"
    caro("--suggest-tools", "--prompt=option")
    assert asked(fake) == "option"
    caro("--suggest-tools", "words", stdin="piped\nlines\n")
    assert asked(fake) == "piped\nlines"
    caro("--suggest-tools", "show", "-p", "--output=json", "ports")
    assert asked(fake) == "show -p --output=json ports"
    caro("--suggest-tools", "--", "-o", "x")
    assert asked(fake) == "-o x"


@pytest.mark.parametrize("empty", ["", " \n\t\n"])
def test_empty_standard_input_counts_as_none(fake: FakeDaemon, caro: Run, empty: str) -> None:
    """Standard input without a word leaves the prompt to the arguments."""
    caro("--suggest-tools", "words", stdin=empty)
    assert asked(fake) == "words"


@pytest.mark.parametrize("closed", ["<&-", "0>/dev/null"])
def test_unreadable_standard_input(fake: FakeDaemon, launch: Callable[[str], Path], closed: str) -> None:
    """A closed standard input, or one open for writing only counts as none."""
    command = f"'{launch('toolrec_client.caro')}' --suggest-tools words {closed}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, PLAIN, "")
    assert asked(fake) == "words"


@pytest.mark.parametrize("words", [[], ["-p"], ["-p", ""], ["  "], ["--"]])
def test_no_prompt(caro: Run, words: list[str]) -> None:
    """Without a prompt it says how to give one, exit status 1."""
    done = caro("--suggest-tools", *words)
    message = 'caro: say what you want done, as in: caro --suggest-tools "find large files"\n'
    assert (done.returncode, done.stdout, done.stderr) == (1, "", message)


def test_shell(fake: FakeDaemon, caro: Run) -> None:
    """caro's own `-s` names the shell; TOOLREC_SHELL comes before SHELL."""
    caro("-s", "fish", "--suggest-tools", "x")
    caro("--suggest-tools", "x", TOOLREC_SHELL="bash")
    assert [request["shell"] for request in fake.requests] == ["fish", "bash"]


def test_errors(fake: FakeDaemon, caro: Run) -> None:
    """A refusal, an endless prompt and an absent daemon are one line each, exit status 1."""
    refused = caro("--suggest-tools", "bad")
    message = "caro: query holds a control character; send plain text\n"
    assert (refused.returncode, refused.stdout, refused.stderr) == (1, "", message)
    endless = caro("--suggest-tools", stdin="x" * (1 << 20))
    assert endless.returncode == 1
    assert "is over the limit of 1048576; shorten it\n" in endless.stderr
    os.unlink(fake.path)
    absent = caro("--suggest-tools", "x")
    assert (absent.returncode, absent.stderr.count("\n")) == (1, 1)
    assert absent.stderr.startswith(f"caro: no daemon at {fake.path}; start it with")


@pytest.mark.parametrize(
    ("words", "options", "prompt"),
    [
        (["find", "--suggest-tools"], {}, ["find", "--suggest-tools"]),
        (["-p", "--suggest-tools"], {"--prompt": "--suggest-tools"}, []),
        (["--safety", "strict", "--suggest-tools", "x"], {"--safety": "strict", "--suggest-tools": True}, ["x"]),
        (["-", "x"], {}, ["-", "x"]),
        (["-o"], {"--output": ""}, []),
        (["-m", "gpt", "-x", "y"], {"--model-name": "gpt", "-x": True}, ["y"]),
    ],
)
def test_split(words: list[str], options: dict[str, object], prompt: list[str]) -> None:
    """Options end at the prompt's first word, and an option's value is not that word."""
    assert shim.split(words) == (options, prompt)
