"""The reader of GGUF headers: what it finds, and that a bad file is an error in plain words."""

from __future__ import annotations

import os
import random
import struct
from pathlib import Path

import pytest

from tests.daemon.engine_files import BASE_NAME, write_model
from toolrecd.engine.gguf import GgufError, read_header


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """A small file with a model's header."""
    return write_model(tmp_path / "good.gguf")


def _changed(good: Path, at: int, new: bytes) -> Path:
    data = bytearray(good.read_bytes())
    data[at : at + len(new)] = new
    path = good.parent / "changed.gguf"
    path.write_bytes(data)
    return path


def test_values(good: Path) -> None:
    """Strings, numbers and truth values are read; arrays by their length only."""
    header = read_header(good)
    assert header.text("general.name") == BASE_NAME
    assert header.number("gemma3.block_count") == 18
    assert header.values["gemma3.rope.freq_base"] == 1e6
    assert header.values["tokenizer.ggml.add_bos_token"] is True
    assert header.array_lengths == {"tokenizer.ggml.tokens": 5, "tokenizer.ggml.scores": 5}


def test_tensors(good: Path) -> None:
    """Tensors are known by name, with their shape in ggml's order and their place."""
    tensors = read_header(good).tensors
    assert len(tensors) == 19
    assert tensors["blk.0.attn_q.weight"].shape == (640, 8)
    assert tensors["blk.1.attn_q.weight"].offset == 8 * 640 * 2
    assert tensors["output_norm.weight"].shape == (640,)


def test_absent_or_other_type(good: Path) -> None:
    """A key that is absent or of another type is empty text and no number."""
    header = read_header(good)
    assert header.text("general.nothing") == header.text("gemma3.block_count") == ""
    assert header.number("general.nothing") is header.number("general.name") is None


def test_real_model(model_file: Path) -> None:
    """The real base model's header is read: its name, its vocabulary and its tensors."""
    header = read_header(model_file)
    assert (header.text("general.architecture"), header.text("general.name")) == ("gemma3", BASE_NAME)
    assert header.array_lengths["tokenizer.ggml.tokens"] == 262_144
    assert header.tensors["token_embd.weight"].shape == (640, 262_144)


def test_cut_short_anywhere(good: Path) -> None:
    """A file cut short at any place, in the header or in a tensor, is an error and nothing else."""
    data = good.read_bytes()
    path = good.parent / "cut.gguf"
    offsets = [*range(0, 2200, 3), *range(2200, len(data), 997), len(data) - 640 * 4]
    for offset in offsets:
        path.write_bytes(data[:offset])
        with pytest.raises(GgufError, match=r"too short|cut short"):
            read_header(path)
    assert len(offsets) > 700


def test_changed_bytes(good: Path) -> None:
    """With any byte of the header changed the file is read or refused, never anything else."""
    generator = random.Random(1)
    refused = 0
    for _ in range(1500):
        path = _changed(good, generator.randrange(2000), bytes([generator.randrange(256)]))
        try:
            read_header(path)
        except GgufError:
            refused += 1
    assert 0 < refused < 1500


def test_random_bytes(tmp_path: Path) -> None:
    """Noise is refused, also where it follows the right first bytes."""
    generator = random.Random(2)
    path = tmp_path / "noise.gguf"
    for count in range(300):
        start = struct.pack("<4sIQQ", b"GGUF", 3, count, 300 - count) if count % 2 else b""
        path.write_bytes(start + generator.randbytes(400))
        with pytest.raises(GgufError):
            read_header(path)


def test_wrong_magic(good: Path) -> None:
    """A file that is none of GGUF is said to be none, by its name."""
    path = _changed(good, 0, b"PK\x03\x04")
    with pytest.raises(GgufError, match=r"changed\.gguf is not a GGUF file"):
        read_header(path)


@pytest.mark.parametrize("version", [0, 1, 4, 3 << 24])
def test_wrong_version(good: Path, version: int) -> None:
    """A version that is not known is named, the big-endian one too."""
    path = _changed(good, 4, struct.pack("<I", version))
    with pytest.raises(GgufError, match=f"GGUF version {version}; versions 2 and 3 can be read"):
        read_header(path)


@pytest.mark.parametrize("at", [8, 16])
@pytest.mark.parametrize("count", [1_000_001, 2**63, 2**64 - 1])
def test_huge_count(good: Path, at: int, count: int) -> None:
    """A count of tensors or of pairs that cannot be is refused before it is believed."""
    path = _changed(good, at, struct.pack("<Q", count))
    with pytest.raises(GgufError, match=f"damaged: a count of {count}"):
        read_header(path)


def test_huge_string(good: Path) -> None:
    """A string longer than the file is not read."""
    path = _changed(good, 24, struct.pack("<Q", 2**62))
    with pytest.raises(GgufError, match="cut short in its header"):
        read_header(path)


def test_nested_array(tmp_path: Path) -> None:
    """An array of arrays, which no model has, is refused."""
    path = tmp_path / "nested.gguf"
    key = struct.pack("<Q", 1) + b"k"
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + key + struct.pack("<IIQ", 9, 9, 1) + bytes(32))
    with pytest.raises(GgufError, match="unknown array type 9"):
        read_header(path)


def test_too_many_dimensions(tmp_path: Path) -> None:
    """A tensor of more dimensions than there are is refused."""
    path = tmp_path / "deep.gguf"
    name = struct.pack("<Q", 1) + b"t"
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + name + struct.pack("<I", 9) + bytes(200))
    with pytest.raises(GgufError, match="a tensor of 9 dimensions"):
        read_header(path)


def test_not_a_file(tmp_path: Path) -> None:
    """A directory, a pipe nobody writes to and a device are refused without waiting."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (tmp_path, pipe, Path("/dev/zero")):
        with pytest.raises(GgufError, match="is not a file"):
            read_header(path)


def test_empty(tmp_path: Path) -> None:
    """An empty file is too short, and that is said with its size."""
    path = tmp_path / "empty.gguf"
    path.touch()
    with pytest.raises(GgufError, match="is 0 bytes long, too short"):
        read_header(path)


@pytest.mark.parametrize("name", ["missing.gguf", "x\0y", "n" * 300])
def test_no_such_file(tmp_path: Path, name: str) -> None:
    """A path that leads nowhere, or can be no path, is said to be unreadable."""
    with pytest.raises(GgufError, match="cannot be read"):
        read_header(tmp_path / name)
