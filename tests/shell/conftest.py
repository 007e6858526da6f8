"""Fixtures of the shell tests: a terminal with a real shell in it, and a daemon that follows a script."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .stub import Stub
from .terminal import Terminal

ROOT = Path(__file__).parents[2]
HOOKS = ROOT / "shell/toolrec_shell"
PROMPT = "%"


def need(*programs: str, files: tuple[str, ...] = ()) -> None:
    """Skip the test where something is missing, and say what; CI has everything, so there it fails."""
    missing = [name for name in programs if not shutil.which(name)]
    missing += [path for path in files if not Path(path).exists()]
    if missing:
        reason = f"missing {', '.join(missing)}; see CONTRIBUTING.md for what the shell tests need"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture
def stub(isolated_home: Path) -> Iterator[Stub]:
    """A scripted daemon at the socket that the hooks find from HOME."""
    made = Stub(isolated_home / ".local/state/toolrec/toolrecd.sock")
    yield made
    made.stop()


@pytest.fixture
def terminal(isolated_home: Path) -> Iterator[Callable[..., Terminal]]:
    """Return a function that opens a terminal with a command in it; all are closed at the end."""
    need("tmux")
    opened: list[Terminal] = []

    def open_terminal(*command: str, columns: int = 80, lines: int = 20, **environment: str) -> Terminal:
        base = {"HOME": str(isolated_home), "TERM": "tmux-256color", "LANG": "C.UTF-8", "TMPDIR": str(isolated_home)}
        # The commands of this environment first: the interpreter that runs the tests may not be on the PATH.
        base.update(PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", TOOLREC_NO_START="1")
        made = Terminal(list(command), {**base, **environment}, columns=columns, lines=lines)
        opened.append(made)
        return made

    yield open_terminal
    for one in opened:
        one.close()


@pytest.fixture
def zsh(isolated_home: Path, terminal: Callable[..., Terminal]) -> Callable[..., Terminal]:
    """Return a function that opens zsh with the hook; `before` and `after` go around the line that loads it."""
    need("zsh")

    def open_zsh(before: str = "", after: str = "", *, hook: bool = True, **options: object) -> Terminal:
        load = f"source {HOOKS}/toolrec.zsh" if hook else ""
        rc = f"PS1='{PROMPT * 2} '\n{before}\n{load}\n{after}\n"
        (isolated_home / ".zshrc").write_text(rc)
        made = terminal("zsh", "-d", **options)
        made.wait_line(PROMPT)
        return made

    return open_zsh


@pytest.fixture
def bash(isolated_home: Path, terminal: Callable[..., Terminal]) -> Callable[..., Terminal]:
    """Return a function that opens bash with the hook."""
    need("bash")

    def open_bash(before: str = "", after: str = "", **options: object) -> Terminal:
        rc = isolated_home / ".bashrc"
        rc.write_text(f"PS1='% '\n{before}\nsource {HOOKS}/toolrec.bash\n{after}\n")
        made = terminal("bash", "--rcfile", str(rc), **options)
        made.wait_line(PROMPT)
        return made

    return open_bash


@pytest.fixture
def fish(isolated_home: Path, terminal: Callable[..., Terminal]) -> Callable[..., Terminal]:
    """Return a function that opens fish with the hook."""
    need("fish")

    def open_fish(before: str = "", after: str = "", **options: object) -> Terminal:
        config = isolated_home / ".config/fish/config.fish"
        config.parent.mkdir(parents=True, exist_ok=True)
        prompt = "set -g fish_greeting\nfunction fish_prompt; echo '% '; end\nset -g fish_autosuggestion_enabled 0"
        config.write_text(f"{prompt}\n{before}\nsource {HOOKS}/toolrec.fish\n{after}\n")
        made = terminal("fish", **options)
        made.wait_line(PROMPT)
        return made

    return open_fish
