"""Vision LLMs behind any OpenAI-compatible server: vLLM, SGLang, llama.cpp, Ollama, hosted ones.

A server is asked for a value of some dataclass. Its reply is never trusted: the schema stands in
the prompt and in `response_format`, the reply is checked against it, and at most twice it is asked
to mend what did not fit. Nothing it says is executed. Pictures and words leave this machine, to
the server that is named.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from hashlib import sha256
from time import sleep
from types import ModuleType
from typing import Any, TypeVar
from weakref import finalize

import numpy as np

from palate.backbones.messages import Message, Pixels, again, content
from palate.backbones.refusals import IS_IT_ONE, Cause, cause, is_passing, wait_asked
from palate.backbones.servers import Server
from palate.backbones.shapes import Unfit, parsed, schema_of
from palate.backbones.wire import Clock, Late, Reply, collected, in_time, quoted
from palate.errors import MissingPart, NoAnswer
from palate.types import Mark

T = TypeVar("T")
_LETTERS = 8  # of a reply for each token, at most
_EMPTY = "was empty"
_PROBE = {
    "type": "object",
    "properties": {"word": {"type": "string", "enum": ["quarrel-moth-61"]}},
    "required": ["word"],
    "additionalProperties": False,
}


class Endpoint:
    """A model behind a server."""

    def __init__(self, server: Server) -> None:
        self.server, self._openai = server, _client_library()
        self.formats = True  # whether it takes `response_format`
        self.enforces: bool | None = None  # whether it keeps to it; `probe` finds out
        self._options: dict[str, Any] = {"max_tokens": server.tokens, "temperature": 0}
        digest = sha256(f"{server.url}\n{server.model}".encode()).hexdigest()
        self.mark = Mark(name=server.model, fingerprint=digest)

    def probe(self) -> bool:
        """Whether it is there, sees, and keeps replies to a schema: asked for a word nobody says.

        Raises the sentence that says what is wrong if it does not answer at all.
        """
        seen = content("Greet me in one word, as JSON.", [np.full((32, 32, 3), 200, np.uint8)])
        clock = Clock(self.server.seconds)
        reply = self._reply([{"role": "user", "content": seen}], _PROBE, clock)
        self.enforces = self.formats and "quarrel-moth-61" in reply.text
        return self.enforces

    def ask(
        self,
        shape: type[T],
        instruction: str,
        given: str,
        pictures: Sequence[Pixels] = (),
        *,
        lacks: Callable[[T], str] = lambda value: "",
    ) -> T:
        """A value of this shape. `lacks` says what is wrong with one that fits, or ""."""
        schema, clock = schema_of(shape), Clock(self.server.seconds)
        told = f"{instruction}\n\nAnswer with one JSON object of this schema and nothing else:\n"
        messages: list[Message] = [
            {"role": "system", "content": told + json.dumps(schema)},
            {"role": "user", "content": content(given, pictures, self.server.side)},
        ]
        wrong = ""
        for _ in range(1 + self.server.repairs):
            reply = self._reply(messages, schema, clock)
            try:
                value = parsed(shape, reply.text)
                if not (wrong := lacks(value)):
                    return value
            except Unfit as why:
                wrong = _ended(reply, self.server) or str(why)
            messages = [*messages[:2], *again(reply.text, wrong)]
        tries = f"in {1 + self.server.repairs} tries" if self.server.repairs else "at once"
        cure = IS_IT_ONE if wrong == _EMPTY else "Name a model that does as asked."
        raise self._failed(f"gave no usable answer {tries}: its reply {wrong}", cure)

    # ---- one reply

    def _reply(self, messages: list[Message], schema: Mapping[str, Any], clock: Clock) -> Reply:
        """What it says; where that may help, it is asked again within the limit."""
        for attempt in range(4):
            try:
                reply = in_time(partial(self._said, messages, schema, clock), clock)
                if reply.refusal or reply.ended == "content_filter":
                    raise self._failed(f"declined: {quoted(reply.refusal or reply.text)!r}")
                return reply
            except Late:
                raise self._late() from None
            except NoAnswer:
                raise
            except Exception as error:  # whatever a foreign server makes a library raise
                self._forgive(error, attempt, clock)
        raise self._failed("did not answer")

    def _forgive(self, error: Exception, attempt: int, clock: Clock) -> None:
        """Return if it is worth asking again, after a wait; raise if not."""
        if isinstance(error, self._openai.APITimeoutError):
            raise self._late() from None
        why = cause(error, self.server.model)
        if self._simpler(why):
            return
        wait = wait_asked(error) or self.server.pause * 2**attempt
        try:
            too_long = wait >= clock.left()
        except Late:
            raise self._late() from None
        if attempt >= 2 or too_long or not is_passing(error):
            raise self._failed(why.text, why.cure) from None
        sleep(wait)

    def _simpler(self, why: Cause) -> bool:
        """Ask for less where a server says what it does not take."""
        if self.formats and why.about_format:
            self.formats = False  # the schema stands in the prompt as well
            return True
        refused = "(400" in why.text
        named = [option for option in self._options if refused and option in why.text]
        for option in named:
            limit = self._options.pop(option)
            if option == "max_tokens":  # newer servers count thoughts, too
                self._options["max_completion_tokens"] = limit
        return bool(named)

    def _said(self, messages: list[Message], schema: Mapping[str, Any], clock: Clock) -> Reply:
        server, left = self.server, clock.left()
        form = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True}}
        form["json_schema"]["schema"] = schema  # type: ignore[index]
        options: dict[str, Any] = {"response_format": form} if self.formats else {}
        stream = self._client.chat.completions.create(
            model=server.model,
            messages=messages,
            stream=True,
            timeout=left,
            **self._options,
            **options,
        )
        with stream:
            return collected(stream, _LETTERS * server.tokens, clock)

    @cached_property
    def _client(self) -> Any:
        """Made when first needed, and anew after one was left stuck."""
        server = self.server
        client = self._openai.OpenAI(base_url=server.url, api_key=server.key, max_retries=0)
        # Its sockets are closed with this endpoint, in whatever order garbage is collected.
        finalize(self, client.close).atexit = False
        return client

    def _late(self) -> NoAnswer:
        self.__dict__.pop("_client", None)
        limit = f"{self.server.seconds:g} s"
        cure = "Give it more time as PALATE_VLM_SECONDS, or ask another."
        return self._failed(f"did not answer within {limit}", cure)

    def _failed(self, why: str, cure: str = "") -> NoAnswer:
        return NoAnswer(f"{self.server} {why}.{' ' if cure else ''}{cure}")


def _ended(reply: Reply, server: Server) -> str:
    """What went wrong with the whole, which says more than where its JSON breaks."""
    if reply.ended == "length" or reply.ended == "long":
        return f"was cut off after {server.tokens} tokens"
    if reply.ended == "blanks":
        return "was nothing but blanks from some place on"
    return "" if reply.text.strip() else _EMPTY


def _client_library() -> ModuleType:
    try:
        import openai
    except ModuleNotFoundError:
        raise MissingPart(
            "The openai client is not installed. Install it with: pip install 'palate[vlm]'."
        ) from None
    return openai
