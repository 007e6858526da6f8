"""The forms in which the model is asked, and the one in which it answers.

`CALL` is FunctionGemma's: the question as a user turn, the answer a `recommend_tools` call. Between the question
and the name stand 18 tokens of it, which all have to be evaluated at every key. So while somebody types, a model
that was trained on our prompt is asked in `COMPACT`: the same turns, and right after the model's turn opens a name
and a category, each between `<escape>` marks. A model that never saw the control tokens trained (the default base)
ranks hardly better than chance in either (docs/measurements.md, "Prompt forms"), so such a model is asked in
`PLAIN`: the same question text after a few worked examples, the tool's name between backticks. In every form the
names are scored by what may follow an opening mark and end at a closing one, and the finished answer is rendered as
a call.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from toolrec_kb.functiongemma.recommend import CATEGORY, NAME, PRIMARY, prefix, question
from toolrec_kb.functiongemma.render import Control, Piece

THINK_END: Final = "</think>"


class Form(msgspec.Struct, frozen=True):
    """A way to ask: what comes before any question, and what leads to a name, a category, a thought."""

    name: str
    prefix: tuple[Piece, ...]
    """Before a question that is answered at once."""
    think_prefix: tuple[Piece, ...]
    """Before a question that is thought about first."""
    question_open: tuple[Piece, ...]
    """Before the question's text."""
    to_name: tuple[Piece, ...]
    """After the question, up to where a tool's name starts."""
    name_close: Piece
    """What ends a name."""
    to_category: tuple[Piece, ...]
    """After a closed name, up to where a category starts."""
    to_thought: tuple[Piece, ...]
    """After the question, up to where a thought starts."""
    thought_end: str
    """Text that ends a thought."""


def ask(form: Form, query: str, *, os: str, shell: str) -> list[Piece]:
    """Return the question alone, without the form's prefix and without what leads to an answer."""
    # Stripped as `render_turn` strips: what is served must be what is trained on.
    return [*form.question_open, question(query, os=os, shell=shell).text.strip()]


_MODEL: Final = (Control.END_TURN, "\n", Control.START_TURN, "model\n")

CALL: Final = Form(
    name="call",
    prefix=tuple(prefix()),
    think_prefix=tuple(prefix()),
    question_open=(Control.START_TURN, "user\n"),
    to_name=(*_MODEL, Control.START_CALL, f"call:{NAME}{{{PRIMARY}:[", Control.ESCAPE),
    name_close=Control.ESCAPE,
    to_category=(f"],{CATEGORY}:", Control.ESCAPE),
    to_thought=(*_MODEL, "<think>"),
    thought_end=THINK_END,
)

COMPACT: Final = msgspec.structs.replace(
    CALL, name="compact", to_name=(*_MODEL, Control.ESCAPE), to_category=(Control.ESCAPE,)
)


def compact_target(name: str, category: str) -> list[Piece]:
    """Return what the model writes after `COMPACT`'s question: its training target from the model's turn on."""
    return [*COMPACT.to_name, name, *COMPACT.to_category, category, Control.ESCAPE, Control.END_TURN, "\n"]


# Worked examples: every system and shell once or twice, terse and misspelt like real questions.
_EXAMPLES: Final = (
    ("linux", "bash", "show the first lines of a file", "head", "text",
     "The task is to see only how a file begins. head prints its first ten lines."),
    ("darwin", "zsh", "start a new git branch", "git", "version_control",
     "A branch is a line of work in a repository. git makes one with its switch command."),
    ("windows", "powershell", "list running processes", "Get-Process", "process",
     "The question asks what runs now. Get-Process lists every process with its memory and CPU time."),
    ("linux", "fish", "make a pdf from markdown", "pandoc", "documents",
     "One document format has to become another. pandoc reads Markdown and writes PDF."),
    ("freebsd", "sh", "who is logged in", "who", "users",
     "This is about sessions of people. who lists each one with its terminal."),
    ("linux", "zsh", "resize photos to 800px", "imagemagick", "images",
     "Pictures have to get smaller. imagemagick scales them to any width."),
    ("linux", "zsh", "serch word in files", "grep", "search",
     "A word is looked for inside files. grep prints the lines that hold it."),
    ("linux", "bash", "send file to my server", "scp", "remote",
     "A file goes to another machine. scp copies it over ssh."),
    ("darwin", "zsh", "port 3000 already in use", "lsof", "network",
     "Some process holds the port. lsof names the process behind a port."),
    ("windows", "powershell", "make a zip of a folder", "Compress-Archive", "archive",
     "A folder is to be one packed file. Compress-Archive writes zip files."),
    ("linux", "fish", "pretty print json", "jq", "json_data",
     "JSON should be readable. jq indents and colours it."),
    ("linux", "bash", "edit my nightly jobs", "crontab", "scheduling",
     "Jobs that run by the clock stand in a table. crontab opens it in an editor."),
)  # fmt: skip


def _plain_prefix(examples: Iterable[tuple[str, ...]], *, think: bool) -> tuple[Piece, ...]:
    shown = [
        question(query, os=os, shell=shell).text
        + (f"\nThought: {thought}" if think else "")
        + f"\nTool: `{tool}`\nCategory: `{category}`\n\n"
        for os, shell, query, tool, category, thought in examples
    ]
    return (Control.BOS, "Command line tools by task.\n\n" + "".join(shown))


PLAIN: Final = Form(
    name="plain",
    # Without the thoughts the examples rank better and cost less; with them the model thinks.
    prefix=_plain_prefix(_EXAMPLES, think=False),
    think_prefix=_plain_prefix(_EXAMPLES[:6], think=True),
    question_open=(),
    to_name=("\nTool: `",),
    name_close="`",
    to_category=("`\nCategory: `",),
    to_thought=("\nThought:",),
    thought_end="\n",
)


class Forms(msgspec.Struct, frozen=True):
    """How one model is asked: while somebody types, and otherwise. Both have the same prefix."""

    typing: Form
    full: Form


FORMS_OF_BASE: Final = Forms(PLAIN, PLAIN)
FORMS_OF_FUNCTIONGEMMA: Final = Forms(CALL, CALL)  # Google's knows the call and nothing of the compact form
FORMS_OF_OURS: Final = Forms(COMPACT, CALL)
