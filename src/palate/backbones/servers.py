"""Where a vision LLM is served, and what asking it may cost."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from palate.backbones.wire import quoted
from palate.errors import BadInput


@dataclass(frozen=True, kw_only=True)
class Server:
    """Where a model is, and what it may take."""

    url: str  # such as http://127.0.0.1:8000/v1
    model: str
    key: str = "none"
    seconds: float = 120.0  # for one answer, repairs and all
    tokens: int = 2000  # of one reply
    repairs: int = 2
    pause: float = 0.25  # seconds before it is asked again after a failure, then twice as long
    side: int = 768  # pixels of a picture's longer side, as it is sent

    def __post_init__(self) -> None:
        if not _is_address(self.url):
            raise BadInput(
                f"The server is {quoted(self.url)!r}; give its address as http://HOST:PORT/v1 or "
                "https://…"
            )
        if not self.model:
            raise BadInput(f"No model of {self.url} is named. Name one it serves.")
        if not f"{self.url}{self.key}".isascii() or not f"{self.url}{self.key}".isprintable():
            raise BadInput(
                "The server's address or key has letters neither can have. Copy it anew."
            )
        if not self.model.isprintable():
            raise BadInput(f"The model is named {self.model!a}; no server has one of that name.")
        if not 0 < self.seconds <= _DAY or self.tokens < 1 or self.repairs < 0 or self.side < 1:
            raise BadInput(
                "A server's seconds (a day at most), tokens and side must be above 0; repairs 0 "
                "or more."
            )

    @classmethod
    def from_environment(cls, **given: Any) -> Server:
        """What is not given comes from PALATE_VLM_URL, _MODEL, _KEY and _SECONDS."""
        found: dict[str, Any] = {
            name: os.environ.get(f"PALATE_VLM_{name.upper()}") for name in _NAMES
        }
        found |= {name: value for name, value in given.items() if value is not None}
        kept: dict[str, Any] = {
            name: value.strip() if isinstance(value, str) else value
            for name, value in found.items()
            if value
        }
        if missing := [name for name in ("url", "model") if name not in kept]:
            lacks = " and no ".join({"url": "server", "model": "model"}[name] for name in missing)
            names = " and ".join(f"PALATE_VLM_{name.upper()}" for name in missing)
            raise BadInput(f"No {lacks} is named: set {names}, or give its address and model.")
        if isinstance(kept.get("seconds"), str):
            kept["seconds"] = _seconds(kept["seconds"])
        return cls(**kept)

    def __str__(self) -> str:
        parts = urlsplit(self.url)  # an address may hold a password
        port = f":{parts.port}" if parts.port else ""
        return f"{quoted(self.model)} at {parts.scheme}://{parts.hostname}{port}{parts.path}"


_DAY = 24 * 3600.0
_NAMES = ("url", "model", "key", "seconds")


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port no machine has, half an IPv6 address
        return False


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise BadInput(
            f"PALATE_VLM_SECONDS is {quoted(text)!r}; give the seconds one answer may take, as 300."
        ) from None
