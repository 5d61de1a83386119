"""Every error a person can meet.

PalateError                 anything we say on purpose; exit code 1
├── BadInput                what was given cannot be used
│   ├── UnknownName         a name that is in no table (the message lists those that are)
│   ├── BadTaste            a taste nobody could learn from
│   ├── BadPicture          a file that is not a picture we accept
│   ├── BadTable            a data set with missing, re-typed or contradictory columns
│   ├── BadFile             a file of ours that is damaged, foreign or pickled
│   │   └── NewerFile       written by a later Palate
│   └── Mismatch            two parts that do not belong together (both are named)
├── NoSpace                 the disk is full; nothing half-written stays behind
├── InUse                   another process works in the same folder
├── Unfinished              stopped on the way; the same command goes on from there
├── NoAnswer                a server that was asked said nothing usable (it is named)
└── MissingPart             an optional dependency is not installed

The six below PalateError exit with 2: a person can mend the cause and run the command again.

A message is one or two sentences: what was given, what is allowed, what to do.
"""


class PalateError(Exception):
    """Anything Palate says on purpose."""

    exit_code = 1


class BadInput(PalateError, ValueError):
    """What was given cannot be used."""

    exit_code = 2


class UnknownName(BadInput):
    """A name that is in no table."""


class BadTaste(BadInput):
    """A taste nobody could learn from."""


class BadPicture(BadInput):
    """A file that is not a picture we accept."""


class BadTable(BadInput):
    """A data set with missing, re-typed or contradictory columns."""


class BadFile(BadInput):
    """A file of ours that is damaged, foreign or pickled."""


class NewerFile(BadFile):
    """A file written by a later Palate."""


class Mismatch(BadInput):
    """Two parts that do not belong together."""


class NoSpace(PalateError, OSError):
    """The disk is full."""

    exit_code = 2


class InUse(PalateError):
    """Another process works in the same folder."""

    exit_code = 2


class Unfinished(PalateError):
    """Stopped on the way; the same command goes on from there."""

    exit_code = 2


class NoAnswer(PalateError):
    """A server that was asked said nothing usable."""

    exit_code = 2


class MissingPart(PalateError, ImportError):
    """An optional dependency is not installed."""

    exit_code = 2


def unknown(kind: str, given: str, known: "list[str] | tuple[str, ...]") -> UnknownName:
    """The one way we refuse a name: say which are known."""
    return UnknownName(f"No {kind} named {given!r}. Known: {', '.join(sorted(known))}.")
