"""A trie of token sequences: what may come next while a name is written. Knows no model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Node:
    """A prefix of some names: the tokens that may follow, and the name that ends here, if one does."""

    children: dict[int, Node] = field(default_factory=dict)
    name: int | None = None
    names: list[int] = field(default_factory=list)
    """All names at or below this node."""

    def forced(self) -> tuple[list[int], Node]:
        """Return the tokens that must come next, as nothing else may, and the node that they lead to."""
        tokens, node = [], self
        while node.name is None and len(node.children) == 1:
            token, node = next(iter(node.children.items()))
            tokens.append(token)
        return tokens, node


def build(sequences: Iterable[Sequence[int]]) -> Node:
    """Return the trie of `sequences`; a name is a sequence's position.

    Raises:
        ValueError: a sequence is empty, or two are the same.
    """
    root = Node()
    for name, tokens in enumerate(sequences):
        node = root
        node.names.append(name)
        for token in tokens:
            node = node.children.setdefault(token, Node())
            node.names.append(name)
        if node is root or node.name is not None:
            raise ValueError(f"name {name} is empty or repeats another")
        node.name = name
    return root
