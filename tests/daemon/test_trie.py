"""The trie of names' tokens."""

from __future__ import annotations

import pytest

from toolrecd.engine import trie


def test_shared_prefix() -> None:
    """Names that begin alike share nodes, and each node knows all names below it."""
    root = trie.build([[1, 2], [1, 3], [4]])
    assert set(root.children) == {1, 4}
    assert root.names == [0, 1, 2]
    assert root.children[1].names == [0, 1]
    assert set(root.children[1].children) == {2, 3}
    assert root.children[1].children[3].name == 1


def test_name_inside_another() -> None:
    """A name that begins another ends at an inner node, which says so."""
    root = trie.build([[1], [1, 2]])
    assert root.children[1].name == 0
    assert root.children[1].children[2].name == 1
    assert root.name is None


def test_no_names() -> None:
    """Of nothing there is an empty trie."""
    root = trie.build([])
    assert (root.children, root.names, root.name) == ({}, [], None)


@pytest.mark.parametrize(("sequences", "refused"), [([[1, 2], [3], [1, 2]], 2), ([[1], []], 1)])
def test_duplicate_or_empty(sequences: list[list[int]], refused: int) -> None:
    """A name that repeats another, or has no tokens, is refused by its number: its scores could not be told."""
    with pytest.raises(ValueError, match=f"name {refused} is empty or repeats another"):
        trie.build(sequences)


def test_walk() -> None:
    """Walking leads to the node of a prefix, and nowhere where no name starts so."""
    root = trie.build([[1, 2, 3]])
    found = trie.walk(root, [1, 2])
    assert found is not None
    assert found.children.keys() == {3}
    assert trie.walk(root, []) is root
    assert trie.walk(root, [1, 3]) is None
    assert trie.walk(root, [9, 2, 3]) is None
