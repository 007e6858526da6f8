"""Lists the programs that a Unix user meets: `python -m toolrec_kb.coverage FOLDER`, on Debian.

POSIX's names come from `rules/posix.txt`; Debian's from apt's index (which packages have priority
required, important or standard) and from those packages, which apt downloads into FOLDER unless they
are there. Knows nothing of entries; `rules.coverage` compares the list with them.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from toolrec_kb.rules.coverage import STANDARD_FILE, Standard

POSIX_FILE = STANDARD_FILE.with_name("posix.txt")
PRIORITIES = ("required", "important", "standard")
_PROGRAM = re.compile(r"^\./(?:usr/)?(?:s?bin|games)/([^/\s]+)(?: -> .*| link to .*)?$")
_LINK = re.compile(r"--(?:install|slave)\s+/(?:usr/)?(?:s?bin|games)/([\w.+-]+)\s")
_COMMENT = re.compile(r"^\s*#.*$", re.MULTILINE)
# What postinst scripts link in a loop, with the name in a shell variable.
_LOOPED = {
    "traceroute": ["lft", "tcptraceroute", "traceproto", "traceroute6"],
    "xz-utils": ["unlzma", "lzcat", "lzcmp", "lzdiff", "lzegrep", "lzfgrep", "lzgrep", "lzless", "lzmore"],
}


class Found(msgspec.Struct, frozen=True):
    """A program in a package of a priority; POSIX counts as one and has no packages."""

    program: str
    origin: str
    package: str = ""


def read_posix(text: str) -> list[Found]:
    """Return POSIX's utilities, listed in `text` between comments."""
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return [Found(name, "posix") for line in lines for name in line.split()]


def priorities(index: str) -> dict[str, str]:
    """Return package → priority of the packages that every Debian has, from what `apt-cache dumpavail` prints."""
    stanzas = (dict(re.findall(r"^(Package|Priority): (\S+)$", stanza, re.MULTILINE)) for stanza in index.split("\n\n"))
    return {stanza["Package"]: stanza["Priority"] for stanza in stanzas if stanza.get("Priority") in PRIORITIES}


def shipped(contents: str) -> set[str]:
    """Return the programs among a package's files, from what `dpkg-deb --contents` prints."""
    paths = (line.split(maxsplit=5)[-1] for line in contents.splitlines())
    return {found[1] for found in map(_PROGRAM.match, paths) if found}


def alternatives(postinst: str) -> set[str]:
    """Return the programs that a package's script links by Debian's alternatives; not those linked in a loop."""
    return set(_LINK.findall(_COMMENT.sub("", postinst)))


def merge(found: Iterable[Found]) -> list[Standard]:
    """Return one row a program, with all the places it comes from, by name."""
    origins: dict[str, set[str]] = defaultdict(set)
    packages: dict[str, set[str]] = defaultdict(set)
    for one in found:
        origins[one.program].add(one.origin)
        packages[one.program].update({one.package} - {""})
    return [Standard(name, tuple(sorted(origins[name])), tuple(sorted(packages[name]))) for name in sorted(origins)]


def _debian(folder: Path) -> Iterator[Found]:
    wanted = priorities(_run("apt-cache", "dumpavail"))
    _download(sorted(wanted), folder)
    for archive in sorted(folder.glob("*.deb")):
        package = archive.name.partition("_")[0]
        if package in wanted:
            programs = shipped(_run("dpkg-deb", "--contents", str(archive))) | alternatives(_postinst(archive))
            for program in programs.union(_LOOPED.get(package, [])):
                yield Found(program, wanted[package], package)


def _download(packages: list[str], folder: Path) -> None:
    missing = [package for package in packages if not list(folder.glob(f"{package}_*.deb"))]
    if missing:
        subprocess.run(["apt-get", "download", *missing], cwd=folder, check=True, stdout=sys.stderr)


def _postinst(archive: Path) -> str:
    # A package without the script is in order: dpkg-deb then says nothing on stdout.
    shown = subprocess.run(["dpkg-deb", "--info", str(archive), "postinst"], capture_output=True, check=False)
    return shown.stdout.decode("utf-8", "replace")


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main(arguments: list[str] | None = None) -> int:
    """Write `rules/standard_programs.tsv`; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m toolrec_kb.coverage", description=__doc__)
    parser.add_argument("folder", type=Path, help="where Debian's packages lie or are downloaded to, about 45 MB")
    folder: Path = parser.parse_args(arguments).folder
    rows = merge([*read_posix(POSIX_FILE.read_text(encoding="utf-8")), *_debian(folder)])
    STANDARD_FILE.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    print(f"{len(rows)} programs in {STANDARD_FILE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
