"""What is kept of a worker's evaluations for the next start, in files and in the ranker."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tests.daemon.engine_fakes import Cache, Words
from toolrec_kb.functiongemma import FORMS_OF_BASE, FORMS_OF_OURS, Forms
from toolrecd.engine import warmth
from toolrecd.engine.jobs import Question
from toolrecd.engine.ranker import Ranker, Warmth
from toolrecd.engine.warmth import KEPT_FILES, file_for, read, stamp, write

KEPT = Warmth(prefix=[2, 5, 7], state=b"\0\1state" * 50, empty={"plain name linux zsh": [0.5, -1.5]})
NAMES = ["find", "fd", "grep", "git", "git-lfs"]
FIND, LIST = Question("find all", "linux", "zsh"), Question("list jobs", "linux", "fish")
WORDS = Words()


def test_round_trip(tmp_path: Path) -> None:
    """What is written is read; the folder is made, and nothing lies beside the file."""
    file = file_for(tmp_path / "warmth", ["model", 1])
    assert read(file) is None
    write(file, KEPT)
    assert read(file) == KEPT
    assert [path.name for path in file.parent.iterdir()] == [file.name]


@pytest.mark.parametrize("length", [0, 1, 31, 32, 33, 100, -1])
def test_truncated(tmp_path: Path, length: int) -> None:
    """A file cut short anywhere keeps nothing."""
    file = file_for(tmp_path, ["model"])
    write(file, KEPT)
    file.write_bytes(file.read_bytes()[:length])
    assert read(file) is None


@pytest.mark.parametrize("at", [0, 31, 32, 60, -1])
def test_corrupted(tmp_path: Path, at: int) -> None:
    """A file with one wrong byte keeps nothing: llama.cpp would take the state as it is."""
    file = file_for(tmp_path, ["model"])
    write(file, KEPT)
    raw = bytearray(file.read_bytes())
    raw[at] ^= 1
    file.write_bytes(raw)
    assert read(file) is None


@pytest.mark.parametrize("payload", [b"", b"rubbish", msgspec.msgpack.encode({"prefix": "none"}), b"\xc1"])
def test_of_another_version(tmp_path: Path, payload: bytes) -> None:
    """A whole file that holds something else keeps nothing."""
    file = tmp_path / "x.warm"
    file.write_bytes(hashlib.sha256(payload).digest() + payload)
    assert read(file) is None


def test_other_parts_other_file(tmp_path: Path) -> None:
    """Whatever a state depends on makes another name; the same parts make the same."""
    model = tmp_path / "m.gguf"
    model.write_bytes(b"model")
    parts = [*stamp(str(model)), "0.3.36", 1024, ["find"]]
    files = {file_for(tmp_path, parts), file_for(tmp_path, list(parts))}
    assert len(files) == 1
    others = [[*parts[:-1], ["fd"]], [*parts[:-2], 512, ["find"]], [*parts, "more"], parts[1:]]
    assert len(files | {file_for(tmp_path, other) for other in others}) == 5
    model.write_bytes(b"model, changed")
    assert file_for(tmp_path, [*stamp(str(model)), *parts[3:]]) not in files


def test_oldest_are_removed(tmp_path: Path) -> None:
    """Only the newest files are kept, and only files of this kind are counted."""
    (tmp_path / "mine.txt").write_text("mine")
    files = [file_for(tmp_path, [number]) for number in range(KEPT_FILES + 3)]
    for age, file in enumerate(files):
        write(file, KEPT)
        os.utime(file, (age, age))
    write(files[0], KEPT)
    left = {path for path in tmp_path.iterdir() if path.suffix == ".warm"}
    assert left == {files[0], *files[-KEPT_FILES + 1 :]}
    assert (tmp_path / "mine.txt").exists()


def test_grown_without_a_state(tmp_path: Path) -> None:
    """What was learned later joins the state that is kept; without one to join nothing is written."""
    file = file_for(tmp_path, ["model"])
    grown = msgspec.structs.replace(KEPT, state=b"", empty={**KEPT.empty, "plain name linux fish": [1.0, 2.0]})
    write(file, grown)
    assert read(file) is None
    write(file, KEPT)
    write(file, grown)
    assert read(file) == msgspec.structs.replace(grown, state=KEPT.state)


@pytest.mark.parametrize("in_the_way", ["folder", "parent"])
def test_place_is_taken(tmp_path: Path, in_the_way: str) -> None:
    """Where nothing can be written nothing is, and the worker goes on."""
    place = tmp_path / "cache"
    place.write_text("in the way")
    write(file_for(place if in_the_way == "folder" else place / "warmth", ["model"]), KEPT)
    assert place.read_text() == "in the way"


def test_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full costs the next start its time and nothing else; what was kept before stays."""
    file = file_for(tmp_path, ["model"])
    write(file, KEPT)

    def fill_up(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(warmth.Path, "replace", fill_up)
    write(file, msgspec.structs.replace(KEPT, prefix=[1]))
    assert read(file) == KEPT
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def _ranker(forms: Forms = FORMS_OF_BASE) -> tuple[Ranker, Cache]:
    cache = Cache()
    ranker = Ranker(WORDS, cache, forms)
    ranker.speak_of(NAMES, ["search"])
    return ranker, cache


def _kept() -> tuple[Ranker, Warmth]:
    """Return a ranker that has been asked, and what it would keep."""
    ranker, _ = _ranker()
    ranker.warm()
    ranker.rank(FIND, range(len(NAMES)))
    ranker.categorise(FIND, "find")
    return ranker, ranker.warmth()


def test_warm_start_evaluates_nothing() -> None:
    """From what was kept a ranker starts without an evaluation, and nothing new is to be written."""
    _, kept = _kept()
    ranker, cache = _ranker()
    ranker.warm(kept)
    assert cache.runs == []
    assert not ranker.learned
    assert ranker.evaluated == 0


def test_warm_start_scores_like_a_fresh_one() -> None:
    """From what was kept the scores are those of a fresh ranker, and the empty question is not asked again."""
    _, kept = _kept()
    ranker, cache = _ranker()
    ranker.warm(kept)
    fresh, _ = _ranker()
    fresh.warm()
    for question in (FIND, LIST, FIND):
        assert np.array_equal(ranker.rank(question, range(5)), fresh.rank(question, range(5)))
        assert np.array_equal(ranker.categorise(question, "find"), fresh.categorise(question, "find"))
    again, cache = _ranker()
    again.warm(kept)
    again.rank(FIND, range(5))
    assert len(cache.evaluated) < len(kept.prefix) / 2
    assert not again.learned


def test_another_shell_is_learned() -> None:
    """A shell that was not asked from before is something new to keep; its scores come without a state again."""
    _, kept = _kept()
    ranker, _ = _ranker()
    ranker.warm(kept)
    ranker.rank(LIST, range(5))
    assert ranker.learned
    grown = ranker.warmth()
    assert grown.state == b""
    assert set(grown.empty) > set(kept.empty)
    assert not ranker.learned


def test_state_of_another_prefix_is_not_used() -> None:
    """What was kept for another prefix, or a state that is refused, is left alone: the prefix is evaluated."""
    _, kept = _kept()
    for bad in (msgspec.structs.replace(kept, prefix=kept.prefix[:-1]), msgspec.structs.replace(kept, state=b"odd")):
        ranker, cache = _ranker()
        ranker.warm(bad)
        assert cache.evaluated == kept.prefix
        assert ranker.learned
    other, cache = _ranker(FORMS_OF_OURS)
    other.warm(kept)
    assert len(cache.evaluated) > 0
    assert cache.sequences[0] != kept.prefix


def test_survives_the_file(tmp_path: Path) -> None:
    """Scores come out of the file as they went in."""
    ranker, kept = _kept()
    write(file_for(tmp_path, ["m"]), kept)
    other, _ = _ranker()
    other.warm(read(file_for(tmp_path, ["m"])))
    assert np.array_equal(other.rank(FIND, range(5)), ranker.rank(FIND, range(5)))
