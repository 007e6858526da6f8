"""Filling an example's placeholders: with what the question says, and never out of its quotes."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from toolrec_kb import question
from toolrec_kb.question import Operands
from toolrec_kb.schema import Example
from toolrecd.fill import fill, holes

BARE, SINGLE, DOUBLE = "printf %s {pattern}", "printf %s '{pattern}'", 'printf %s "{pattern}"'
HOLE = "{pattern}"
HOSTILE = [
    "$(touch pwned)", "`touch pwned`", "; touch pwned", "x; touch pwned #", "| touch pwned", "&& touch pwned",
    "a\ntouch pwned", "a\n", "\na", "it's", "'; touch pwned; '", "\"; touch pwned; \"", "'\"'\"'$(touch pwned)'",
    "\\", "a\\", "\\'; touch pwned; '", "\\\"; touch pwned; \\\"", "${HOME}", "$HOME", "~; touch pwned", "*", "?",
    "[a-z]", "{a,b}", "!!", "a!b", "a b", " ", "#x", "a #b", "<x", ">pwned", "a>pwned", "(touch pwned)", "%0a",
    "{directory}", "\t", "a\r", "x=$(touch pwned)", "=touch", "^a^b", "-rf", "--output=pwned", "файл", "日本",
]  # fmt: skip


def _filled(command: str, **values: str) -> str:
    return fill(Example("a task", command), Operands(values, frozenset()))


def _read(query: str, command: str) -> str:
    return fill(Example("a task", command), question.read(query))


@pytest.mark.parametrize(
    ("query", "command", "filled"),
    [
        ("find all python files", "find . -name '*.{extension}'", "find . -name '*.py'"),
        ("find all .tsx files", "fd -e {extension}", "fd -e tsx"),
        ("extract backup.tar.gz", "tar xzf {archive}", "tar xzf backup.tar.gz"),
        ("count the lines of src/app.py", "wc -l {file}", "wc -l src/app.py"),
        ("what is using port 8080", "lsof -i :{port}", "lsof -i :8080"),
        ("files larger than 500 MB", "find . -size +{size}", "find . -size +500M"),
        ("ping 192.168.1.7", "ping {host}", "ping 192.168.1.7"),
        ("search for TODO comments in code", "grep -rn {pattern} .", "grep -rn TODO ."),
        ('search for "no space left" in logs', "grep {pattern} {file}", "grep 'no space left' {file}"),
        ("compress logs folder", "tar czf {archive} {directory}", "tar czf {archive} logs"),
        ("download https://example.org/a?b=c", "curl -O {url}", "curl -O 'https://example.org/a?b=c'"),
    ],
)
def test_filled_from_the_question(query: str, command: str, filled: str) -> None:
    """What the question names takes its placeholder's place; what it does not name stays one."""
    assert _read(query, command) == filled


def test_unfilled_stay() -> None:
    """A question that names nothing leaves every placeholder, and they are counted."""
    command = "tar czf {archive} {directory}"
    assert _read("compress something", command) == command
    assert holes(command) == 2
    assert holes(_filled(command, archive="a.tgz")) == 1


def test_braces_that_are_no_placeholder() -> None:
    """Braces of a command's own are left alone."""
    command = "awk '{print $1}' {file} | xargs -I{} echo {}"
    assert _filled(command, file="a.txt") == "awk '{print $1}' a.txt | xargs -I{} echo {}"
    assert holes(command) == 1


def test_every_hole_of_a_name() -> None:
    """A placeholder that stands twice is filled twice; a value is never taken for a placeholder."""
    assert _filled("cp {file} {file}.bak", file="a.txt") == "cp a.txt a.txt.bak"
    assert shlex.split(_filled("grep {pattern} {file}", pattern="{file}", file="x")) == ["grep", "{file}", "x"]


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("command", [BARE, SINGLE, DOUBLE])
def test_hostile_value_is_one_word(command: str, value: str) -> None:
    """Whatever a value holds, the command has the words it had, and the value is one of them or is left out."""
    assert shlex.split(_filled(command, pattern=value)) in (["printf", "%s", value], ["printf", "%s", HOLE])


@pytest.mark.parametrize("value", ["-rf", "--output=x", "-"])
def test_value_like_an_option(value: str) -> None:
    """A value that a program would take for an option is left out."""
    assert _filled("rm {file}", file=value) == "rm {file}"


@pytest.mark.shell
@pytest.mark.parametrize("shell", ["sh", "bash", "zsh", "fish"])
@pytest.mark.parametrize("command", [BARE, SINGLE, DOUBLE])
def test_hostile_value_in_a_shell(shell: str, command: str, tmp_path: Path) -> None:
    """A real shell prints each hostile value as it is, or the placeholder, and does nothing else."""
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    for value in HOSTILE:
        filled = _filled(command, pattern=value)
        ran = subprocess.run(
            [shell, "-c", filled], cwd=tmp_path, capture_output=True, stdin=subprocess.DEVNULL, check=False
        )
        assert not list(tmp_path.iterdir()), f"{value!r} acted in {filled!r}"
        assert ran.stdout.decode() in (value, HOLE), f"{value!r} in {filled!r}: {ran.stderr.decode()}"


@pytest.mark.parametrize("quote", ["'", "’", "‘", "\\"])  # noqa: RUF001
def test_quotes_that_shells_disagree_on(quote: str) -> None:
    """A value with a quote or backslash is left out: fish and PowerShell end a quoted string where others do not."""
    assert _filled(BARE, pattern=f"a{quote}b") == BARE
    assert _filled(SINGLE, pattern=f"a{quote}b") == SINGLE


@pytest.mark.parametrize("value", ["a\nb", "a\n", "a\rb", "a\tb", "a\x1b[31mb"])
def test_control_characters(value: str) -> None:
    """A value with a control character, a line's end above all, is left out of a line that is to be run."""
    for command in (BARE, SINGLE, DOUBLE):
        assert _filled(command, pattern=value) == command


@pytest.mark.parametrize(
    "query",
    [
        "search for $(rm -rf ~) in logs", "search for `rm -rf ~` in code", 'search for "$(rm -rf ~)" in logs',
        "delete ./$(rm -rf ~).txt", "extract a.tar.gz;rm -rf ~", "open 'x'; rm -rf ~'", "find \"a\nrm -rf ~\" in files",
        "download https://example.org/$(rm -rf ~)", "list the `rm -rf ~` folder",
    ],
)  # fmt: skip
def test_hostile_question(query: str) -> None:
    """However hostile a question is, the number of a command's words does not change, and none is expanded."""
    command = "tool {file} {pattern} {url} {archive} {directory} {text} '{pattern}' \"{pattern}\""
    words = shlex.split(_read(query, command))
    assert len(words) == 9
    lexer = shlex.shlex(_read(query, command), posix=True, punctuation_chars="();<>|&`$")
    lexer.whitespace_split = False
    assert not {"$", "$(", "`", ";", "|", "&", "("} & set(lexer)
