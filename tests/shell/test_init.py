"""`toolrec init` and `uninit`: the configuration's settings, quoted for each shell, and what is said of faulty ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import need

VALUE = """it's a "$HOME" `x` \\ !"""
SHELLS = {
    "zsh": ["zsh", "-fc", 'setopt rc_quotes; . "$1"; printf "%s" "$TOOLREC_TRIGGER"', "-"],
    "bash": ["bash", "-euc", '. "$1"; printf "%s" "$TOOLREC_TRIGGER"', "-"],
    "fish": ["fish", "-c", 'source $argv[1]; printf "%s" "$TOOLREC_TRIGGER"'],
}


def toolrec(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the client."""
    command = [sys.executable, "-I", "-m", "toolrec_client.cli", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def configure(home: Path, text: str) -> None:
    """Write the configuration file."""
    (home / ".config/toolrec").mkdir(parents=True)
    (home / ".config/toolrec/config.toml").write_text(text)


@pytest.mark.shell
@pytest.mark.parametrize("shell", SHELLS)
def test_a_setting_reaches_the_shell_as_it_was_written(isolated_home: Path, shell: str) -> None:
    """No character of a value means anything to the shell that reads it."""
    need(shell)
    configure(isolated_home, f"[shell]\ntrigger = '''{VALUE}'''\n")
    file = isolated_home / "hook"
    file.write_text(toolrec("init", shell).stdout)
    done = subprocess.run([*SHELLS[shell], str(file)], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == (VALUE, "")


def test_settings_become_variables(isolated_home: Path) -> None:
    """`enabled = false` is TOOLREC_OFF, `history = true` TOOLREC_HISTORY; what is not set is not written."""
    configure(isolated_home, "[shell]\nenabled = false\nhistory = true\n[model]\nenabled = false\n")
    assert toolrec("init", "zsh").stdout.splitlines()[:2] == [
        "[ -n \"${TOOLREC_HISTORY+set}\" ] || TOOLREC_HISTORY='1'",
        "[ -n \"${TOOLREC_OFF+set}\" ] || TOOLREC_OFF='1'",
    ]


@pytest.mark.parametrize("text", ["[shell", "[shell]\ntrigger = 3", "shell = 3", '[shell]\nlist_key = "\\u001b/"'])
def test_a_faulty_file_is_named_and_the_shell_still_works(isolated_home: Path, text: str) -> None:
    """The hook is printed with its defaults, and the file named on standard error."""
    configure(isolated_home, text)
    done = toolrec("init", "zsh")
    assert done.returncode == 0
    assert done.stdout.startswith("# toolrec for zsh")
    assert done.stderr.startswith(f"toolrec: configuration {isolated_home}/.config/toolrec/config.toml: ")


@pytest.mark.parametrize("shell", ["zsh", "bash", "fish", "powershell", "pwsh"])
def test_uninit_calls_the_hooks_own_way_out(shell: str) -> None:
    """What it prints calls __toolrec_uninit, and only if the integration is loaded."""
    assert toolrec("uninit", shell).stdout.count("__toolrec_uninit") == 2


def test_uninit_of_a_shell_without_integration() -> None:
    """There is none for sh: an error that says for which there is one."""
    done = toolrec("uninit", "sh")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "toolrec: no integration for 'sh'; there is one for zsh, bash, fish and powershell\n"
