"""Compares ways to write a serving model's weights: `python -m toolrec_trainer.quantisation FILE KIND...`.

Ranks the tasks of a file of questions with the whole base and with serving models of it in each kind (Q4_0, IQ4_NL, …),
without the shortlist: how far the rankings part from the whole base's, how many right tools come first, and the
processor time a key and a step take on one thread. What docs/measurements.md, "Serving model", says comes from here.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import msgspec
import numpy as np

from toolrec_kb import knowledge as kb
from toolrec_kb.functiongemma import FORMS_OF_BASE
from toolrec_trainer.evaluate import Case, read_cases, situation
from toolrecd.config import find_paths
from toolrecd.context import prompt_os
from toolrecd.engine import llama, serving
from toolrecd.engine.basemodel import base_model
from toolrecd.engine.jobs import Question, Settings
from toolrecd.engine.ranker import Floats, Ranker
from toolrecd.engine.selftest import measure

EVERY = 3  # of the questions: enough to tell kinds apart, and a model takes a minute of them


class Compared(msgspec.Struct):
    """How one model ranks."""

    divergence: float
    """Kullback-Leibler, of the names' shares from the whole base's, in nats, mean over the questions."""
    same_first: float
    first: float
    within_three: float


def scores(model_file: Path, cases: list[Case], names: list[str]) -> list[Floats]:
    """Return a model's scores of all names for each case."""
    model = llama.Model(model_file)
    context = llama.Context(model, threads=2)
    ranker = Ranker(model, context, FORMS_OF_BASE, llama.BATCH_TOKENS)
    ranker.speak_of(names, [])
    ranker.warm()
    found = []
    for case in cases:
        where = situation(case)
        question = Question(case.query, prompt_os(where.machine), where.shell)
        found.append(ranker.rank(question, range(len(names)), typing=True))
    context.close()
    model.close()
    return found


def compare(reference: list[Floats], found: list[Floats], cases: list[Case], names: list[str]) -> Compared:
    """Return how the scores `found` stand to those of the whole base."""
    pairs = [(_shares(one), _shares(other)) for one, other in zip(reference, found, strict=True)]
    best = [[names[number] for number in np.argsort(-row)[:3]] for row in found]
    right = [[name in case.accept for name in first] for first, case in zip(best, cases, strict=True)]
    return Compared(
        divergence=float(np.mean([(p * np.log((p + 1e-12) / (q + 1e-12))).sum() for p, q in pairs])),
        same_first=float(np.mean([p.argmax() == q.argmax() for p, q in pairs])),
        first=float(np.mean([row[0] for row in right])),
        within_three=float(np.mean([any(row) for row in right])),
    )


def _shares(row: Floats) -> Floats:
    raised = np.exp(row - row.max())
    shares: Floats = raised / raised.sum()
    return shares


def _row(what: str, file: Path, compared: Compared, key: str) -> str:
    figures = (
        f"{compared.divergence:.3f} | {compared.same_first:.0%} | {compared.first:.1%} / {compared.within_three:.1%}"
    )
    return f"| {what} | {file.stat().st_size / 1e6:.0f} MB | {figures} | {key} |"


def main(arguments: list[str] | None = None) -> int:
    """Print a table of the kinds."""
    parser = argparse.ArgumentParser(prog="python -m toolrec_trainer.quantisation", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("kinds", nargs="*")
    options = parser.parse_args(arguments)
    cache = find_paths().cache_dir
    llama.start_backend()
    cases = [case for case in read_cases(options.file) if case.kind == "task"][::EVERY]
    names, base, served = kb.load()[0].names, base_model(cache), serving.model_for(cache, None).path
    reference = scores(base, cases, names)
    print(
        "| weights | file | divergence | same first | right first / in three | key, step on one thread |\n"
        + "|---" * 6
        + "|"
    )
    with tempfile.TemporaryDirectory() as folder:
        models = {"the whole base": base, "serving model, weights as the base has them": served}
        for kind in options.kinds:
            models[kind] = Path(folder) / f"{kind}.gguf"
            llama.quantize(served, models[kind], kind)
        for what, file in models.items():
            trial = measure(file, None, Settings(1, repack=True))
            key = f"{trial.key_ms:.0f}, {trial.step_ms:.0f} ms"
            print(_row(what, file, compare(reference, scores(file, cases, names), cases, names), key), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
