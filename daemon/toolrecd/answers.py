"""Remembers final answers by everything that went into them; the least recently used go first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

from toolrecd.recommend import Draft

MAX_ANSWERS = 500  # a draft is about 5 kB; what was asked longer ago is seldom asked again


class Answers:
    """A cache of rankings. A reload begins a new one: model, knowledge and configuration are in no key."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, Draft] = OrderedDict()

    def get(self, key: Hashable) -> Draft | None:
        """Return the ranking kept under `key`."""
        draft = self._kept.get(key)
        if draft:
            self._kept.move_to_end(key)
        return draft

    def put(self, key: Hashable, draft: Draft) -> None:
        """Keep a ranking that the model had its part in."""
        self._kept[key] = draft
        if len(self._kept) > MAX_ANSWERS:
            self._kept.popitem(last=False)
