"""`palate claims` from the command line."""

import json

from typer.testing import CliRunner

from palate.cli import app
from palate.recipes.claims import lab


def run(*words: str):
    return CliRunner().invoke(app, ["claims", *words])


def test_claims_are_listed():
    result = run("--list", "--json")
    listed = json.loads(result.stdout)
    assert result.exit_code == 0 and "prefgen-mmd" in listed and "premier-order" in listed
    assert run("--list", "--only", "open-drift").stdout.splitlines()[0].startswith("open-drift")


def test_what_is_wrong_is_said_before_anything_runs(tmp_path):
    for words, said in (
        (["--only", "nothing"], "No claim named 'nothing'. Known:"),
        (["--budget", "huge"], "No budget named 'huge'"),
        (["--weights", "here"], "names no weights"),
        (["--weights", f"sketchbook-judge={tmp_path / 'no'}"], "There is no folder"),
    ):
        result = run(*words, "--out", str(tmp_path / "out"))
        assert result.exit_code == 2 and said in result.output, result.output


def test_a_claim_without_its_weights_is_on_the_page_as_such(tmp_path, monkeypatch):
    monkeypatch.setattr(lab, "BUILT_IN", tmp_path / "an installation without weights")
    result = run("--only", "open-prefgen-flux", "--out", str(tmp_path), "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)["claims"]["open-prefgen-flux"]
    assert told["verdict"] == "not testable here" and "needs sketchbook-flux" in told["notes"][0]
    assert "not testable here" in (tmp_path / "README.md").read_text()
    assert "PrefGen works on FLUX-class" in (tmp_path / "index.html").read_text()
    full = run("--only", "open-prefgen-flux", "--budget", "full", "--out", str(tmp_path))
    assert full.exit_code == 2 and "answers of the small budget" in full.output
