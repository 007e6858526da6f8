"""From a question to what a person is shown: filters, installed or how to install, invocations."""

from __future__ import annotations

import msgspec
import pytest

from tests.daemon.small_base import BASE, DEBIAN, MAC, elsewhere, here
from toolrecd.config import SuggestConfig
from toolrecd.errors import RequestError
from toolrecd.installed import ProgramIndex
from toolrecd.messages import ToolHint
from toolrecd.recommend import Draft, Recommender, Situation, situation_for

QUERY = "find files by name"


def _ask(query: str, situation: Situation, **config: object) -> tuple[Recommender, Draft]:
    recommender = Recommender(BASE, SuggestConfig(**config))  # type: ignore[arg-type]
    return recommender, recommender.shortlist(query, situation)


def _hints(query: str, situation: Situation, **config: object) -> dict[str, ToolHint]:
    recommender, draft = _ask(query, situation, **config)
    return {hint.name: hint for hint in recommender.hints(draft, 10)}


def test_installed() -> None:
    """An installed tool is said to be, and needs no installing."""
    hint = _hints(QUERY, here("find"))["find"]
    assert (hint.installed, hint.install, hint.example) == (True, None, "find . -name {pattern}")


def test_not_installed() -> None:
    """A tool that is not installed comes with this machine's command for it."""
    hint = _hints(QUERY, here("find"))["fd"]
    assert (hint.installed, hint.install) == (False, "apt install fd-find")
    assert _hints(QUERY, here(machine=MAC))["fd"].install == "brew install fd"


def test_renamed_by_debian() -> None:
    """Where Debian gives the program another name, the invocation has that name, installed or to be installed."""
    for situation in (here("find", "fdfind"), here("find")):
        assert _hints("find all python files", situation)["fd"].example == "fdfind -e py"
    assert _hints(QUERY, here("find", "fdfind"))["fd"].installed is True


def test_usual_name_where_it_has_it() -> None:
    """Installed under its own name, or by a manager that keeps it, the program is called by that."""
    assert _hints("find all python files", here("fd", "fdfind"))["fd"].example == "fd -e py"
    assert _hints("find all python files", here(machine=MAC))["fd"].example == "fd -e py"


@pytest.mark.parametrize("word", ["fd", "find"])
def test_operand_named_like_the_program(word: str) -> None:
    """What the question looks for stays as it is, also where it is the name that Debian changes."""
    hint = _hints(f'find files by name "{word}"', here("fdfind"))["fd"]
    assert hint.example == f"fdfind {word}"


def test_another_machine() -> None:
    """On a machine that is only named nothing is known to be installed, and its own manager installs."""
    hints = _hints(QUERY, elsewhere("windows", "powershell"))
    assert (hints["fd"].installed, hints["fd"].install) == (None, "winget install sharkdp.fd")
    assert hints["fd"].example == "fd {pattern}"
    assert _hints(QUERY, elsewhere("ubuntu"))["fd"].example == "fdfind {pattern}"


def test_platforms() -> None:
    """Only tools that run on the machine asked about are recommended."""
    assert "mdfind" not in _hints(QUERY, here())
    assert "mdfind" in _hints(QUERY, elsewhere("macos"))
    assert "find" not in _hints(QUERY, elsewhere("windows"))


def test_shells() -> None:
    """What is part of a shell is recommended in that shell only, and is installed there."""
    hint = _hints(QUERY, here(shell="bash"))["compgen"]
    assert (hint.installed, hint.install) == (True, None)
    assert "compgen" not in _hints(QUERY, here(shell="zsh"))


def test_blocked_tools() -> None:
    """A blocked tool is never recommended, however its name is written."""
    assert "fd" in _hints(QUERY, here())
    blocked = _hints(QUERY, here(), blocked_tools=("FD", "unknown"))
    assert "fd" not in blocked
    assert "find" in blocked
    assert Recommender(BASE, SuggestConfig(blocked_tools=("fd",))).resolve("fd", here())[0] == []


def test_prefer_modern() -> None:
    """Whoever prefers modern tools gets the one that replaces another further up."""

    def lead(**config: object) -> float:
        _, draft = _ask(QUERY, here(), **config)
        scores = {BASE.tools[ranked.number].name: ranked.score for ranked in draft.ranked}
        return scores["fd"] - scores["find"]

    assert lead(prefer_modern=True) > lead(prefer_modern=False)


def test_prefer_installed() -> None:
    """An installed tool gains on the others, unless that is turned off."""

    def score(*programs: str, **config: object) -> float:
        _, draft = _ask(QUERY, here(*programs), **config)
        return next(ranked.score for ranked in draft.ranked if BASE.tools[ranked.number].name == "fd")

    assert score("fd") > score()
    assert score("fd", prefer_installed=False) == score(prefer_installed=False)


def test_order_and_shares() -> None:
    """Tools come best first, with shares of one, no more than were asked for."""
    recommender, draft = _ask(QUERY, here("find"))
    hints = recommender.hints(draft, 10)
    shares = [hint.score for hint in hints]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1.0, abs=1e-3)
    assert recommender.hints(draft, 2) == hints[:2]


def test_nothing_found() -> None:
    """A question without any known word has no tools, no category, and is no task."""
    recommender, draft = _ask("zzqx vvkk", here())
    assert (draft.ranked, draft.category) == ((), None)
    assert recommender.hints(draft, 5) == []
    assert recommender.related(draft, 5) == []
    assert recommender.confidence(draft) == (False, 0.0)


def test_category_and_caution() -> None:
    """The category is that of the tools found, and a tool that destroys says so."""
    _, draft = _ask("overwrite a file", here("shred"))
    assert draft.category == "files"
    assert _hints("overwrite a file", here("shred"))["shred"].caution == "what it overwrites is gone for ever"


def test_related() -> None:
    """Related are alternatives and companions of the first tool that are for here and not recommended themselves."""
    recommender, draft = _ask("find all python files", here("find"), blocked_tools=("fd",))
    assert BASE.tools[draft.ranked[0].number].name == "find"
    assert recommender.related(draft, 10) == ["xargs"]
    recommender, draft = _ask("find all python files", here("find"))
    first = msgspec.structs.replace(draft, ranked=draft.ranked[:1])
    assert recommender.related(first, 10) == ["fd", "xargs"]  # fd's entry alone says that it is the alternative


def test_resolve() -> None:
    """A command that was not found leads to the tool that brings it, by any of its names."""
    recommender = Recommender(BASE, SuggestConfig())
    for name in ("fd", "FD", "fdfind"):
        hints, similar = recommender.resolve(name, here())
        assert [(hint.name, hint.install) for hint in hints] == [("fd", "apt install fd-find")]
        assert similar == []
    assert recommender.resolve("fidn", here()) == ([], ["find"])
    assert recommender.resolve("mdfind", here())[0] == []


def test_situation_of_this_machine() -> None:
    """Nothing named, or this machine's own system, is this machine: its PATH is looked at."""
    index = ProgramIndex(scan=lambda directory, windows: frozenset({"fdfind"}))
    for os in (None, "linux", "debian"):
        situation = situation_for(os=os, shell="/bin/zsh", path="/usr/bin", machine=DEBIAN, index=index)
        assert situation == Situation(DEBIAN, "zsh", frozenset({"fdfind"}))


@pytest.mark.parametrize(
    ("os", "shell", "system"),
    [("fedora", "bash", "linux"), ("darwin", "zsh", "macos"), ("windows", "powershell", "windows")],
)
def test_situation_of_another_machine(os: str, shell: str, system: str) -> None:
    """Another system has its own usual shell, and nothing is known of its programs."""
    situation = situation_for(os=os, shell=None, path="/usr/bin", machine=DEBIAN, index=ProgramIndex())
    assert (situation.machine.os, situation.shell, situation.programs) == (system, shell, None)


def test_situation_unknown() -> None:
    """A system that is not known is refused by its name."""
    with pytest.raises(RequestError, match="beos"):
        situation_for(os="beos", shell=None, path=None, machine=DEBIAN, index=ProgramIndex())
