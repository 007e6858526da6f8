"""Writes a Gemma 3 that llama.cpp loads, with the real one's depth and width but few words and narrow layers.

Its tokens stand where the real vocabulary has them: controls, bytes, then characters and words, each after the pieces
that it is joined of.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from gguf import GGUFWriter

from tests.daemon.engine_files import BASE_NAME, LAYERS, WIDTH
from toolrec_kb.functiongemma import Control
from toolrecd.engine.controls import WORDS
from toolrecd.engine.vocabulary import FIRST_TEXT

CONTROL, NORMAL, BYTE = 3, 1, 6
FIRST_BYTE = FIRST_TEXT - 256
HIDDEN, HEAD = 64, 64
CHARACTERS = "▁abcdefghijklmnopqrstuvwxyz-.äß猫"
TEXT_WORDS = ("▁find", "▁finding", "▁files", "file", "les", "ind", "▁f", "-l", "▁a", "aa", "aaa", "▁猫", "ßä")
MATRICES = {
    "attn_q": (WIDTH, HEAD),
    "attn_k": (WIDTH, HEAD),
    "attn_v": (WIDTH, HEAD),
    "attn_output": (HEAD, WIDTH),
    "ffn_gate": (WIDTH, HIDDEN),
    "ffn_up": (WIDTH, HIDDEN),
    "ffn_down": (HIDDEN, WIDTH),
}
VECTORS = {
    "attn_norm": WIDTH,
    "attn_q_norm": HEAD,
    "attn_k_norm": HEAD,
    "post_attention_norm": WIDTH,
    "ffn_norm": WIDTH,
    "post_ffw_norm": WIDTH,
}
EMBEDDING = "token_embd.weight"


def vocabulary(*, functiongemma: bool = False) -> tuple[list[str], list[float], list[int]]:
    """Return tokens, scores and types."""
    renamed = [control for control in Control if 46 <= control.token <= 52]
    named = {each.token: each.text if functiongemma else f"<unused{each.token - 6}>" for each in renamed}
    tokens = [named.get(number, f"<special{number}>") for number in range(FIRST_BYTE)]
    tokens[:4] = ["<pad>", "<eos>", "<bos>", "<unk>"]
    tokens += [f"<0x{byte:02X}>" for byte in range(256)]
    text = dict.fromkeys(CHARACTERS)
    for word in (*TEXT_WORDS, *(f"▁{word}" for words in WORDS.values() for word in words)):
        text.update(dict.fromkeys(word[:length] for length in range(2, len(word) + 1)))
    types = [CONTROL] * FIRST_BYTE + [BYTE] * 256 + [NORMAL] * len(text)
    tokens += list(text)
    return tokens, [0.0 if number < FIRST_TEXT else float(-number) for number in range(len(tokens))], types


def write_tiny_gemma(path: Path, *, trained: bool = False, functiongemma: bool = False, seed: int = 0) -> Path:
    """Write the model in F16; `trained` gives every control token a row of its own, `functiongemma` its name."""
    tokens, scores, types = vocabulary(functiongemma=functiongemma)
    writer = GGUFWriter(path, "gemma3")
    writer.add_type("model")
    writer.add_name(BASE_NAME)
    writer.add_context_length(1024)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(1)
    writer.add_head_count_kv(1)
    writer.add_key_length(HEAD)
    writer.add_value_length(HEAD)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_sliding_window(512)
    writer.add_rope_freq_base(1e6)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores(scores)
    writer.add_token_types(types)
    writer.add_bos_token_id(2)
    writer.add_eos_token_id(1)
    writer.add_add_space_prefix(False)
    random = np.random.default_rng(seed)
    embedding = random.normal(0, 0.05, (len(tokens), WIDTH))
    if not trained:
        for control in WORDS:
            embedding[control.token] = embedding[0] + random.normal(0, 1e-3, WIDTH)
    writer.add_tensor(EMBEDDING, embedding.astype(np.float16))
    writer.add_tensor("output_norm.weight", np.ones(WIDTH, dtype=np.float32))
    for layer in range(LAYERS):
        for name, (inputs, outputs) in MATRICES.items():
            matrix = random.normal(0, inputs**-0.5, (outputs, inputs)).astype(np.float16)
            writer.add_tensor(f"blk.{layer}.{name}.weight", matrix)
        for name, length in VECTORS.items():
            writer.add_tensor(f"blk.{layer}.{name}.weight", np.ones(length, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
