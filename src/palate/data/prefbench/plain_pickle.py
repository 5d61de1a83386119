"""Reads a pickle of plain values, and has no way to do anything else.

Not Python's Unpickler with a guarded `find_class`: even then a few hostile bytes make it allocate
gigabytes (a memo index of 2^30) or crash the process (hashing tuples nested a million deep). This
is a stack machine with the opcodes plain containers need, and none that imports or calls.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from typing import Any

from palate.errors import BadTable

ALLOWED = "Only dicts, lists, tuples, text and numbers are read; nothing in the file was run."
_SCALARS = (str, int, float, type(None))


def loads(data: bytes, name: str) -> Any:
    """The plain value in a pickle; BadTable, naming the file, for whatever else it holds."""
    machine = _Machine()
    try:
        for opcode, argument, _ in pickletools.genops(data):
            act = _ACTS.get(opcode.name)
            if act is None:
                raise BadTable(f"{name} {_foreign(opcode.name, argument, machine)}. {ALLOWED}")
            act(machine, argument)
        return machine.pop(1)[0]
    except BadTable:
        raise
    except Exception as error:  # junk has no end of ways: a dry stack, a number cut short
        why = _printable(str(error))
        raise BadTable(f"{name} is not a whole pickle file ({why}). Fetch it again.") from None


class _Machine:
    """What an unpickler keeps: a stack, where on it marks lie, and values to come back to."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def pop(self, count: int) -> list[Any]:
        if count > len(self.stack):
            raise IndexError("values are missing")
        items = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        return items

    def pop_mark(self) -> list[Any]:
        return self.pop(len(self.stack) - self.marks.pop())

    def extend(self, items: list[Any]) -> None:
        _filled(self.stack[-1], list).extend(items)

    def update(self, items: list[Any]) -> None:
        if not all(isinstance(key, _SCALARS) for key in items[::2]):
            raise TypeError("a dict key is a container")
        _filled(self.stack[-1], dict).update(zip(items[::2], items[1::2], strict=True))

    def remember(self, place: int | None) -> None:
        self.memo[len(self.memo) if place is None else place] = self.stack[-1]


def _filled(container: Any, kind: type) -> Any:
    if type(container) is not kind:
        raise TypeError(f"something that is no {kind.__name__} is filled like one")
    return container


def _new_dict(m: _Machine, items: list[Any]) -> None:
    m.stack.append({})
    m.update(items)


def _foreign(opcode: str, argument: Any, machine: _Machine) -> str:
    """What a pickle wants that is no plain value, by name."""
    if opcode in ("GLOBAL", "INST"):
        return _printable("wants to import " + str(argument).replace(" ", "."))
    if opcode == "STACK_GLOBAL":
        return _printable("wants to import " + ".".join(map(str, machine.pop(2))))
    return f"holds something that is no plain value ({opcode})"


def _printable(text: str) -> str:
    return text[:200] if text.isprintable() else ascii(text[:200])


_CONSTANTS = (
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
)
_ACTS: dict[str, Callable[[_Machine, Any], None]] = {
    **dict.fromkeys(("PROTO", "FRAME", "STOP"), lambda m, x: None),
    **dict.fromkeys(_CONSTANTS, lambda m, x: m.stack.append(x)),
    "NONE": lambda m, x: m.stack.append(None),
    "NEWTRUE": lambda m, x: m.stack.append(True),
    "NEWFALSE": lambda m, x: m.stack.append(False),
    "EMPTY_TUPLE": lambda m, x: m.stack.append(()),
    "EMPTY_LIST": lambda m, x: m.stack.append([]),
    "EMPTY_DICT": lambda m, x: m.stack.append({}),
    "TUPLE1": lambda m, x: m.stack.append(tuple(m.pop(1))),
    "TUPLE2": lambda m, x: m.stack.append(tuple(m.pop(2))),
    "TUPLE3": lambda m, x: m.stack.append(tuple(m.pop(3))),
    "MARK": lambda m, x: m.marks.append(len(m.stack)),
    "TUPLE": lambda m, x: m.stack.append(tuple(m.pop_mark())),
    "LIST": lambda m, x: m.stack.append(m.pop_mark()),
    "DICT": lambda m, x: _new_dict(m, m.pop_mark()),
    "APPEND": lambda m, x: m.extend(m.pop(1)),
    "APPENDS": lambda m, x: m.extend(m.pop_mark()),
    "SETITEM": lambda m, x: m.update(m.pop(2)),
    "SETITEMS": lambda m, x: m.update(m.pop_mark()),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), lambda m, x: m.remember(x)),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), lambda m, x: m.stack.append(m.memo[x])),
}
