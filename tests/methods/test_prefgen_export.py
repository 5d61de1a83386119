"""A person for stock pipelines: the same picture without Palate, and inside one's own pipeline."""

import re
from dataclasses import replace

import diffusers
import numpy as np
import pytest
import torch
from prefgen_toy import PLAN, prefgen, taste
from safetensors.torch import load_file

import palate
from palate import store
from palate.backbones.tiny import tiny_flux, tiny_sdxl
from palate.errors import Mismatch
from palate.methods.prefgen import export
from palate.methods.prefgen.model import Conditioner

NARROW = replace(PLAN, sizes=replace(PLAN.sizes, token=24))  # the toy's text is 64 wide
STEPS, GUIDANCE = 3, 4.0


@pytest.fixture(scope="module")
def method():
    return prefgen()


@pytest.fixture(scope="module")
def person(method):
    return method.read(taste(range(3), range(10, 12)))


def called(pipe, **options):
    pipe.set_progress_bar_config(disable=True)
    stream = torch.Generator().manual_seed(3)
    how = {"num_inference_steps": STEPS, "guidance_scale": GUIDANCE, "generator": stream}
    return pipe("a cat", output_type="np", **how, **options).images[0]


def test_one_linear_layer_as_two_with_a_gelu_between():
    """gelu(x) - gelu(-x) = x, so the exported projection is the conditioner's own."""
    conditioner = Conditioner(PLAN.sizes)
    held = export.ip_adapter(conditioner, prefgen().adapter)
    e_u = torch.randn(3, 96, generator=torch.Generator().manual_seed(0))
    inner = e_u @ held["image_proj.proj.0.weight"].T + held["image_proj.proj.0.bias"]
    outer = torch.nn.functional.gelu(inner) @ held["image_proj.proj.2.weight"].T
    tokens = (outer + held["image_proj.proj.2.bias"]).view(3, 6, 64)
    sem, core, img = e_u.split(32, 1)
    heads = [
        conditioner.heads[name](x)
        for name, x in zip(conditioner.heads, (sem, core, img), strict=True)
    ]
    expected = torch.cat(heads, 1).view(3, 6, 64)
    torch.testing.assert_close(tokens, expected, atol=1e-5, rtol=0)


def test_stock_diffusers_makes_the_same_picture(method, person, tmp_path):
    files = method.export(person, tmp_path)
    assert [file.name for file in files] == [export.ADAPTER, export.PERSON, "README.md"]
    with method.steer([person], [palate.Request(prompt="a cat")]):
        ours = called(method.backbone.pipe)
    pipe = tiny_sdxl().pipe
    pipe.load_ip_adapter(
        str(tmp_path), subfolder="", weight_name=export.ADAPTER, image_encoder_folder=None
    )
    pipe.set_ip_adapter_scale(1.0)
    embeds = load_file(tmp_path / export.PERSON)["embeds"]
    assert embeds.shape == (2, 1, 96) and not embeds[0].any()
    theirs = called(pipe, ip_adapter_image_embeds=[embeds])
    plain = called(tiny_sdxl().pipe)
    np.testing.assert_allclose(theirs, ours, atol=2e-4)
    assert np.abs(theirs - plain).max() > 1e-2


def test_the_readme_names_what_is_there(method, person, tmp_path):
    method.export(person, tmp_path)
    told = (tmp_path / "README.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", told, re.DOTALL)
    compile(code, "README.md", "exec")
    assert str(person.backbone) in told
    assert all(f'"{name}"' in code for name in (export.ADAPTER, export.PERSON))


def test_what_a_file_cannot_say_is_refused(person, tmp_path):
    narrow = prefgen(NARROW)
    with pytest.raises(Mismatch, match="24 wide and diffusers takes only such as are as wide"):
        narrow.export(narrow.read(taste(range(1))), tmp_path)
    flux = prefgen(backbone=tiny_flux())
    with pytest.raises(Mismatch, match="FLUX-class, where diffusers' IP-Adapters speak elsewhere"):
        flux.export(flux.read(taste(range(1))), tmp_path)
    fused = prefgen(replace(PLAN, sizes=replace(PLAN.sizes, fusion="attention")))
    with pytest.raises(Mismatch, match="fused by attention"):
        fused.export(fused.read(taste(range(1))), tmp_path)


# ---- inside a pipeline of one's own


@pytest.mark.parametrize("tiny", [tiny_sdxl, tiny_flux])
def test_a_pipeline_of_ones_own_is_steered(tiny, tmp_path, monkeypatch):
    method = prefgen(backbone=tiny())
    person, file = method.read(taste(range(3))), tmp_path / "me.palate.safetensors"
    store.save_profile(file, person)
    given = []

    def load(name, backbone, weights):
        given.append((name, backbone.mark, weights))
        found = prefgen(backbone=backbone)
        assert found.mark == method.mark
        return found

    monkeypatch.setattr("palate.pipelines.method", load)
    pipe = tiny().pipe
    plain = called(pipe)
    with palate.steering(pipe, file) as lent:
        assert lent is pipe
        steered = called(pipe)
    assert np.abs(steered - plain).max() > 1e-2
    assert np.array_equal(called(pipe), plain)
    with palate.steering(pipe, person, strength=0.0):
        assert np.array_equal(called(pipe), plain)
    assert given == [("prefgen", method.backbone.mark, None)] * 2


def test_what_cannot_be_steered_is_said(person):
    pipe = diffusers.DDPMPipeline.__new__(diffusers.DDPMPipeline)
    with (
        pytest.raises(Mismatch, match="DDPMPipeline cannot be steered"),
        palate.steering(pipe, person),
    ):
        pass
