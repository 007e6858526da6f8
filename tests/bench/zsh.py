"""Measures the zsh hook in a real zsh on a pseudo-terminal: its time a key, its answers' delay, its start-up."""

from __future__ import annotations

import os
import pty
import select
import statistics
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

HOOK = Path(__file__).parent.parent.parent / "shell" / "toolrec_shell" / "toolrec.zsh"
KEY_INTERVAL_S = 0.18  # a quick typist
RUNS = 30

# Wraps the hook's own functions: what each call took, and when a line was asked about and its answers shown.
PROBE = """
zmodload zsh/datetime
functions -c __toolrec_redraw __bench_redraw
functions -c __toolrec_reply __bench_reply
functions -c __toolrec_show __bench_show
__bench_note() { print -r -- "$1 $(( (EPOCHREALTIME - $2) * 1e3 )) $2 $#BUFFER" >>$LOG }
__toolrec_redraw() { local -F t=$EPOCHREALTIME; __bench_redraw "$@"; __bench_note key $t }
__toolrec_reply() { local -F t=$EPOCHREALTIME; __bench_reply "$@"; __bench_note reply $t }
__toolrec_show() { __bench_show "$@"; print -r -- "show ${__toolrec_got[final]} $EPOCHREALTIME $#BUFFER" >>$LOG }
"""


class Times(msgspec.Struct):
    """What one session measured, in milliseconds."""

    key: list[float]
    """What the hook takes of a key, before its redraw: the request is made and sent there."""
    answers: list[float]
    """What it takes for a key's answers, while no key waits: reading, decoding, drawing."""
    provisional: list[float]
    final: list[float]


def start_up_ms(home: Path) -> tuple[float, float]:
    """Return the median start of an interactive zsh with an empty start-up file, and with one that sources the hook."""
    empty, hooked = home / "empty", home / "hooked"
    for folder, text in ((empty, ""), (hooked, f"source {HOOK}\n")):
        folder.mkdir(exist_ok=True)
        (folder / ".zshrc").write_text(text)
    times: dict[Path, list[float]] = {empty: [], hooked: []}
    for _ in range(RUNS):
        for folder, taken in times.items():
            environment = {**os.environ, "HOME": str(home), "ZDOTDIR": str(folder)}
            started = time.perf_counter()
            subprocess.run(["zsh", "-i", "-c", "exit"], env=environment, stdin=subprocess.DEVNULL, check=True)
            taken.append((time.perf_counter() - started) * 1e3)
    return statistics.median(times[empty]), statistics.median(times[hooked])


def type_questions(home: Path, questions: Sequence[str]) -> Times:
    """Type `questions` key by key into a zsh with the hook; return what it measured."""
    log = home / "zsh.log"
    folder = home / "probed"
    folder.mkdir(exist_ok=True)
    (folder / ".zshrc").write_text(f"PS1='%% '\nsource {HOOK}\nLOG={log}\n{PROBE}")
    process, terminal = pty.fork()
    if process == 0:
        os.execvpe("zsh", ["zsh", "-i"], {**os.environ, "HOME": str(home), "ZDOTDIR": str(folder), "TERM": "xterm"})
    _drain(terminal, 1.0)
    for question in questions:
        for character in "# " + question:
            os.write(terminal, character.encode())
            _drain(terminal, KEY_INTERVAL_S)
        _drain(terminal, 1.0)
        os.write(terminal, b"\x15")  # empties the line
    os.write(terminal, b"exit\r")
    _drain(terminal, 0.5)
    os.close(terminal)
    os.waitpid(process, 0)
    return _read(log)


def _drain(terminal: int, seconds: float) -> None:
    """Let the shell draw for a while: a full terminal would stop it."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if select.select([terminal], [], [], left)[0]:
            try:
                os.read(terminal, 65536)
            except OSError:
                return


def _read(log: Path) -> Times:
    times = Times([], [], [], [])
    asked: dict[int, float] = {}
    reply_ms = 0.0
    for line in log.read_text().splitlines():
        kind, value, at, length = line.split()
        if kind == "key":
            times.key.append(float(value))
            times.answers += [reply_ms] if reply_ms else []
            asked.setdefault(int(length), float(at))
            reply_ms = 0.0
            if length == "0":
                asked.clear()
        elif kind == "reply":
            reply_ms += float(value)
        elif int(length) in asked:
            delay = (float(at) - asked[int(length)]) * 1e3
            (times.final if value == "1" else times.provisional).append(delay)
    return times
