"""Makes a serving model of a base: fewer tokens, distinct control tokens, quantised weights, an adapter merged.

Knows how a model is rewritten, not where models are kept (`serving` does). The weights that a base already has
quantised go over as they are, so that logits of kept tokens do not change; docs/measurements.md, "Serving model",
has what other quantisations cost and gain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from toolrecd.engine import compatibility, controls, rewrite, vocabulary
from toolrecd.engine.compatibility import (
    KEY_BASE,
    KEY_MERGED,
    KEY_ORIGINAL_IDS,
    KEY_PROMPT,
    KEY_VOCABULARY,
)
from toolrecd.engine.gguf import GgufError, Header, Tensor, read_header
from toolrecd.engine.rewrite import Source
from toolrecd.engine.serving import KEEP_FILE

EMBEDDING: Final = "token_embd.weight"
TOKENS, SCORES, TYPES = (f"tokenizer.ggml.{name}" for name in ("tokens", "scores", "token_type"))
_FLOATS: Final = frozenset({0, 1, 30})  # F32, F16, BF16: not quantised yet
_F16: Final = 1

Progress = Callable[[str, float], None]
"""Told what is being done, and how much of it is, 0 to 1."""


def build(base: Path, out: Path, adapter: Path | None = None, progress: Progress = lambda what, share: None) -> None:
    """Write the serving model of `base` to `out`, with `adapter` merged into it if one is given.

    Raises:
        GgufError: another architecture or vocabulary, a damaged file, an adapter that does not fit.
        OSError: `out` cannot be written.
    """
    header = read_header(base)
    compatibility.check_model(header, str(base))
    pruned = out.with_name(out.name + ".pruned")
    try:
        _prune(base, pruned, progress)
        if adapter is None and not _unquantised(read_header(pruned)):
            pruned.replace(out)
        else:
            _quantise(pruned, out, adapter, progress)
    finally:
        pruned.unlink(missing_ok=True)


def _prune(base: Path, out: Path, progress: Progress) -> None:
    progress("reading the vocabulary", 0.0)
    with Source(base) as source:
        if TOKENS not in source.header.pairs or EMBEDDING not in source.header.tensors:
            raise GgufError(f"{base} holds no vocabulary; name a whole Gemma 3 270M or FunctionGemma GGUF")
        tokens = source.strings(TOKENS)
        kept = _kept(source, tokens)
        rows = source.rows(EMBEDDING)
        sliced = _with_controls(source, tokens, rows, kept)
        embedding = source.header.tensors[EMBEDDING]
        tensors = {EMBEDDING: (Tensor((embedding.shape[0], len(kept)), embedding.kind, 0), sliced)}
        pairs = {
            TOKENS: rewrite.strings_pair(TOKENS, [tokens[number] for number in kept]),
            SCORES: rewrite.numbers_pair(SCORES, source.numbers(SCORES)[kept]),
            TYPES: rewrite.numbers_pair(TYPES, source.numbers(TYPES)[kept]),
            KEY_ORIGINAL_IDS: rewrite.numbers_pair(KEY_ORIGINAL_IDS, kept),
            KEY_VOCABULARY: rewrite.number_pair(KEY_VOCABULARY, len(tokens)),
        }
        total = sum(len(data) for _, data in tensors.values()) + _other_bytes(source)
        with out.open("wb") as file:
            for done in rewrite.copy(source, file, pairs=pairs, tensors=tensors):
                progress("pruning the vocabulary", min(done / total, 1.0))


def _kept(source: Source, tokens: list[bytes]) -> vocabulary.Ids:
    kept, made_for = vocabulary.read_keep_list(KEEP_FILE)
    if vocabulary.fingerprint(tokens) != made_for:
        raise GgufError(
            f"{source.path} has a vocabulary of {len(tokens)} tokens that is not Gemma 3's; "
            "name a Gemma 3 270M or FunctionGemma GGUF as model.path"
        )
    return kept


def _with_controls(source: Source, tokens: list[bytes], rows: rewrite.Bytes, kept: vocabulary.Ids) -> bytes:
    """Return the kept rows as bytes, the control tokens' made distinct where they need it."""
    kind = source.header.tensors[EMBEDDING].kind
    sliced = rows[kept].copy()
    try:
        new = controls.rows(tokens, lambda number: controls.decode(rows[number].tobytes(), kind))
    except KeyError:  # an embedding type that only llama.cpp reads: such a file was made by somebody who trained it
        new = {}
    for number, row in new.items():
        place = int(np.searchsorted(kept, number))
        sliced[place] = np.frombuffer(controls.encode(row, kind), dtype=np.uint8)
    return sliced.tobytes()


def _other_bytes(source: Source) -> int:
    return sum(len(source.tensor(name)) for name in source.header.tensors if name != EMBEDDING)


def _unquantised(header: Header) -> bool:
    return any(tensor.kind in _FLOATS and len(tensor.shape) > 1 for tensor in header.tensors.values())


def _quantise(pruned: Path, out: Path, adapter: Path | None, progress: Progress) -> None:
    from toolrecd.engine import llama

    wide, merged = out.with_name(out.name + ".f16"), out.with_name(out.name + ".merged")
    try:
        if adapter is not None:
            progress("merging the adapter", 0.0)
            llama.quantize(pruned, wide, "F16")
            _merge(wide, adapter, merged, progress)
        progress("quantising", 0.0)
        llama.quantize(merged if adapter is not None else pruned, out, "Q4_K_M")
        progress("quantising", 1.0)
    finally:
        wide.unlink(missing_ok=True)
        merged.unlink(missing_ok=True)


def _merge(wide: Path, adapter: Path, out: Path, progress: Progress) -> None:
    with Source(wide) as source, Source(adapter) as lora:
        problem = compatibility.adapter_problem(lora.header, source.header)
        if problem:
            raise GgufError(f"adapter {adapter} cannot be merged: {problem}")
        tensors = _merged_tensors(source, lora)
        pairs = {KEY_MERGED: rewrite.text_pair(KEY_MERGED, str(adapter))}
        prompt = lora.header.number(KEY_PROMPT)
        if prompt is not None:
            pairs[KEY_PROMPT] = rewrite.number_pair(KEY_PROMPT, prompt)
        if lora.header.text(KEY_BASE):
            pairs[KEY_BASE] = rewrite.text_pair(KEY_BASE, lora.header.text(KEY_BASE))
        with out.open("wb") as file:
            for done in rewrite.copy(source, file, pairs=pairs, tensors=tensors):
                progress("merging the adapter", min(done / len(source.data), 1.0))


def _merged_tensors(source: Source, lora: Source) -> Mapping[str, tuple[Tensor, bytes]]:
    """Return the changed matrices: W + alpha / rank · B A, in F16."""
    alpha = float(lora.header.values.get("adapter.lora.alpha", 0.0))
    merged: dict[str, tuple[Tensor, bytes]] = {}
    for name in lora.header.tensors:
        target, _, half = name.rpartition(".")
        if half != "lora_a":
            continue
        down, up = _matrix(lora, name), _matrix(lora, f"{target}.lora_b")
        scale = alpha / len(down) if alpha else 1.0  # as llama.cpp has it
        weights = _matrix(source, target) + scale * (up @ down)
        merged[target] = (Tensor(source.header.tensors[target].shape, _F16, 0), weights.astype("<f2").tobytes())
    return merged


def _matrix(source: Source, name: str) -> np.ndarray[Any, np.dtype[np.float32]]:
    tensor = source.header.tensors[name]
    if tensor.kind in (controls.F32, controls.F16, controls.BF16, controls.Q8_0):
        return controls.decode(source.tensor(name), tensor.kind).reshape(tensor.shape[1], tensor.shape[0])
    raise GgufError(f"{source.path}: {name} is of a type that cannot be merged; export the adapter as F16")
