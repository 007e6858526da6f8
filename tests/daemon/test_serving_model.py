"""The serving model of the real base, held against the base: tokens, logits, rows, and what the engine makes of it."""

from __future__ import annotations

import json
import mmap
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import ROOT
from tests.daemon.engine_files import write_adapter
from tests.daemon.engine_real import CATEGORIES, FIND, NAMES, PACK, best, plan_for, serving
from toolrec_kb.functiongemma import (
    COMPACT,
    FORMS_OF_BASE,
    FORMS_OF_OURS,
    PLAIN,
    PROMPT_VERSION,
    Form,
    Forms,
    ask,
    tokens_of,
)
from toolrec_kb.knowledge import Knowledge
from toolrecd.engine import controls, jobs, llama
from toolrecd.engine import serving as serving_models
from toolrecd.engine.compatibility import KEY_ORIGINAL_IDS
from toolrecd.engine.llama import AbortFlag
from toolrecd.engine.ranker import Ranker
from toolrecd.engine.rewrite import Source
from toolrecd.engine.vocabulary import Ids
from toolrecd.engine.worker import Worker

pytestmark = pytest.mark.slow

QUESTIONS = ROOT / "tests" / "kb" / "questions_dev.jsonl"
EMBEDDING = "token_embd.weight"
FOREIGN = [
    "Größenänderung überprüfen", "中文文件搜索", "ファイルを探す", "найти файлы", "🙂👩‍👩‍👧 emoji", "naïve café",
    "Donaudampfschifffahrtsgesellschaftskapitän", "antidisestablishmentarianism", "xqzvkj wkqx", "\tindent\r\n",
    "e\u0301 combining", "\x00\x7f", "a" * 500, " " * 40, "ﷺ", "\U0001f9ff" * 3,
]  # fmt: skip


@pytest.fixture(scope="module")
def base(model_file: Path) -> Iterator[llama.Model]:
    """The base."""
    llama.start_backend()
    model = llama.Model(model_file)
    yield model
    model.close()


@pytest.fixture(scope="module")
def served(serving_file: Path) -> Iterator[llama.Model]:
    """The serving model."""
    llama.start_backend()
    model = llama.Model(serving_file)
    yield model
    model.close()


@pytest.fixture(scope="module")
def kept(serving_file: Path) -> Ids:
    """The serving model's tokens by their numbers in the base."""
    with Source(serving_file) as source:
        return source.numbers(KEY_ORIGINAL_IDS)


@pytest.fixture(scope="module")
def texts(knowledge: Knowledge) -> list[str]:
    """What the knowledge base says and people ask."""
    lines = QUESTIONS.read_text(encoding="utf-8").splitlines()
    found = [json.loads(line)["query"] for line in lines]
    for tool in knowledge.tools:
        found += [tool.summary, tool.summary.lower(), *(example.task for example in tool.examples)]
        found += [example.command for example in tool.examples]
    return found


def test_covered_text_is_cut_alike(base: llama.Model, served: llama.Model, kept: Ids, texts: list[str]) -> None:
    """Text whose tokens are all kept is cut into the very same tokens, of which the numbers are told apart."""
    held, covered = set(kept.tolist()), 0
    for text in texts:
        old = base.tokenize(text)
        if held.issuperset(old):
            covered += 1
            assert kept[served.tokenize(text)].tolist() == old
    assert covered >= 500
    assert covered > 0.95 * len(texts)


@pytest.mark.parametrize("text", FOREIGN)
def test_other_text_keeps_its_bytes(served: llama.Model, text: str) -> None:
    """Words, scripts and characters that are not kept come out as pieces that say the same bytes."""
    tokens = served.tokenize(text)
    assert b"".join(served.piece(token) for token in tokens) == text.encode()
    assert max(tokens, default=0) < served.vocabulary_size


def test_first_tokens_keep_their_numbers(base: llama.Model, served: llama.Model, kept: Ids) -> None:
    """Controls, white space and bytes stand where they stood, and each kept token says what it said."""
    assert kept[:494].tolist() == list(range(494))
    for number in [*range(494), *range(494, len(kept), 97)]:
        assert served.text(number) == base.text(int(kept[number]))
        assert served.piece(number) == base.piece(int(kept[number]))


def _logits(model: llama.Model, tokens: list[int]) -> np.ndarray:
    context = llama.Context(model, threads=1)
    for start in range(0, len(tokens), llama.BATCH_TOKENS):
        part = tokens[start : start + llama.BATCH_TOKENS]
        context.evaluate([(t, start + i, 0, start + i == len(tokens) - 1) for i, t in enumerate(part)])
    logits: np.ndarray = context.logits().copy()
    context.close()
    return logits


@pytest.mark.parametrize("question", [FIND, PACK], ids=["find", "pack"])
def test_kept_tokens_have_the_bases_logits(
    base: llama.Model, served: llama.Model, kept: Ids, question: jobs.Question
) -> None:
    """The same prompt gets the same logits for every kept token but the controls, and so the same likeliest one."""
    pieces = [*PLAIN.prefix, *ask(PLAIN, question.query, os=question.os, shell=question.shell), *PLAIN.to_name]
    old, new = (_logits(model, tokens_of(pieces, model.tokenize)) for model in (base, served))
    others = np.setdiff1d(np.arange(len(kept)), [control.token for control in controls.WORDS])
    assert np.abs(old[kept] - new)[others].max() < 0.05
    assert old[kept].argmax() == new.argmax()


def test_rows(model_file: Path, serving_file: Path, kept: Ids) -> None:
    """The seven control tokens, all but alike in the base, have rows of their own; every other row is the base's."""
    with Source(model_file) as old, Source(serving_file) as new:
        kind = old.header.tensors[EMBEDDING].kind
        before, after = old.rows(EMBEDDING)[kept], new.rows(EMBEDDING)
    numbers = [control.token for control in controls.WORDS]
    others = np.setdiff1d(np.arange(len(kept)), numbers)
    assert np.array_equal(before[others], after[others])
    for rows, alike in ((before, True), (after, False)):
        decoded = np.stack([controls.decode(rows[number].tobytes(), kind) for number in numbers])
        unit = decoded / np.linalg.norm(decoded, axis=1, keepdims=True)
        likeness = (unit @ unit.T)[np.triu_indices(len(numbers), 1)]
        assert likeness.mean() > 0.9 if alike else likeness.max() < 0.9


@pytest.mark.parametrize("forms", [FORMS_OF_BASE, FORMS_OF_OURS], ids=["plain", "compact"])
def test_ranks(served: llama.Model, forms: Forms) -> None:
    """Ranked through the engine every name has a finite score, in each form, typing or not."""
    context = llama.Context(served, threads=2)
    ranker = Ranker(served, context, forms, llama.BATCH_TOKENS)
    ranker.speak_of(NAMES, CATEGORIES)
    ranker.warm()
    for typing in (True, False):
        scores = ranker.rank(PACK, range(len(NAMES)), typing=typing)
        assert np.isfinite(scores).all()
        assert len(set(scores.tolist())) > len(NAMES) / 2
        if forms is FORMS_OF_BASE:
            assert NAMES[int(scores.argmax())] == "tar"
    assert np.isfinite(ranker.categorise(PACK, "tar")).all()
    context.close()


@pytest.mark.parametrize("form", [PLAIN, COMPACT], ids=["plain", "compact"])
def test_few_tokens_follow_a_key(served: llama.Model, form: Form) -> None:
    """While somebody types fewer than eight tokens are evaluated beside those of what was typed."""
    context = llama.Context(served, threads=1)
    ranker = Ranker(served, context, Forms(form, form), llama.BATCH_TOKENS)
    ranker.speak_of(NAMES, CATEGORIES)
    ranker.warm()
    ranker.rank(jobs.Question("find all", "linux", "zsh"), [], typing=True)
    before = ranker.evaluated
    ranker.rank(jobs.Question("find all python", "linux", "zsh"), [], typing=True)
    assert 0 < ranker.evaluated - before - len(served.tokenize(" python")) < 8
    context.close()


def _load(model: Path, warmth: Path | None = None, adapter: Path | None = None) -> jobs.Load:
    kept_in = str(warmth) if warmth else None
    return jobs.Load(str(model), str(adapter) if adapter else None, NAMES, CATEGORIES, jobs.Settings(2), kept_in)


def _worker() -> Worker:
    llama.start_backend()
    return Worker(AbortFlag(mmap.mmap(-1, mmap.PAGESIZE)))


def _done(worker: Worker, job: jobs.Job) -> jobs.Loaded | jobs.Scores:
    [result] = worker.do(job)
    assert isinstance(result, (jobs.Loaded, jobs.Scores)), result
    worker.tidy()
    return result


def test_warm_start(serving_file: Path, tmp_path: Path) -> None:
    """A worker started again takes its prefix from a file, evaluates little, and gives the same scores."""
    rank = jobs.Rank(FIND, list(range(len(NAMES))))
    first, again, other = _worker(), _worker(), _worker()
    loaded, scores = _done(first, _load(serving_file, tmp_path)), _done(first, rank)
    assert isinstance(loaded, jobs.Loaded)
    assert not loaded.info.warm
    loaded, warm = _done(again, _load(serving_file, tmp_path)), _done(again, rank)
    assert isinstance(loaded, jobs.Loaded)
    assert loaded.info.warm
    assert isinstance(scores, jobs.Scores)
    assert isinstance(warm, jobs.Scores)
    assert warm.values == pytest.approx(scores.values, abs=0.05)
    assert warm.evaluated < scores.evaluated
    renamed = jobs.Load(str(serving_file), None, NAMES[:3], CATEGORIES, jobs.Settings(2), str(tmp_path))
    loaded = _done(other, renamed)
    assert isinstance(loaded, jobs.Loaded)
    assert not loaded.info.warm


def _probabilities(logits: np.ndarray) -> np.ndarray:
    weights = np.exp(logits.astype(np.float64) - logits.max())
    return weights / weights.sum()


def test_merged_adapter(model_file: Path, serving_file: Path, tmp_path: Path) -> None:
    """With an adapter merged the model answers like the one beside it, says so, and is asked in our forms."""
    adapter = write_adapter(tmp_path / "ours.gguf", strength=0.02, prompt=PROMPT_VERSION)
    merged = serving_models.prepare(tmp_path, model_file, adapter)
    assert serving_models.check(merged) == ""
    alone = _done(_worker(), _load(merged))
    beside = _done(_worker(), _load(serving_file, adapter=adapter))
    assert isinstance(alone, jobs.Loaded)
    assert isinstance(beside, jobs.Loaded)
    assert (alone.info.merged, alone.info.trained, alone.info.adapter) == (True, True, str(adapter))
    assert (beside.info.merged, beside.info.trained, beside.info.adapter) == (False, True, str(adapter))
    assert (
        (alone.info.form, alone.info.typing_form) == (beside.info.form, beside.info.typing_form) == ("call", "compact")
    )
    plain, apart, together = _three(serving_file, adapter, merged)
    divergence = float((apart * np.log(apart / together)).sum())
    assert divergence < 0.1
    assert divergence < float((apart * np.log(apart / plain)).sum()) / 2


def _three(plain: Path, adapter: Path, merged: Path) -> list[np.ndarray]:
    """Return what follows a question by the plain model, with the adapter beside it, and merged."""
    found = []
    for path, beside in ((plain, None), (plain, adapter), (merged, None)):
        model = llama.Model(path)
        context = llama.Context(model, threads=2)
        loaded = llama.Adapter(model, beside) if beside else None
        context.use(loaded)
        tokens = tokens_of(["The best program to find files by name is called", " the"], model.tokenize)
        context.evaluate([(token, place, 0, place == len(tokens) - 1) for place, token in enumerate(tokens)])
        found.append(_probabilities(context.logits()))
        context.close()
        if loaded:
            loaded.close()
        model.close()
    return found


async def test_deleted_while_served(serving_file: Path, tmp_path: Path) -> None:
    """A model whose file is deleted goes on answering."""
    path = tmp_path / "model.gguf"
    os.link(serving_file, path)
    async with serving(plan_for(path)) as engine:
        path.unlink()
        assert best(await engine.rank(PACK, NAMES)) == "tar"
        assert best(await engine.categorise(PACK, "tar")) == "archive"
        assert engine.state == "ready"
