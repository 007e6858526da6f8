"""A small argument reader: options in any place, `--` ends them, unknown ones are refused.

argparse takes longer to import than the whole of `toolrec suggest` may run.
"""

MAX_LIMIT = 50  # the protocol's own, docs/protocol.md


class UsageError(Exception):
    """Wrong usage; exit status 2."""


def read(arguments, flags=(), options=(), short=None):
    """Split `arguments` into a dict of options and the list of words that are left.

    `flags` take no value, `options` take one (`--os linux` or `--os=linux`); `short` maps `-o` to a
    long name. A lone `-` is a word.

    Raises:
        UsageError: an unknown option, or one without its value.
    """
    found: dict = {}
    words: list = []
    waiting = list(arguments)
    while waiting:
        word = waiting.pop(0)
        if word == "--":
            return found, words + waiting
        if len(word) < 2 or not word.startswith("-"):
            words.append(word)
            continue
        name, equals, value = word.partition("=")
        name = (short or {}).get(name, name)
        if name in flags and not equals:
            found[name] = True
        elif name in options:
            if not equals and not waiting:
                raise UsageError(f"option {name} needs a value")
            found[name] = value if equals else waiting.pop(0)
        else:
            raise UsageError(f"unknown option {word!r}")
    return found, words


def positive(text, name):
    """Return `text` as a whole number from 1 to the protocol's limit."""
    # Three digits at most, for int() refuses very long numbers with words of its own.
    if not text.isascii() or not text.isdigit() or len(text) > 3 or not 0 < int(text) <= MAX_LIMIT:
        raise UsageError(f"{name} takes a number from 1 to {MAX_LIMIT}, not {text!r}")
    return int(text)


def one_of(text, choices, name):
    """Return `text` in lower case if it is one of `choices`."""
    word = text.lower()
    if word not in choices:
        raise UsageError(f"{name} takes one of {', '.join(choices)}, not {text!r}")
    return word
