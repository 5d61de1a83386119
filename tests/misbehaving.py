"""A real server on loopback that speaks the OpenAI protocol as badly as it is told to."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Behave = Callable[["Talk"], None]


class Talk(BaseHTTPRequestHandler):
    """One request; `asked` is its body."""

    asked: dict[str, Any]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.asked = json.loads(body)
        house: House = self.server  # type: ignore[assignment]
        house.asked.append(self.asked)
        behave = house.script[min(len(house.asked), len(house.script)) - 1]
        with suppress(OSError):  # whoever asked has left
            behave(self)
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass

    # ---- ways to answer

    def head(self, status: int = 200, kind: str = "text/event-stream", **headers: str) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("connection", "close")
        self.end_headers()

    def event(self, delta: dict[str, Any], ended: str | None = None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": ended}
        chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        self.wfile.write(f"data: {json.dumps({**chunk, 'choices': [choice]})}\n\n".encode())
        self.wfile.flush()

    def error(self, status: int, message: str, **headers: str) -> None:
        self.head(status, "application/json", **headers)
        self.wfile.write(json.dumps({"error": {"message": message}}).encode())


class House(ThreadingHTTPServer):
    """Behaves as the script says, request by request; its last line goes on for ever."""

    daemon_threads = True
    script: list[Behave]
    asked: list[dict[str, Any]]

    def handle_error(self, *_: Any) -> None:
        pass

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


@contextmanager
def house(*script: Behave) -> Iterator[House]:
    server = House(("127.0.0.1", 0), Talk)
    server.script, server.asked = list(script), []
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


# ---- behaviours


def says(text: str, ended: str = "stop") -> Behave:
    """A proper stream, in pieces of seven letters."""

    def behave(talk: Talk) -> None:
        talk.head()
        for start in range(0, len(text), 7):
            talk.event({"content": text[start : start + 7]})
        talk.event({}, ended)
        talk.wfile.write(b"data: [DONE]\n\n")

    return behave


def says_bytes(data: bytes, kind: str = "text/event-stream") -> Behave:
    def behave(talk: Talk) -> None:
        talk.head(kind=kind)
        talk.wfile.write(data)

    return behave


def fails(status: int, message: str = "no", **headers: str) -> Behave:
    return lambda talk: talk.error(status, message, **headers)


def declines(talk: Talk) -> None:
    talk.head()
    talk.event({"refusal": "I cannot look at this."})
    talk.event({}, "stop")


def filtered(talk: Talk) -> None:
    talk.head()
    talk.event({"content": '{"se'})
    talk.event({}, "content_filter")


def blanks(talk: Talk) -> None:
    """Opens an object and never comes to it."""
    talk.head()
    talk.event({"content": '{"seen":'})
    while True:
        talk.event({"content": " \n\t " * 10})


def babbles(talk: Talk) -> None:
    talk.head()
    while True:
        talk.event({"content": "and then " * 20})


def sleeps(talk: Talk) -> None:
    time.sleep(30)


def dribbles(talk: Talk) -> None:
    """A byte now and then, never a whole line: every read of a socket succeeds."""
    talk.head()
    while True:
        talk.wfile.write(b"x")
        talk.wfile.flush()
        time.sleep(0.05)


def dribbles_head(talk: Talk) -> None:
    talk.wfile.write(b"HTTP/1.1 200 OK\r\nx-slow: ")
    while True:
        talk.wfile.write(b"x")
        talk.wfile.flush()
        time.sleep(0.05)


def hangs_up(talk: Talk) -> None:
    talk.connection.close()


def hangs_up_midway(talk: Talk) -> None:
    """Promises more than it sends."""
    talk.head(content_length="100000")
    talk.event({"content": '{"seen": "a c'})
    talk.connection.shutdown(2)


def nonsense(seed: int, text: str) -> Behave:
    """A reply no other is like: cut, shuffled, with odd bytes or an odd end."""
    luck = random.Random(seed)
    if luck.random() < 0.5:
        at = luck.randrange(len(text))
        text = text[:at] + luck.choice(["", '"', "}", "null,", "\ud800", " " * 300]) + text[at:]
    if luck.random() < 0.5:
        text = text[: luck.randrange(len(text) + 1)]
    if luck.random() < 0.2:
        text = "".join(luck.sample(text, len(text)))
    ended = luck.choice(["stop", "length", "content_filter", "tool_calls", ""])
    body = (
        f"data: {json.dumps({'choices': [{'delta': {'content': text}, 'finish_reason': ended}]})}"
    )
    raw = f"{body}\n\ndata: [DONE]\n\n".encode()
    if luck.random() < 0.3:
        at = luck.randrange(len(raw))
        raw = raw[:at] + luck.randbytes(luck.randrange(9)) + raw[at:]
    if luck.random() < 0.1:
        return fails(luck.choice([400, 404, 418, 500, 503]), luck.choice(["no", "\x00", "x" * 999]))
    return says_bytes(raw)
