"""Writes GGUF files for the engine's tests: small ones, adapters for the real model, and FunctionGemma's names."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from gguf import GGUFWriter

from toolrec_kb.functiongemma import Control
from toolrecd.engine.compatibility import KEY_BASE, KEY_ORIGINAL_IDS, KEY_PROMPT, KEY_VOCABULARY

BASE_NAME = "Gemma 3 270m"  # what the base model calls itself
VOCABULARY = 262_144
LAYERS, WIDTH = 18, 640
# Inputs and outputs of the matrices that adapters change, in Gemma 3 270M.
MATRICES = {
    "attn_q": (WIDTH, 1024),
    "attn_v": (WIDTH, 256),
    "ffn_down": (2048, WIDTH),
}
_FIRST_UNUSED = 40  # FunctionGemma's seven control tokens stand where Gemma 3 has <unused40> to <unused46>
_ALIGNMENT = 32


def write_model(
    path: Path,
    *,
    architecture: str = "gemma3",
    kind: str = "model",
    layers: int = LAYERS,
    width: int = WIDTH,
    original_ids: list[int] | None = None,
) -> Path:
    """Write a small file with the header of such a model and one matrix a layer; no engine could run it."""
    writer = GGUFWriter(path, architecture)
    writer.add_type(kind)
    writer.add_name(BASE_NAME)
    writer.add_block_count(layers)
    writer.add_embedding_length(width)
    writer.add_token_list(["<pad>", "<eos>", "<bos>", "word", "Wörter"])
    writer.add_token_scores([0.0, -1.0, -2.0, -3.0, -4.0])
    writer.add_float32("gemma3.rope.freq_base", 1e6)
    writer.add_bool("tokenizer.ggml.add_bos_token", True)
    if original_ids is not None:
        writer.add_array(KEY_ORIGINAL_IDS, original_ids)
    for layer in range(layers):
        writer.add_tensor(f"blk.{layer}.attn_q.weight", np.zeros((8, width), dtype=np.float16))
    writer.add_tensor("output_norm.weight", np.zeros(width, dtype=np.float32))
    return _finish(writer, path)


def write_adapter(
    path: Path,
    *,
    strength: float = 0.0,
    architecture: str = "gemma3",
    width: int = WIDTH,
    base: str | None = BASE_NAME,
    vocabulary: int | None = VOCABULARY,
    prompt: int | None = None,
    seed: int = 0,
) -> Path:
    """Write an F16 LoRA adapter of rank 4 for Gemma 3 270M; `strength` 0 leaves the model as it is."""
    writer = GGUFWriter(path, architecture)
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", 8.0)
    if base is not None:
        writer.add_string(KEY_BASE, base)
    if vocabulary is not None:
        writer.add_uint32(KEY_VOCABULARY, vocabulary)
    if prompt is not None:
        writer.add_uint32(KEY_PROMPT, prompt)
    random = np.random.default_rng(seed)
    for layer in range(LAYERS):
        for name, (inputs, outputs) in MATRICES.items():
            rows = width if inputs == WIDTH else inputs
            target = f"blk.{layer}.{name}.weight"
            writer.add_tensor(f"{target}.lora_a", random.normal(0, rows**-0.5, (4, rows)).astype(np.float16))
            writer.add_tensor(f"{target}.lora_b", (strength * random.normal(size=(outputs, 4))).astype(np.float16))
    return _finish(writer, path)


def write_functiongemma(path: Path, base: Path) -> Path:
    """Write the base model with FunctionGemma's names for its seven control tokens.

    The names are put into the header as it is: rebuilding 262,144 tokens takes the gguf package 20 s.
    """
    data = base.read_bytes()
    controls = [control for control in Control if 46 <= control.token <= 52]
    new = {f"<unused{_FIRST_UNUSED + control.token - 46}>": control.text for control in controls}
    growth = sum(len(name) - len(old) for old, name in new.items())
    # One more name grows along, so that the tensors stay aligned.
    new["<unused98>"] = "<unused98" + "_" * (-growth % _ALIGNMENT) + ">"
    for old, name in new.items():
        assert data.count(_string(old)) == 1
        data = data.replace(_string(old), _string(name))
    path.write_bytes(data)
    return path


def _string(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode()


def _finish(writer: GGUFWriter, path: Path) -> Path:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
