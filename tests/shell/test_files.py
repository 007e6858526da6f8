"""The integration files: names, and what the shells' own checkers say of them."""

from __future__ import annotations

import re
import subprocess

import pytest

from .conftest import HOOKS, ROOT, need

pytestmark = pytest.mark.shell
CHECKS = {
    "toolrec.zsh": ["zsh", "-n"],
    "toolrec.bash": ["shellcheck", "-s", "bash"],
    "toolrec.fish": ["fish", "--no-execute"],
}


@pytest.mark.parametrize("name", CHECKS)
def test_the_shells_checker_is_content(name: str) -> None:
    """Syntax, and for bash what shellcheck knows."""
    need(CHECKS[name][0])
    done = subprocess.run([*CHECKS[name], str(HOOKS / name)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_fish_is_indented_as_fish_does_it() -> None:
    """fish_indent finds nothing to change."""
    need("fish_indent")
    assert subprocess.run(["fish_indent", "--check", str(HOOKS / "toolrec.fish")], check=False).returncode == 0


@pytest.mark.parametrize("name", ["toolrec.zsh", "toolrec.bash", "toolrec.fish"])
def test_every_function_has_the_prefix(name: str) -> None:
    """Nothing is defined that could be somebody else's."""
    text = (HOOKS / name).read_text(encoding="utf-8")
    found = re.findall(r"^(?:function )?([\w.:-]+)\(\)|^function (\S+)", text, flags=re.MULTILINE)
    names = [first or second for first, second in found]
    assert len(names) > 4
    assert [word for word in names if not word.startswith("__toolrec_")] == []


def test_the_manual_names_every_setting() -> None:
    """Each TOOLREC_* variable that the zsh file reads stands in docs/zsh.md, and none there is unknown to it."""
    read = set(re.findall(r"TOOLREC_[A-Z_]+", (HOOKS / "toolrec.zsh").read_text(encoding="utf-8")))
    told = set(re.findall(r"TOOLREC_[A-Z_]+", (ROOT / "docs/zsh.md").read_text(encoding="utf-8")))
    assert read == told
