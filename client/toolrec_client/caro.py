"""The `caro` shim: answers `caro --suggest-tools`, hands every other call to the real caro.

caro turns words into commands; this tells it, and its users, which tools to use. The conventions
are caro's: flags before the prompt's words, piped standard input beats them, `-p` beats both,
pretty-printed snake_case JSON, exit status 0 or 1.
"""

import os
import sys

from toolrec_client import output, rpc, wire

FLAG = "--suggest-tools"
MARK = b"toolrec_client.caro"
"""Stands in every launcher of this shim: such a file on the PATH is not the real caro."""

# caro's own options that take a value: the word after one is not the prompt's first.
VALUED = {
    "-p": "--prompt", "-s": "--shell", "-b": "--backend", "-m": "--model-name", "-o": "--output", "-c": "--config-file",
}  # fmt: skip
LONG_VALUED = {*VALUED.values(), "--safety", "--knowledge-backend", "--chromadb-url"}
OURS_VALUED = {"--format"}
FORMATS = ("json", "yaml", "plain", "prompt")
LIMIT = 5


def main(argv=None):
    """Run the shim; return the exit status (it does not return where the real caro takes over)."""
    words = sys.argv[1:] if argv is None else argv
    options, prompt = split(words)
    if FLAG not in options:
        return _hand_over(words)
    try:
        output.say(_suggest(options, prompt))
    except wire.ToolrecError as error:
        sys.stderr.write(f"caro: {output.plain(str(error))}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def split(words):
    """Return the options before the prompt's first word, long names, and the prompt's words."""
    options: dict = {}
    at = 0
    while at < len(words):
        word = words[at]
        if word == "--":
            return options, words[at + 1 :]
        if not word.startswith("-") or word == "-":
            break
        name, value = _named(word)
        at += 1
        if value is None and name in LONG_VALUED | OURS_VALUED:
            value = words[at] if at < len(words) else ""
            at += 1
        options[name] = True if value is None else value
    return options, words[at:]


def _named(word):
    if word.startswith("--"):
        name, equals, value = word.partition("=")
        return name, value if equals else None
    if word[:2] in VALUED:
        return VALUED[word[:2]], word[2:].removeprefix("=") or None
    return word, None


def _suggest(options, words):
    form = options.get("--format") or options.get("--output") or "plain"
    if form not in FORMATS:
        raise wire.ToolrecError(f"unknown output format {form!r}; use json, yaml or plain, or --format prompt")
    request = {"op": "suggest", "mode": "ask", "query": _query(options, words), "limit": LIMIT}
    shell = options.get("--shell") or wire.env("TOOLREC_SHELL") or wire.env("SHELL").rpartition("/")[2]
    answer = rpc.final({**request, "shell": shell, "path": wire.env("PATH")})
    return RENDERERS[form](output.contract(answer))


def _query(options, words):
    query = options.get("--prompt") or _piped() or " ".join(words)
    if not query.strip():
        raise wire.ToolrecError(f'say what you want done, as in: caro {FLAG} "find large files"')
    return query


def _piped():
    # A closed descriptor makes sys.stdin None; a terminal would wait for typing.
    if sys.stdin is None or sys.stdin.isatty():
        return ""
    return sys.stdin.buffer.read().decode("utf-8", "surrogateescape").strip()


def _plain(answer):
    if not answer["is_task"] or not answer["tools"]:
        return "Recommended: none"
    return "Recommended: " + ", ".join(f"{output.plain(t['name'])} ({_state(t)})" for t in answer["tools"])


def _state(tool):
    return "built in" if tool["installed"] is None else output.state(tool)


def _json(answer):
    import json

    return json.dumps(answer, indent=2, ensure_ascii=False)


def _yaml(answer):
    lines = []
    for key, value in answer.items():
        if key != "tools":
            lines.append(f"{key}: {output.to_json(value)}")
            continue
        lines.append("tools:" if value else "tools: []")
        for tool in value:
            # JSON's scalars are YAML's too, so quoting is a solved question.
            lines += [f"{'  ' if i else '- '}{k}: {output.to_json(v)}" for i, (k, v) in enumerate(tool.items())]
    return "\n".join(lines)


def _prompt(answer):
    """Return one paragraph for caro's own prompt: what may be used, and how."""
    tools = answer["tools"] if answer["is_task"] else []
    here = [tool for tool in tools if tool["installed"]]
    missing = [tool for tool in tools if not tool["installed"]]
    sentences = []
    if here:
        shown = "; ".join(f"{output.plain(t['name'])} (for example: {output.plain(t['example'])})" for t in here)
        sentences.append(f"Available tools for this task, best first: {shown}.")
    if missing:
        names = ", ".join(output.plain(tool["name"]) for tool in missing)
        sentences.append(f"Not installed, so do not use: {names}.")
    return " ".join(sentences) or "No particular tool is known for this task; use standard POSIX utilities."


RENDERERS = {"plain": _plain, "json": _json, "yaml": _yaml, "prompt": _prompt}


def real_caro(path, own):
    """Return the first caro on `path` that is not this shim, or None.

    `own` are the real paths of this program; a copy or a link elsewhere is known by its mark.
    """
    for directory in path.split(os.pathsep):
        candidate = os.path.join(directory or ".", "caro")
        if os.path.isfile(candidate) and os.access(candidate, os.X_OK):
            if os.path.realpath(candidate) not in own and not _is_shim(candidate):
                return candidate
    return None


def _is_shim(path):
    try:
        with open(path, "rb") as file:
            return MARK in file.read(4096)
    except OSError:
        return False


def _hand_over(words):
    own = {os.path.realpath(sys.argv[0]), os.path.realpath(__file__)}
    real = real_caro(wire.env("PATH"), own)
    if real is None:
        sys.stderr.write(
            f'caro: caro itself is not installed; this is toolrec\'s part of it, and answers: caro {FLAG} "…"\n'
        )
        return 1
    os.execv(real, ["caro", *words])
    return 1  # not reached: execv replaces this program or raises


if __name__ == "__main__":
    sys.exit(main())
