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
HANDED_TO = "TOOLREC_CARO_HANDED_TO"
"""Names the process a call was handed to and the programs tried: one may be a wrapper that calls us again."""
FORMATS = ("json", "yaml", "plain", "prompt")
LIMIT = 5


def main(argv=None):
    """Run the shim; return the exit status (it does not return where the real caro takes over)."""
    words = sys.argv[1:] if argv is None else argv
    options, prompt = split(words)
    if FLAG not in options:
        return _hand_over(words, wire.env(HANDED_TO))
    try:
        output.say(_suggest(options, prompt))
    except wire.ToolrecError as error:
        output.complain("caro", str(error))
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
    try:
        return sys.stdin.buffer.read().decode("utf-8", "surrogateescape").strip()
    except OSError:
        return ""  # open for writing only: there is no input


def _plain(answer):
    if not answer["is_task"] or not answer["tools"]:
        return "Recommended: none"
    return "Recommended: " + ", ".join(f"{output.plain(t['name'])} ({_state(t)})" for t in answer["tools"])


def _state(tool):
    return "built in" if tool["installed"] is None else output.state(tool)


def _json(answer):
    import json

    return output.safe_json(json.dumps(answer, indent=2, ensure_ascii=False))


def _yaml(answer):
    lines = []
    for key, value in answer.items():
        if key != "tools":
            lines.append(f"{key}: {_scalar(value)}")
            continue
        lines.append("tools:" if value else "tools: []")
        for tool in value:
            lines += [f"{'  ' if i else '- '}{k}: {_scalar(v)}" for i, (k, v) in enumerate(tool.items())]
    return "\n".join(lines)


def _scalar(value):
    # JSON's scalars are YAML's too, but for one: YAML 1.1 takes 1e-05 for a word and 1.0e-05 for a number.
    text = output.to_json(value)
    return text.replace("e", ".0e") if isinstance(value, float) and "." not in text and "e" in text else text


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
    for directory in path.split(os.pathsep) if path else ():
        candidate = os.path.join(directory or ".", "caro")
        runs = os.path.isfile(candidate) and os.access(candidate, os.X_OK)
        if runs and os.path.realpath(candidate) not in own and not _is_shim(candidate):
            return candidate
    return None


def _is_shim(path):
    try:
        with open(path, "rb") as file:
            return MARK in file.read(4096)
    except OSError:
        return False


def _hand_over(words, handed):
    tried = _came_back(handed)
    real = real_caro(wire.env("PATH"), {os.path.realpath(sys.argv[0]), os.path.realpath(__file__), *tried})
    if real is None:
        message = f'caro itself is not installed; this is toolrec\'s part of it, and answers: caro {FLAG} "…"'
        output.complain("caro", message)
        return 1
    return _become(real, words, [*tried, os.path.realpath(real)])


def _came_back(handed):
    """Return what this call was handed to before, if that handed it back: wrappers, not the real caro."""
    process, _, programs = handed.partition(" ")
    return programs.split(os.pathsep) if process in (str(os.getpid()), str(os.getppid())) else []


def _become(real, words, tried):
    """Replace this program by `real`, with signals as a shell would have started it."""
    import signal

    # Python ignores these two from its start, and a program inherits that.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    os.environ[HANDED_TO] = f"{os.getpid()} {os.pathsep.join(tried)}"
    try:
        os.execv(real, ["caro", *words])
    except OSError as error:
        output.complain("caro", f"cannot run {real}: {error.strerror}; install caro again")
    return 1


if __name__ == "__main__":
    sys.exit(main())
