"""Which tokens are kept: the closure under the tokeniser's joins, and the list that ships."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import ROOT
from tests.daemon.tiny_gemma import NORMAL, write_tiny_gemma
from tests.daemon.tiny_gemma import vocabulary as tiny_vocabulary
from toolrec_kb.functiongemma import Control
from toolrecd.engine import llama, vocabulary
from toolrecd.engine.rewrite import Source
from toolrecd.engine.serving import KEEP_FILE
from toolrecd.engine.vocabulary import FIRST_TEXT, SPACE, choose, fingerprint, merged_pieces

QUESTIONS = ROOT / "tests" / "kb" / "questions_dev.jsonl"
TOKENS, SCORES, TYPES = tiny_vocabulary()
IDS = {token: number for number, token in enumerate(TOKENS) if TYPES[number] == NORMAL}
NORMAL_TYPES = np.array(TYPES, dtype=np.int32)


def _pieces(text: str) -> set[str]:
    return {TOKENS[number] for number in merged_pieces(text, IDS, SCORES)}


def _choose(*wanted: str, size: int = 0) -> list[str]:
    """Return the texts that are kept besides the first tokens."""
    kept = choose([IDS[word] for word in wanted], size, TOKENS, SCORES, NORMAL_TYPES)
    assert kept[:FIRST_TEXT].tolist() == list(range(FIRST_TEXT))
    return [TOKENS[number] for number in kept[FIRST_TEXT:]]


def test_every_step_of_a_join_is_used() -> None:
    """All pieces on the way to a word are used, those that were joined meanwhile too."""
    assert _pieces("find") == {"f", "i", "n", "d", "fi"}
    assert _pieces("▁find") >= {"▁", "f", "▁f", "▁fi", "▁fin", "▁find"}
    assert _pieces("") == set()


def test_equal_neighbours_join_from_the_left() -> None:
    """Of joins with the same score the left one is made first."""
    assert _pieces("aaaaa") == {"a", "aa", "aaa"}


def test_unknown_characters_are_left_to_bytes() -> None:
    """A character without a token is none of the pieces, and does not join its neighbours."""
    assert _pieces("a€a") == {"a"}


def test_joins_are_the_tokenisers(tmp_path: Path) -> None:
    """What stands at the end of the joins is what llama.cpp's tokeniser makes of the text."""
    llama.start_backend()
    model = llama.Model(write_tiny_gemma(tmp_path / "tiny.gguf"))
    generator = random.Random(3)
    alphabet = [token for token in TOKENS[FIRST_TEXT:] if token.isascii() or token == SPACE]
    for _ in range(300):
        text = "".join(generator.choices(alphabet, k=generator.randrange(1, 8)))
        tokens = model.tokenize(text.replace(SPACE, " "))
        assert {number for number in tokens if number >= FIRST_TEXT} <= merged_pieces(text, IDS, SCORES)
    model.close()


def test_kept_vocabulary_cuts_alike(tmp_path: Path) -> None:
    """Text whose tokens are all kept is cut into the same tokens by the kept pieces alone."""
    kept = choose([IDS["▁finding"], IDS["▁files"]], 0, TOKENS, SCORES, NORMAL_TYPES)
    fewer = {TOKENS[number]: number for number in kept.tolist() if TYPES[number] == NORMAL}
    for text in ("▁finding▁files", "▁files▁finding", "▁finding", "▁finds"):
        assert merged_pieces(text, fewer, SCORES) == merged_pieces(text, IDS, SCORES)


def test_chosen_are_the_first_ascii_and_the_wanted() -> None:
    """With no room to fill, the first ids, ASCII characters, what is wanted and its pieces are kept, and no more."""
    plain = [character for character in TOKENS[FIRST_TEXT:] if len(character) == 1 and character.isascii()]
    assert set(_choose()) == {SPACE, *plain}
    assert set(_choose("▁猫")) == {SPACE, *plain, "▁猫", "猫"}
    assert set(_choose("▁files")) - {SPACE, *plain} == _pieces("▁files") - {SPACE, *plain}
    assert "▁files" in _choose("▁files")


def test_chosen_are_sorted_and_closed() -> None:
    """The ids are sorted, and with every kept token all pieces on the way to it are kept."""
    kept = choose([IDS["▁declaration"], IDS["ßä"]], 560, TOKENS, SCORES, NORMAL_TYPES)
    assert kept.tolist() == sorted(set(kept.tolist()))
    held = set(kept.tolist())
    for number in held - set(range(FIRST_TEXT)):
        assert merged_pieces(TOKENS[number], IDS, SCORES) <= held


def test_room_is_filled_with_the_commonest_ascii() -> None:
    """What room is left goes to the lowest ids of ASCII text; other scripts are left to their bytes."""
    bare = _choose()
    filled = _choose(size=FIRST_TEXT + len(bare) + 10)
    assert len(filled) >= len(bare) + 10
    assert all(token.replace(SPACE, "").isascii() for token in filled)
    assert _choose(size=10_000) == [token for token in TOKENS[FIRST_TEXT:] if token.replace(SPACE, "").isascii()]


def test_round_trip(tmp_path: Path) -> None:
    """A list that is written and read is the same, with the vocabulary it is for."""
    kept = np.array([0, 1, 2, 493, 500, 262_143], dtype=np.int32)
    vocabulary.write_keep_list(tmp_path / "keep.xz", kept, fingerprint([b"a"]))
    read, made_for = vocabulary.read_keep_list(tmp_path / "keep.xz")
    assert np.array_equal(read, kept)
    assert (read.dtype, made_for) == (np.int32, fingerprint([b"a"]))


def test_fingerprint_knows_functiongemma() -> None:
    """The seven control tokens may have either name; any other difference is another vocabulary."""
    raw = [token.encode() for token in TOKENS]
    renamed = list(raw)
    for control in Control:
        if 46 <= control.token <= 52:
            renamed[control.token] = control.text.encode()
    assert renamed != raw
    assert fingerprint(renamed) == fingerprint(raw)
    others = ([*raw[:600], b"x", *raw[601:]], [*raw[:45], b"x", *raw[46:]], raw[:-1], [*raw, b"x"], raw[::-1])
    assert len({fingerprint(other) for other in [raw, *others]}) == 6


@pytest.fixture(scope="module")
def gemma(model_file: Path) -> tuple[list[str], list[float], np.ndarray, str]:
    """The real base's tokens, scores, types and fingerprint."""
    with Source(model_file) as source:
        raw = source.strings("tokenizer.ggml.tokens")
        scores = [float(score) for score in source.numbers("tokenizer.ggml.scores")]
        types = source.numbers("tokenizer.ggml.token_type")
    return [token.decode("utf-8", "replace") for token in raw], scores, types, fingerprint(raw)


@pytest.mark.slow
def test_shipped_list(gemma: tuple[list[str], list[float], np.ndarray, str]) -> None:
    """The list that ships is the base's, sorted without repeats, with the first ids, and closed."""
    tokens, scores, types, found = gemma
    kept, made_for = vocabulary.read_keep_list(KEEP_FILE)
    assert made_for == found
    assert (np.diff(kept) > 0).all()
    assert kept[:FIRST_TEXT].tolist() == list(range(FIRST_TEXT))
    assert kept[-1] < len(tokens)
    ids = {token: number for number, token in enumerate(tokens) if types[number] == NORMAL}
    held = set(kept.tolist())
    torn = [
        number for number in held
        if types[number] == NORMAL and not merged_pieces(tokens[number], ids, scores) <= held
    ]  # fmt: skip
    assert torn == []
    assert {SPACE, *map(chr, range(33, 127))} <= {tokens[number] for number in held}


@pytest.mark.slow
def test_shipped_list_covers_questions(model_file: Path) -> None:
    """Of the tokens of real questions at least 98 in 100 are kept."""
    llama.start_backend()
    model = llama.Model(model_file)
    kept, _ = vocabulary.read_keep_list(KEEP_FILE)
    queries = [json.loads(line)["query"] for line in QUESTIONS.read_text(encoding="utf-8").splitlines()]
    tokens = [token for query in queries for token in model.tokenize(query)]
    model.close()
    assert len(tokens) > 2000
    assert np.isin(tokens, kept).mean() >= 0.98
