"""Serving models of a tiny Gemma: pruned, control tokens made distinct, quantised, an adapter merged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gguf import GGUFWriter

from tests.daemon.engine_files import LAYERS, WIDTH, write_adapter, write_model
from tests.daemon.tiny_gemma import EMBEDDING, HEAD, NORMAL, write_tiny_gemma
from tests.daemon.tiny_gemma import vocabulary as tiny_vocabulary
from toolrec_kb.functiongemma import PROMPT_VERSION
from toolrecd.engine import build, compatibility, controls, llama, vocabulary
from toolrecd.engine.compatibility import KEY_MERGED, KEY_ORIGINAL_IDS, KEY_PROMPT, KEY_VOCABULARY
from toolrecd.engine.gguf import GgufError, read_header
from toolrecd.engine.rewrite import Source
from toolrecd.engine.vocabulary import Ids

TOKENS, SCORES, TYPES = tiny_vocabulary()
WANTED = ("▁find", "▁finding", "▁files", "file")
F16, Q4_K, Q8_0 = 1, 12, 8
ADAPTED = ("attn_q", "attn_v")


@pytest.fixture
def keep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ids:
    """A keep list for the tiny vocabulary in the shipped one's place."""
    llama.start_backend()
    types = np.array(TYPES, dtype=np.int32)
    numbers = {token: number for number, token in enumerate(TOKENS) if TYPES[number] == NORMAL}
    kept = vocabulary.choose([numbers[word] for word in WANTED], 0, TOKENS, SCORES, types)
    file = tmp_path / "keep.xz"
    vocabulary.write_keep_list(file, kept, vocabulary.fingerprint([token.encode() for token in TOKENS]))
    monkeypatch.setattr(build, "KEEP_FILE", file)
    return kept


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A tiny base in F16."""
    return write_tiny_gemma(tmp_path / "tiny.gguf")


def _adapter(path: Path, *, strength: float = 0.05, alpha: float = 8.0, halves: str = "ab", width: int = WIDTH) -> Path:
    """Write an adapter of rank 4 for the tiny base."""
    writer = GGUFWriter(path, "gemma3")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", alpha)
    writer.add_uint32(KEY_PROMPT, PROMPT_VERSION)
    random = np.random.default_rng(1)
    for layer in range(LAYERS):
        for name in ADAPTED:
            down, up = random.normal(0, width**-0.5, (4, width)), strength * random.normal(size=(HEAD, 4))
            for half, matrix in zip("ab", (down, up), strict=True):
                if half in halves:
                    writer.add_tensor(f"blk.{layer}.{name}.weight.lora_{half}", matrix.astype(np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _logits(path: Path, tokens: list[int], adapter: Path | None = None) -> np.ndarray:
    model = llama.Model(path)
    context = llama.Context(model, threads=1)
    loaded = llama.Adapter(model, adapter) if adapter else None
    if loaded:
        context.use(loaded)
    context.evaluate([(token, place, 0, place == len(tokens) - 1) for place, token in enumerate(tokens)])
    logits = context.logits().astype(np.float64).copy()
    context.close()
    if loaded:
        loaded.close()
    model.close()
    return logits


def _probabilities(logits: np.ndarray) -> np.ndarray:
    weights = np.exp(logits - logits.max())
    return weights / weights.sum()


def _divergence(one: np.ndarray, other: np.ndarray) -> float:
    """Return how far one distribution is from another (Kullback and Leibler), in nats."""
    p, q = _probabilities(one), _probabilities(other)
    return float((p * np.log(p / q)).sum())


def _rows(path: Path) -> np.ndarray:
    with Source(path) as source:
        kind = source.header.tensors[EMBEDDING].kind
        return np.stack([controls.decode(row.tobytes(), kind) for row in source.rows(EMBEDDING)])


def test_float_base_is_pruned_and_quantised(tmp_path: Path, tiny: Path, keep: Ids) -> None:
    """Of a float base the kept tokens remain, with their numbers before; the embedding gets 8 bits, matrices fewer."""
    build.build(tiny, tmp_path / "out.gguf")
    header = read_header(tmp_path / "out.gguf")
    with Source(tmp_path / "out.gguf") as source:
        assert source.numbers(KEY_ORIGINAL_IDS).tolist() == keep.tolist()
        assert source.strings("tokenizer.ggml.tokens") == [TOKENS[number].encode() for number in keep]
        assert source.numbers("tokenizer.ggml.scores").tolist() == [SCORES[number] for number in keep]
        assert source.numbers("tokenizer.ggml.token_type").tolist() == [TYPES[number] for number in keep]
    assert header.number(KEY_VOCABULARY) == len(TOKENS)
    assert (header.tensors[EMBEDDING].shape, header.tensors[EMBEDDING].kind) == ((WIDTH, len(keep)), Q8_0)
    matrices = [tensor for name, tensor in header.tensors.items() if len(tensor.shape) == 2 and name != EMBEDDING]
    assert not any(tensor.kind == F16 for tensor in matrices)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["keep.xz", "out.gguf", "tiny.gguf"]


def test_quantised_base_goes_over_as_it_is(tmp_path: Path, tiny: Path, keep: Ids) -> None:
    """Weights that are quantised already stay byte for byte, and kept tokens get the logits that the base gives."""
    base = tmp_path / "q.gguf"
    llama.quantize(write_tiny_gemma(tmp_path / "t.gguf", trained=True), base, "Q4_K_M")
    build.build(base, tmp_path / "out.gguf")
    with Source(base) as one, Source(tmp_path / "out.gguf") as other:
        assert all(one.tensor(name) == other.tensor(name) for name in one.header.tensors if name != EMBEDDING)
        assert np.array_equal(one.rows(EMBEDDING)[keep], other.rows(EMBEDDING))
    old = [2, *keep[-12:-4].tolist()]
    new = [int(np.searchsorted(keep, token)) for token in old]
    assert np.allclose(_logits(base, old)[keep], _logits(tmp_path / "out.gguf", new), atol=1e-3)


def test_untrained_controls_are_made_distinct(tmp_path: Path, tiny: Path, keep: Ids) -> None:
    """Control rows that are all alike become distinct; every other row stays what it was but for the rounding."""
    build.build(tiny, tmp_path / "out.gguf")
    before, after = _rows(tiny)[keep], _rows(tmp_path / "out.gguf")
    numbers = [control.token for control in controls.WORDS]
    unit = after[numbers] / np.linalg.norm(after[numbers], axis=1, keepdims=True)
    likeness = unit @ unit.T
    assert likeness[np.triu_indices(len(numbers), 1)].max() < 0.9
    others = np.setdiff1d(np.arange(len(keep)), numbers)
    assert np.abs(before[others] - after[others]).max() < 0.01
    lengths = np.linalg.norm(after, axis=1)
    assert lengths[numbers].min() > lengths[others].mean() / 2


def test_trained_controls_stay(tmp_path: Path, keep: Ids) -> None:
    """Where a base has trained its control tokens their rows are left alone."""
    base = write_tiny_gemma(tmp_path / "trained.gguf", trained=True)
    build.build(base, tmp_path / "out.gguf")
    assert np.abs(_rows(base)[keep] - _rows(tmp_path / "out.gguf")).max() < 0.01


def test_functiongemma_keeps_its_names(tmp_path: Path, keep: Ids) -> None:
    """FunctionGemma is served from the same list of tokens, under its own names."""
    build.build(write_tiny_gemma(tmp_path / "f.gguf", trained=True, functiongemma=True), tmp_path / "out.gguf")
    with Source(tmp_path / "out.gguf") as source:
        tokens = source.strings("tokenizer.ggml.tokens")
        assert source.numbers(KEY_ORIGINAL_IDS).tolist() == keep.tolist()
    assert [tokens[control.token].decode() for control in controls.WORDS] == [each.text for each in controls.WORDS]


def _base_rows(likeness: float) -> np.ndarray:
    """Return rows of an embedding whose control tokens have about that cosine with each other."""
    random = np.random.default_rng(5)
    rows = random.normal(size=(len(TOKENS), WIDTH)).astype(np.float32)
    shared = random.normal(size=WIDTH)
    for control in controls.WORDS:
        rows[control.token] = likeness**0.5 * shared + (1 - likeness) ** 0.5 * random.normal(size=WIDTH)
    return rows


@pytest.mark.parametrize(
    ("likeness", "trained"), [(0.98, False), (0.94, False), (0.9, False), (0.5, True), (0.0, True)]
)
def test_untrained_is_told_from_trained(likeness: float, trained: bool) -> None:
    """Rows about as alike as the default base's, 0.90 to 0.98, are untrained; rows half as alike are not."""
    rows = _base_rows(likeness)
    made = controls.rows([token.encode() for token in TOKENS], lambda number: rows[number])
    assert set(made) == (set() if trained else {control.token for control in controls.WORDS})


@pytest.mark.parametrize("kind", [controls.F32, controls.F16, controls.BF16, controls.Q8_0])
def test_rows_are_written_as_they_are_read(kind: int) -> None:
    """A row comes back out of each type's bytes, within the type's precision; so does one of zeros."""
    row = np.random.default_rng(4).normal(size=64).astype(np.float32)
    assert np.allclose(controls.decode(controls.encode(row, kind), kind), row, atol=0.02)
    zeros = np.zeros(64, dtype=np.float32)
    assert np.array_equal(controls.decode(controls.encode(zeros, kind), kind), zeros)


def test_adapter_is_merged(tmp_path: Path, tiny: Path, keep: Ids) -> None:
    """The merged model answers like the model with the adapter beside it, unlike the bare one, and says so."""
    adapter = _adapter(tmp_path / "a.gguf", strength=0.3)
    build.build(tiny, tmp_path / "bare.gguf")
    build.build(tiny, tmp_path / "merged.gguf", adapter)
    header, tokens = read_header(tmp_path / "merged.gguf"), [2, *range(500, 512)]
    assert (header.text(KEY_MERGED), header.number(KEY_PROMPT)) == (str(adapter), PROMPT_VERSION)
    assert compatibility.is_ours(header)
    bare = _logits(tmp_path / "bare.gguf", tokens)
    beside = _logits(tmp_path / "bare.gguf", tokens, adapter)
    merged = _logits(tmp_path / "merged.gguf", tokens)
    assert _divergence(beside, merged) < _divergence(beside, bare) / 4
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix != ".gguf") == ["keep.xz"]


@pytest.mark.parametrize("alpha", [0.0, 2.0, 16.0])
def test_merged_weights_are_what_the_adapter_adds(tmp_path: Path, tiny: Path, alpha: float) -> None:
    """A merged matrix is W + s·B·A with llama.cpp's scale s: alpha by rank, and 1 where an adapter has no alpha."""
    adapter = _adapter(tmp_path / "a.gguf", alpha=alpha)
    name = "blk.3.attn_v.weight"
    with Source(tiny) as source, Source(adapter) as lora:
        merged = build._merged_tensors(source, lora)
        down, up = build._matrix(lora, f"{name}.lora_a"), build._matrix(lora, f"{name}.lora_b")
        expected = build._matrix(source, name) + (alpha / 4 if alpha else 1.0) * up @ down
        assert set(merged) == {f"blk.{layer}.{each}.weight" for layer in range(LAYERS) for each in ADAPTED}
    tensor, data = merged[name]
    assert (tensor.shape, tensor.kind) == ((WIDTH, HEAD), F16)
    assert np.allclose(np.frombuffer(data, dtype="<f2").reshape(HEAD, WIDTH), expected, atol=2e-3)


def test_progress(tmp_path: Path, tiny: Path, keep: Ids) -> None:
    """It is told what is done and how much of it, never more than all."""
    seen: list[tuple[str, float]] = []
    build.build(
        tiny, tmp_path / "out.gguf", _adapter(tmp_path / "a.gguf"), lambda what, share: seen.append((what, share))
    )
    assert list(dict.fromkeys(what for what, _ in seen)) == [
        "reading the vocabulary", "pruning the vocabulary", "merging the adapter", "quantising",
    ]  # fmt: skip
    assert all(0.0 <= share <= 1.0 for _, share in seen)


def test_foreign_vocabulary(tmp_path: Path, tiny: Path) -> None:
    """A model of the right shape with another vocabulary is refused with its file, and what to name instead."""
    with pytest.raises(GgufError) as refusal:
        build.build(tiny, tmp_path / "out.gguf")
    assert f"{tiny} has a vocabulary of {len(TOKENS)} tokens that is not Gemma 3's" in str(refusal.value)
    assert "name a Gemma 3 270M or FunctionGemma GGUF as model.path" in str(refusal.value)


def test_no_vocabulary(tmp_path: Path, keep: Ids) -> None:
    """A file without a tokeniser is refused by name, not stumbled over."""
    writer = GGUFWriter(tmp_path / "mute.gguf", "gemma3")
    writer.add_block_count(LAYERS)
    writer.add_embedding_length(WIDTH)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(GgufError, match=r"mute\.gguf"):
        build.build(tmp_path / "mute.gguf", tmp_path / "out.gguf")


def test_other_architecture(tmp_path: Path, keep: Ids) -> None:
    """A model of another architecture is refused with its file and what would be served."""
    base = write_model(tmp_path / "other.gguf", architecture="llama")
    with pytest.raises(GgufError, match=r"other\.gguf is a llama model .* toolrec serves Gemma 3 270M"):
        build.build(base, tmp_path / "out.gguf")


@pytest.mark.parametrize("which", ["tiny.gguf", "a.gguf"])
def test_truncated(tmp_path: Path, tiny: Path, keep: Ids, which: str) -> None:
    """A base or an adapter cut short is refused with its file and the remedy."""
    adapter = _adapter(tmp_path / "a.gguf")
    cut = tmp_path / which
    cut.write_bytes(cut.read_bytes()[:-5000])
    with pytest.raises(GgufError, match=rf"{which} is cut short.*fetch it again"):
        build.build(tiny, tmp_path / "out.gguf", adapter)


def test_adapter_of_another_width(tmp_path: Path, tiny: Path, keep: Ids) -> None:
    """An adapter whose matrices have another width is refused with its file and both widths."""
    adapter = _adapter(tmp_path / "a.gguf", width=512)
    with pytest.raises(GgufError, match=r"a\.gguf cannot be merged: .* width of 512, and the model's is 640"):
        build.build(tiny, tmp_path / "out.gguf", adapter)


def test_adapter_for_another_model(tmp_path: Path, tiny: Path, keep: Ids) -> None:
    """An adapter for the real base's matrices and vocabulary is refused on the tiny one."""
    with pytest.raises(GgufError, match=r"a\.gguf cannot be merged: it was made for a vocabulary of 262144"):
        build.build(tiny, tmp_path / "out.gguf", write_adapter(tmp_path / "a.gguf"))


@pytest.mark.parametrize("half", ["a", "b"])
def test_half_an_adapter(tmp_path: Path, tiny: Path, keep: Ids, half: str) -> None:
    """An adapter that lacks one half of its changes is refused by name."""
    adapter = _adapter(tmp_path / "a.gguf", halves=half)
    with pytest.raises(GgufError, match=r"a\.gguf"):
        build.build(tiny, tmp_path / "out.gguf", adapter)


def test_nothing_is_left_of_a_failure(tmp_path: Path, tiny: Path, keep: Ids) -> None:
    """Whatever goes wrong, nothing lies where the model was to be, nor beside it."""
    with pytest.raises(GgufError):
        build.build(tiny, tmp_path / "made" / "out.gguf", _missing(tmp_path))
    assert list((tmp_path / "made").iterdir()) == []


def _missing(tmp_path: Path) -> Path:
    (tmp_path / "made").mkdir()
    return tmp_path / "missing.gguf"
