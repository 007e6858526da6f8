"""Lists of numbers as bytes."""

from __future__ import annotations

import pytest

from toolrec_kb import packed
from toolrec_kb.packed import deletions, pack, pack_doubles, pack_rows, pack_spellings, view, view_doubles

NUMBERS = [0, 1, 255, 256, 2**32 - 1]


def test_round_trip() -> None:
    """Whole numbers and doubles come back as they went in, none at all too."""
    assert view(pack(NUMBERS)).tolist() == NUMBERS
    assert view_doubles(pack_doubles([0.1, -1e300])).tolist() == [0.1, -1e300]
    assert (view(pack([])).tolist(), view_doubles(pack_doubles([])).tolist()) == ([], [])


def test_bytes_of_another_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bytes are little-endian on every machine; one that is not turns them round both ways."""
    assert pack([1, 2]) == b"\1\0\0\0\2\0\0\0"
    monkeypatch.setattr(packed, "_AS_IT_IS", False)
    assert pack([1]) == b"\0\0\0\1"  # what a big-endian machine's own array, turned round, would look like here
    assert view(pack(NUMBERS)).tolist() == NUMBERS
    assert view_doubles(pack_doubles([0.1])).tolist() == [0.1]


def test_rows() -> None:
    """Each row comes back by its position, an empty one as empty."""
    rows = pack_rows([[1, 2], [], [3]])
    assert [rows[row] for row in range(3)] == [[1, 2], [], [3]]
    assert [rows.span(row) for row in range(3)] == [(0, 2), (2, 2), (2, 3)]


def test_rows_out_of_reach() -> None:
    """A row that is not there is an error, not an empty one."""
    with pytest.raises(IndexError):
        pack_rows([[1]])[1]


def test_spellings() -> None:
    """A word is found by itself and by itself without any one letter, and not by more or less."""
    table = pack_spellings([(7, "grep"), (9, "rep")])
    assert table.near("grep") == [7]
    assert sorted(table.near("rep")) == [7, 9]
    assert table.near("gre") == [7]
    assert table.near("ep") == [9]
    assert table.near("g") == table.near("") == table.near("\ud800") == []


def test_deletions() -> None:
    """What one letter less leaves of a word, and the word itself."""
    assert deletions("abc") == {"abc", "bc", "ac", "ab"}
    assert deletions("") == {""}
