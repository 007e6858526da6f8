"""Which files are chosen for a configuration, with which settings, and what becomes of an adapter in time."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.daemon import serving_child
from tests.daemon.serving_child import Child
from tests.daemon.small_base import BASE
from toolrecd.config import Config, ModelConfig, Paths
from toolrecd.engine import selftest, serving
from toolrecd.engine.jobs import Settings
from toolrecd.engine.plan import Choice
from toolrecd.engine.selftest import Record, Trial
from toolrecd.errors import ToolrecError
from toolrecd.models import FIRST_THREADS, WARMTH_FOLDER, Models, plan_for


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Child:
    """A quick recipe for serving models, and a machine of four processors."""
    monkeypatch.setattr(selftest, "cores", lambda: 4)
    return Child(tmp_path, monkeypatch)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """An empty cache."""
    made = tmp_path / "cache"
    made.mkdir()
    return made


def _file(tmp_path: Path, name: str) -> Path:
    path = tmp_path / name
    path.write_bytes(name.encode())
    return path


def _models(cache: Path, *, adapter: bool = False, threads: int = 0) -> Models:
    base = _file(cache.parent, "base.gguf") if not (cache.parent / "base.gguf").exists() else cache.parent / "base.gguf"
    tuned = cache.parent / "adapter.gguf"
    if adapter and not tuned.exists():
        _file(cache.parent, "adapter.gguf")
    return Models(Config(ModelConfig(path=str(base), adapter=str(tuned) if adapter else "", threads=threads)), cache)


def _remember(cache: Path, model: Path, chosen: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(
            selftest,
            "trial",
            lambda model, adapter, settings: Trial(settings, "", 1, 1 if settings == chosen else 9, 1),
        )
        patch.setattr(selftest, "candidates", lambda threads: (selftest.SAFEST, chosen))
        assert selftest.run(cache, model).chosen == chosen


def _costs(monkeypatch: pytest.MonkeyPatch, *, apart: Trial, alone: Trial) -> None:
    monkeypatch.setattr(selftest, "trial", lambda model, adapter, settings: apart if adapter else alone)


def _trial(cost: float, problem: str = "") -> Trial:
    return Trial(Settings(), problem, 1.0, cost / 2, cost / 2)


def test_serving_model_is_made(child: Child, cache: Path) -> None:
    """Without an adapter the base's serving model is chosen, made the first time."""
    models = _models(cache)
    choice = models.choose()
    assert (choice.model.parent, choice.adapter, choice.problem) == (cache / "models" / serving.FOLDER, None, "")
    assert models.choose() == choice
    assert child.makes == 1


def test_adapter_beside_the_model(child: Child, cache: Path) -> None:
    """An adapter is loaded beside the serving model until it is merged."""
    choice = _models(cache, adapter=True).choose()
    assert choice.adapter == cache.parent / "adapter.gguf"
    assert choice.model == _models(cache).choose().model


def test_merged_is_preferred(child: Child, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the adapter merged that model is chosen, with nothing beside it; without the adapter the plain one is."""
    models = _models(cache, adapter=True)
    choice = models.choose()
    _costs(monkeypatch, apart=_trial(20), alone=_trial(10))
    assert models.to_merge(choice)
    assert models.merge(choice)
    merged = models.choose()
    assert merged.adapter is None
    assert merged.model != choice.model
    assert merged.model.read_bytes() == b"made of base.ggufadapter.gguf"
    assert not models.to_merge(merged)
    assert _models(cache).choose().model == choice.model


def test_adapter_trained_again(child: Child, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An adapter that changed is loaded beside the model again, though its older self was merged."""
    models = _models(cache, adapter=True)
    _costs(monkeypatch, apart=_trial(20), alone=_trial(10))
    before = models.choose()
    assert models.merge(before)
    (cache.parent / "adapter.gguf").write_bytes(b"adapter, trained again")
    assert models.choose() == before
    assert models.to_merge(before)


@pytest.mark.parametrize(
    ("apart", "alone", "kept"),
    [
        (_trial(20), _trial(10), True),
        (_trial(10), _trial(20), False),
        (_trial(10), _trial(10), False),
        (_trial(20), _trial(1, "crashed with SIGILL"), False),
        (_trial(1, "took more than 60 s"), _trial(20), True),
    ],
    ids=["faster", "slower", "equal", "crashes", "apart crashes"],
)
def test_merge_is_kept_if_it_is_faster(
    child: Child, cache: Path, monkeypatch: pytest.MonkeyPatch, apart: Trial, alone: Trial, kept: bool
) -> None:
    """The merged model stays only where it is faster than the two apart; else it is removed and they are served."""
    models = _models(cache, adapter=True)
    choice = models.choose()
    _costs(monkeypatch, apart=apart, alone=alone)
    assert models.merge(choice) is kept
    assert (models.choose().adapter is None) is kept
    assert len(list(serving.known(cache))) == (2 if kept else 1)


def test_merge_that_cannot_be_made(child: Child, cache: Path) -> None:
    """A merge that fails is an error, and what was served stays chosen."""
    models = _models(cache, adapter=True)
    choice = models.choose()
    child.does(serving_child.DISK_IS_FULL)
    with pytest.raises(ToolrecError, match="No space left"):
        models.merge(choice)
    assert models.choose() == choice


def test_nothing_to_merge(child: Child, cache: Path) -> None:
    """Without an adapter, and where the whole base serves, nothing is merged."""
    assert not _models(cache).to_merge(_models(cache).choose())
    child.does(serving_child.DISK_IS_FULL)
    serving.remove(_models(cache).choose().model)
    models = _models(cache, adapter=True)
    choice = models.choose()
    assert choice.model == cache.parent / "base.gguf"
    assert "No space left" in choice.problem
    assert not models.to_merge(choice)


def test_settings_before_a_self_test(child: Child, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until a self-test has told it is two threads, no more than there are processors, or the person's own count."""
    assert _models(cache).choose().settings == Settings(FIRST_THREADS)
    assert _models(cache, threads=3).choose().settings == Settings(3)
    monkeypatch.setattr(selftest, "cores", lambda: 1)
    assert _models(cache).choose().settings == Settings(1)


def test_settings_of_a_record(child: Child, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a self-test chose is used; a person's own count of threads stays above it."""
    models = _models(cache)
    choice = models.choose()
    assert not models.tried(choice.model)
    _remember(cache, choice.model, Settings(4, repack=True), monkeypatch)
    assert models.tried(choice.model)
    assert models.choose().settings == Settings(4, repack=True)
    assert _models(cache, threads=3).choose().settings == Settings(3, repack=True)


def test_try_out(child: Child, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A self-test is made with the person's count of threads, and its outcome is what is chosen then."""
    seen: list[Settings] = []

    def trial(model: Path, adapter: Path | None, settings: Settings) -> Trial:
        seen.append(settings)
        return Trial(settings, "", 1, 1 if settings.repack else 9, 1)

    monkeypatch.setattr(selftest, "trial", trial)
    models = _models(cache, threads=3)
    assert models.try_out(models.choose().model) == Settings(3, repack=True)
    assert {settings.threads for settings in seen} == {3}
    assert models.choose().settings == Settings(3, repack=True)


def test_safer(child: Child, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a crash the next best way is returned and remembered."""
    models = _models(cache)
    choice = models.choose()
    _remember(cache, choice.model, Settings(4, repack=True), monkeypatch)
    assert models.safer(models.choose(), "was killed by SIGILL") == selftest.SAFEST
    assert models.choose().settings == selftest.SAFEST
    record = selftest.remembered(cache, choice.model)
    assert isinstance(record, Record)
    assert [each.problem for each in record.trials] == ["", "in service: was killed by SIGILL"]


def test_model_deleted_while_served(child: Child, cache: Path) -> None:
    """A serving model that was deleted is made again at the next choice."""
    models = _models(cache)
    choice = models.choose()
    choice.model.unlink()
    assert models.choose() == choice
    assert choice.model.exists()
    assert child.makes == 2


def test_plan(child: Child, cache: Path) -> None:
    """A plan names the tools and categories, the idle time in seconds, where warmth is kept, and how to choose."""
    base = _file(cache.parent, "base.gguf")
    config = Config(ModelConfig(path=str(base), idle_minutes=0.5))
    plan = plan_for(config, Paths(cache.parent, cache), BASE)
    assert plan.names == [tool.name for tool in BASE.tools]
    assert plan.categories == [category.name for category in BASE.categories]
    assert (plan.idle_s, plan.warmth) == (30.0, cache / WARMTH_FOLDER)
    assert plan.choose() == Models(config, cache).choose()
    assert plan.safer is not None
    assert plan.safer(Choice(base, None, Settings(2, repack=True)), "x") == selftest.SAFEST
