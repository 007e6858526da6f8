"""Makes the list of tokens that a serving model keeps: `python -m toolrec_trainer.vocabulary make|measure`.

    make OUT --text FILE...      writes the list; daemon/toolrecd/engine/keep.xz was made of the knowledge base and of
                                 the manual pages and documents of a Debian system, of which only token counts remain
    measure --text FILE...       prints how many of the files' tokens lists of several sizes keep

A text file that ends in .gz is unpacked, one in .jsonl gives its "query" fields. In tokens of the knowledge base, which
all are kept, the list covers what the product speaks of; the texts add the English that people use around it.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from toolrec_kb import knowledge as kb
from toolrecd.config import find_paths
from toolrecd.engine import llama, vocabulary
from toolrecd.engine.basemodel import base_model
from toolrecd.engine.rewrite import Source
from toolrecd.engine.vocabulary import Ids

SIZE = 48_000  # docs/measurements.md, "Vocabulary"
SIZES = (32_000, 48_000, 64_000, 96_000)
LEAST_TEXTS = 2  # a token of one text alone may be that text's own
MAX_CHARS = 20_000  # of a text: long ones would drown the others
_ROFF = re.compile(r"^\.\S+|\\f.|\\", re.MULTILINE)


def known_texts() -> Iterator[str]:
    """Yield what the knowledge base says, as it stands and as people would type it."""
    knowledge, _ = kb.load()
    for tool in knowledge.tools:
        yield from (tool.name, f" {tool.name}", tool.summary, tool.summary.lower(), " ".join(tool.keywords))
        yield from (*tool.programs, *tool.categories)
        for example in tool.examples:
            yield from (example.task, example.task.lower(), example.task.capitalize(), example.command)
    for group in knowledge.synonyms:
        yield from (" ".join(group), *group)


def read_texts(files: Iterable[Path]) -> Iterator[str]:
    """Yield the files' texts, without markup; unreadable ones are left out."""
    for file in files:
        try:
            raw = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
        except OSError:
            continue
        text = raw.decode("utf-8", "replace")
        if file.suffix == ".jsonl":
            yield from (json.loads(line)["query"] for line in text.splitlines())
        else:
            yield _ROFF.sub("", text)[:MAX_CHARS]


class Gemma:
    """The base's vocabulary and tokeniser."""

    def __init__(self, path: Path) -> None:
        llama.start_backend()
        self.model = llama.Model(path)
        with Source(path) as source:
            raw = source.strings("tokenizer.ggml.tokens")
            self.scores = [float(score) for score in source.numbers("tokenizer.ggml.scores")]
            self.types = source.numbers("tokenizer.ggml.token_type")
        self.tokens = [token.decode("utf-8", "replace") for token in raw]
        self.fingerprint = vocabulary.fingerprint(raw)

    def wanted(self, texts: Iterable[str]) -> list[int]:
        """Return the tokens to keep, those of the knowledge base first, then the commonest of `texts`."""
        known = {token for text in known_texts() for token in self.model.tokenize(text)}
        seen: Counter[int] = Counter()
        for text in texts:
            seen.update({*self.model.tokenize(text), *self.model.tokenize(text.lower())})
        return [*sorted(known), *(token for token, count in seen.most_common() if count >= LEAST_TEXTS)]

    def keep(self, wanted: Iterable[int], size: int) -> Ids:
        """Return the ids to keep, about `size` of them."""
        return vocabulary.choose(wanted, size, self.tokens, self.scores, self.types)

    def coverage(self, kept: Ids, texts: Iterable[str]) -> float:
        """Return the share of the texts' tokens that are kept."""
        held = np.zeros(len(self.tokens), dtype=bool)
        held[kept] = True
        tokens = np.concatenate([self.model.tokenize(text) for text in texts])
        return float(held[tokens].mean())


def main(arguments: list[str] | None = None) -> int:
    """Run one of the sub-commands."""
    parser = argparse.ArgumentParser(
        prog="python -m toolrec_trainer.vocabulary", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("make", help="write a keep list")
    make.add_argument("out", type=Path)
    make.add_argument("--size", type=int, default=SIZE)
    measure = commands.add_parser("measure", help="say how much of some texts lists of several sizes keep")
    measure.add_argument(
        "--of", type=Path, nargs="+", required=True, help="the texts to measure, no part of the list's"
    )
    for command in (make, measure):
        command.add_argument("--text", type=Path, nargs="*", default=[], help="texts whose words are wanted")
    options = parser.parse_args(arguments)
    gemma = Gemma(base_model(find_paths().cache_dir))
    wanted = gemma.wanted(read_texts(options.text))
    if options.command == "make":
        vocabulary.write_keep_list(options.out, gemma.keep(wanted, options.size), gemma.fingerprint)
        return 0
    texts = list(read_texts(options.of))
    for size in SIZES:
        print(f"{size} tokens keep {100 * gemma.coverage(gemma.keep(wanted, size), texts):.1f} % of those of the texts")
    return 0


if __name__ == "__main__":
    sys.exit(main())
