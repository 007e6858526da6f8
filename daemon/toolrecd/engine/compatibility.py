"""Says whether a model file can be served, and whether an adapter was made for it.

An adapter exported by the trainer says what it was made for (keys below); one from elsewhere is
judged by what every adapter must say: its type, its architecture and the shapes of its tensors.
"""

from __future__ import annotations

from typing import Final

from toolrec_kb.functiongemma import PROMPT_VERSION
from toolrecd.engine.gguf import GgufError, Header

ARCHITECTURE: Final = "gemma3"
LAYERS, WIDTH = 18, 640  # Gemma 3 270M, and so FunctionGemma
KEY_PROMPT: Final = "toolrec.prompt_version"
KEY_VOCABULARY: Final = "toolrec.vocabulary_size"
KEY_BASE: Final = "toolrec.base_name"
KEY_ORIGINAL_IDS: Final = "toolrec.original_ids"
"""In a serving model: its tokens' numbers in the base."""
KEY_MERGED: Final = "toolrec.merged_adapter"
"""In a serving model: the adapter that is part of its weights."""
_TOKENS: Final = "tokenizer.ggml.tokens"


def check_model(header: Header, name: str) -> None:
    """Refuse a model that is not Gemma 3 270M by its own account.

    Raises:
        GgufError: the reason and the remedy.
    """
    architecture = header.text("general.architecture")
    if header.text("general.type") == "adapter":
        raise GgufError(f"{name} is an adapter; name it as model.adapter in the configuration, not as model.path")
    layers, width = header.number(f"{architecture}.block_count"), header.number(f"{architecture}.embedding_length")
    if architecture != ARCHITECTURE or (layers, width) != (LAYERS, WIDTH):
        raise GgufError(
            f"{name} is a {architecture or 'nameless'} model of {layers} layers and width {width}; "
            f"toolrec serves Gemma 3 270M and FunctionGemma ({ARCHITECTURE}, {LAYERS} layers, width {WIDTH})"
        )


def adapter_problem(adapter: Header, base: Header) -> str:
    """Return why `adapter` must not be used on `base`; empty if it may."""
    if adapter.text("general.type") != "adapter" or adapter.text("adapter.type") != "lora":
        return "it is not a LoRA adapter"
    made_for, served = adapter.text("general.architecture"), base.text("general.architecture")
    if made_for != served:
        return f"it was made for the architecture {made_for!r}, and the model is {served!r}"
    return _stated_problem(adapter, base) or _shape_problem(adapter, base)


def _stated_problem(adapter: Header, base: Header) -> str:
    prompt = adapter.number(KEY_PROMPT)
    if prompt is not None and prompt != PROMPT_VERSION:
        return f"it was trained with prompt version {prompt}, and this is version {PROMPT_VERSION}; train it again"
    stated, served = adapter.text(KEY_BASE), base.text("general.name")
    if stated and stated != served:
        return f"it was made for the base {stated!r}, and the model is {served!r}"
    # A pruned model says how many tokens it had: adapters change no embedding, so they fit it as before.
    vocabulary, tokens = adapter.number(KEY_VOCABULARY), base.number(KEY_VOCABULARY) or base.array_lengths.get(_TOKENS)
    if vocabulary is not None and vocabulary != tokens:
        return f"it was made for a vocabulary of {vocabulary} tokens, and the model has {tokens}"
    return ""


def _shape_problem(adapter: Header, base: Header) -> str:
    if not adapter.tensors:
        return "it holds no tensors"
    for name, tensor in adapter.tensors.items():
        target, _, half = name.rpartition(".")
        changed = base.tensors.get(target)
        if half not in ("lora_a", "lora_b"):
            continue
        if changed is None:
            return f"it changes {target}, which the model does not have"
        if len(changed.shape) != 2 or len(tensor.shape) != 2:
            return f"its {name} changes something that is not a matrix"
        expected = changed.shape[0] if half == "lora_a" else changed.shape[1]
        found = tensor.shape[0] if half == "lora_a" else tensor.shape[1]
        if expected != found:
            return f"its {name} is for a width of {found}, and the model's is {expected}"
        other = adapter.tensors.get(f"{target}.{'lora_b' if half == 'lora_a' else 'lora_a'}")
        if other is None:
            return f"its {name} has no other half"
        if half == "lora_a" and tensor.shape[1] != other.shape[0]:
            return f"the halves of its {target} have ranks {tensor.shape[1]} and {other.shape[0]}"
    return ""


def is_ours(header: Header | None) -> bool:
    """Return whether an adapter was trained on our prompt, or a model has such an adapter merged into it."""
    return header is not None and header.number(KEY_PROMPT) is not None
