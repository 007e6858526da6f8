"""Adapters on the real model, and a FunctionGemma file of the user's own."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.daemon.engine_files import write_adapter, write_functiongemma
from tests.daemon.engine_real import FIND, NAMES, PACK, best, plan_for, serving
from toolrec_kb.functiongemma import PROMPT_VERSION
from toolrecd.engine.supervisor import Supervisor

SAME = 1e-3
CHANGED = 0.05


@pytest.fixture(scope="module")
def neutral(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter that changes nothing."""
    return write_adapter(tmp_path_factory.mktemp("adapters") / "neutral.gguf")


@pytest.fixture(scope="module")
def strong(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter that changes everything."""
    return write_adapter(tmp_path_factory.mktemp("adapters") / "strong.gguf", strength=0.02)


@pytest.fixture(scope="module")
def functiongemma(tmp_path_factory: pytest.TempPathFactory, model_file: Path) -> Path:
    """A model whose control tokens have FunctionGemma's names."""
    return write_functiongemma(tmp_path_factory.mktemp("models") / "functiongemma.gguf", model_file)


def _adapter(engine: Supervisor) -> str | None:
    assert engine.info is not None
    return engine.info.adapter


def _difference(one: dict[str, float], other: dict[str, float]) -> float:
    return max(abs(one[name] - other[name]) for name in one)


@pytest.mark.slow
async def test_adapters_are_swapped(model_file: Path, neutral: Path, strong: Path) -> None:
    """An adapter of zeros changes no score, one of noise does; each is loaded at the start or swapped in."""
    async with serving(plan_for(model_file)) as engine:
        bare = await engine.rank(FIND, NAMES)
        assert await engine.replace(plan_for(model_file, neutral)) == ""
        assert _adapter(engine) == str(neutral)
        assert _difference(bare, await engine.rank(FIND, NAMES)) < SAME
        assert await engine.replace(plan_for(model_file, strong)) == ""
        assert _adapter(engine) == str(strong)
        changed = await engine.rank(FIND, NAMES)
        assert _difference(bare, changed) > CHANGED
        assert await engine.replace(plan_for(model_file)) == ""
        assert _adapter(engine) is None
        assert _difference(bare, await engine.rank(FIND, NAMES)) < SAME
    async with serving(plan_for(model_file, strong)) as engine:
        assert (_adapter(engine), engine.problem) == (str(strong), "")
        assert _difference(changed, await engine.rank(FIND, NAMES)) < SAME


@pytest.mark.slow
async def test_refused_adapter_at_the_start(model_file: Path, tmp_path: Path) -> None:
    """An adapter of another architecture is refused with the reason, and the base serves without it."""
    path = write_adapter(tmp_path / "llama.gguf", architecture="llama")
    async with serving(plan_for(model_file, path)) as engine:
        assert (engine.state, _adapter(engine)) == ("ready", None)
        assert engine.problem == (
            f"adapter {path} is not used: it was made for the architecture 'llama', and the model is 'gemma3'"
        )
        assert best(await engine.rank(PACK, NAMES)) == "tar"


@pytest.mark.slow
async def test_refused_adapters_when_swapped(model_file: Path, tmp_path: Path, strong: Path) -> None:
    """A bad adapter that is swapped in is refused with the reason; the worker and the adapter before it stay."""
    cut = tmp_path / "cut.gguf"
    shutil.copyfile(strong, cut)
    os.truncate(cut, 100_000)
    refused = {
        write_adapter(tmp_path / "prompt.gguf", prompt=PROMPT_VERSION + 1): "train it again",
        tmp_path / "missing.gguf": "No such file",
        cut: "is cut short",
    }
    async with serving(plan_for(model_file, strong)) as engine:
        pid, before = engine.pid, await engine.rank(FIND, NAMES)
        for path, reason in refused.items():
            problem = await engine.replace(plan_for(model_file, path))
            assert problem.startswith(f"adapter {path} is not used: ")
            assert reason in problem
        assert (engine.pid, _adapter(engine), engine.state) == (pid, str(strong), "ready")
        assert _difference(before, await engine.rank(FIND, NAMES)) < 1.0


@pytest.mark.slow
async def test_adapter_of_ours_is_asked_for_calls(model_file: Path, tmp_path: Path) -> None:
    """With an adapter that was trained for the call form the model is asked in it."""
    path = write_adapter(tmp_path / "ours.gguf", strength=0.001, prompt=PROMPT_VERSION)
    async with serving(plan_for(model_file, path)) as engine:
        assert engine.info is not None
        assert (engine.info.form, engine.info.functiongemma) == ("call", False)
        assert (engine.info.typing_form, engine.info.trained, engine.info.merged) == ("compact", True, False)
        assert set(await engine.rank(FIND, NAMES)) == set(NAMES)


@pytest.mark.slow
async def test_functiongemma(functiongemma: Path) -> None:
    """A FunctionGemma file is known by its tokens' names, asked for calls, and ranks, categorises and thinks."""
    async with serving(plan_for(functiongemma)) as engine:
        assert (engine.state, engine.problem) == ("ready", "")
        assert engine.info is not None
        assert (engine.info.functiongemma, engine.info.form) == (True, "call")
        assert (engine.info.typing_form, engine.info.trained) == ("call", False)
        assert engine.info.path == str(functiongemma)
        scores = await engine.rank(FIND, NAMES)
        assert set(scores) == set(NAMES)
        assert len(set(scores.values())) > len(NAMES) / 2
        assert _difference(scores, await engine.rank(PACK, NAMES)) > CHANGED
        assert len(await engine.categorise(FIND, "find")) == 5
        thought = "".join([piece async for piece in engine.think(FIND)])
        assert "<start_function_call>" not in thought


@pytest.mark.slow
async def test_functiongemma_in_place_of_the_base(model_file: Path, functiongemma: Path) -> None:
    """The user's own model takes the base's place by a reload, and is asked in its own form."""
    async with serving(plan_for(model_file)) as engine:
        assert await engine.replace(plan_for(functiongemma)) == ""
        assert engine.info is not None
        assert (engine.info.functiongemma, engine.info.form) == (True, "call")
