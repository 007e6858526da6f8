"""A thin layer over llama.cpp's low-level API: models, contexts, batches, adapters, state, abort.

The one place for its traps. `use_extra_bufts` (weights repacked for the processor) is on only where a child
process survived it: with AMX kernels built by some compilers the first decode dies
(https://github.com/ggml-org/llama.cpp/issues/20824). OpenMP threads must not spin: with another busy process a
decode then takes 2 s, not 26 ms; the environment variables for that must be set before the library is loaded, so
`process` starts the worker with them.
"""

from __future__ import annotations

import ctypes
import mmap
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from toolrecd.engine.bindings import ll

MAX_SEQUENCES = 9  # the growing query, and eight trie branches beside it
# Prompt, the longest query that is let in, a thought, and eight short branches; each token costs 18.5 kB of memory.
CONTEXT_TOKENS = 768
BATCH_TOKENS = 128  # llama.cpp keeps room for the logits of as many
_Q8_0 = 8  # ggml's number of that type, which the bindings do not name
ABORTED = 2  # llama_decode's return code after the abort callback said stop

_log_lines: list[str] = []


class LlamaError(Exception):
    """What llama.cpp refused, in its own words."""


class Aborted(Exception):
    """The evaluation was stopped on request; what stood in the cache before is still valid."""


@ll.llama_log_callback  # type: ignore[untyped-decorator]
def _keep_log(level: int, text: bytes, user_data: Any) -> None:
    if level >= 3:  # warnings and errors
        _log_lines.append(text.decode("utf-8", "replace").strip())
        del _log_lines[:-20]


def start_backend() -> None:
    """Initialise llama.cpp once a process; its log is kept for error messages, not printed."""
    ll.llama_log_set(_keep_log, ctypes.c_void_p(0))
    ll.llama_backend_init()


def system_info() -> str:
    """Return llama.cpp's line about the instruction sets it was built for."""
    return str(ll.llama_print_system_info().decode())


def quantize(source: Path, target: Path, kind: str) -> None:
    """Write the model `source` to `target` with its matrices in `kind` (F16, Q4_K_M, Q4_0, …), the embedding in 8 bits.

    Raises:
        LlamaError: llama.cpp could not read or write.
    """
    _log_lines.clear()
    parameters = ll.llama_model_quantize_default_params()
    parameters.ftype = getattr(ll, f"LLAMA_FTYPE_MOSTLY_{kind}")
    parameters.allow_requantize = True
    # Tied to the output, and the widest lever on what comes out.
    parameters.token_embedding_type = parameters.output_tensor_type = _Q8_0
    parameters.nthread = os.cpu_count() or 1
    if ll.llama_model_quantize(os.fsencode(source), os.fsencode(target), ctypes.byref(parameters)) != 0:
        raise LlamaError(_last_error(f"llama.cpp could not write {target}"))


def _last_error(fallback: str) -> str:
    errors = [line for line in _log_lines if "error" in line.lower() or "failed" in line.lower()]
    return errors[0].partition(": ")[2] or errors[0] if errors else fallback


class Model:
    """A GGUF model and its tokeniser.

    Raises:
        LlamaError: the file is not a model that llama.cpp can load.
    """

    def __init__(self, path: Path, *, repack: bool = False) -> None:
        _log_lines.clear()
        parameters = ll.llama_model_default_params()
        parameters.use_extra_bufts = repack
        parameters.n_gpu_layers = 0
        # Repacked weights are copies: mapping the file as well would count most of it twice.
        parameters.load_mode = ll.LLAMA_LOAD_MODE_NONE if repack else ll.LLAMA_LOAD_MODE_MMAP
        self.handle = ll.llama_model_load_from_file(os.fsencode(path), parameters)
        if not self.handle:
            raise LlamaError(_last_error("llama.cpp could not load it"))
        self._vocab = ll.llama_model_get_vocab(self.handle)
        self.vocabulary_size = int(ll.llama_vocab_n_tokens(self._vocab))

    def tokenize(self, text: str) -> list[int]:
        """Return the tokens of `text` with special parsing and <bos> off."""
        raw = text.encode("utf-8", "replace")
        room = len(raw) + 8
        tokens = (ll.llama_token * room)()
        count = ll.llama_tokenize(self._vocab, raw, len(raw), tokens, room, False, False)
        if count < 0:
            raise LlamaError(f"cannot tokenise {len(raw)} bytes")
        return list(tokens[:count])

    def piece(self, token: int) -> bytes:
        """Return the bytes a token stands for; control tokens by their names."""
        buffer = ctypes.create_string_buffer(256)
        length = ll.llama_token_to_piece(self._vocab, token, buffer, 256, 0, True)
        return buffer.raw[: max(length, 0)]

    def text(self, token: int) -> str:
        """Return a token as it stands in the vocabulary."""
        return str(ll.llama_vocab_get_text(self._vocab, token).decode("utf-8", "replace"))

    def describe(self) -> tuple[str, int, int]:
        """Return llama.cpp's description ("gemma3 270M Q4_K - Medium"), size in bytes, parameters."""
        buffer = ctypes.create_string_buffer(256)
        ll.llama_model_desc(self.handle, buffer, 256)
        size, parameters = ll.llama_model_size(self.handle), ll.llama_model_n_params(self.handle)
        return buffer.value.decode(), int(size), int(parameters)

    def close(self) -> None:
        """Free the model; its contexts and adapters must be closed before."""
        if self.handle:
            ll.llama_model_free(self.handle)
            self.handle = None


class Adapter:
    """A LoRA adapter loaded for one model.

    Raises:
        LlamaError: its tensors do not fit the model, or it is no adapter.
    """

    def __init__(self, model: Model, path: Path) -> None:
        _log_lines.clear()
        self.handle = ll.llama_adapter_lora_init(model.handle, os.fsencode(path))
        if not self.handle:  # a NULL pointer object, not None
            raise LlamaError(_last_error("llama.cpp could not load it"))

    def close(self) -> None:
        """Free the adapter; it must be unset from every context before."""
        if self.handle:
            ll.llama_adapter_lora_free(self.handle)
            self.handle = None


class AbortFlag:
    """A byte shared between processes; while it is set every evaluation stops within a few ms.

    libc's strlen is the callback: it gives 0 for a zero byte and 1 otherwise, needs no Python, and so
    never waits for the GIL, which a Python callback would take about 400 times a decode.
    """

    def __init__(self, shared: mmap.mmap) -> None:
        shared[1:2] = b"\0"
        self._cell = (ctypes.c_char * 2).from_buffer(shared)
        self.callback = ctypes.cast(ctypes.CDLL(None).strlen, ll.ggml_abort_callback)
        self.data = ctypes.cast(ctypes.addressof(self._cell), ctypes.c_void_p)


class Context:
    """An evaluation state: a KV cache of several sequences over one model."""

    def __init__(self, model: Model, *, threads: int, abort: AbortFlag | None = None) -> None:
        parameters = ll.llama_context_default_params()
        parameters.n_ctx = CONTEXT_TOKENS
        parameters.n_batch = parameters.n_ubatch = BATCH_TOKENS
        parameters.n_seq_max = MAX_SEQUENCES
        parameters.n_threads = parameters.n_threads_batch = threads
        # One cache for all sequences, whole even in the sliding-window layers: it must rewind.
        parameters.kv_unified = parameters.swa_full = True
        parameters.no_perf = True
        self.model = model
        self.handle = ll.llama_init_from_model(model.handle, parameters)
        if not self.handle:
            raise LlamaError(_last_error("llama.cpp could not make a context; is there enough memory?"))
        self._memory = ll.llama_get_memory(self.handle)
        self._batch = ll.llama_batch_init(BATCH_TOKENS, 0, MAX_SEQUENCES)
        self._abort = abort
        if abort:
            ll.llama_set_abort_callback(self.handle, abort.callback, abort.data)

    def evaluate(self, tokens: Sequence[tuple[int, int, int, bool]]) -> None:
        """Evaluate (token, position, sequence, wants logits) rows, at most `BATCH_TOKENS` of them.

        Raises:
            Aborted: the abort flag was set.
            LlamaError: any other refusal.
        """
        batch = self._batch
        for row, (token, position, sequence, wanted) in enumerate(tokens):
            batch.token[row] = token
            batch.pos[row] = position
            batch.n_seq_id[row] = 1
            batch.seq_id[row][0] = sequence
            batch.logits[row] = wanted
        batch.n_tokens = len(tokens)
        code = ll.llama_decode(self.handle, batch)
        if code == ABORTED:
            raise Aborted
        if code != 0:
            raise LlamaError(f"llama_decode returned {code} for {len(tokens)} tokens")

    def logits(self, row: int = -1) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Return the logits of a row of the last evaluation that wanted them; valid until the next."""
        pointer = ll.llama_get_logits_ith(self.handle, row)
        return np.ctypeslib.as_array(pointer, shape=(self.model.vocabulary_size,))

    def forget(self, sequence: int, start: int) -> None:
        """Drop what a sequence holds from position `start` on."""
        ll.llama_memory_seq_rm(self._memory, sequence, start, -1)

    def branch(self, source: int, target: int) -> None:
        """Let sequence `target` share all of `source`."""
        ll.llama_memory_seq_rm(self._memory, target, -1, -1)
        ll.llama_memory_seq_cp(self._memory, source, target, -1, -1)

    def state(self, sequence: int) -> bytes:
        """Return what the cache holds of a sequence, for `restore` in a context of the same model and settings."""
        size = ll.llama_state_seq_get_size(self.handle, sequence)
        buffer = (ctypes.c_uint8 * size)()
        written = ll.llama_state_seq_get_data(self.handle, buffer, size, sequence)
        return bytes(memoryview(buffer)[:written])

    def restore(self, sequence: int, state: bytes) -> bool:
        """Put a state into a sequence; tell whether it was accepted."""
        buffer = (ctypes.c_uint8 * len(state)).from_buffer_copy(state)
        return bool(ll.llama_state_seq_set_data(self.handle, buffer, len(state), sequence))

    def use(self, adapter: Adapter | None, scale: float = 1.0) -> None:
        """Apply an adapter, or none. What the cache holds was made by the old one: forget it."""
        if adapter is None:
            ll.llama_set_adapters_lora(self.handle, None, 0, None)
        else:
            adapters = (ll.llama_adapter_lora_p_ctypes * 1)(adapter.handle)
            ll.llama_set_adapters_lora(self.handle, adapters, 1, (ctypes.c_float * 1)(scale))
        ll.llama_memory_clear(self._memory, True)

    def close(self) -> None:
        """Free the context."""
        if self.handle:
            ll.llama_batch_free(self._batch)
            ll.llama_free(self.handle)
            self.handle = None
