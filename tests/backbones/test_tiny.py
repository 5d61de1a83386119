"""The toy pipelines are the real classes, the same each time, and survive a folder."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from seams import asks

from palate.backbones import FLUX, SDXL
from palate.backbones.tiny import tiny_flux, tiny_sdxl
from palate.errors import BadFile, BadInput, Mismatch
from palate.types import Backbone

TINY = {"sdxl": (tiny_sdxl, SDXL), "flux": (tiny_flux, FLUX)}
both = pytest.mark.parametrize(("build", "kind"), TINY.values(), ids=TINY)


@both
def test_the_same_seed_makes_the_same_weights_and_touches_no_random_state(build, kind) -> None:
    before = torch.random.get_rng_state()
    one, same, other = build(1), build(1), build(2)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert one.mark == same.mark != other.mark
    assert np.array_equal(one.sample(asks())[0].pixels, same.sample(asks())[0].pixels)


@both
def test_it_is_a_backbone_and_draws_something(build, kind) -> None:
    backbone = build()
    assert isinstance(backbone, Backbone)
    picture = backbone.sample(asks())[0]
    assert picture.pixels.shape == (64, 64, 3) and picture.pixels.dtype == np.uint8
    assert picture.pixels.std() > 10  # neither one colour nor black and white
    parts = [p for p in backbone.pipe.components.values() if isinstance(p, torch.nn.Module)]
    assert sum(weight.numel() for part in parts for weight in part.parameters()) < 600_000


@both
def test_a_saved_backbone_is_the_same_backbone(
    build, kind, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    backbone = build()
    backbone.save_pretrained(tmp_path)
    capfd.readouterr()
    again = kind.from_pretrained(tmp_path)
    assert capfd.readouterr() == ("", "")  # no progress bars
    assert again.mark == backbone.mark and again.defaults == backbone.defaults
    request = asks(2, guidance=3.0)
    for mine, other in zip(again.sample(request), backbone.sample(request), strict=True):
        assert np.array_equal(mine.pixels, other.pixels)
    assert kind.from_pretrained(tmp_path, dtype=torch.bfloat16).mark == backbone.mark


@both
def test_a_folder_that_diffusers_saved_needs_nothing_of_ours(build, kind, tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    build().pipe.save_pretrained(folder)
    assert kind.from_pretrained(folder).name == "theirs"


@both
def test_folders_that_are_none_are_refused(build, kind, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"model_index.json is missing"):
        kind.from_pretrained(tmp_path)
    build().save_pretrained(tmp_path)
    (tmp_path / "palate.json").write_text(json.dumps({"name": "x", "defaults": {"wide": 1}}))
    with pytest.raises(BadFile, match=r"palate.json is damaged"):
        kind.from_pretrained(tmp_path)


def test_a_pipeline_of_the_other_kind_is_refused() -> None:
    with pytest.raises(Mismatch, match="StableDiffusionXLPipeline has no transformer; a FluxPip"):
        FLUX(tiny_sdxl().pipe)
    with pytest.raises(Mismatch, match="FluxPipeline has no unet"):
        SDXL(tiny_flux().pipe)
