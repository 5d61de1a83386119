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
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadInput(
                f"The server is {self.url!r}; give its address as http://HOST:PORT/v1 or https://…"
            )
        if not self.model:
            raise BadInput(f"No model of {self.url} is named. Name one it serves.")
        if not self.seconds > 0 or self.tokens < 1 or self.repairs < 0 or self.side < 1:
            raise BadInput(
                "A server's seconds, tokens and side must be above 0; repairs 0 or more."
            )

    @classmethod
    def from_environment(cls, **given: Any) -> Server:
        """What is not given comes from PALATE_VLM_URL, PALATE_VLM_MODEL and PALATE_VLM_KEY."""
        found: dict[str, Any] = {
            name: os.environ.get(f"PALATE_VLM_{name.upper()}") for name in _NAMES
        }
        found |= {name: value for name, value in given.items() if value is not None}
        kept: dict[str, Any] = {name: value for name, value in found.items() if value}
        if missing := [f"PALATE_VLM_{n.upper()}" for n in ("url", "model") if n not in kept]:
            raise BadInput(
                f"No server is named: set {' and '.join(missing)}, or give its address and model."
            )
        return cls(**kept)

    def __str__(self) -> str:
        parts = urlsplit(self.url)  # an address may hold a password
        port = f":{parts.port}" if parts.port else ""
        return f"{quoted(self.model)} at {parts.scheme}://{parts.hostname}{port}{parts.path}"


_NAMES = ("url", "model", "key")
