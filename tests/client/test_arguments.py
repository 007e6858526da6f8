"""The argument reader: what it takes, and how it refuses the rest."""

from __future__ import annotations

import pytest

from toolrec_client import arguments
from toolrecd.messages import MAX_LIMIT


def read(*words: str) -> tuple[dict[str, object], list[str]]:
    """Read words with a flag, an option and its short name."""
    return arguments.read(list(words), flags=("--json",), options=("--os",), short={"-s": "--os"})  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("given", "options", "left"),
    [
        ([], {}, []),
        (["find", "files"], {}, ["find", "files"]),
        (["--json", "find", "--os", "linux", "files"], {"--json": True, "--os": "linux"}, ["find", "files"]),
        (["find", "--os=linux"], {"--os": "linux"}, ["find"]),
        (["--os="], {"--os": ""}, []),
        (["--os=a=b"], {"--os": "a=b"}, []),
        (["-s", "linux", "x"], {"--os": "linux"}, ["x"]),
        (["--os", "a", "--os", "b"], {"--os": "b"}, []),
        (["--os", "--json"], {"--os": "--json"}, []),
        (["a", "--", "--json", "--", "-x"], {}, ["a", "--json", "--", "-x"]),
        (["-", "", "a"], {}, ["-", "", "a"]),
    ],
)
def test_read(given: list[str], options: dict[str, object], left: list[str]) -> None:
    """Options are found wherever they stand, `--` ends them, and a lone `-` is a word."""
    assert read(*given) == (options, left)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--yaml"], "unknown option '--yaml'"),
        (["-x"], "unknown option '-x'"),
        (["--json=yes"], "unknown option '--json=yes'"),
        (["find", "--os"], "option --os needs a value"),
    ],
)
def test_read_refuses(given: list[str], message: str) -> None:
    """An unknown option, a value for a flag, or an option without its value is refused by name."""
    with pytest.raises(arguments.UsageError) as caught:
        read(*given)
    assert str(caught.value) == message


def test_positive() -> None:
    """Whole numbers from 1 to the protocol's limit are taken."""
    assert [arguments.positive(text, "--limit") for text in ("1", "007", str(MAX_LIMIT))] == [1, 7, MAX_LIMIT]


@pytest.mark.parametrize("text", ["", "0", "-1", "51", "1.5", "x", "²", "٣", "9" * 5000])
def test_positive_refuses(text: str) -> None:
    """Anything else is refused with the value, digits of other scripts and endless numbers too."""
    with pytest.raises(arguments.UsageError) as caught:
        arguments.positive(text, "--limit")
    assert str(caught.value) == f"--limit takes a number from 1 to 50, not {text!r}"


def test_one_of() -> None:
    """A choice is taken in any case and given in lower case; another word is refused with the choices."""
    assert arguments.one_of("ZSH", ("zsh", "fish"), "--shell") == "zsh"
    with pytest.raises(arguments.UsageError, match=r"^--shell takes one of zsh, fish, not 'tcsh'$"):
        arguments.one_of("tcsh", ("zsh", "fish"), "--shell")
