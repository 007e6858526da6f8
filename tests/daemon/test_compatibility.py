"""Which models are served, and which adapters fit them."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tests.daemon.engine_files import write_adapter, write_model
from toolrec_kb.functiongemma import PROMPT_VERSION
from toolrecd.engine.compatibility import KEY_PROMPT, KEY_VOCABULARY, adapter_problem, check_model, is_ours
from toolrecd.engine.gguf import GgufError, Header, Tensor, read_header


@pytest.fixture(scope="session")
def base(model_file: Path) -> Header:
    """The real base model's header."""
    return read_header(model_file)


def _problem(path: Path, base: Header) -> str:
    return adapter_problem(read_header(path), base)


def test_real_model_is_served(base: Header) -> None:
    """The default base passes."""
    check_model(base, "base.gguf")


@pytest.mark.parametrize(
    ("architecture", "layers", "width", "said"),
    [
        ("llama", 18, 640, "is a llama model of 18 layers and width 640"),
        ("gemma3", 26, 1152, "is a gemma3 model of 26 layers and width 1152"),
        ("gemma3", 18, 641, "width 641"),
        ("", 18, 640, "is a nameless model"),
    ],
)
def test_other_model(tmp_path: Path, architecture: str, layers: int, width: int, said: str) -> None:
    """A model of another architecture or size is refused, with what it is and what would be served."""
    header = read_header(write_model(tmp_path / "m.gguf", architecture=architecture, layers=layers, width=width))
    with pytest.raises(GgufError) as refusal:
        check_model(header, "m.gguf")
    assert said in str(refusal.value)
    assert "toolrec serves Gemma 3 270M and FunctionGemma (gemma3, 18 layers, width 640)" in str(refusal.value)


def test_adapter_given_as_model(tmp_path: Path) -> None:
    """An adapter named as the model is told from a bad model, and the right key is named."""
    header = read_header(write_adapter(tmp_path / "a.gguf"))
    with pytest.raises(GgufError, match=r"a\.gguf is an adapter; name it as model\.adapter .*, not as model\.path"):
        check_model(header, "a.gguf")


def test_model_without_any_keys() -> None:
    """A header that says nothing is refused, not stumbled over."""
    with pytest.raises(GgufError, match="nameless model of None layers"):
        check_model(Header({}, {}, {}), "m.gguf")


def test_fitting_adapter(tmp_path: Path, base: Header) -> None:
    """An adapter made for this base, vocabulary and prompt fits."""
    assert _problem(write_adapter(tmp_path / "a.gguf", prompt=PROMPT_VERSION), base) == ""


def test_adapter_from_elsewhere(tmp_path: Path, base: Header) -> None:
    """An adapter that says nothing of its base, as other tools write them, is judged by its shapes and fits."""
    assert _problem(write_adapter(tmp_path / "a.gguf", base=None, vocabulary=None), base) == ""


def test_model_given_as_adapter(base: Header) -> None:
    """A model named as the adapter is refused."""
    assert adapter_problem(base, base) == "it is not a LoRA adapter"


def test_other_architecture(tmp_path: Path, base: Header) -> None:
    """An adapter of another architecture is refused with both names."""
    problem = _problem(write_adapter(tmp_path / "a.gguf", architecture="llama"), base)
    assert problem == "it was made for the architecture 'llama', and the model is 'gemma3'"


def test_other_base(tmp_path: Path, base: Header) -> None:
    """An adapter trained on another base of the same shape is refused with both names."""
    problem = _problem(write_adapter(tmp_path / "a.gguf", base="Functiongemma 270m"), base)
    assert problem == "it was made for the base 'Functiongemma 270m', and the model is 'Gemma 3 270m'"


def test_other_vocabulary(tmp_path: Path, base: Header) -> None:
    """An adapter trained with another vocabulary is refused with both sizes."""
    problem = _problem(write_adapter(tmp_path / "a.gguf", vocabulary=32_000), base)
    assert problem == "it was made for a vocabulary of 32000 tokens, and the model has 262144"


@pytest.mark.parametrize("version", [0, PROMPT_VERSION + 1])
def test_other_prompt(tmp_path: Path, base: Header, version: int) -> None:
    """An adapter trained with another prompt is refused, and the remedy is named."""
    problem = _problem(write_adapter(tmp_path / "a.gguf", prompt=version), base)
    assert problem.startswith(f"it was trained with prompt version {version}, and this is version {PROMPT_VERSION}")
    assert "train it again" in problem


def test_other_width(tmp_path: Path, base: Header) -> None:
    """An adapter whose matrices have another width is refused with both widths."""
    problem = _problem(write_adapter(tmp_path / "a.gguf", width=1152), base)
    assert problem == "its blk.0.attn_q.weight.lora_a is for a width of 1152, and the model's is 640"


def _with_tensors(tmp_path: Path, tensors: dict[str, tuple[int, ...]]) -> Header:
    header = read_header(write_adapter(tmp_path / "a.gguf"))
    return msgspec.structs.replace(header, tensors={name: Tensor(shape, 1, 0) for name, shape in tensors.items()})


def test_no_tensors(tmp_path: Path, base: Header) -> None:
    """An adapter that changes nothing is refused: it would be served as if it did."""
    assert adapter_problem(_with_tensors(tmp_path, {}), base) == "it holds no tensors"


def test_output_of_other_width(tmp_path: Path, base: Header) -> None:
    """The second half of a change is held to the matrix's outputs."""
    adapter = _with_tensors(tmp_path, {"blk.3.ffn_down.weight.lora_b": (4, 2048)})
    assert adapter_problem(adapter, base) == (
        "its blk.3.ffn_down.weight.lora_b is for a width of 2048, and the model's is 640"
    )


def test_unknown_matrix(tmp_path: Path, base: Header) -> None:
    """A change to a layer that the model does not have is refused."""
    adapter = _with_tensors(tmp_path, {"blk.18.attn_q.weight.lora_a": (640, 4)})
    assert adapter_problem(adapter, base) == "it changes blk.18.attn_q.weight, which the model does not have"


@pytest.mark.parametrize(
    ("name", "shape"), [("blk.0.attn_norm.weight.lora_b", (4, 640)), ("blk.0.attn_q.weight.lora_b", (1024,))]
)
def test_no_matrix(tmp_path: Path, base: Header, name: str, shape: tuple[int, ...]) -> None:
    """A change to a vector, or one that is a vector itself, is refused in words."""
    adapter = _with_tensors(tmp_path, {name: shape})
    assert adapter_problem(adapter, base) == f"its {name} changes something that is not a matrix"


def test_pruned_vocabulary(tmp_path: Path, base: Header) -> None:
    """A serving model counts as the vocabulary it was made of: adapters change no embedding."""
    pruned = msgspec.structs.replace(base, values={**base.values, KEY_VOCABULARY: 262_144}, array_lengths={})
    assert _problem(write_adapter(tmp_path / "a.gguf", prompt=PROMPT_VERSION), pruned) == ""
    other = msgspec.structs.replace(pruned, values={**base.values, KEY_VOCABULARY: 262_145})
    assert "made for a vocabulary of 262144 tokens, and the model has 262145" in _problem(tmp_path / "a.gguf", other)


def test_ours(tmp_path: Path, base: Header) -> None:
    """Ours is what says which prompt it was trained with: an adapter, or a model with one merged into it."""
    assert is_ours(read_header(write_adapter(tmp_path / "ours.gguf", prompt=PROMPT_VERSION)))
    assert is_ours(msgspec.structs.replace(base, values={**base.values, KEY_PROMPT: PROMPT_VERSION}))
    assert not is_ours(read_header(write_adapter(tmp_path / "foreign.gguf")))
    assert not is_ours(base)
    assert not is_ours(None)
