"""Turns a question or an entry's text into index terms: words, stems, file types, quantities.

Knows English endings and what file names and numbers at a prompt look like; knows no tools.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

# What a chunk of text may be: `report.tar.gz` and `.csv` as wholes, then numbers with a unit, then words.
_CHUNK: Final = re.compile(
    r"(?P<file>[\w~/*+-]{0,120}\.(?P<ext>tar\.[a-z0-9]{1,4}|[a-z][a-z0-9]{0,7})(?![\w.]))"
    r"|(?P<number>\d+(?:\.\d+)*)(?P<unit>[kmgt]i?b?|%|s|m|h|d|px|x\d+)?(?![a-z0-9])"
    r"|(?P<word>[a-z0-9_+#]+(?:'[a-z]+)?)"
)

STOP_WORDS: Final = frozenset(
    "a an the to of in on for with and or from by at as is are be am do does did my me i it its this that these "
    "those how what which where when who whats hows can could should would will want need wanna please pls some any "
    "there here you your we our us using use used via into onto out up so if then than just get got give tell show "
    "way best good tool tools command commands cmd program utility something thing things without not no but like "
    "let lets im ive one about each every all they them their he she his her dont doesnt didnt isnt arent cant "
    "couldnt wont wouldnt havent hasnt really very thats theres".split()
)

# Endings longest first, what replaces them, and the least length of what is left.
_ENDINGS: Final = (
    ("ization", "iz", 3), ("isation", "iz", 3), ("ising", "iz", 3), ("izing", "iz", 3), ("ised", "iz", 3),
    ("ized", "iz", 3), ("ise", "iz", 3), ("ize", "iz", 3), ("ations", "", 4), ("ation", "", 4), ("ions", "", 4),
    ("ion", "", 4), ("ments", "", 4), ("ment", "", 4), ("ness", "", 4), ("ings", "", 3), ("ing", "", 3),
    ("iest", "y", 3), ("ies", "y", 2), ("ied", "y", 2), ("sses", "ss", 2), ("ers", "", 4), ("er", "", 4),
    ("ed", "", 3), ("es", "", 3), ("ly", "", 4), ("s", "", 3), ("e", "", 3),
)  # fmt: skip


@lru_cache(maxsize=4096)  # the same few thousand words come again and again
def stem(word: str) -> str:
    """Return `word` without its English ending, so that compress, compressed and compressing meet."""
    if not word.isalpha():
        return word
    for ending, replacement, least in () if word.endswith("ss") else _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= least:
            return _undouble(word[: len(word) - len(ending)] + replacement)
    return _undouble(word)


def _undouble(root: str) -> str:
    # "zipp(ing)" → "zip"; "compress" loses its own as well, or it would not meet "compress(ion)".
    return root[:-1] if len(root) > 3 and root[-1] == root[-2] and root[-1] not in "aeiou" else root


def terms(text: str) -> list[str]:
    """Return the index terms of `text` in order; stop words are left out, repeats are kept.

    A file name gives its type as `csv` and `.csv`, a number `#number` and a number with a unit `#size`,
    `#time` or `#percent` besides, so that "file.csv over 500MB" meets entries about such things.
    """
    found: list[str] = []
    for file, extension, number, unit, word in _CHUNK.findall(text.lower().replace("’", "'")):
        if word:
            found += _word_terms(word)
        elif extension:
            found += _file_terms(file, extension)
        else:
            found += _number_terms(number, unit)
    return found


def phrase_key(words: str) -> str:
    """Return the stems of `words`, stop words and all, by which a phrase such as "logged in" is known."""
    return " ".join(stem(word) for word in words.lower().split())


def _file_terms(name: str, extension: str) -> list[str]:
    before = name[: -len(extension) - 1].strip("*")
    words = [stem(word) for word in re.findall(r"[a-z]{3,}", before)]
    types = extension.split(".")
    endings = dict.fromkeys(["." + extension, "." + types[-1]])
    return [*(word for word in words if word not in STOP_WORDS), *types, *endings]


def _number_terms(number: str, unit: str) -> list[str]:
    if number.count(".") == 3:
        return ["#address"]
    if not unit:
        return ["#port" if number in _COMMON_PORTS else "#number"]
    if unit == "%":
        return ["#percent"]
    return ["#time" if unit in {"s", "h", "d"} else "#size"]


_COMMON_PORTS: Final = frozenset(
    "21 22 25 53 80 443 3000 3306 5000 5173 5432 6379 8000 8080 8443 8888 9000 27017".split()
)


@lru_cache(maxsize=16384)  # an index is made of the same few thousand words again and again
def _word_terms(word: str) -> tuple[str, ...]:
    word = word.partition("'")[0]
    if word in STOP_WORDS:
        return ()
    return tuple(stem(part) for part in word.split("_") if part)
