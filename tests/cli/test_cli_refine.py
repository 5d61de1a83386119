"""`palate refine` from the first picture to the last word."""

import json
from pathlib import Path

import numpy as np
import pytest
from misbehaving import house, says
from prefgen_toy import example
from typer.testing import CliRunner

from palate.cli import app
from palate.images import open_picture, read_provenance, request_of
from palate.methods.instant.session import Session

SEEN = {
    category: [{"evidence": "seen", "text": text, "weight": 0.9}]
    for category, text in (
        ("artistic_style", "watercolor"),
        ("emotion_atmosphere", "calm mood"),
        ("thematic", "rolling hills"),
        ("visual_elements", "cool colors"),
    )
}
PLAN = {
    "rationale": "",
    "enriched_prompt": "a cat left of a boat, watercolor",
    "background_prompt": "hills, watercolor",
    "regions": [
        {"entity": "a cat", "prompt": "a cat", "box": [0, 300, 450, 1000], "z": 0},
        {"entity": "a boat", "prompt": "a boat", "box": [500, 300, 1000, 900], "z": 1},
    ],
}
DRAWN = ["--backbone", "tiny-sdxl", "--steps", "2"]


def palate(*words: str) -> tuple[int, str]:
    found = CliRunner().invoke(app, ["refine", *words])
    return found.exit_code, found.output


@pytest.fixture
def likes(tmp_path: Path) -> Path:
    (tmp_path / "likes").mkdir()
    (tmp_path / "likes" / "1.png").write_bytes(example(1).image)  # type: ignore[arg-type]
    return tmp_path / "likes"


def test_a_talk_from_the_first_picture_to_the_last_word(likes: Path, tmp_path: Path) -> None:
    file = str(tmp_path / "talk.json")
    probe = says('{"word": "hello"}')
    with house(probe, says(json.dumps(SEEN)), says(json.dumps(PLAN))) as server:
        asked = ["--server", server.url, "--model", "eye", "--likes", str(likes), *DRAWN]
        code, said = palate(file, "--prompt", "a cat left of a boat", *asked)
    assert code == 0 and "keeps to no schema; replies are checked" in said
    assert "in 1 of 1 liked: seen" in said and "(500, 300, 1000, 900)" in said
    code, said = palate(file, "warmer, and the boat further left", "--json", *DRAWN)
    facts = json.loads(said.splitlines()[-1])
    assert code == 0 and facts["round"] == 1
    assert facts["changes"] == [
        "warm colors: wanted, in place of cool colors",
        "a boat: moved left",
    ]
    first, second = (open_picture(tmp_path / f"talk.{n}.png") for n in (0, 1))
    assert first.shape == (64, 64, 3) and not np.array_equal(first, second)
    assert palate(file, "--undo", *DRAWN)[0] == 0
    assert np.array_equal(open_picture(tmp_path / "talk.0.png"), first)


def test_keywords_by_hand_need_no_model(tmp_path: Path) -> None:
    from palate.methods.instant.keywords import Keyword, Keywords
    from palate.methods.instant.layout import planned

    words = Keywords(visual_elements=(Keyword(text="cool colors"),))
    Session(prompt="a cat", keywords=words, plan=planned("a cat", words)).save(tmp_path / "t.json")
    edit = ["--add", "film grain", "--remove", "cool colors", "--no-draw"]
    code, said = palate(str(tmp_path / "t.json"), *edit)
    assert code == 0 and "film grain: added by hand" in said
    found = Session.load(tmp_path / "t.json")
    assert [(c, k.text) for c, k in found.keywords.all()] == [("artistic_style", "film grain")]
    assert found.plan.enriched_prompt == "a cat, film grain" and len(found.history) == 2
    code, said = palate(str(tmp_path / "t.json"), "--weigh", "film grain=0.5", "--no-draw")
    assert code == 0 and "film grain: weighs 0.5 by hand" in said and "(said by hand)" not in said
    code, said = palate(str(tmp_path / "t.json"), "--no-draw")
    assert code == 0 and "0.50  film grain  (said by hand)" in said
    for pair, wrong in (("film grain", "no keyword and weight"), ("film grain=7", "weighs 7.0")):
        code, said = palate(str(tmp_path / "t.json"), "--weigh", pair, "--no-draw")
        assert code == 2 and wrong in said, said


def test_a_picture_that_lacks_a_named_thing_is_made_once_more(likes: Path, tmp_path: Path) -> None:
    probe, fog, both = ({"word": "hello"}, {"things": ["fog"]}, {"things": ["Cat", "boat"]})
    for second, says_what in ((both, ""), (fog, "not to be seen in two tries: a cat, a boat")):
        script = [says(json.dumps(one)) for one in (probe, SEEN, PLAN, fog, second)]
        with house(*script) as server:
            env = {"PALATE_VLM_URL": server.url, "PALATE_VLM_MODEL": "eye"}
            asked = ["a cat left of a boat", "--method", "instant", "--likes", str(likes)]
            out = ["--check", "--out", str(tmp_path / "made"), *DRAWN]
            found = CliRunner().invoke(app, ["generate", *asked, *out], env=env)
        assert found.exit_code == 0 and says_what in found.output, found.output
        (file,) = (tmp_path / "made").glob("0000*.png")
        request = request_of(read_provenance(file))
        assert (request.seed, request.strength) == ((1, 0.5) if second is both else (0, 1.0))
    found = CliRunner().invoke(app, ["generate", "a cat", "--check", *DRAWN])
    assert found.exit_code == 2 and "Only instant looks at its pictures" in found.output


def test_what_is_wrong_is_a_sentence(likes: Path, tmp_path: Path) -> None:
    file, kept = tmp_path / "talk.json", tmp_path / "kept.json"
    kept.write_text("{}")
    for words, says_what in (
        (
            (file, "--prompt", "a", "--likes", likes, "--server", "http://127.0.0.1:9/v1"),
            "No model is named: set PALATE_VLM_MODEL",
        ),
        ((file, "warmer"), "cannot be read: No such file"),
        ((file, "warmer", "--prompt", "a cat"), "Begin with --prompt alone"),
        ((kept, "--prompt", "a cat"), "is there already"),
        ((file, "--prompt", "a cat"), "There is no reference. Give --likes FOLDER"),
        ((kept, "warmer"), "is no session of Palate's"),
        ((file, "--prompt", "a \udcff", "--likes", likes), "is not text in UTF-8"),
        ((kept, "more \udcff"), "is not text in UTF-8"),
        (
            (file, "--prompt", "a", "--likes", likes, "--server", "http://127.0.0.1:9/v1",
             "--model", "eye"),
            "eye at http://127.0.0.1:9/v1 cannot be reached",
        ),
    ):  # fmt: skip
        code, said = palate(*map(str, words))
        assert code == 2 and says_what in said, said
    assert not file.exists()
