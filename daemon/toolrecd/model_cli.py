"""`toolrecd model`: looks after the language model's files. The errors end in `cli`."""

from __future__ import annotations

import sys
from pathlib import Path

from toolrecd import config as configuration
from toolrecd.config import Config, Paths
from toolrecd.engine import basemodel, compatibility, selftest, serving
from toolrecd.engine.gguf import GgufError, Header, read_header
from toolrecd.errors import ToolrecError
from toolrecd.models import Models
from toolrecd.settings_file import set_value
from toolrecd.state import named_path

DEFAULT = "default"
_MEGABYTE = 1_000_000


def list_models(paths: Paths) -> str:
    """Return the models in the cache and the one that the configuration names, a line each."""
    config = configuration.read(paths.config_file)
    chosen = serving.base_path(paths.cache_dir, _named(config))
    bases = {paths.cache_dir / "models" / basemodel.FILE_NAME, chosen}
    lines = [_line("*" if base == chosen else " ", base, "base") for base in sorted(bases) if base.is_file()]
    for path, manifest in serving.known(paths.cache_dir):
        made = f"serving model of {Path(manifest.base).name}"
        made += f" with {Path(manifest.adapter).name} merged" if manifest.adapter else ""
        lines.append(_line("*" if manifest.base == str(chosen) else " ", path, made))
    return "\n".join(lines) or "no model yet; make it with: toolrecd model prepare"


def prepare(paths: Paths, named: str | None) -> Path:
    """Make the serving model of the configured base, or of the one named, showing how far it is."""
    config = configuration.read(paths.config_file)
    base = named_path(named) if named else _named(config)
    found = serving.find(paths.cache_dir, serving.base_path(paths.cache_dir, base))
    if found:
        return found
    shown = False

    def progress(what: str, share: float) -> None:
        nonlocal shown
        if sys.stderr.isatty():
            shown = True
            print(f"\r{what}: {share:4.0%}\x1b[K", end="", file=sys.stderr, flush=True)

    try:
        return serving.prepare(paths.cache_dir, base, progress=progress)
    finally:
        if shown:
            print(file=sys.stderr)


def use(paths: Paths, named: str) -> str:
    """Name a model in the configuration file, or the default one; return what was done.

    Raises:
        ToolrecError: the file cannot be served; the configuration stays as it was.
    """
    value = "" if named == DEFAULT else str(named_path(named))
    if value and not serving.is_serving_model(Path(value)):
        prepare(paths, value)
    set_value(paths.config_file, "model", "path", value)
    return f"{value or 'the default base'} is served from now on, as {paths.config_file} says"


def test(paths: Paths) -> str:
    """Try how the configured model runs best on this machine, now; return what came out."""
    model = Models(configuration.read(paths.config_file), paths.cache_dir).choose().model
    selftest.run(paths.cache_dir, model)
    return "\n".join(f"{name:12} {text}" for name, text in selftest_rows(paths.cache_dir, model))


def info(paths: Paths, named: str | None) -> str:
    """Return what a model is, what is served of it, whether that is whole, and how it is run here."""
    config = configuration.read(paths.config_file)
    base = named_path(named) if named else serving.base_path(paths.cache_dir, _named(config))
    if not named and not config.model.path and not base.is_file():
        raise ToolrecError(f"the default base is not in the cache yet ({base}); run: toolrecd model prepare")
    try:
        header = read_header(base)
        compatibility.check_model(header, str(base))
    except GgufError as error:
        raise ToolrecError(str(error)) from None
    rows = [("file", str(base)), *_header_rows(header, base), *_serving_rows(paths.cache_dir, base)]
    return "\n".join(f"{name:12} {text}" for name, text in rows)


def _header_rows(header: Header, base: Path) -> list[tuple[str, str]]:
    tokens = header.array_lengths.get("tokenizer.ggml.tokens", 0)
    pruned = compatibility.KEY_ORIGINAL_IDS in header.array_lengths
    merged = header.text(compatibility.KEY_MERGED)
    return [
        ("name", header.text("general.name") or "none"),
        ("size", f"{base.stat().st_size / _MEGABYTE:.0f} MB"),
        ("vocabulary", f"{tokens} tokens" + (", pruned" if pruned else "")),
        *([("adapter", f"{merged}, merged")] if merged else []),
    ]


def _serving_rows(cache: Path, base: Path) -> list[tuple[str, str]]:
    found = serving.find(cache, base)
    if found is None and not serving.is_serving_model(base):
        return [("serving", f"not made yet; run: toolrecd model prepare {base}")]
    served = found or base
    size = served.stat().st_size / _MEGABYTE
    problem = serving.check(served) if found else ""
    state = f"damaged ({problem}): it is made anew at the next start" if problem else "checksum right"
    return [
        *([("serving", str(found)), ("", f"{size:.0f} MB, {state}")] if found else []),
        *selftest_rows(cache, served),
    ]


def selftest_rows(cache: Path, model: Path) -> list[tuple[str, str]]:
    """Return what the self-test chose for a model and why, as rows for a person."""
    record = selftest.remembered(cache, model)
    if record is None:
        return [
            (
                "self-test",
                "not made yet: the daemon makes it when the machine has little to do, or: toolrecd model test",
            )
        ]
    rows = [("self-test", f"{record.chosen}, chosen on {record.when}")]
    for trial in record.trials:
        figures = f"{trial.key_ms:.1f} ms a key, {trial.step_ms:.1f} ms a step between names"
        rows.append(("", f"{trial.settings}: {trial.problem or figures}"))
    return rows


def _line(mark: str, path: Path, what: str) -> str:
    return f"{mark} {path.stat().st_size / _MEGABYTE:5.0f} MB  {what:44} {path}"


def _named(config: Config) -> Path | None:
    return named_path(config.model.path) if config.model.path else None
