"""Why a server did not answer, in words, from whatever the client raised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from palate.backbones.wire import quoted

IS_IT_ONE = "Is it an OpenAI-compatible server?"
_SIGHT = ("image", "vision", "multimodal", "picture", "mmproj")
_FORMAT = ("response_format", "json_schema", "structured", "grammar", "guided", "schema")
_CURES = {
    401: ("does not accept the key", "Give its key as PALATE_VLM_KEY."),
    403: ("does not let this key in", "Give another key as PALATE_VLM_KEY."),
    429: ("is busy or its quota is spent (429)", "Try again later, or name another server."),
}


@dataclass(frozen=True, kw_only=True)
class Cause:
    """What went wrong, worded to follow the server's name, and what to do."""

    text: str
    cure: str = ""
    about_format: bool = False  # it may answer when not asked for a schema


def cause(error: Exception, model: str) -> Cause:
    """The cause of any failure."""
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        return _of_status(status, quoted(_words(error)), model)
    if type(error).__name__ == "APIConnectionError":
        why = quoted(error.__cause__ or error)
        if type(error.__cause__).__name__ in ("RemoteProtocolError", "ReadError"):
            return Cause(text=f"hung up ({why})", cure=IS_IT_ONE)
        return Cause(text=f"cannot be reached ({why})", cure="Is it running, at this address?")
    if isinstance(error, ValueError | AttributeError | TypeError | LookupError):
        return Cause(text=f"sent what is no reply ({type(error).__name__})", cure=IS_IT_ONE)
    return Cause(
        text=f"broke off ({quoted(_words(error)) or type(error).__name__})", cure=IS_IT_ONE
    )


def is_passing(error: Exception) -> bool:
    """Whether asking once more may help."""
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        return status in (408, 409, 429) or status >= 500
    return True


def wait_asked(error: Exception) -> float:
    """Seconds the server asks us to wait, 0 if it does not say."""
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    try:
        return max(0.0, float(headers.get("retry-after", 0)))
    except ValueError:  # a date
        return 0.0


def _of_status(status: int, words: str, model: str) -> Cause:
    if status in _CURES:
        text, cure = _CURES[status]
        return Cause(text=text, cure=cure)
    if status == 404:
        return Cause(
            text=f"is not there (404: {words})",
            cure=f"Does the address end in /v1, and does it serve {quoted(model)!r}?",
        )
    if status >= 500:
        return Cause(text=f"failed ({status}: {words})", cure="Look into its log.")
    lower = words.casefold()
    if any(sign in lower for sign in _FORMAT):
        return Cause(text=f"takes no schema ({status}: {words})", about_format=True)
    if any(sign in lower for sign in _SIGHT):
        return Cause(text=f"takes no pictures ({status}: {words})", cure="Name a model that sees.")
    return Cause(text=f"refuses the request ({status}: {words})", cure="Look into its log.")


def _words(error: Any) -> str:
    """The server's own words, wherever they are."""
    body = getattr(error, "body", None)
    if isinstance(body, dict):
        inner = body.get("error", body)
        body = inner.get("message", inner) if isinstance(inner, dict) else inner
    return str(body or getattr(error, "message", "") or error)
