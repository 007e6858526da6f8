"""The thoughts of a fake model: where they end, and that they are whole text."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from tests.daemon.engine_fakes import SIZE, Cache, Words
from toolrec_kb.functiongemma import CALL, PLAIN, Form, Forms
from toolrecd.engine.jobs import Question
from toolrecd.engine.ranker import MAX_THOUGHT_TOKENS, Floats, Ranker

CONTROLS = [*range(7), 46, 47, 48, 49, 50, 51, 52, 98, 105, 106]
QUESTION = Question("find all", "linux", "zsh")


def _think(form: Form, script: list[bytes | int]) -> list[str]:
    """Return the thought, piece by piece, of a model that says `script`, then the same word for ever."""
    words = Words()
    said = [piece if isinstance(piece, int) else words.token(piece) for piece in script]
    start: list[int] = []

    def says(tokens: tuple[int, ...]) -> Floats:
        start[:] = start or [len(tokens)]
        done = len(tokens) - start[0]
        logits = np.zeros(SIZE, dtype=np.float32)
        logits[said[done] if done < len(said) else words.token(b" on")] = 1.0
        return logits

    return list(Ranker(words, Cache(says), Forms(form, form)).think(QUESTION))


def test_ends_at_a_line() -> None:
    """In the plain form a thought is one line."""
    assert _think(PLAIN, [b" Use", b" find", b".", b"\n", b"Tool"]) == [" Use", " find", "."]


def test_text_before_the_end_mark() -> None:
    """A token that holds the end of the text and the end mark gives the text."""
    assert _think(PLAIN, [b" Use", b" it.\nTool"]) == [" Use", " it."]


def test_end_mark_in_pieces() -> None:
    """Of an end mark that comes in several tokens no part is shown."""
    assert "".join(_think(CALL, [b"Use", b" find.", b"</", b"th", b"ink", b">", b"more"])) == "Use find."
    assert "".join(_think(CALL, [b"Use find.</think", b">more"])) == "Use find."


def test_what_only_looks_like_the_end_mark() -> None:
    """Text that begins like the end mark and goes on otherwise is shown whole."""
    assert "".join(_think(CALL, [b"a", b"<", b"/", b"t>", b" b", b"<<", b"/think>"])) == "a</t> b<"


def test_held_back_at_a_stop() -> None:
    """Where the model stops in the middle of what might be the end mark, the text is still whole."""
    assert "".join(_think(CALL, [b"1 <", 1])) == "1 <"


@pytest.mark.parametrize("control", CONTROLS)
@pytest.mark.parametrize("form", [PLAIN, CALL])
def test_control_tokens_end_it(form: Form, control: int) -> None:
    """A control token ends a thought and never shows."""
    assert _think(form, [b" Use", control, b" more"]) == [" Use"]


def test_nothing_to_think() -> None:
    """A model that stops at once thinks nothing."""
    assert _think(PLAIN, [106]) == []


def test_is_bounded() -> None:
    """A model that never stops is stopped."""
    assert _think(PLAIN, []) == [" on"] * MAX_THOUGHT_TOKENS


def test_characters_over_several_tokens() -> None:
    """A character whose bytes are tokens of their own comes out whole, and no piece is empty."""
    euro, smile = "€".encode(), "🙂".encode()
    script: list[bytes | int] = [b"5 ", *(bytes([byte]) for byte in euro), *(bytes([byte]) for byte in smile), b"\n"]
    assert _think(PLAIN, script) == ["5 ", "€", "🙂"]


def test_bytes_that_are_no_text() -> None:
    """Bytes that make no character are replaced, and what follows is not lost."""
    assert "".join(_think(PLAIN, [b"a", b"\xff", b"b", b"\xe2", b"c", b"\n"])) == "a\ufffdb\ufffdc"


def test_character_that_never_ends() -> None:
    """Half a character at the end of a thought is left out."""
    assert _think(PLAIN, [b"a", b"\xe2", 1]) == ["a"]


def test_prefix_with_thoughts() -> None:
    """A thought is asked for after examples that show thoughts, where a form has those."""
    assert PLAIN.think_prefix != PLAIN.prefix
    other = msgspec.structs.replace(PLAIN, think_prefix=("Think.",))
    assert _think(other, [b" Use", b"\n"]) == [" Use"]
