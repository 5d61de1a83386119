"""The real SDXL and FLUX, without their weights: shapes and counts on the meta device."""

import json
import subprocess
import sys

import pytest
import torch

from bench.full_size import SDXL_BASE
from palate.backbones import FLUX, SDXL, Delta, Embeddings, Voice
from palate.backbones.tiny import tiny_flux, tiny_sdxl

pytestmark = pytest.mark.slow


@torch.no_grad()
def test_sdxl_takes_a_voice_in_its_seventy_cross_attentions() -> None:
    import diffusers

    pipe = tiny_sdxl().pipe
    with torch.device("meta"):
        pipe.unet = diffusers.UNet2DConditionModel(**SDXL_BASE)
        backbone = SDXL(pipe)
        adapter = backbone.new_adapter(tokens=2048)
        text = Embeddings(tokens=torch.zeros(2, 77, 2048), pooled=torch.zeros(2, 1280))
        voice = Voice(tokens=torch.zeros(2, 16, 2048), adapter=adapter, mask=torch.ones(152, 104))
        with backbone.attending(voice):
            out = backbone.predict(torch.zeros(2, 4, 152, 104), torch.zeros(()), text)
    assert sum(weight.numel() for weight in pipe.unet.parameters()) == 2_567_463_684
    assert len(backbone.cross_attentions) == 70
    assert sum(w.numel() for w in adapter.parameters()) == 2 * 2048 * (10 * 640 + 60 * 1280)
    assert out.shape == (2, 4, 152, 104)
    assert backbone.defaults.width == 1024


@pytest.mark.parametrize(("blocks", "count"), [("double", 19), ("all", 57)])
@torch.no_grad()
def test_flux_takes_a_direction_for_each_token_and_block(blocks, count: int) -> None:
    import diffusers

    pipe = tiny_flux().pipe
    with torch.device("meta"):
        pipe.transformer = diffusers.FluxTransformer2DModel(guidance_embeds=True)
        backbone = FLUX(pipe)
        text = Embeddings(tokens=torch.zeros(1, 512, 4096), pooled=torch.zeros(1, 768))
        delta = Delta(
            shared=torch.zeros(1, 512, 3072), each=torch.zeros(1, 512, count, 3072), blocks=blocks
        )
        with backbone.modulating(delta):
            out = backbone.predict(torch.zeros(1, 16, 64, 64), torch.zeros(1), text)
    assert out.shape == (1, 16, 64, 64)


@torch.no_grad()
def test_flux_takes_a_voice_in_its_nineteen_double_blocks() -> None:
    import diffusers

    pipe = tiny_flux().pipe
    with torch.device("meta"):
        pipe.transformer = diffusers.FluxTransformer2DModel(guidance_embeds=True)
        backbone = FLUX(pipe)
        adapter = backbone.new_adapter(tokens=1024)
        voice = Voice(tokens=torch.zeros(1, 12, 1024), adapter=adapter)
    assert len(backbone.attentions) == 19
    assert sum(w.numel() for w in adapter.parameters()) == 19 * 2 * 1024 * 3072
    with backbone.attending(voice):
        assert backbone.attentions["transformer_blocks.0.attn"].heads == 24


def test_the_bench_of_full_sizes_runs_at_toy_width() -> None:
    command = [sys.executable, "-m", "bench.full_size", "--toy"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    found = [json.loads(line) for line in run.stdout.splitlines()]
    assert [one["name"] for one in found if one["unit"] == "x"] == [
        "sdxl/a person's tokens over plain",
        "sdxl/two regions over plain",
        "flux/Premier in double blocks over plain",
        "flux/Premier in all blocks over plain",
        "flux/a person's tokens over plain",
    ]
    assert all(one["value"] > 0 for one in found)
