"""Two runs in one folder: the second ends at once, and says whose the folder is."""

import os

import pytest
from typer.testing import CliRunner

from palate.cli import app
from palate.errors import InUse
from palate.store import Lock


@pytest.mark.parametrize(
    ("words", "folder"),
    [
        (["eval", "methods", "words", "--backbone", "tiny-sdxl"], "."),
        (["claims", "--only", "open-prefgen-flux"], "."),
        (["train", "sketchbook-judge-debug"], "sketchbook-judge-debug"),
    ],
)
def test_a_second_run_is_told_of_the_first(words, folder, tmp_path):
    with Lock(tmp_path / folder) as held:
        result = CliRunner().invoke(app, [*words, "--out", str(tmp_path)])
        told = " ".join(result.output.split())
        assert result.exit_code == InUse.exit_code, told
        assert f"in use by process {os.getpid()}, since " in told and "--out" in told
        assert [file.name for file in held.folder.iterdir()] == [held.file.name]
