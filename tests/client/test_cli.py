"""`toolrec` as it is run: its exit status, its words and its standard output, against a fake daemon."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .conftest import FakeDaemon, Run

CONTRACT = ["query", "is_task", "confidence", "task_category", "tools", "stage", "latency_ms"]
TOOL_CONTRACT = ["name", "installed", "install", "example", "score", "summary"]
ENTRY = {
    "name": "fd",
    "programs": ["fd", "fdfind"],
    "categories": ["search"],
    "platforms": ["linux"],
    "standardness": "popular",
    "examples": [{"task": "find files", "command": "fd"}],
    "install": {"apt": "fd-find"},
    "summary": "A simpler and faster find",
}
COMMANDS = [["suggest", "find"], ["suggest", "--json", "find"], ["explain", "find"], ["resolve", "rg"], ["tools"]]


def test_suggest(fake: FakeDaemon, toolrec: Run) -> None:
    """`suggest` asks with its words joined, and prints the tools of the final reply, uncoloured in a pipe."""
    done = toolrec("suggest", "find", "all", "python", "files", PATH="/a:/b")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "find  [installed]  A simpler and faster find",
        "      find .",
        "fd    [install: apt install fd-find]  A simpler and faster find",
        "      fdfind -e py",
    ]
    request = {key: value for key, value in fake.requests[0].items() if key != "id"}
    expected = {"v": 1, "op": "suggest", "mode": "ask", "query": "find all python files"}
    assert request == expected | {"path": "/a:/b", "shell": "zsh"}


def test_suggest_options(fake: FakeDaemon, toolrec: Run) -> None:
    """System, shell and limit go into the request wherever they stand; TOOLREC_SHELL beats SHELL."""
    toolrec("suggest", "x", "--os", "darwin", "--shell=PWSH", "--limit", "3", "--", "--y")
    toolrec("suggest", "x", TOOLREC_SHELL="fish")
    first, second = fake.requests
    assert [first[key] for key in ("query", "os", "shell", "limit")] == ["x --y", "darwin", "pwsh", 3]
    assert second["shell"] == "fish"


def test_json_is_one_line_with_the_contracts_keys(fake: FakeDaemon, toolrec: Run) -> None:
    """`--json` prints one line with exactly the promised keys, for the answer and for each tool."""
    done = toolrec("suggest", "--json", "find ü\u2028")
    assert done.stdout.splitlines() == [done.stdout.removesuffix("\n")]
    answer = json.loads(done.stdout)
    assert list(answer) == CONTRACT
    assert [list(tool) for tool in answer["tools"]] == [TOOL_CONTRACT] * 2
    assert (answer["query"], answer["stage"], answer["tools"][0]["install"]) == ("find ü\u2028", "model", None)


def test_stdin_keeps_order_and_goes_on(fake: FakeDaemon, toolrec: Run) -> None:
    """`--stdin` answers each line in its place; a refused or endless line is an error in its place, exit 1."""
    endless = "x" * (1 << 20)
    done = toolrec("suggest", "--stdin", stdin=f"one\nbad\r\n\n{endless}\nlast without end")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["query"] for answer in answers] == ["one", "bad", "", endless, "last without end"]
    assert [answer["stage"] for answer in answers] == ["model", None, "model", None, "model"]
    assert answers[1] == dict.fromkeys(CONTRACT) | {
        "query": "bad", "is_task": False, "tools": [], "error": "query holds a control character; send plain text",
    }  # fmt: skip
    assert "is over the limit of 1048576; shorten it" in answers[3]["error"]
    assert (done.returncode, done.stderr) == (1, "")


def test_stdin_without_lines(toolrec: Run) -> None:
    """`--stdin` with nothing to read prints nothing and is no error; no daemon is needed for it."""
    done = toolrec("suggest", "--stdin", stdin="")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_stdin_with_bytes_that_are_no_text(fake: FakeDaemon, toolrec: Run) -> None:
    """A line that is not UTF-8 reaches the daemon as it is, for it to refuse, and the rest goes on."""
    done = toolrec("suggest", "--stdin", stdin=b"\xff\xfe\nok\n")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(answer["query"], answer["stage"]) for answer in answers] == [("\udcff\udcfe", None), ("ok", "model")]
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "say what to do; see: toolrec --help"),
        (["sugest"], "unknown command 'sugest'; see: toolrec --help"),
        (["suggest"], "say what you want done, as in: toolrec suggest find large files"),
        (["suggest", "  ", ""], "say what you want done, as in: toolrec suggest find large files"),
        (["explain"], "say what you want done, as in: toolrec suggest find large files"),
        (["suggest", "--yaml", "x"], "unknown option '--yaml'"),
        (["suggest", "x", "--os"], "option --os needs a value"),
        (["suggest", "x", "--limit", "0"], "--limit takes a number from 1 to 50, not '0'"),
        (["suggest", "x", "--shell", "tcsh"],
         "--shell takes one of zsh, bash, fish, powershell, pwsh, sh, not 'tcsh'"),
        (["suggest", "--stdin", "x"], "--stdin reads the queries from standard input; leave out the words"),
        (["resolve"], "resolve takes one command name, as in: toolrec resolve rg"),
        (["resolve", "a", "b"], "resolve takes one command name, as in: toolrec resolve rg"),
        (["tools", "x"], "tools takes no words, found 'x'"),
        (["init"], "init takes one shell, as in: toolrec init zsh"),
        (["init", "tcsh"], "init takes one of zsh, bash, fish, powershell, pwsh, sh, not 'tcsh'"),
    ],
)  # fmt: skip
def test_wrong_usage(toolrec: Run, words: list[str], message: str) -> None:
    """Wrong usage is one line on standard error and exit status 2."""
    done = toolrec(*words)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"toolrec: {message}\n")


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["help"], ["suggest", "--help"], ["tools", "-h"]])
def test_help(toolrec: Run, words: list[str]) -> None:
    """Help goes to standard output, exit status 0, also when asked of a sub-command."""
    done = toolrec(*words)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: toolrec COMMAND")


@pytest.mark.parametrize("words", COMMANDS)
def test_no_daemon(toolrec: Run, isolated_home: Path, words: list[str]) -> None:
    """Without a daemon every command says so on one line with the remedy, exit status 1."""
    done = toolrec(*words)
    path = isolated_home / ".local/state/toolrec/toolrecd.sock"
    expected = f"toolrec: no daemon at {path}; start it with: toolrecd start\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", expected)


@pytest.mark.parametrize("words", COMMANDS)
def test_refused(fake: FakeDaemon, toolrec: Run, words: list[str]) -> None:
    """A refusal is one line on standard error, without anything a terminal acts on, exit status 1."""
    fake.answer = lambda request: [{"code": "new_code", "message": "no\x1b[31m\n way\u202e"}]
    done = toolrec(*words)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "toolrec: no[31m way\n")


def test_explain(fake: FakeDaemon, toolrec: Run) -> None:
    """`explain` prints the reasoning as it comes, made safe, and the tools after an empty line."""
    pieces: list[Any] = [{"stage": "reasoning", "final": False, "text": text} for text in ("It\nis ", "so\x1b[2J.")]
    final = {"stage": "model", "is_task": False, "tools": []}
    fake.answer = lambda request: [*pieces, final]
    done = toolrec("explain", "why")
    assert fake.requests[0]["mode"] == "explain"
    assert done.stdout.startswith("It is so[2J.\n\nno tool found for that")
    assert done.returncode == 0


def test_resolve(fake: FakeDaemon, toolrec: Run) -> None:
    """`resolve` names what brings a command, with its state; as JSON with exactly three keys."""
    tool = {"name": "ripgrep", "installed": False, "install": "apt install ripgrep", "summary": "Search"}
    fake.answer = lambda request: [{"name": request["name"], "tools": [tool], "similar": []}]
    done = toolrec("resolve", "rg")
    assert (done.returncode, done.stdout) == (0, "ripgrep (install: apt install ripgrep): Search\n")
    assert json.loads(toolrec("resolve", "--json", "rg").stdout) == {"name": "rg", "tools": [tool], "similar": []}


@pytest.mark.parametrize(("similar", "end"), [([], ""), (["grep", "rgb"], "; did you mean grep, rgb?")])
def test_resolve_unknown(fake: FakeDaemon, toolrec: Run, similar: list[str], end: str) -> None:
    """An unknown command is said to be unknown, with those spelt nearly so, exit status 1."""
    fake.answer = lambda request: [{"name": request["name"], "tools": [], "similar": similar}]
    done = toolrec("resolve", "rgg")
    assert (done.returncode, done.stdout) == (1, f"rgg: not a tool known here{end}\n")


def test_tools(fake: FakeDaemon, toolrec: Run) -> None:
    """`tools` puts the parts of the list together; `--json` is one line with exactly the contract's keys."""
    fake.answer = lambda request: [
        {"tools": [ENTRY], "final": False},
        {"tools": [ENTRY | {"name": "grep", "summary": "Find\x07 text"}]},
    ]
    assert toolrec("tools").stdout == "fd    A simpler and faster find\ngrep  Find text\n"
    done = toolrec("tools", "--json")
    entry = {key: value for key, value in ENTRY.items() if key != "summary"}
    assert json.loads(done.stdout) == {"tools": [entry, entry | {"name": "grep"}]}
    assert done.stdout.count("\n") == 1


def test_closed_pipe_is_quiet(fake: FakeDaemon, launch: Callable[[str], Path]) -> None:
    """A reader that takes one line and leaves, as `head -1` does, ends the program without a word."""
    fake.answer = lambda request: [{"tools": [ENTRY] * 200, "final": number == 40} for number in range(41)]
    command = f"'{launch('toolrec_client.cli')}' tools | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "fd  A simpler and faster find\n", "")


def test_full_disk(fake: FakeDaemon, launch: Callable[[str], Path]) -> None:
    """Output that cannot be written is one line on standard error, exit status 1."""
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [launch("toolrec_client.cli"), "suggest", "x"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    message = "toolrec: cannot write to standard output: No space left on device\n"
    assert (done.returncode, done.stderr) == (1, message)


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_closed_descriptors(fake: FakeDaemon, launch: Callable[[str], Path], closed: str) -> None:
    """Started with standard descriptors closed it still asks, and writes nothing into the daemon's socket."""
    command = f"'{launch('toolrec_client.cli')}' suggest x {closed}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert [request["query"] for request in fake.requests] == ["x"]
    assert bool(done.stdout) == (">&-" not in closed.replace("2>&-", ""))


def on_terminal(program: Path, **environment: str) -> str:
    """Return what `suggest x` writes to a terminal."""
    ours, theirs = pty.openpty()
    variables = {**os.environ, "TERM": "xterm", **environment}
    process = subprocess.Popen([program, "suggest", "x"], stdin=theirs, stdout=theirs, env=variables)
    os.close(theirs)
    written = b""
    try:
        while select.select([ours], [], [], 30)[0] and (part := os.read(ours, 4096)):
            written += part
    except OSError:
        pass  # Linux says so when the other side of a terminal is gone
    finally:
        os.close(ours)
        process.wait()
    return written.decode()


def test_colour(fake: FakeDaemon, launch: Callable[[str], Path]) -> None:
    """A terminal gets colours, but not with NO_COLOR set or where it is a dumb one."""
    program = launch("toolrec_client.cli")
    assert "\x1b[1mfind\x1b[0m" in on_terminal(program)
    assert "\x1b" not in on_terminal(program, NO_COLOR="1")
    assert "\x1b" not in on_terminal(program, TERM="dumb")


def test_version(daemon: Any) -> None:
    """`--version` names the installed version."""
    done = daemon.toolrec("--version", check=True)
    assert done.stdout.startswith("toolrec ")
    assert done.stdout.split()[1][0].isdigit()
