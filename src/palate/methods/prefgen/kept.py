"""What was seen of pictures, kept in memory: one more like costs one picture, not the history."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from hashlib import sha256
from threading import Lock

from palate.images.opening import name_of, read_bytes
from palate.methods.prefgen.read import Seen
from palate.types import Example


class Kept:
    """Sights by a picture's content; when there is no room, the longest unasked for goes first."""

    def __init__(self, room: int = 256 * 2**20) -> None:
        self.room, self.bytes = room, 0
        self._seen: OrderedDict[bytes, Seen] = OrderedDict()
        self._lock = Lock()  # a service reads for several people at once

    def __len__(self) -> int:
        return len(self._seen)

    def of(
        self, examples: Sequence[Example], look: Callable[[Sequence[Example]], list[Seen]]
    ) -> list[Seen]:
        """Everything seen of these pictures; `look` is asked about those that are new."""
        keys = [_key(example) for example in examples]
        new = dict(zip(keys, examples, strict=True))
        with self._lock:
            known = {key: self._seen[key] for key in new if key in self._seen}
        unknown = [key for key in new if key not in known]
        found = dict(zip(unknown, look([new[key] for key in unknown]), strict=True))
        with self._lock:
            self._put(known | found)
        both = known | found
        pairs = zip(keys, examples, strict=True)
        return [both[key].told(example.prompt) for key, example in pairs]

    def _put(self, seen: dict[bytes, Seen]) -> None:
        for key, one in seen.items():
            if key not in self._seen:
                self.bytes += _size(one)
            self._seen[key] = one
            self._seen.move_to_end(key)
        while self.bytes > self.room and self._seen:
            _, gone = self._seen.popitem(last=False)
            self.bytes -= _size(gone)


def _key(example: Example) -> bytes:
    data = read_bytes(example.image, name_of(example.image, None))
    return sha256(data).digest()


def _size(seen: Seen) -> int:
    return seen.tokens.nbytes + seen.point.nbytes
