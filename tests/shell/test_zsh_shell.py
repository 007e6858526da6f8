"""zsh: the hook beside what else a shell does, under any option, in any mode, loaded twice or removed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import HOOKS
from .stub import Stub, hint
from .terminal import Terminal

pytestmark = pytest.mark.shell
Zsh = Callable[..., Terminal]
TAKEN = "% zip -r {name}.zip {directory}"
VOLATILE = "-e RANDOM -e SECONDS -e EPOCH -e LINENO -e '^_=' -e HISTCMD -e '^#=' -e '^!=' -e '^ZSH_SUBSHELL'"
OPTIONS = [
    "err_return no_unset",
    "ksh_arrays",
    "sh_word_split glob_subst",
    "warn_create_global warn_nested_var",
    "no_multibyte",
    "interactive_comments no_bang_hist no_nomatch extended_glob",
    "posix_builtins posix_identifiers bash_rematch csh_null_glob",
    "no_short_loops ignore_braces rc_quotes",
]


def seen(shell: Terminal, question: str = "pack it") -> None:
    """Type a question, see its answer, take it, and empty the line."""
    shell.type(f"# {question}")
    shell.wait(f"model on {question}")
    shell.keys("Right")
    shell.wait_line(TAKEN)
    shell.keys("C-u")
    shell.wait_line("%")


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("when", ["before", "after"])
def test_options_change_nothing(zsh: Zsh, stub: Stub, options: str, when: str) -> None:
    """Whatever is set, before the hook is loaded or later, it works, says nothing and sets nothing."""
    shell = zsh(**{when: f"setopt {options}"})
    assert shell.screen() == "%"
    shell.type("clear; setopt >$HOME/before")
    shell.keys("Enter")
    shell.wait_for(lambda screen: screen == "%")
    seen(shell)
    shell.type("# pack it")
    shell.keys("Enter")
    shell.wait("1  zip  [installed]")
    shell.keys("1")
    shell.wait_line("% zip -x {file}")
    shell.keys("C-u")
    shell.type("clear; setopt >$HOME/after; diff $HOME/before $HOME/after")
    shell.keys("Enter")
    shell.wait_for(lambda screen: screen == "%")


def test_aliases_and_functions_of_the_same_names_change_nothing(zsh: Zsh, stub: Stub) -> None:
    """Builtins are called as builtins: what a person has put in their place is not."""
    names = "bindkey print read exec sysread syswrite zsocket emulate eval"
    functions = "; ".join(f"{name}() {{ builtin echo wrong {name}; return 1 }}" for name in names.split())
    shell = zsh(after=functions)
    shell.type("# pack it")
    shell.wait("model on pack it")
    shell.keys("Right")
    shell.wait_line(TAKEN)
    assert "wrong" not in shell.screen()


def test_the_status_is_kept(zsh: Zsh, stub: Stub) -> None:
    """`$?` after a question, a taken answer and a list is that of the last command."""
    shell = zsh()
    shell.type("(exit 7)")
    shell.keys("Enter")
    shell.wait("(exit 7)\n%")
    seen(shell)
    shell.type("# pack it")
    shell.keys("Enter")
    shell.wait("1  zip")
    shell.keys("1")
    shell.wait_line("% zip -x {file}")
    shell.keys("C-u")
    shell.type("print status $?")
    shell.keys("Enter")
    shell.wait("\nstatus 7")


def test_sourced_twice(zsh: Zsh, stub: Stub) -> None:
    """The second time changes nothing: one request a line, one list, the keys as before."""
    shell = zsh(after=f"source {HOOKS}/toolrec.zsh\nsource {HOOKS}/toolrec.zsh")
    assert shell.screen() == "%"
    shell.paste("# pack it")
    shell.wait("model on")
    assert stub.queries() == ["pack it"]
    shell.keys("C-a", "Right", "C-e", "Right")
    shell.wait_line(TAKEN)
    shell.keys("C-u")
    shell.type("print $precmd_functions $zle_line_init $#__toolrec_bound")
    shell.keys("Enter")
    shell.wait("\n__toolrec_precmd")
    shell.type("ab")
    shell.keys("Left", "Right")
    shell.type("c")
    shell.wait_line("% abc")


def test_scripts_are_left_alone(zsh: Zsh) -> None:
    """A shell that is not interactive defines functions, loads no module and prints nothing."""
    shell = zsh()
    shell.type(f"zsh -fc 'setopt err_exit no_unset; . {HOOKS}/toolrec.zsh; zmodload | grep -c socket; echo ok'")
    shell.keys("Enter")
    shell.wait("\n0")


def test_loading_starts_no_process(zsh: Zsh) -> None:
    """The page faults of ended children, which any child has some of, are the same before and after loading."""
    faults = "faults() { local line; read -r line </proc/$$/stat; print $1 ${${=line#*\\) }[9]} }"
    shell = zsh(f"{faults}; faults 1", "faults 1; : $(:); faults 2; unset -f faults")
    before, after, control = (line.split()[1] for line in shell.screen().splitlines()[:3])
    assert before == after
    assert int(control) > int(after)


def test_removed_it_leaves_the_shell_as_it_was(zsh: Zsh, stub: Stub, isolated_home: Path) -> None:
    """After uninit no name, widget, keymap, key or hook of ours is left, and Enter is zsh's own."""
    keys = "bindkey -l; for m in emacs viins vicmd; do bindkey -L -M $m; done; zle -lL"
    state = f"({keys}; set; functions; print -l $precmd_functions) | grep -v {VOLATILE}"
    own = "own() { LBUFFER+=own }; zle -N own; bindkey '^]' own; bindkey -s '^[/' 'x y'"
    shell = zsh(f"{own}; {state} >$HOME/before", f'eval "$(toolrec uninit zsh)"; {state} >$HOME/after')
    before = (isolated_home / "before").read_text().splitlines()
    after = (isolated_home / "after").read_text().splitlines()
    assert [line for line in before if line not in after] == []
    assert [line for line in after if line not in before and "toolrec" in line] == []
    shell.keys("C-l")
    shell.wait_line("%")
    shell.type("# pack it")
    shell.keys("Enter")
    shell.wait("command not found: #")
    assert stub.requests == []


def test_removed_and_loaded_again_in_a_running_shell(zsh: Zsh, stub: Stub) -> None:
    """uninit while a hint is possible, then init: both work from the prompt."""
    shell = zsh()
    seen(shell)
    shell.type('eval "$(toolrec uninit zsh)"; clear')
    shell.keys("Enter")
    shell.wait_line("%")
    shell.type("# pack it")
    shell.wait_line("% # pack it")
    shell.keys("C-u")
    shell.type('eval "$(toolrec init zsh)"; clear')
    shell.keys("Enter")
    shell.wait_line("%")
    seen(shell)


def test_the_settings_of_the_configuration_reach_the_shell(zsh: Zsh, stub: Stub, isolated_home: Path) -> None:
    """`toolrec init zsh` puts the [shell] section first; a variable of the user's has the last word."""
    folder = isolated_home / ".config/toolrec"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text("[shell]\ntrigger = \"it's\"\naccept_key = 'ctrl-o'\nlist_key = 'ctrl-t'\n")
    shell = zsh('eval "$(toolrec init zsh)"', hook=False, TOOLREC_LIST_KEY="ctrl-g")
    shell.type("it's pack it")
    shell.wait("model on pack it")
    shell.keys("C-o")
    shell.wait_line(TAKEN)
    shell.keys("C-g")
    shell.wait("1  zip  [installed]")


def test_vi_mode(zsh: Zsh, stub: Stub) -> None:
    """Hints while inserting; in command mode they stay, motions and operators work, and Right takes at the end."""
    shell = zsh(after="bindkey -v")
    shell.type("# pack this now")
    shell.wait("model on pack this now")
    shell.keys("Escape")
    shell.wait_for(lambda _: shell.cursor()[0] == len("% # pack this now") - 1)
    shell.type("bdw")
    shell.wait("% # pack this ", "model on pack this", gone="now")
    shell.type("0")
    shell.wait_for(lambda _: shell.cursor()[0] == 2)
    shell.type("A")
    shell.type("folder")
    shell.wait("model on pack this folder")
    shell.keys("Escape")
    shell.keys("Right")
    shell.wait_line(TAKEN)
    shell.type("u")
    shell.wait("# pack this folder")


def test_a_vi_operator_waits_through_an_answer(zsh: Zsh, stub: Stub) -> None:
    """An answer between `d` and its motion does not lose the operator."""
    gate = threading.Event()
    stub.script = lambda request: [hint(request, stage="shortlist", final=False), gate, hint(request)]
    shell = zsh(after="bindkey -v")
    shell.type("# pack it")
    shell.wait("shortlist on pack it")
    shell.keys("Escape")
    shell.wait_for(lambda _: shell.cursor()[0] == len("% # pack it") - 1)
    shell.type("d")
    gate.set()
    shell.wait("model on pack it")
    shell.type("b")
    shell.wait("% # pack t")


def test_a_pasted_question_is_answered_once(zsh: Zsh, stub: Stub) -> None:
    """Bracketed paste of one line: it is asked about as a whole."""
    shell = zsh()
    shell.paste("# pack it into a file")
    shell.wait("model on pack it into a file")
    assert stub.queries() == ["pack it into a file"]


def test_a_pasted_script_runs(zsh: Zsh, stub: Stub) -> None:
    """Several lines that start with a comment are run as they are, when comments are allowed."""
    shell = zsh("setopt interactive_comments")
    shell.paste("# a comment\nprint one\nprint two # another")
    shell.wait("another")
    shell.keys("Enter")
    shell.wait("another\none\ntwo")
    assert stub.requests == []


def test_ctrl_c_leaves_nothing_behind(zsh: Zsh, stub: Stub) -> None:
    """The question is left; nothing is open, nothing of ours is at the next prompt, which works."""
    stub.script = lambda request: [hint(request, stage="shortlist", final=False)]
    shell = zsh()
    before = shell.descriptors()
    shell.type("# pack it")
    shell.wait("shortlist on", "zip -r")
    shell.keys("C-c")
    screen = shell.wait_for(lambda screen: screen.endswith("\n%"))
    assert "zip -r" not in screen
    stub.wait_idle()
    assert shell.descriptors() == before
    shell.type("print fine")
    shell.keys("Enter")
    assert shell.wait("\nfine").splitlines()[-3:] == ["% print fine", "fine", "%"]


def test_history_search(zsh: Zsh, stub: Stub) -> None:
    """Ctrl-R over a question, and over questions in history: the search is not disturbed, and finds."""
    shell = zsh("print -s '# pack old'; print -s 'print found'; print -s '# pack more'")
    shell.type("# pack it")
    shell.wait("model on")
    shell.keys("C-r")
    shell.wait("bck-i-search: _")
    shell.type("pack")
    shell.wait("% # pack it", "bck-i-search: pack_", gone="zip")
    shell.keys("C-r")
    shell.wait("% # pack more", "bck-i-search: pack_", gone="zip")
    shell.keys("C-r")
    shell.wait("% # pack old", "bck-i-search: pack_", gone="zip")
    shell.keys("C-g")
    shell.wait("% # pack it", "model on pack it", gone="bck")
    shell.keys("C-r")
    shell.type("found")
    shell.wait("% print found", "bck-i-search: found_", gone="zip")
    shell.keys("Enter")
    shell.wait("% print found\nfound\n%")


def test_a_question_from_history_is_answered(zsh: Zsh, stub: Stub) -> None:
    """Up brings a question back, and with it its answer; Down takes it away."""
    shell = zsh("print -s '# pack old'; print -s 'print new'")
    shell.keys("Up", "Up")
    shell.wait("% # pack old  zip: installed. model on pack old")
    shell.keys("Down")
    assert shell.wait_line("% print new") == "% print new"


@pytest.mark.parametrize("columns", [40, 120])
def test_resize(zsh: Zsh, stub: Stub, columns: int) -> None:
    """In a window of another width the line stands as before, with its ghost text, and can be typed on."""
    shell = zsh()
    shell.type("# pack it")
    shell.wait("model on pack it", "zip -r")
    shell.resize(columns, 12)
    shell.wait("zip: installed.", gone="zip -r")  # zsh has drawn the line anew
    shell.type("s")
    expected = "% # pack its  zip: installed. model on pack its  zip -r {name}.zip {directory}"
    shell.wait_for(lambda screen: screen.replace("\n", "") == expected)


def test_another_plugins_redraw_hook_does_not_drop_ours(zsh: Zsh, stub: Stub) -> None:
    """A widget set over all hooks after ours, as some plugins do, is joined at the next prompt."""
    shell = zsh(after="theirs() { typeset -g drawn=1 }; zle -N zle-line-pre-redraw theirs")
    shell.keys("Enter")
    shell.wait("%\n%")
    seen(shell)
    shell.type("print drawn $drawn")
    shell.keys("Enter")
    shell.wait("\ndrawn 1")


def test_2000_fast_keys(zsh: Zsh, stub: Stub, isolated_home: Path) -> None:
    """Not one is lost, and at the end nothing is open and nothing has grown."""
    shell = zsh(lines=40)
    shell.type("# warm up")
    shell.wait("model on warm up")
    shell.keys("C-u")
    stub.wait_idle()
    before = shell.descriptors()
    lines = [f"# {' '.join(f'word{number:04}' for number in range(start, start + 11))}" for start in range(0, 220, 11)]
    for line in lines:
        shell.type(line)
        shell.wait(line[-8:], "model on")
        shell.keys("C-a")
        shell.type("print -r -- '")
        shell.keys("C-e")
        shell.type("' >>$HOME/typed; clear")
        shell.keys("Enter")
        shell.wait_line("%")
    assert (isolated_home / "typed").read_text().splitlines() == lines
    stub.wait_idle()
    assert shell.descriptors() == before
