"""Copies of GGUF files, read back by the gguf package: what is exchanged, and that all else stays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gguf import GGUFReader, GGUFWriter

from tests.daemon.engine_files import write_model
from toolrecd.engine import rewrite
from toolrecd.engine.gguf import GgufError, Tensor, read_header
from toolrecd.engine.rewrite import Source

STRINGS = ["", "one", "", "zwölf 猫", "x" * 300]
F32, F16, Q8_0, IQ4_XS = 0, 1, 8, 23


def _write_odd(path: Path, alignment: int | None = None) -> Path:
    """Write a file with every kind of value, odd lengths and tensors that do not fill their place."""
    writer = GGUFWriter(path, "gemma3")
    if alignment:
        writer.add_custom_alignment(alignment)
    writer.add_string("s", "")
    writer.add_array("strings", STRINGS)
    writer.add_array("floats", [0.5, -1.25, 3.0])
    writer.add_array("numbers", [1, -2, 3, 4, 5])
    writer.add_bool("yes", True)
    writer.add_uint64("big", 2**40)
    writer.add_float64("exact", 0.1)
    writer.add_int8("small", -3)
    writer.add_tensor("a.weight", np.arange(7, dtype=np.float32))
    writer.add_tensor("b.weight", np.arange(6, dtype=np.float16).reshape(2, 3))
    writer.add_tensor("c.weight", np.full((1,), 9.0, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _copy(source: Path, out: Path, **exchanged: object) -> list[int]:
    with Source(source) as opened, out.open("wb") as file:
        return list(rewrite.copy(opened, file, **{"pairs": {}, **exchanged}))  # type: ignore[arg-type]


def _contents(path: Path) -> tuple[dict[str, object], dict[str, tuple[tuple[int, ...], int, bytes]]]:
    """Return keys with values and tensors with shape, type and data, as another reader finds them."""
    reader = GGUFReader(path)
    values = {key: field.contents() for key, field in reader.fields.items() if not key.startswith("GGUF.")}
    tensors = {
        tensor.name: (tuple(map(int, tensor.shape)), int(tensor.tensor_type), tensor.data.tobytes())
        for tensor in reader.tensors
    }
    return values, tensors


@pytest.mark.parametrize("alignment", [None, 8, 64, 256])
def test_copy_reads_back_equal(tmp_path: Path, alignment: int | None) -> None:
    """A copy with nothing exchanged has the same keys, values, shapes, types and data, however it is aligned."""
    source = _write_odd(tmp_path / "odd.gguf", alignment)
    _copy(source, tmp_path / "copy.gguf")
    assert _contents(tmp_path / "copy.gguf") == _contents(source)
    assert list(read_header(tmp_path / "copy.gguf").values) == list(read_header(source).values)


def test_copy_of_a_model(tmp_path: Path) -> None:
    """A model's header and tensors come through, and a copy of the copy is the same file."""
    source = write_model(tmp_path / "m.gguf")
    _copy(source, tmp_path / "one.gguf")
    _copy(tmp_path / "one.gguf", tmp_path / "two.gguf")
    assert _contents(tmp_path / "one.gguf") == _contents(source)
    assert (tmp_path / "one.gguf").read_bytes() == (tmp_path / "two.gguf").read_bytes()


@pytest.mark.parametrize("alignment", [None, 64])
def test_exchanged_arrays_and_tensors(tmp_path: Path, alignment: int | None) -> None:
    """Exchanged and added keys and tensors hold what was given, and their neighbours what they held."""
    source = _write_odd(tmp_path / "odd.gguf", alignment)
    pairs = {
        "strings": rewrite.strings_pair("strings", [b"", "ä".encode(), b"", b"last"]),
        "numbers": rewrite.numbers_pair("numbers", np.array([7, -8], dtype="<i4")),
        "floats": rewrite.numbers_pair("floats", np.array([], dtype="<f4")),
        "new.text": rewrite.text_pair("new.text", "größer"),
        "new.empty": rewrite.text_pair("new.empty", ""),
        "new.number": rewrite.number_pair("new.number", 262_144),
    }
    new = np.arange(10, dtype=np.float32).reshape(2, 5)
    _copy(source, tmp_path / "copy.gguf", pairs=pairs, tensors={"b.weight": (Tensor((5, 2), F32, 0), new.tobytes())})
    old_values, old_tensors = _contents(source)
    values, tensors = _contents(tmp_path / "copy.gguf")
    assert values == old_values | {
        "strings": ["", "ä", "", "last"], "numbers": [7, -8], "floats": [],
        "new.text": "größer", "new.empty": "", "new.number": 262_144,
    }  # fmt: skip
    assert tensors == old_tensors | {"b.weight": ((5, 2), F32, new.tobytes())}


def test_source_reads_items(tmp_path: Path) -> None:
    """Strings, numbers, pairs and tensors are handed out as they stand in the file."""
    path = _write_odd(tmp_path / "odd.gguf")
    with Source(path) as source:
        assert [item.decode() for item in source.strings("strings")] == STRINGS
        assert source.numbers("floats").tolist() == [0.5, -1.25, 3.0]
        assert source.numbers("numbers").tolist() == [1, -2, 3, 4, 5]
        assert source.tensor("c.weight") == np.float32(9.0).tobytes()
        assert source.rows("b.weight").shape == (2, 6)
        assert source.pair("yes").startswith(b"\x03" + bytes(7) + b"yes")


def test_progress_grows_to_the_file(tmp_path: Path) -> None:
    """The bytes reported while copying grow, and end at the size of the file."""
    done = _copy(write_model(tmp_path / "m.gguf"), tmp_path / "copy.gguf")
    assert done == sorted(done)
    assert done[-1] == (tmp_path / "copy.gguf").stat().st_size


def test_tensor_of_an_unknown_size(tmp_path: Path) -> None:
    """A tensor whose type is not sized here is refused by name: its data would be lost silently."""
    writer = GGUFWriter(tmp_path / "iq.gguf", "gemma3")
    writer.add_string("s", "t")
    writer.add_tensor("a.weight", np.zeros(136, dtype=np.uint8), raw_shape=(136,), raw_dtype=IQ4_XS)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(GgufError, match=r"iq\.gguf.*a\.weight"):
        _copy(tmp_path / "iq.gguf", tmp_path / "copy.gguf")
