"""What comes with the package is what its cards say, and fits."""

from copy import deepcopy
from pathlib import Path

import prefgen_toy
import pytest
import torch

import palate
from palate.backbones import catalog
from palate.backbones.builtin import load_vae
from palate.backbones.builtin.reader import save_reader
from palate.backbones.catalog import judge
from palate.backbones.reader import Reader
from palate.errors import BadInput, PalateError
from palate.recipes.judge import judged
from palate.recipes.recipe import changed, cook
from palate.recipes.shipping import check_room, ship
from palate.recipes.table import recipe

WEIGHTS = Path(palate.__file__).parent / "weights"


def test_the_weights_keep_within_their_room(tmp_path):
    check_room(WEIGHTS)
    (tmp_path / "a").write_bytes(bytes(15 * 2**20))
    (tmp_path / "b").symlink_to("a")
    check_room(tmp_path)
    (tmp_path / "c").write_bytes(bytes(15 * 2**20))
    (tmp_path / "d").write_bytes(bytes(3 * 2**20))
    with pytest.raises(PalateError, match="All weights have 34,603,008 bytes; 33,554,432 are"):
        check_room(tmp_path)
    (tmp_path / "d").write_bytes(bytes(15 * 2**20 + 1))
    with pytest.raises(PalateError, match="d has 15,728,641 bytes"):
        check_room(tmp_path)


def test_what_two_models_share_lies_in_the_package_once(tmp_path, monkeypatch):
    train, weights = tmp_path / "train", tmp_path / "weights"
    small = ["fit.steps=1", "widths=(16,16,16,32)", "tested=1"]
    for name in ("sketchbook-vae", "sketchbook-vae-debug"):
        cook(changed(recipe("sketchbook-vae-debug"), small), train / name)
    names = ("sketchbook-vae", "sketchbook-vae-debug", "sketchbook-clip")
    assert ship(train, weights, names) == ["sketchbook-vae", "sketchbook-vae-debug"]
    file = "diffusion_pytorch_model.safetensors"
    one, two = (weights / name / file for name in ("sketchbook-vae", "sketchbook-vae-debug"))
    assert two.is_symlink() != one.is_symlink()
    assert not (weights / "sketchbook-vae" / "config.json").is_symlink()
    assert load_vae(two.parent).config.latent_channels == 8
    assert ship(train, weights, names)  # again, over what lies there
    before = sorted(str(path) for path in weights.rglob("*"))
    monkeypatch.setattr("palate.recipes.shipping.MOST", 10)
    with pytest.raises(PalateError, match="10 are allowed"):
        ship(train, weights, names)
    assert sorted(str(path) for path in weights.rglob("*")) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["train", "weights"]
    with pytest.raises(BadInput, match="Run `palate train all` first"):
        ship(tmp_path / "nowhere", weights)


def test_readers_with_the_same_eyes_share_them_in_the_package(tmp_path):
    train, weights = tmp_path / "train", tmp_path / "weights"
    names = ("sketchbook-reader", "sketchbook-prefdisc")
    one = prefgen_toy.reader()
    other = Reader(deepcopy(one.model), one.processor)
    with torch.no_grad():
        other.model.model.text_model.norm.weight.add_(1)
    for name, kept in zip(names, (one, other), strict=True):
        save_reader(kept.model, train / name / "model")
        (train / name / "measured.json").write_text("{}")
    plain = [catalog.reader(train / name / "model").mark.fingerprint for name in names]
    ship(train, weights, names)
    shared, own = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
    assert (weights / "sketchbook-reader" / shared).is_symlink()
    assert not (weights / "sketchbook-reader" / own).is_symlink()
    assert [catalog.reader(weights / name).mark.fingerprint for name in names] == plain


@pytest.mark.parametrize(
    "folder", [p for p in WEIGHTS.iterdir() if p.is_dir()], ids=lambda p: p.name
)
def test_every_model_has_a_card_with_its_figures(folder):
    card = (folder / "README.md").read_text()
    for said in ("license: apache-2.0", "**Data**", "**Training**", "**Hardware**", " % |"):
        assert said in card
    assert f"`{folder.name}`" in (WEIGHTS / "README.md").read_text()


def test_the_judge_reads_fresh_drawings():
    found = judged(judge(), 300)
    assert found["attributes"] >= 0.97
    assert found["content"] >= 0.96  # of 300, where of 4,000 it was 98.2 %
    assert min(found.values()) >= 0.8  # shape, the hardest, was 88 %
