"""Asks llama.cpp the ordinary way: the whole base, the tools in the prompt, a call written token by token.

Run as `python naive.py MODEL` with a query a line on its standard input, it prints each one's milliseconds.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from toolrec_kb.functiongemma import RECOMMEND_TOOLS

MAX_TOKENS = 48  # a call with three names takes about forty


def answer_ms(model_file: Path, queries: Sequence[str]) -> list[float]:
    """Return the milliseconds that `create_chat_completion` with tools takes for each query, its prompt cache warm."""
    os.environ.update({"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0"})  # as kind to it as to ours
    from llama_cpp import Llama

    model = Llama(
        str(model_file), n_ctx=1024, n_threads=2, n_threads_batch=2, verbose=False,
        chat_format="chatml-function-calling",
    )  # fmt: skip
    times = []
    for query in ["warm up", *queries]:
        started = time.perf_counter()
        model.create_chat_completion(
            [{"role": "user", "content": f"OS: linux, Shell: zsh\nQuery: {query}"}],
            tools=[RECOMMEND_TOOLS],
            tool_choice={"type": "function", "function": {"name": "recommend_tools"}},
            max_tokens=MAX_TOKENS,
            temperature=0.0,
        )
        times.append((time.perf_counter() - started) * 1e3)
    return times[1:]


if __name__ == "__main__":
    for taken in answer_ms(Path(sys.argv[1]), sys.stdin.read().splitlines()):
        print(taken)
