"""`toolrec`: asks the daemon from a prompt or a script.

Each `cmd_VERB` below is one sub-command, and its docstring its help. Exit status: 0 done, 1 an
error, 2 wrong usage. `suggest` is the hot path: it imports nothing beyond this package.
"""

import sys

from toolrec_client import arguments, output, rpc, wire

USAGE = """\
usage: toolrec COMMAND …

  suggest [--json] [--stdin] [--os OS] [--shell SHELL] [--limit N] QUERY…
                      recommend tools for a task
  explain [--os OS] [--shell SHELL] QUERY…
                      recommend, and show the model's reasoning as it comes
  resolve [--json] NAME
                      what to install for a command that was not found
  tools [--json]      list the tools the knowledge base holds
  init SHELL          print the integration for zsh, bash, fish or powershell
  uninit SHELL        print what removes it from a running shell

OS: linux or a distribution's name, macos (darwin), windows, freebsd, openbsd, netbsd.
SHELL: zsh, bash, fish, powershell (pwsh), sh."""

SHELL_NAMES = ("zsh", "bash", "fish", "powershell", "pwsh", "sh")
HELP = ("-h", "--help", "help")
TOOL_ENTRY_KEYS = ("name", "programs", "categories", "platforms", "standardness", "examples", "install")


def main(argv=None):
    """Run the sub-command in `argv`; return the exit status."""
    words = sys.argv[1:] if argv is None else argv
    if not words:
        return _complain("say what to do; see: toolrec --help", 2)
    command = COMMANDS.get(words[0])
    try:
        if words[0] in HELP or (command and words[1:2] and words[1] in HELP[:2]):
            output.say(USAGE)
            return 0
        if command is None:
            raise arguments.UsageError(f"unknown command {words[0]!r}; see: toolrec --help")
        return command(words[1:])
    except arguments.UsageError as error:
        return _complain(str(error), 2)
    except wire.ToolrecError as error:
        return _complain(str(error), 1)
    except KeyboardInterrupt:
        return 130


def cmd_suggest(words):
    """Print the tools for a task, or with --stdin one JSON line for each line read."""
    options, query = arguments.read(words, flags=("--json", "--stdin"), options=("--os", "--shell", "--limit"))
    request = _request("ask", options)
    if "--stdin" in options:
        if query:
            raise arguments.UsageError("--stdin reads the queries from standard input; leave out the words")
        return _each_line(request)
    answer = rpc.final({**request, "query": _joined(query)})
    if "--json" in options:
        output.say(output.to_json(output.contract(answer)))
    else:
        output.say(output.suggestions(answer, _colour()))
    return 0


def cmd_explain(words):
    """Print the model's reasoning as it is written, then the tools."""
    options, query = arguments.read(words, options=("--os", "--shell", "--limit"))
    spoken = False
    for reply in rpc.ask({**_request("explain", options), "query": _joined(query)}):
        if reply["stage"] == "reasoning":
            spoken = True
            output.write(output.plain(reply["text"].replace("\n", " ")))
        elif reply["final"]:
            output.say(("\n\n" if spoken else "") + output.suggestions(reply, _colour()))
    return 0


def cmd_resolve(words):
    """Print what to install for a command that was not found."""
    options, names = arguments.read(words, flags=("--json",))
    if len(names) != 1:
        raise arguments.UsageError("resolve takes one command name, as in: toolrec resolve rg")
    reply = rpc.final({"op": "resolve", "name": names[0], "shell": _shell({}), "path": wire.env("PATH")})
    if "--json" in options:
        output.say(output.to_json({key: reply[key] for key in ("name", "tools", "similar")}))
    else:
        output.say(_resolved(reply))
    return 0 if reply["tools"] else 1


def cmd_tools(words):
    """Print the knowledge base, a line a tool, or as JSON."""
    options, rest = arguments.read(words, flags=("--json",))
    if rest:
        raise arguments.UsageError(f"tools takes no words, found {rest[0]!r}")
    # The list outgrows one frame, so it comes in parts.
    tools = [tool for reply in rpc.ask({"op": "tools"}) for tool in reply["tools"]]
    if "--json" in options:
        output.say(output.to_json({"tools": [{key: tool[key] for key in TOOL_ENTRY_KEYS} for tool in tools]}))
        return 0
    width = max((len(tool["name"]) for tool in tools), default=0)
    for tool in tools:
        output.say(f"{output.plain(tool['name']).ljust(width)}  {output.plain(tool['summary'])}")
    return 0


def cmd_init(words):
    """Print the integration for a shell, to be sourced by its start-up file."""
    from toolrec_client import init

    _, names = arguments.read(words)
    if len(names) != 1:
        raise arguments.UsageError("init takes one shell, as in: toolrec init zsh")
    output.say(init.hook(arguments.one_of(names[0], SHELL_NAMES, "init")))
    return 0


def cmd_uninit(words):
    """Print what a running shell evaluates to be rid of the integration."""
    from toolrec_client import init

    _, names = arguments.read(words)
    if len(names) != 1:
        raise arguments.UsageError("uninit takes one shell, as in: toolrec uninit zsh")
    output.say(init.unhook(arguments.one_of(names[0], SHELL_NAMES, "uninit")))
    return 0


def cmd_version(words):
    """Print the version of this installation."""
    from importlib.metadata import version

    output.say(f"toolrec {version('toolrec')}")
    return 0


COMMANDS = {
    "suggest": cmd_suggest,
    "explain": cmd_explain,
    "resolve": cmd_resolve,
    "tools": cmd_tools,
    "init": cmd_init,
    "uninit": cmd_uninit,
    "version": cmd_version,
    "--version": cmd_version,
}


def _request(mode, options):
    request = {"op": "suggest", "mode": mode, "shell": _shell(options), "path": wire.env("PATH")}
    if "--os" in options:
        request["os"] = options["--os"]
    if "--limit" in options:
        request["limit"] = arguments.positive(options["--limit"], "--limit")
    return request


def _shell(options):
    if "--shell" in options:
        return arguments.one_of(options["--shell"], SHELL_NAMES, "--shell")
    return wire.env("TOOLREC_SHELL") or wire.env("SHELL").rpartition("/")[2]


def _joined(words):
    query = " ".join(words)
    if not query.strip():
        raise arguments.UsageError("say what you want done, as in: toolrec suggest find large files")
    return query


def _each_line(request):
    failed = False
    for raw in sys.stdin.buffer if sys.stdin is not None else ():
        query = raw.decode("utf-8", "surrogateescape").rstrip("\r\n")
        try:
            answer = output.contract(rpc.final({**request, "query": query}))
        except (wire.ErrorReply, wire.RequestTooLarge) as error:
            # One bad line must not cost the others theirs, nor shift the answers against the questions.
            failed = True
            answer = {**output.contract({"query": query, "is_task": False}), "error": str(error)}
        output.say(output.to_json(answer))
    return 1 if failed else 0


def _resolved(reply):
    name = output.plain(reply["name"])
    if not reply["tools"]:
        near = ", ".join(output.plain(other) for other in reply["similar"])
        return f"{name}: not a tool known here" + (f"; did you mean {near}?" if near else "")
    return "\n".join(
        f"{output.plain(tool['name'])} ({output.state(tool)}): {output.plain(tool['summary'])}"
        for tool in reply["tools"]
    )


def _colour():
    return sys.stdout is not None and sys.stdout.isatty() and not wire.env("NO_COLOR") and wire.env("TERM") != "dumb"


def _complain(message, status):
    output.complain("toolrec", message)
    return status


if __name__ == "__main__":
    sys.exit(main())
