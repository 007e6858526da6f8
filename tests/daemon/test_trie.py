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


def test_forced() -> None:
    """Tokens that nothing else can follow come along, up to where names part or one ends."""
    root = trie.build([[1, 2, 3, 4], [1, 2, 3, 5], [6], [6, 7, 8], [9, 1]])
    tokens, node = root.children[1].forced()
    assert (tokens, node.names) == ([2, 3], [0, 1])
    assert root.children[6].forced() == ([], root.children[6])
    tokens, node = root.children[6].children[7].forced()
    assert (tokens, node.name, node.children) == ([8], 3, {})
    tokens, node = root.children[9].forced()
    assert (tokens, node.name) == ([1], 4)
    assert root.forced() == ([], root)
