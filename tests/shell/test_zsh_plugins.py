"""zsh: beside the plugins and programs that people have, loaded before the hook and after it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import need
from .stub import Stub
from .terminal import Terminal

pytestmark = pytest.mark.shell
Zsh = Callable[..., Terminal]
SUGGESTIONS = "/usr/share/zsh-autosuggestions/zsh-autosuggestions.zsh"
HIGHLIGHTING = "/usr/share/zsh-syntax-highlighting/zsh-syntax-highlighting.zsh"
FZF_KEYS = ("/usr/share/doc/fzf/examples/key-bindings.zsh", "/usr/share/fzf/key-bindings.zsh")
TAKEN = "% zip -r {name}.zip {directory}"
MODES = {"sync": "unset ZSH_AUTOSUGGEST_USE_ASYNC", "async": "ZSH_AUTOSUGGEST_USE_ASYNC=1"}
HISTORY = "print -s '# pack it all, as once before'; print -s 'print history'"


def loaded(zsh: Zsh, plugin: str, when: str, before: str = "", **options: str) -> Terminal:
    """Return a shell with a plugin loaded before the hook or after it."""
    return zsh(f"{before}\n{plugin}", **options) if when == "before" else zsh(before, plugin, **options)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("mode", MODES)
def test_autosuggestions(zsh: Zsh, stub: Stub, mode: str, when: str) -> None:
    """On a question our answer shows and is taken whole; other lines are theirs, as is a question without answer."""
    need(files=(SUGGESTIONS,))
    shell = loaded(zsh, f"source {SUGGESTIONS}; {MODES[mode]}", when, HISTORY)
    shell.type("print hi")
    shell.wait("% print history")
    shell.keys("Right")
    shell.wait_for(lambda _: shell.cursor() == (len("% print history"), 0))
    shell.keys("C-u")
    shell.type("# pack it")
    shell.wait("% # pack it  zip: installed. model on pack it\n  zip -r")
    shell.type(" al")
    shell.wait("% # pack it al  zip: installed. model on pack it al\n  zip -r")
    shell.keys("Right")
    shell.wait_line(TAKEN)
    shell.keys("C-_")
    stub.script = lambda request: []
    shell.keys("BSpace")
    shell.wait("% # pack it all, as once before")


@pytest.mark.parametrize("mode", MODES)
def test_a_suggestion_that_comes_later_does_not_wipe_ours(zsh: Zsh, stub: Stub, mode: str) -> None:
    """Their answer, an empty one here, arrives after ours and leaves it."""
    need(files=(SUGGESTIONS,))
    slow = "_zsh_autosuggest_strategy_slow() { sleep 0.3; : >>$HOME/came; typeset -g suggestion= }"
    strategy = "ZSH_AUTOSUGGEST_STRATEGY=(slow)"
    shell = zsh(f"source {SUGGESTIONS}; {MODES[mode]}; {slow}; {strategy}", "came() { cat $HOME/came; }")
    shell.paste("# pack it")
    screen = shell.wait("model on pack it", "zip -r")
    shell.keys("C-a")
    shell.wait_for(lambda _: shell.cursor() == (2, 0))
    shell.keys("C-]")
    shell.wait_line(TAKEN)
    assert screen.splitlines()[0] == "% # pack it  zip: installed. model on pack it"


@pytest.mark.parametrize("when", ["before", "after"])
def test_ghost_text_they_take_is_harmless(zsh: Zsh, stub: Stub, when: str) -> None:
    """A key of theirs that we do not own puts our ghost text on the line; Enter then asks, and runs nothing."""
    need(files=(SUGGESTIONS,))
    shell = loaded(zsh, f"source {SUGGESTIONS}; bindkey '^T' autosuggest-accept", when)
    shell.type("# pack it")
    shell.wait("model on pack it")
    shell.keys("C-t")
    shell.wait("pack it  zip: installed. model on pack it  zip: installed. model on pack it")
    shell.keys("Enter")
    shell.wait("1  zip  [installed]")


@pytest.mark.parametrize("when", ["before", "after"])
def test_syntax_highlighting(zsh: Zsh, stub: Stub, when: str) -> None:
    """Their colours stay on the line, ours on the ghost text, also after the cursor has moved."""
    need(files=(HIGHLIGHTING,))
    shell = loaded(zsh, f"source {HIGHLIGHTING}", when, "setopt interactive_comments")
    shell.type("print 'x'")
    shell.wait("% print 'x'")
    assert "\x1b[32mprint\x1b[39m \x1b[33m'x'" in shell.styled()
    shell.keys("C-u")
    shell.type("# pack it")
    shell.wait("model on pack it", "zip -r")
    for _ in range(2):
        shell.wait_for(lambda _: "\x1b[90m\x1b[49m  zip: installed. model" in shell.styled())
        shell.keys("Left")
    shell.keys("C-]")
    shell.wait_line(TAKEN)
    shell.keys("C-u")
    shell.type("# pack it")
    shell.keys("Enter")
    shell.wait("1  zip  [installed]")
    shell.keys("1")
    shell.wait_line("% zip -x {file}")


@pytest.mark.parametrize("when", ["before", "after"])
def test_both_plugins(zsh: Zsh, stub: Stub, when: str) -> None:
    """The usual pair together: hint, list and an ordinary command."""
    need(files=(SUGGESTIONS, HIGHLIGHTING))
    shell = loaded(zsh, f"source {SUGGESTIONS}; source {HIGHLIGHTING}", when)
    before = shell.descriptors()
    shell.type("# pack it")
    shell.wait("% # pack it  zip: installed. model on pack it\n  zip -r")
    shell.keys("Right")
    shell.wait_line(TAKEN)
    shell.keys("C-u")
    shell.type("print ordinary")
    shell.keys("Enter")
    shell.wait("\nordinary\n%")
    assert shell.descriptors() == before


@pytest.mark.parametrize("when", ["before", "after"])
def test_fzf_key_bindings(zsh: Zsh, stub: Stub, when: str) -> None:
    """Its Ctrl-R and Ctrl-T work on a question, and the question has its answer afterwards."""
    need("fzf")
    known = [path for path in FZF_KEYS if Path(path).exists()]
    keys = f"source {known[0]}" if known else "source <(fzf --zsh)"  # which fzf knows from 0.48 on
    before = "cd $HOME; touch a-file; print -s '# pack old'; print -s 'print found'"
    shell = loaded(zsh, keys, when, before, FZF_DEFAULT_OPTS="--no-mouse")
    shell.type("# pack ")
    shell.wait("model on pack")
    shell.keys("C-t")
    shell.wait("> ", "a-file")
    shell.type("a-file")
    shell.keys("Enter")
    shell.wait("% # pack a-file", "model on pack a-file")
    shell.keys("C-u", "C-r")
    shell.wait("# pack old", "print found")
    shell.type("found")
    shell.keys("Enter")
    shell.wait_line("% print found")
    shell.keys("Enter")
    shell.wait("\nfound")


@pytest.mark.parametrize("when", ["before", "after"])
def test_atuin(zsh: Zsh, stub: Stub, when: str) -> None:
    """Its search opens over a question and puts what was found on the line; its hooks see commands, not questions."""
    folder = sysconfig.get_path("scripts")
    if not Path(folder, "atuin").exists():
        need("atuin")
        folder = str(Path(shutil.which("atuin") or "").parent)
    # On its first run two of its processes race for making the database, and one may lose.
    first = {"HOME": os.environ["HOME"], "PATH": os.environ["PATH"], "ATUIN_SESSION": uuid.uuid4().hex}
    subprocess.run([f"{folder}/atuin", "history", "list"], env=first, check=True, capture_output=True)
    shell = loaded(zsh, 'eval "$(atuin init zsh)"', when, f"path+=({folder})")
    shell.type("print kept")
    shell.keys("Enter")
    shell.wait("\nkept")
    shell.type("# pack it")
    shell.wait("model on pack it", "zip -r")
    shell.keys("Right")
    shell.wait_line(TAKEN)
    shell.keys("C-u", "C-r")
    shell.wait("print kept", "GLOBAL")
    shell.keys("Tab")
    shell.wait("% print kept", gone="GLOBAL")


def test_a_widget_around_enter(zsh: Zsh, stub: Stub) -> None:
    """A plugin that has Enter for itself and calls accept-line runs commands, and opens the list on a question."""
    magic = "magic() { [[ -n $BUFFER ]] || BUFFER='print magic'; zle accept-line }; zle -N magic; bindkey '^M' magic"
    shell = zsh(after=magic)
    shell.keys("Enter")
    shell.wait("\nmagic")
    shell.type("# pack it")
    shell.keys("Enter")
    shell.wait("1  zip  [installed]")


def test_removed_while_others_have_wrapped_it(zsh: Zsh, stub: Stub) -> None:
    """After uninit the plugins' widgets that lead through ours go on to work; so they do after loading again."""
    need(files=(SUGGESTIONS, HIGHLIGHTING))
    shell = zsh(after=f"source {SUGGESTIONS}; source {HIGHLIGHTING}")
    for verb in ("uninit", "init"):
        shell.type(f'eval "$(toolrec {verb} zsh)"; clear')
        shell.keys("Enter")
        shell.wait_for(lambda screen: screen == "%")
        shell.type("print ordinary")
        shell.keys("Right", "Enter")
        shell.wait("\nordinary\n%")
    shell.type("# pack it")
    shell.wait("model on pack it")
    shell.keys("Enter")
    shell.wait("1  zip  [installed]")
