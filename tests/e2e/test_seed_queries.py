"""The questions the product started from, asked of the real model through the client, for three machines."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ..conftest import Daemon

pytestmark = pytest.mark.slow

MACHINES = [("darwin", "zsh"), ("ubuntu", "bash"), ("linux", "fish")]

# What a person who knows the machine would type first for the task, and where it belongs.
FINDERS = {"find", "fd"}
GREPS = {"grep", "ripgrep", "ag", "ack", "ugrep"}
LOG_READERS = {"darwin": {*GREPS, "log"}, "ubuntu": {*GREPS, "journalctl"}, "linux": {*GREPS, "journalctl"}}
PACKERS = {"tar", "zip", "7z", "ouch"}
JSON_TOOLS = {"jq", "jaq", "gojq", "jql", "fx", "gron"}
MONITORS = {"top", "htop", "btop", "glances", "bottom", "atop"}
SEEDS: dict[str, tuple[set[str], dict[str, set[str]] | set[str]]] = {
    "find all python files": ({"search", "files"}, FINDERS),
    "search for error in logs": ({"logs", "search", "text"}, LOG_READERS),
    "compress a folder": ({"archive"}, PACKERS),
    "view running processes": ({"process", "monitoring"}, {"ps", "top", "htop", "btop", "procs"}),
    "parse JSON response": ({"json_data"}, JSON_TOOLS),
    "find all javascript files modified today": ({"search", "files"}, FINDERS),
    "search for TODO comments in code": ({"search", "text"}, GREPS),
    "monitor CPU and memory usage": ({"monitoring", "process"}, MONITORS),
    "compress logs folder to tar.gz": ({"archive"}, {"tar"}),
    "parse JSON from curl response": ({"json_data", "download"}, JSON_TOOLS),
}


@pytest.fixture(scope="module")
def answers(shared_daemon: Daemon) -> dict[tuple[str, str], dict[str, Any]]:
    """The answer to each question for each machine, by system and query."""
    found = {}
    for os_name, shell in MACHINES:
        words = ("suggest", "--stdin", "--os", os_name, "--shell", shell)
        done = shared_daemon.toolrec(*words, stdin="\n".join(SEEDS) + "\n", check=True)
        for query, line in zip(SEEDS, done.stdout.splitlines(), strict=True):
            found[os_name, query] = json.loads(line)
    return found


@pytest.mark.parametrize("os_name", [name for name, _ in MACHINES])
@pytest.mark.parametrize("query", SEEDS)
def test_seed_query(answers: dict[tuple[str, str], dict[str, Any]], os_name: str, query: str) -> None:
    """The model's answer has a right category, and a right primary tool among its first three."""
    answer = answers[os_name, query]
    categories, right = SEEDS[query]
    assert (answer["query"], answer["stage"], answer["is_task"]) == (query, "model", True)
    assert answer["task_category"] in categories
    first = [tool["name"] for tool in answer["tools"][:3]]
    assert {*first} & (right[os_name] if isinstance(right, dict) else right), first


@pytest.mark.skipif(sys.platform != "linux", reason="says what is known of Linux and of a Mac from a Linux machine")
@pytest.mark.parametrize(("os_name", "known"), [("darwin", False), ("linux", True)])
def test_installed_is_told_for_this_system_only(
    answers: dict[tuple[str, str], dict[str, Any]], os_name: str, known: bool
) -> None:
    """What is installed is null for another system's machine, and known for this one's."""
    tools = [tool for query in SEEDS for tool in answers[os_name, query]["tools"]]
    assert {tool["installed"] is not None for tool in tools} == {known}


@pytest.mark.parametrize("query", ["compress logs folder to tar.gz", "parse JSON response"])
def test_examples_are_invocations_of_their_tool(answers: dict[tuple[str, str], dict[str, Any]], query: str) -> None:
    """The first tool's invocation for the task calls that tool."""
    best = answers["ubuntu", query]["tools"][0]
    assert re.search(rf"\b{re.escape(best['name'])}\b", best["example"])


def test_caro_suggests(shared_daemon: Daemon) -> None:
    """`caro --suggest-tools` recommends on one line, each tool with its state on this machine."""
    done = caro(shared_daemon, "--suggest-tools", "find all python files")
    assert (done.returncode, done.stderr) == (0, "")
    state = r"[^ ]+ \((?:installed|not installed|built in|install: [^)]+)\)"
    assert re.fullmatch(rf"Recommended: {state}(?:, {state}){{4}}\n", done.stdout)
    assert "find (installed)" in done.stdout


def test_caro_agrees_with_itself(shared_daemon: Daemon) -> None:
    """Its JSON names the same tools as its plain line, in the same order."""
    plain = caro(shared_daemon, "--suggest-tools", "compress a folder").stdout
    answer = json.loads(caro(shared_daemon, "--suggest-tools", "-o", "json", "compress a folder").stdout)
    assert answer["stage"] == "model"
    assert re.findall(r"([^ ]+) \(", plain) == [tool["name"] for tool in answer["tools"]]


def caro(daemon: Daemon, *words: str) -> Any:
    """Run the caro shim in the daemon's home."""
    return subprocess.run(
        [sys.executable, "-I", "-m", "toolrec_client.caro", *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=90,
        env={**os.environ, "HOME": str(daemon.home)},
        check=False,
    )
