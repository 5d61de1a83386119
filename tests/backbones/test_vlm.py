"""An endpoint that behaves, and one that does not: no hang, no crash, one sentence each."""

from __future__ import annotations

import base64
import gc
import json
import socket
import sys
import time
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Literal

import misbehaving as bad
import numpy as np
import pytest
from misbehaving import fails, house, nonsense, says, says_bytes
from PIL import Image

from palate.backbones.messages import data_url
from palate.backbones.servers import Server
from palate.backbones.shapes import Unfit, parsed, schema_of
from palate.backbones.vlm import Endpoint
from palate.errors import BadInput, MissingPart, NoAnswer


@dataclass(frozen=True, kw_only=True)
class Part:
    name: str
    size: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Seen:
    seen: str
    mood: Literal["calm", "gloomy"]
    parts: tuple[Part, ...] = ()


GOOD = {"seen": "a cat", "mood": "calm", "parts": [{"name": "tail", "size": 2}]}
FITS = Seen(seen="a cat", mood="calm", parts=(Part(name="tail", size=2.0),))
PIXELS = np.zeros((4, 4, 3), np.uint8)


def ask(server: bad.House, **options: Any) -> Seen:
    limits = {"seconds": 30.0, "tokens": 200, "pause": 0.001, **options}
    endpoint = Endpoint(Server(url=server.url, model="eye-7b", **limits))
    return endpoint.ask(Seen, "Look.", "What is it?", [PIXELS])


# ---- shapes


def test_a_schema_is_plain_and_asks_for_everything() -> None:
    part = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "size": {"type": "number"}},
        "required": ["name", "size"],
        "additionalProperties": False,
    }
    schema = schema_of(Seen)
    assert schema["required"] == ["seen", "mood", "parts"]
    assert schema["properties"]["mood"] == {"type": "string", "enum": ["calm", "gloomy"]}
    assert schema["properties"]["parts"] == {"type": "array", "items": part}
    assert "$" not in json.dumps(schema)


def test_thoughts_and_fences_around_the_json_are_dropped() -> None:
    text = f"<think>{{maybe}} a dog?</think> Here:\n```json\n{json.dumps(GOOD)}\n```"
    assert parsed(Seen, text) == FITS


@pytest.mark.parametrize(
    ("text", "says_why"),
    [
        ("", "holds no JSON object"),
        ("} no {", "holds no JSON object"),
        ('{"seen": "a"}', "mood: Field required"),
        ('{"seen": 3, "mood": "calm"}', "seen: Input should be a valid string"),
        ('{"seen": "a", "mood": "happy"}', "mood: Input should be 'calm' or 'gloomy'"),
        ('{"seen": "a", "mood": "calm", "parts": [{"name": {}}]}', r"parts.0.name: Input should"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "does not fit"),
        (json.dumps({**GOOD, "parts": [{}] * 9}), "and 4 more"),
    ],
)
def test_what_does_not_fit_is_said(text: str, says_why: str) -> None:
    with pytest.raises(Unfit, match=says_why):
        parsed(Seen, text)


# ---- a server that behaves


def test_pictures_schema_and_limits_are_sent_and_a_value_comes_back() -> None:
    with house(says(json.dumps(GOOD))) as server:
        assert ask(server) == FITS
    (asked,) = server.asked
    system, user = asked["messages"]
    assert json.dumps(schema_of(Seen)) in system["content"]
    assert asked["response_format"]["json_schema"]["schema"] == schema_of(Seen)
    assert (asked["model"], asked["max_tokens"], asked["temperature"]) == ("eye-7b", 200, 0)
    assert user["content"][0]["image_url"]["url"].startswith("data:image/jpeg;base64,")
    assert user["content"][1]["text"] == "What is it?"


def test_a_picture_is_sent_small_and_bare() -> None:
    url = data_url(np.zeros((300, 900, 3), np.uint8), 90)
    sent = Image.open(BytesIO(base64.b64decode(url.partition(",")[2])))
    assert sent.size == (90, 30) and not sent.getexif()


def test_what_does_not_fit_is_mended_when_told_why() -> None:
    with house(says('{"seen": "a cat"}'), says(json.dumps(GOOD))) as server:
        assert ask(server) == FITS
    told = server.asked[1]["messages"]
    assert told[2] == {"role": "assistant", "content": '{"seen": "a cat"}'}
    assert "mood: Field required" in told[3]["content"]


def test_meaning_is_checked_too() -> None:
    empty = {**GOOD, "seen": ""}
    with house(says(json.dumps(empty)), says(json.dumps(GOOD))) as server:
        endpoint = Endpoint(Server(url=server.url, model="m"))
        lacks = lambda value: "" if value.seen else "names nothing"  # noqa: E731
        assert endpoint.ask(Seen, "Look.", "What?", lacks=lacks) == FITS
    assert "Your reply names nothing." in server.asked[1]["messages"][3]["content"]


@pytest.mark.parametrize("first", [fails(500), fails(429, retry_after="0"), bad.hangs_up])
def test_what_passes_is_asked_again(first: bad.Behave) -> None:
    with house(first, says(json.dumps(GOOD))) as server:
        assert ask(server) == FITS
    assert len(server.asked) == 2


def test_a_server_that_takes_no_schema_is_asked_without() -> None:
    with house(fails(400, "response_format is not supported"), says(json.dumps(GOOD))) as server:
        assert ask(server) == FITS
    assert "response_format" not in server.asked[1]


def test_a_server_that_takes_no_limit_or_temperature_is_asked_as_it_likes() -> None:
    use = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens'."
    hot = "'temperature' does not support 0."
    with house(fails(400, use), fails(400, hot), says(json.dumps(GOOD))) as server:
        assert ask(server) == FITS
    last = server.asked[-1]
    assert last["max_completion_tokens"] == 200
    assert "max_tokens" not in last and "temperature" not in last


def test_broken_letters_are_sent_as_question_marks() -> None:
    with house(says("\ud800"), says(json.dumps(GOOD))) as server:
        endpoint = Endpoint(Server(url=server.url, model="m", pause=1e-3))
        assert endpoint.ask(Seen, "Look.", "a \udcff cat") == FITS
    sent = server.asked[1]["messages"]
    assert sent[1]["content"][0]["text"] == "a ? cat" and sent[2]["content"] == "?"


def test_a_probe_tells_servers_that_keep_to_a_schema() -> None:
    def obeys(talk: bad.Talk) -> None:
        schema = talk.asked["response_format"]["json_schema"]["schema"]
        says(json.dumps({"word": schema["properties"]["word"]["enum"][0]}))(talk)

    for behave, enforced in ((obeys, True), (says('{"word": "hello"}'), False)):
        with house(behave) as server:
            endpoint = Endpoint(Server(url=server.url, model="m"))
            assert endpoint.probe() is enforced and endpoint.enforces is enforced
        assert "quarrel" not in json.dumps(server.asked[0]["messages"])


# ---- servers that do not

SENTENCES = {
    "garbage": (says_bytes(b"\xff\x00{[" * 50), "sent what is no reply"),
    "garbage events": (says_bytes(b"data: {nonsense}\n\n"), "sent what is no reply"),
    "other events": (says_bytes(b'data: {"choices": 7}\n\n'), "sent what is no reply"),
    "a page": (says_bytes(b"<html>welcome</html>", "text/html"), "was empty. Is it an OpenAI"),
    "nothing": (says(""), "its reply was empty"),
    "truncated": (says('{"seen": "a c', "length"), "was cut off after 200 tokens"),
    "blanks": (bad.blanks, "was nothing but blanks"),
    "babble": (bad.babbles, "was cut off after 200 tokens"),
    "words": (says("I am sorry, but I cannot."), r"holds no JSON object\. Name a model that"),
    "wrong enum": (says(json.dumps({**GOOD, "mood": "happy"})), "mood: Input should be 'calm'"),
    "refusal": (bad.declines, "declined: 'I cannot look at this.'"),
    "filtered": (bad.filtered, "declined"),
    "busy": (fails(429, retry_after="3600"), "busy or its quota is spent"),
    "broken": (fails(500, "out of memory"), r"failed \(500: out of memory\)"),
    "no key": (fails(401), "does not accept the key. Give its key as PALATE_VLM_KEY"),
    "no model": (fails(404, "no such model"), "does it serve 'eye-7b'"),
    "blind": (fails(400, "image input is not supported"), "takes no pictures .* model that sees"),
    "bad request": (fails(400, "nope"), r"refuses the request \(400: nope\)"),
    "hangs up": (bad.hangs_up, "hung up"),
    "hangs up midway": (bad.hangs_up_midway, "hung up"),
    "silent": (bad.sleeps, "within 1 s. Give it more time as PALATE_VLM_SECONDS"),
    "dribbling": (bad.dribbles, "did not answer within 1 s"),
    "dribbling head": (bad.dribbles_head, "did not answer within 1 s"),
}


@pytest.mark.parametrize("name", SENTENCES)
def test_every_failure_is_a_sentence_in_time(name: str) -> None:
    behave, says_why = SENTENCES[name]
    limit = 1.0 if name in ("silent", "dribbling", "dribbling head") else 30.0
    begun = time.monotonic()
    with house(behave) as server, pytest.raises(NoAnswer, match=says_why) as failure:
        ask(server, seconds=limit)
    assert time.monotonic() - begun < limit + 5  # a busy machine starts threads late
    said = str(failure.value)
    assert said.startswith(f"eye-7b at {server.url} ") and "\n" not in said
    assert len(server.asked) <= 3


def test_nobody_there_is_a_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and never listens
        server = Server(url=f"http://127.0.0.1:{taken.getsockname()[1]}/v1", model="m", seconds=30)
        with pytest.raises(NoAnswer, match=r"cannot be reached .* Is it running"):
            Endpoint(server).probe()


def test_a_server_named_wrongly_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for wrong, says_why in (
        ({"url": "localhost:8000", "model": "m"}, "give its address as http"),
        ({"url": "http://a/v1", "model": ""}, "No model of http://a/v1 is named"),
        ({"url": "http://a/v1", "model": "m", "seconds": 0.0}, "must be above 0"),
        ({"url": "http://a/v1", "model": "m", "seconds": float("inf")}, "must be above 0"),
        ({"url": "http://a:99999/v1", "model": "m"}, "give its address as http"),
        ({"url": "http://[::1/v1", "model": "m"}, "give its address as http"),
        ({"url": "http://a/v1", "model": "\udcff"}, "no server has one of that name"),
        ({"url": "http://a/v1", "model": "m", "key": "ключ"}, "letters neither can have"),
    ):
        with pytest.raises(BadInput, match=says_why):
            Server(**wrong)
    with pytest.raises(BadInput, match="set PALATE_VLM_URL and PALATE_VLM_MODEL"):
        Server.from_environment()
    monkeypatch.setenv("PALATE_VLM_URL", "https://me:secret@host:8/v1?key=secret")
    monkeypatch.setenv("PALATE_VLM_MODEL", "m")
    monkeypatch.setenv("PALATE_VLM_KEY", "secret")
    server = Server.from_environment(model="other", url=None)
    assert server.key == "secret" and str(server) == "other at https://host:8/v1"
    monkeypatch.setenv("PALATE_VLM_KEY", "secret\n")
    monkeypatch.setenv("PALATE_VLM_SECONDS", "7")
    server = Server.from_environment()
    assert (server.key, server.seconds) == ("secret", 7.0)
    monkeypatch.setenv("PALATE_VLM_SECONDS", "soon")
    with pytest.raises(BadInput, match="PALATE_VLM_SECONDS is 'soon'; give the seconds"):
        Server.from_environment()


def test_a_missing_client_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(MissingPart, match=r"pip install 'palate\[vlm\]'"):
        Endpoint(Server(url="http://a/v1", model="m"))


def test_hundreds_of_random_replies_end_in_a_value_or_a_sentence() -> None:
    ends: dict[type, int] = {}
    with house(*(nonsense(seed, json.dumps(GOOD)) for seed in range(300))) as server:
        endpoint = Endpoint(
            Server(url=server.url, model="eye-7b", repairs=1, pause=1e-3, seconds=30)
        )
        while len(server.asked) < 300:
            begun = time.monotonic()
            try:
                found: object = endpoint.ask(Seen, "Look.", "What?")
            except NoAnswer as why:
                assert str(why).startswith("eye-7b at http://127.0.0.1:") and "\n" not in str(why)
                found = why
            assert time.monotonic() - begun < 35
            ends[type(found)] = ends.get(type(found), 0) + 1
    assert set(ends) == {Seen, NoAnswer}


def test_its_connections_are_closed_with_an_endpoint():
    endpoint = Endpoint(Server(url="http://127.0.0.1:9/v1", model="any"))
    client = endpoint._client
    assert not client.is_closed()
    del endpoint
    gc.collect()
    assert client.is_closed()
