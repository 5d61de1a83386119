"""A CLIP reads and sees as the stock classes do."""

import numpy as np
import pytest
import torch
import transformers
from PIL import Image

from palate.backbones import builtin, catalog
from palate.errors import Mismatch
from palate.recipes.clip import DEBUG
from palate.sketchbook.drawing import draw
from palate.sketchbook.scenes import any_scene

TEXTS = ["a cat left of a cup, warm colors", "a fish"]


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clip")
    both = builtin.new_clip(DEBUG.reads, DEBUG.sees, patch=DEBUG.patch, shared=DEBUG.shared)
    builtin.save_clip(both, folder)
    return folder


@torch.no_grad()
def test_points_are_those_of_the_stock_model(kept):
    clip = catalog.clip(kept)
    pictures = [draw(any_scene(seed)) for seed in range(3)]
    stock = transformers.CLIPModel.from_pretrained(kept, dtype=torch.float32)
    tokenizer = transformers.CLIPTokenizer.from_pretrained(kept)
    pixels = transformers.CLIPImageProcessorPil.from_pretrained(kept)(
        [Image.fromarray(p) for p in pictures], return_tensors="pt"
    ).pixel_values
    out = stock(**tokenizer(TEXTS, padding=True, return_tensors="pt"), pixel_values=pixels)
    torch.testing.assert_close(clip.see(pictures), out.image_embeds, atol=1e-5, rtol=0)
    torch.testing.assert_close(clip.read(TEXTS), out.text_embeds, atol=1e-5, rtol=0)
    assert clip.see(pictures).shape == (3, clip.width)


def test_a_point_does_not_depend_on_the_batch(kept):
    clip = catalog.clip(kept)
    torch.testing.assert_close(clip.read(TEXTS)[1:], clip.read(TEXTS[1:]), atol=1e-5, rtol=0)
    pictures = [np.full((90, 60, 3), level, np.uint8) for level in (0, 200)]
    together = clip.see(pictures, at_once=1)
    torch.testing.assert_close(together, clip.see(pictures), atol=1e-5, rtol=0)


def test_what_is_cut_is_said(kept):
    clip = catalog.clip(kept)
    assert clip.cut("a cat") == ""
    assert clip.cut("cat " * 62 + "boat tree").split() == ["boat", "tree"]


def test_a_reader_is_no_clip(kept):
    with pytest.raises(Mismatch, match="idefics2-8b is a reader; what is needed here is one of"):
        catalog.clip("idefics2-8b")
