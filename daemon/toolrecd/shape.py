"""What a line looks like apart from its words' meaning: code, a log, a pasted command, a remark, a question.

At a prompt people paste and note things as well as ask. Knows no tools.
"""

from __future__ import annotations

import re
from typing import Final

from toolrec_kb.text import STOP_WORDS

_CODE: Final = re.compile(
    r"[(){}=]|(?<!-)[<>]|;\s*$|^\W{3,}|^\s*(?:import|return|def|class|from|const|let|var|static|select|if|for|while)\s.*[(;:=]"
    r"|^(?:import|return)\s\S+|\w::\w|^\s*@\w|^\s*[\"'][\w ]+[\"']\s*:",
    re.IGNORECASE,
)
_COMMENT: Final = re.compile(
    r"^\s*(?:#|//|--\s|;|/?\*|<!--|\$\s|>\s|PS\s)|^\s*(?:vim|author|copyright)\b", re.IGNORECASE
)
# Times, dates and levels as programs write them, and `key: value`.
_LOG: Final = re.compile(
    r"\d\d:\d\d:\d\d|\d{4}-\d\d-\d\d|^\s*\[\s*\d|^\s*(?:info|warn(?:ing)?|crit|error|debug|fatal)\b\s*:"
    r"|exit code \d|^\s*[\w-]+:\s\S+$",
    re.IGNORECASE,
)
_FLAG: Final = re.compile(r"\s--?[A-Za-z]|\s[|&]{1,2}\s|\s~?\.{0,2}/|\s/|&&")
_RUNS_AS: Final = frozenset({"sudo", "doas"})
# A greeting, a reminder, a statement about something that is or was.
_REMARK: Final = re.compile(
    r"\b(?:i am|i'm|i hate|i like|i love|thanks?|thx|hello|hi|hey|regards|please ack|todo|fixme|wip|notes?|below|above|"
    r"see|ask|call|buy|pay|lunch|dinner|coffee|meeting|monday|tuesday|wednesday|thursday|friday|by|was|were|is|are|ok|lol|"
    r"bye|oops|never mind|works|done|temporary|forgot)\b",
    re.IGNORECASE,
)
_CHANGE: Final = re.compile(
    r"^(?:(?:feat|fix|chore|docs|refactor|test|perf|wip|hotfix)(?:\(|:|\s)|(?:fixed|added|updated|removed|bump|refactor|"
    r"address|initial|merge branch|revert|release|fix typo|add missing)\b)",
    re.IGNORECASE,
)
_ASKS: Final = re.compile(r"\?\s*$|^\s*(?:what|whats|how|which|where|who|why|is|are|can|does|do)\b", re.IGNORECASE)
# What one asks a person or an encyclopedia.
_GENERAL: Final = re.compile(
    r"^(?:who (?:wrote|invented|won|made|is|was)|when (?:was|did) the|why (?:is|are|do|does)|should (?:i|we)|are you|"
    r"is (?:a|the|it)\b|is \w+ (?:\w+ )?(?:better|hard|good|easy|worth)|how much does|"
    r"how (?:do|does|did) (?!i\b|we\b|you\b)|what is (?:the|a) (?:meaning|point|capital|best)|meaning of|capital of|"
    r"explain|translate|best \w+ (?:in|for))",
    re.IGNORECASE,
)
_BARE: Final = re.compile(r"^\s*(?:\S*[/\\]\S*|[\d.:-]+|\S+@\S+|[0-9a-f]{16,}|\W+)\s*$", re.IGNORECASE)


def first_word(text: str) -> str:
    """Return the word that would be the program if `text` were a command."""
    words = text.lower().split()
    return next((word for word in words if word not in _RUNS_AS), "")


def shape(text: str, *, names_program: bool) -> tuple[float, ...]:
    """Return what `text` looks like; `names_program` says whether its first word is a program's name."""
    asks = bool(_ASKS.search(text))
    words = text.lower().split()
    # "grep -r but faster" is English about a command, "grep -r foo" is one.
    command = bool(words) and names_program and not STOP_WORDS.intersection(words)
    marks = (
        _CODE.search(text),
        _COMMENT.search(text),
        _LOG.search(text),
        command and (words[0] in _RUNS_AS or _FLAG.search(text)),
        command,
        # "what is using port 80?" is no statement.
        not asks and _REMARK.search(text),
        _CHANGE.search(text),
        _GENERAL.search(text),
        _BARE.search(text),
        asks,
    )
    return tuple(float(bool(mark)) for mark in marks)
