"""A folder with one file of each kind that examples work on, and a command run in it.

Knows nothing of tools: what an example is run on and what is expected stands in `run_examples.toml`.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import lzma
import os
import signal
import sqlite3
import struct
import subprocess
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

PATH = "/usr/bin:/bin:/usr/sbin:/sbin:/usr/games"
SECONDS = 10.0  # that one example may take
NOTES = """\
The apple tree in the garden
has 12 apples, and the old pear has 3.

banana 7
cherry 21
apple 3
apple 3
# a remark: TODO water the trees
The end of a longer line that goes on and on until it no longer fits into a narrow column of text.
"""
FILES = {
    "notes.txt": NOTES,
    "other.txt": "apple red\nbanana yellow\ncherry dark\n",
    "sorted.txt": "apple green\nbanana long\ncherry small\n",
    "old.txt": "one\ntwo\nthree\n",
    "new.txt": "one\ntwo and a half\nthree\nfour\n",
    "base.txt": "one\ntwo\nthree\n",
    "numbers.txt": "3\n14\n15\n92\n6\n",
    "sizes.txt": "disk 2048\nram 1048576\n",
    "pairs.txt": "shirt tie\ntie jacket\ntrousers shoes\n",
    "tabs.txt": "\tname\tcolour\n\tapple\tred\n",
    "table.tsv": "id\tname\tprice\n1\tapple\t3\n2\tbanana\t7\n3\tcherry\t21\n",
    "table.csv": "id,name,price\n1,apple,3\n2,banana,7\n3,cherry,21\n",
    "windows.txt": "one\r\ntwo\r\n",
    "list.json": '[{"id": 1, "name": "apple"}, {"id": 2, "name": "banana"}]\n',
    "object.json": '{"name": "apple", "price": 3, "tags": ["red", "sweet"]}\n',
    "page.html": "<html><head><title>Fruit</title></head><body><h1>Apple</h1><p>It is red.</p></body></html>\n",
    "feed.xml": '<fruit><name lang="en">apple</name><name lang="de">Apfel</name></fruit>\n',
    "config.yaml": "name: apple\nprice: 3\n",
    "settings.env": "NAME=apple\n",
    "template.txt": "Hello ${name}, welcome to $HOME.\n",
    "hello.py": 'print("hello from python")\n',
    "hello.pl": 'print "hello from perl\\n";\n',
    "hello.sh": '#!/bin/sh\necho "hello from sh"\n',
    "hello.c": '#include <stdio.h>\nint main(void) { puts("hello from c"); return 0; }\n',
    "Makefile": "hello: hello.c\n\tcc -o hello hello.c\nclean:\n\trm -f hello\n",
    "change.patch": "--- a/old.txt\n+++ b/old.txt\n@@ -1,3 +1,3 @@\n one\n-two\n+TWO\n three\n",
    "site/index.html": "<h1>Apple</h1>\n",
    "site/style.txt": "apple { color: red }\n",
    "site/pages/about.txt": "About the apple\n",
    "site/pages/copy.txt": "About the apple\n",
    "olddir/same.txt": "same\n",
    "olddir/changed.txt": "before\n",
    "newdir/same.txt": "same\n",
    "newdir/changed.txt": "after\n",
    "target/keep.txt": "kept\n",
}
_GIT = (
    "git init -q -b main --template=",
    "git config user.name Ann",
    "git config user.email ann@example.org",
    "git add .",
    "git commit -q -m 'First apples'",
    "git branch feature",
)


_SHELLS = {"bash": ["bash", "--norc", "-c"], "zsh": ["zsh", "-f", "-c"], "fish": ["fish", "--no-config", "-c"]}


class Outcome(NamedTuple):
    """What became of a command."""

    status: int
    printed: str


def build(folder: Path) -> None:
    """Fill `folder` with the files."""
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    (folder / "latin1.txt").write_bytes("café\n".encode("latin-1"))
    (folder / "data.bin").write_bytes(bytes(range(256)) * 4)
    (folder / "photo.png").write_bytes(_png())
    (folder / "hello.sh").chmod(0o755)
    (folder / "empty").mkdir()
    (folder / "link").symlink_to("notes.txt")
    _compress(folder)
    _database(folder / "data.db")
    _repository(folder / "repo")


def run(command: str, folder: Path, shell: str = "bash", inside: str = "") -> Outcome:
    """Run a command in `folder`, which is its home as well, or `inside` it, and return what became of it.

    Nothing it may have left running outlives it.
    """
    environment = {"HOME": str(folder), "PATH": PATH, "LANG": "C.UTF-8", "TERM": "xterm", "TMPDIR": str(folder)}
    process = subprocess.Popen(
        [*_SHELLS[shell], command],
        cwd=folder / inside,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        printed, _ = process.communicate(timeout=SECONDS)
        return Outcome(process.returncode, printed.decode(errors="replace"))
    except subprocess.TimeoutExpired:
        return Outcome(-signal.SIGKILL, f"not done after {SECONDS:g} seconds")
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout:
        process.stdout.close()


def _compress(folder: Path) -> None:
    for name, text in (("story.txt", NOTES), ("old.txt", FILES["old.txt"]), ("new.txt", FILES["new.txt"])):
        for suffix, compress in ((".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)):
            (folder / f"{name}{suffix}").write_bytes(compress(text.encode()))
    for name, mode in (("site.tar", "w"), ("site.tar.gz", "w:gz")):
        with tarfile.open(folder / name, mode) as archive:
            archive.add(folder / "site", "site")
    with zipfile.ZipFile(folder / "site.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted((folder / "site").rglob("*.*")):
            archive.write(path, path.relative_to(folder))


def _png() -> bytes:
    """Return a picture of 16 by 16 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes(value for x in range(16) for value in (x * 16, y * 16, 99)) for y in range(16))
    header = struct.pack(">IIBBBBB", 16, 16, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def _database(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("create table fruit (id integer primary key, name text)")
    connection.executemany("insert into fruit (name) values (?)", [("apple",), ("banana",)])
    connection.commit()
    connection.close()


def _repository(folder: Path) -> None:
    folder.mkdir()
    for name in ("notes.txt", "hello.py"):
        (folder / name).write_text(FILES[name])
    outcome = run(" && ".join(_GIT), folder)
    assert outcome.status == 0, outcome.printed
    with (folder / "notes.txt").open("a") as notes:
        notes.write("One more apple\n")
