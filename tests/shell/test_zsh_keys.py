"""zsh: the key that takes the invocation, the keys that pass through, and the settings."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .stub import Stub, hint
from .terminal import Terminal

pytestmark = pytest.mark.shell
Zsh = Callable[..., Terminal]
TAKEN = "% zip -r {name}.zip {directory}"


@pytest.mark.parametrize("key", ["Right", "End", "C-]", "C-f", "C-e"])
def test_a_key_puts_the_invocation_on_the_line(zsh: Zsh, stub: Stub, key: str) -> None:
    """The question is replaced; the cursor stands on the first placeholder; nothing of ours stays."""
    shell = zsh()
    shell.type("# pack it")
    shell.wait("model on")
    shell.keys(key)
    assert shell.wait_line(TAKEN) == TAKEN
    assert shell.cursor() == (len("% zip -r "), 0)
    shell.type("X")
    shell.wait_line("% zip -r X{name}.zip {directory}")


def test_an_invocation_without_placeholders_ends_at_the_cursor(zsh: Zsh, stub: Stub) -> None:
    """The braces of find and awk are no placeholders."""
    stub.script = lambda request: [hint(request, insert="find . -exec ls {} +")]
    shell = zsh()
    shell.type("# list it")
    shell.wait("model on")
    shell.keys("Right")
    shell.wait_line("% find . -exec ls {} +")
    assert shell.cursor() == (len("% find . -exec ls {} +"), 0)


def test_taking_can_be_undone(zsh: Zsh, stub: Stub) -> None:
    """One undo brings the question back, and with it the hint."""
    shell = zsh()
    shell.type("# pack it")
    shell.wait("model on")
    shell.keys("Right")
    shell.wait_line(TAKEN)
    shell.keys("C-_")
    shell.wait("# pack it", "model on pack it")


def test_within_the_line_only_the_other_key_takes(zsh: Zsh, stub: Stub) -> None:
    """Right and End move the cursor as long as it is not at the end; Ctrl-] takes from anywhere."""
    shell = zsh()
    shell.type("# pack it")
    shell.wait("model on")
    shell.keys("C-a", "Right", "Right")
    shell.wait_for(lambda _: shell.cursor() == (4, 0))
    shell.keys("C-e")
    shell.wait_for(lambda _: shell.cursor() == (11, 0))
    shell.keys("C-a", "C-]")
    shell.wait_line(TAKEN)


def test_without_a_hint_the_keys_do_what_they_did(zsh: Zsh, stub: Stub) -> None:
    """Keys that were bound before go on: to a builtin, to a person's own widget, to a string."""
    before = "own() { LBUFFER+=own }; zle -N own; bindkey '^]' own; bindkey '^[[4~' own; bindkey -s '^[/' ' and more'"
    shell = zsh(before)
    shell.type("ab")
    shell.keys("Left", "Right", "C-]", "End")
    shell.wait_line("% abownown")
    shell.keys("C-u", "M-/")
    shell.wait_line("%  and more")
    assert stub.requests == []


def test_a_key_bound_to_nothing_before_does_nothing(zsh: Zsh, stub: Stub) -> None:
    """On an empty line the list's key is handed on, finds nothing, and the line goes on to work."""
    shell = zsh()
    shell.keys("M-/")
    shell.type("print ok")
    shell.keys("Enter")
    shell.wait("% print ok\nok")


def test_keys_trigger_and_colour_are_settings(zsh: Zsh, stub: Stub) -> None:
    """TOOLREC_* variables change them; the default keys and trigger then mean nothing."""
    shell = zsh(TOOLREC_TRIGGER="??", TOOLREC_ACCEPT_KEY="ctrl-o ^T", TOOLREC_HIGHLIGHT="fg=red,underline")
    shell.type("# pack it")
    shell.keys("C-u")
    shell.type("?? pack it")
    shell.wait("model on")
    assert "\x1b[4m\x1b[31m  zip: installed" in shell.styled()
    shell.keys("Right")
    shell.keys("C-o")
    shell.wait_line(TAKEN)
    shell.keys("C-_")
    shell.wait("model on")
    shell.keys("C-t")
    shell.wait_line(TAKEN)
    assert not [query for query in stub.queries() if "#" in query]


def test_the_lists_key_is_a_setting(zsh: Zsh, stub: Stub) -> None:
    """TOOLREC_LIST_KEY opens the list."""
    shell = zsh(TOOLREC_LIST_KEY="ctrl-o")
    shell.type("# pack it")
    shell.keys("C-o")
    shell.wait("1  zip  [installed]  Do it with zip")


def test_off_means_off(zsh: Zsh, stub: Stub) -> None:
    """With TOOLREC_OFF nothing is asked, and Enter on a comment is zsh's own; it can be set while the shell runs."""
    shell = zsh("setopt interactive_comments", TOOLREC_OFF="1")
    shell.type("# pack it")
    shell.keys("Enter")
    shell.wait("% # pack it\n%")
    shell.type("TOOLREC_OFF=0; clear")
    shell.keys("Enter")
    shell.wait_line("%")
    shell.type("# pack it")
    shell.wait("model on")
    assert set(stub.queries()) <= {"pack it", "p", "pa", "pac", "pack", "pack i"}


@pytest.mark.parametrize(("setting", "kept"), [("", False), ("1", True), ("off", False)])
def test_the_question_is_kept_in_history_when_wanted(zsh: Zsh, stub: Stub, setting: str, kept: bool) -> None:
    """With TOOLREC_HISTORY=1 the way back leads from the invocation to the question, as a comment."""
    shell = zsh(TOOLREC_HISTORY=setting)
    shell.type("print first")
    shell.keys("Enter")
    shell.wait("\nfirst")
    shell.type("# pack it")
    shell.wait("model on")
    shell.keys("Right")
    shell.wait_line(TAKEN)
    shell.keys("C-u")
    shell.type("print second")
    shell.keys("Enter")
    shell.wait("\nsecond")
    shell.keys("Up", "Up")
    shell.wait_for(lambda screen: screen.splitlines()[4].startswith("% # pack it" if kept else "% print first"))


def test_killed_words_still_join(zsh: Zsh, stub: Stub) -> None:
    """Answers that arrive between two kills do not come between them: one yank brings both words back."""
    shell = zsh()
    shell.type("# pack this folder")
    shell.wait("model on pack this folder")
    shell.keys("C-w")
    shell.wait("model on pack this", gone="folder")
    shell.keys("C-w")
    shell.wait("model on pack", gone="this")
    shell.type("X")
    shell.wait("model on pack X")
    shell.keys("C-y")
    shell.wait("% # pack Xthis folder")


def test_a_yank_can_still_be_replaced(zsh: Zsh, stub: Stub) -> None:
    """An answer that arrives after a yank does not keep Alt-y from putting the kill before it there."""
    shell = zsh()
    shell.type("one")
    shell.keys("C-u")
    shell.type("two")
    shell.keys("C-u")
    shell.type("# ")
    shell.keys("C-y")
    shell.wait("model on two")
    shell.keys("M-y")
    shell.wait("% # one", "model on one")


def test_completion_goes_on_with_the_next_tab(zsh: Zsh, stub: Stub) -> None:
    """Cycling through completions is not cut short by an answer to the first of them."""
    shell = zsh("setopt menu_complete; cd $HOME; touch file-a file-b file-c")
    shell.type("# read fi")
    shell.keys("Tab")
    shell.wait("% # read file-a")
    shell.keys("Tab")
    shell.wait("% # read file-b")
    shell.keys("Tab")
    shell.wait("% # read file-c")
    shell.type(" x")
    shell.wait("model on read file-c x")
