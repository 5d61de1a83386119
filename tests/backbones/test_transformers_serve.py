"""A server that is somebody else's whole: `transformers serve`, with models of our own making."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AddedToken
from transformers.utils.import_utils import is_serve_available

import palate
from palate.backbones import catalog
from palate.backbones.builtin.reader import new_reader, reader_processor
from palate.backbones.messages import content
from palate.backbones.reader import asked
from palate.backbones.servers import Server
from palate.backbones.vlm import Endpoint
from palate.backbones.wire import Clock
from palate.errors import NoAnswer
from palate.methods.instant.understanding import DESCRIBE, ByServer
from palate.recipes.reader import DEBUG
from palate.sketchbook.drawing import draw
from palate.sketchbook.words import scene_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not is_serve_available(),
        reason="`transformers serve` is not installed: pip install fastapi uvicorn.",
    ),
]
READER = Path(palate.__file__).parent / "weights" / "sketchbook-reader"
SECONDS = 300.0  # to come up or to load a model, on a busy machine
SEEN = draw(scene_of("a cat left of a cup, watercolor, at night", 3))


@pytest.fixture(scope="module")
def served() -> Iterator[Endpoint]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serve = [sys.executable, "-c", "from transformers.cli.transformers import main; main()"]
    where = ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    alone = {**os.environ, "HF_HUB_OFFLINE": "1"}
    process = subprocess.Popen([*serve, "serve", *where], env=alone, **quiet)
    try:
        _await(port, process)
        url, model = f"http://127.0.0.1:{port}/v1", str(READER)
        server = Server(url=url, model=model, repairs=0, tokens=96, side=128, seconds=SECONDS)
        yield Endpoint(server)
    finally:
        process.terminate()
        process.wait(30)


def _await(port: int, process: subprocess.Popen) -> None:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        assert process.poll() is None, "the server went away"
        with socket.socket() as knock:
            if knock.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.5)
    raise AssertionError(f"the server was not up after {SECONDS} s")


def test_it_is_there_and_keeps_to_no_schema(served: Endpoint) -> None:
    assert served.probe() is False
    assert served.formats  # it takes `response_format`, and does nothing with it


def test_pictures_arrive_and_are_read_as_in_process(served: Endpoint) -> None:
    question = [{"role": "user", "content": content(DESCRIBE, [SEEN], 128)}]
    reply = served._reply(question, {}, Clock(SECONDS))
    (here,) = catalog.reader("sketchbook-reader").answer([asked(DESCRIBE, SEEN)])
    assert reply.ended == "stop" and reply.text == here and "watercolor" in here


def test_a_model_that_speaks_no_json_is_told_apart_in_a_sentence(served: Endpoint) -> None:
    with pytest.raises(NoAnswer) as said:
        ByServer(served).describe([np.zeros((64, 64, 3), np.uint8)])
    assert str(said.value).startswith(f"{READER} at http://127.0.0.1:")
    assert "gave no usable answer at once: its reply" in str(said.value)


# ---- a model that speaks JSON

NOTED = {
    **{c: [] for c in ("emotion_atmosphere", "thematic", "visual_elements")},
    "artistic_style": [{"evidence": "edges run", "text": "loose watercolor", "weight": 0.9}],
}
PLANNED = {
    "rationale": "",
    "enriched_prompt": "a cat left of a cup, loose watercolor",
    "background_prompt": "a table",
    "regions": [{"entity": "a cat", "prompt": "one cat", "box": [0, 200, 450, 990], "z": 1}],
}
SAID = json.dumps({**NOTED, **PLANNED, "things": ["cat", "cup"]})  # an answer to each question


@torch.no_grad()
def parrot(folder: Path) -> Path:
    """A reader whose layers are silent: a token's direction is its successor's row in the head."""
    pieces = re.split(r"(?<=\], )", SAID)
    model, processor = new_reader(DEBUG.sizes), reader_processor(DEBUG.sizes.tokens)
    tokenizer = processor.tokenizer
    tokenizer.add_tokens([AddedToken(piece, normalized=False) for piece in pieces])
    said = tokenizer.convert_tokens_to_ids(pieces)
    model.resize_token_embeddings(len(tokenizer))
    for layer in model.model.text_model.layers:
        layer.self_attn.o_proj.weight.zero_()
        layer.mlp.down_proj.weight.zero_()
    directions = torch.eye(model.config.text_config.hidden_size)
    embedding = model.get_input_embeddings().weight
    embedding[:] = directions[0]  # whatever was said before, it begins
    embedding[said] = directions[1 : len(said) + 1]
    model.lm_head = torch.nn.Linear(*embedding.shape[::-1], bias=False)
    model.lm_head.weight.zero_()
    end = tokenizer.convert_tokens_to_ids("<end_of_utterance>")
    model.lm_head.weight[[*said, end]] = directions[: len(said) + 1]
    model.config.tie_word_embeddings = model.config.text_config.tie_word_embeddings = False
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def test_a_model_that_speaks_json_is_understood(served: Endpoint, tmp_path: Path) -> None:
    understood = ByServer(Endpoint(replace(served.server, model=str(parrot(tmp_path)))))
    (keywords,) = understood.analyse([SEEN])
    assert [(c, k.text, k.weight) for c, k in keywords.all()] == [
        ("artistic_style", "loose watercolor", 0.9)
    ]
    assert understood.describe([SEEN]) == ["cat, cup"]
    plan = understood.plan("a cat left of a cup", keywords)
    assert [(r.entity, r.box) for r in plan.regions] == [("a cat", (0, 200, 450, 990))]
    assert plan.background_prompt == "a table, a cup"
