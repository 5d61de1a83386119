"""A server that is somebody else's whole: `transformers serve`, with the built-in reader."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from transformers.utils.import_utils import is_serve_available

import palate
from palate.backbones import catalog
from palate.backbones.messages import content
from palate.backbones.reader import asked
from palate.backbones.servers import Server
from palate.backbones.vlm import Endpoint
from palate.backbones.wire import Clock
from palate.errors import NoAnswer
from palate.methods.instant.understanding import DESCRIBE, ByServer
from palate.sketchbook.drawing import draw
from palate.sketchbook.words import scene_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not is_serve_available(),
        reason="`transformers serve` is not installed: pip install 'transformers[serving]'.",
    ),
]
READER = Path(palate.__file__).parent / "weights" / "sketchbook-reader"
SECONDS = 120.0  # to come up, on a busy machine
SEEN = draw(scene_of("a cat left of a cup, watercolor, at night", 3))


@pytest.fixture(scope="module")
def served() -> Iterator[Endpoint]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serve = [sys.executable, "-c", "from transformers.cli.transformers import main; main()"]
    where = ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([*serve, "serve", str(READER), *where], **quiet)
    try:
        _await(port, process)
        server = Server(
            url=f"http://127.0.0.1:{port}/v1", model=str(READER), repairs=0, tokens=96, side=128
        )
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
