"""A few claims, one of each kind, with the built-in weights: what the nightly run does in small."""

import json

import pytest
from typer.testing import CliRunner

from palate.cli import app

# A minute or two together: the reader's layers, aligners, a search for regions, methods compared.
SUBSET = ("prefgen-like", "open-mmd-kernel", "instant-regions", "premier-order")


@pytest.mark.slow
def test_a_few_claims_are_answered_with_the_built_in_weights(tmp_path):
    only = [word for name in SUBSET for word in ("--only", name)]
    result = CliRunner().invoke(app, ["claims", *only, "--out", str(tmp_path), "--json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)["claims"]
    assert set(told) == set(SUBSET)
    page = (tmp_path / "README.md").read_text()
    for name in SUBSET:
        answer = json.loads((tmp_path / f"{name}.json").read_bytes())
        assert answer["verdict"] in ("holds", "does not hold", "cannot be told")
        assert f"## {name}" in page
        # What is bounded, and beside it the plain figures that it was made of.
        bounded = [found["above"] is not None for found in answer["found"]]
        assert any(bounded) and not all(bounded)
