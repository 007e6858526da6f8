"""A terminal for tests: a real shell in tmux. Keys go in, what the screen shows comes out."""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

PATIENCE_S = 20.0  # how long a screen may take under load; a test that passes does not wait for it
POLL_S = 0.01
_names = itertools.count()


class Terminal:
    """A program in a window of its own tmux server."""

    def __init__(
        self, command: list[str], environment: Mapping[str, str], *, columns: int = 80, lines: int = 20
    ) -> None:
        self._server = ["tmux", "-L", f"toolrec-test-{os.getpid()}-{next(_names)}", "-f", "/dev/null"]
        # Its socket goes with the test's home.
        self._environment = {**os.environ, "TMUX_TMPDIR": environment["HOME"]}
        cleared = ["env", "-i", *(f"{name}={value}" for name, value in environment.items())]
        self._tmux("new-session", "-d", "-x", str(columns), "-y", str(lines), *cleared, *command)
        # An Esc that waits for what may follow it would be a key of tmux's, not of the shell's.
        self._tmux("set-option", "-s", "escape-time", "0")
        self.pid = int(self._tmux("display-message", "-p", "#{pane_pid}"))

    def keys(self, *names: str) -> None:
        """Press keys by tmux's names, such as `Enter`, `C-c` and `Right`."""
        self._tmux("send-keys", *names)

    def type(self, text: str) -> None:
        """Type `text`, all of it at once, as a fast typist or a slow machine would."""
        self._tmux("send-keys", "-l", "--", text)

    def paste(self, text: str) -> None:
        """Paste, between the marks of bracketed paste where the shell has asked for them."""
        self._tmux("set-buffer", "--", text)
        self._tmux("paste-buffer", "-p", "-r")

    def resize(self, columns: int, lines: int) -> None:
        """Give the window another size."""
        self._tmux("resize-window", "-x", str(columns), "-y", str(lines))

    def screen(self) -> str:
        """Return the text on the screen, without the empty lines at its end."""
        return self._tmux("capture-pane", "-p").rstrip("\n")

    def styled(self) -> str:
        """Return the text with its colours as escape sequences."""
        return self._tmux("capture-pane", "-p", "-e").rstrip("\n")

    def cursor(self) -> tuple[int, int]:
        """Return the cursor's column and line, from 0."""
        column, line = self._tmux("display-message", "-p", "#{cursor_x} #{cursor_y}").split()
        return int(column), int(line)

    def wait(self, *texts: str, gone: str = "") -> str:
        """Wait until the screen shows each of `texts` and not `gone`; return it."""
        return self.wait_for(lambda screen: all(text in screen for text in texts) and not (gone and gone in screen))

    def wait_line(self, text: str) -> str:
        """Wait until the last line that is not empty is `text`; return the screen."""
        return self.wait_for(lambda screen: screen.splitlines()[-1:] == [text])

    def wait_for(self, condition: Callable[[str], bool]) -> str:
        """Wait until the condition holds for the screen; return it.

        Raises:
            AssertionError: with the screen as it is.
        """
        end = time.monotonic() + PATIENCE_S
        while not condition(screen := self.screen()):
            assert time.monotonic() < end, f"the screen never came to show what was awaited:\n{screen}"
            time.sleep(POLL_S)
        return screen

    def descriptors(self) -> set[str]:
        """Return what the shell's open descriptors lead to, with their numbers, between two keys."""
        end = time.monotonic() + PATIENCE_S
        # While a widget runs its standard input is /dev/null, and the terminal has another number.
        while "0 /dev/null" in (found := self._descriptors()):
            assert time.monotonic() < end, f"a widget runs without end: {found}"
        return found

    def _descriptors(self) -> set[str]:
        found = set()
        for entry in Path(f"/proc/{self.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed in this moment
                found.add(f"{entry.name} {entry.readlink()}")
        return found

    def close(self) -> None:
        """End the shell, and tmux with it."""
        self._tmux("kill-server", check=False)

    def _tmux(self, *words: str, check: bool = True) -> str:
        done = subprocess.run(
            [*self._server, *words], capture_output=True, text=True, check=False, timeout=30, env=self._environment
        )
        assert not check or done.returncode == 0, f"tmux {words[0]}: {done.stderr}"
        return done.stdout
