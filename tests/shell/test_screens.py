"""Golden screens: what a person sees, to the last colour. UPDATE_GOLDEN=1 writes them anew, to be looked at."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from .stub import Reply, Stub, hint, listing
from .terminal import Terminal

pytestmark = pytest.mark.shell
GOLDEN = Path(__file__).parents[1] / "golden/screens"
EXAMPLE = "tar -czf {name}.tar.gz {directory}"


def answer(request: Reply) -> list[Reply]:
    """Answer as for a folder to be compressed, a tool that is not installed first."""
    if request["mode"] == "ask":
        return [listing(request, "tar", "ouch", "zip")]
    if "7z" in request["query"]:
        state = "7z: apt install p7zip-full. Pack and unpack nearly everything"
        return [
            hint(request, hint=state, insert="7z a {name}.7z", below="7z a {name}.7z   (careful: it asks nothing.)")
        ]
    text = "tar: installed. Pack files into one archive and unpack it again"
    return [hint(request, hint=text, insert=EXAMPLE, below=EXAMPLE)]


def hint_keys(shell: Terminal) -> None:
    shell.type("# compress this folder")
    shell.wait("tar: installed", EXAMPLE)


def not_installed_keys(shell: Terminal) -> None:
    shell.type("# make a 7z of it")
    shell.wait("7z: apt install", "careful")


def list_keys(shell: Terminal) -> None:
    shell.type("# compress this folder")
    shell.keys("Enter")
    shell.wait("a digit puts one on the line")


def taken_keys(shell: Terminal) -> None:
    hint_keys(shell)
    shell.keys("Right")
    shell.wait_line(f"% {EXAMPLE}")


@pytest.mark.parametrize(
    ("name", "keys"),
    [("hint", hint_keys), ("not_installed", not_installed_keys), ("list", list_keys), ("taken", taken_keys)],
)
def test_screen(zsh: Callable[..., Terminal], stub: Stub, name: str, keys: Callable[[Terminal], None]) -> None:
    """The screen is the golden one: text, colours and place."""
    stub.script = answer
    shell = zsh(columns=72, lines=12)
    keys(shell)
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(shell.styled() + "\n", encoding="utf-8")
    assert shell.styled() + "\n" == golden.read_text(encoding="utf-8")
