"""Pictures: what the stock pipelines make, in batches that do not matter."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from seams import PROMPTS, asks, flux, sdxl

from palate.backbones import FLUX, Defaults
from palate.backbones.flux import pack, unpack
from palate.backbones.tiny import tiny_sdxl
from palate.errors import BadInput, Mismatch
from palate.types import Request

BACKBONES = {"sdxl": sdxl, "flux": lambda: flux(True), "flux-guided": lambda: flux(False)}
every = pytest.mark.parametrize("build", BACKBONES.values(), ids=BACKBONES)


def stock(backbone: Any, request: Request, **options: Any) -> Any:
    """The same picture from the pipeline's own __call__."""
    whole = backbone.complete(request)
    backbone.pipe.set_progress_bar_config(disable=True)
    scale = "guidance_scale"
    if isinstance(backbone, FLUX):
        options |= {"max_sequence_length": 48}
        scale = "guidance_scale" if backbone.distilled else "true_cfg_scale"
    words = {"prompt": whole.prompt}
    if not (isinstance(backbone, FLUX) and backbone.distilled):
        force = isinstance(backbone, FLUX) and whole.guidance > 1
        words["negative_prompt"] = whole.negative_prompt or ("" if force else None)
    sizes = {"width": whole.width, "height": whole.height, "num_inference_steps": whole.steps}
    stream = torch.Generator().manual_seed(whole.seed)
    call = {**words, **sizes, scale: whole.guidance, "generator": stream, **options}
    return np.round(backbone.pipe(**call, output_type="np").images[0] * 255).astype(int)


@every
@pytest.mark.parametrize("guidance", [1.0, 4.0])
def test_a_picture_is_the_stock_pipelines(build: Any, guidance: float) -> None:
    backbone = build()
    negative = "fog" if backbone.guided(Request(prompt="", guidance=guidance)) else ""
    for request in (
        Request(prompt="a lighthouse", seed=1, guidance=guidance, negative_prompt=negative),
        Request(prompt="two cats", seed=2, guidance=guidance, width=48, height=80, steps=3),
    ):
        pixels = backbone.sample([request])[0].pixels
        assert pixels.shape[:2] == (request.height or 64, request.width or 64)
        # FluxPipeline makes the negative pass apart from the other: sums in another order.
        apart = int(isinstance(backbone, FLUX) and backbone.guided(request))
        assert abs(pixels - stock(backbone, request)).max() <= apart


SCHEDULERS = {
    "EulerDiscreteScheduler": {"timestep_spacing": "trailing"},
    "EulerAncestralDiscreteScheduler": {},  # draws noise at every step
    "DDIMScheduler": {"clip_sample": False},
    "DPMSolverMultistepScheduler": {"use_karras_sigmas": True},
    "HeunDiscreteScheduler": {},  # two passes a step
    "LCMScheduler": {},
    "UniPCMultistepScheduler": {"use_flow_sigmas": True, "prediction_type": "flow_prediction"},
}


@pytest.mark.parametrize(("name", "options"), SCHEDULERS.items(), ids=SCHEDULERS)
def test_any_stock_scheduler_gives_its_own_pictures(name: str, options: dict[str, Any]) -> None:
    import diffusers

    backbone = tiny_sdxl()
    backbone.pipe.scheduler = getattr(diffusers, name)(**options)
    steps: list[tuple[int, int]] = []
    requests = asks(2, steps=3, guidance=3.0)
    pictures = backbone.sample(requests, on_step=lambda *step: steps.append(step))
    for picture, request in zip(pictures, requests, strict=True):
        assert abs(picture.pixels - stock(backbone, request)).max() <= 1
    assert [done for done, _ in steps] == list(range(1, steps[0][1] + 1))


def test_flow_matching_which_the_stock_pipeline_cannot_call() -> None:
    # FlowMatchEuler has no init_noise_sigma, which StableDiffusionXLPipeline multiplies by.
    from diffusers import FlowMatchEulerDiscreteScheduler

    backbone = tiny_sdxl()
    backbone.pipe.scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0)
    request = Request(prompt="a lighthouse", steps=1, guidance=1.0, seed=4)
    with torch.no_grad():
        noise = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(4))
        velocity = backbone.predict(noise, torch.tensor(1000.0), backbone.encode(["a lighthouse"]))
        image = backbone.decode(noise - velocity)  # one step, from sigma 1 to 0
    want = (image[0].permute(1, 2, 0) / 2 + 0.5).clamp(0, 1) * 255
    assert abs(backbone.sample([request])[0].pixels - want.numpy()).max() <= 1


@every
def test_the_batch_a_picture_rides_in_does_not_change_it(build: Any) -> None:
    backbone = build()
    mixed = [
        *asks(3, guidance=4.0),
        Request(prompt="a cat", seed=9, guidance=2.0),  # rides with the first, at its own guidance
        Request(prompt="a cat", seed=9, guidance=1.0),
        Request(prompt="a cat", seed=9, width=96, steps=3),
    ]
    for picture, request in zip(backbone.sample(mixed), mixed, strict=True):
        alone = backbone.sample([request])[0]
        assert picture.request == alone.request == backbone.complete(request)
        assert abs(picture.pixels.astype(int) - alone.pixels).max() <= 1


def test_no_more_pictures_at_once_than_the_defaults_say() -> None:
    backbone, sizes = tiny_sdxl(), []
    backbone.defaults = replace(backbone.defaults, at_once=2)
    backbone.pipe.unet.register_forward_pre_hook(lambda _, args: sizes.append(len(args[0])))
    assert len(backbone.sample([*asks(3), *asks(2)])) == 5
    assert sizes == [4, 4, 4, 4, 2, 2]  # twice the pictures, two steps


def test_no_requests_no_pictures() -> None:
    assert sdxl().sample([]) == []


@every
def test_sampling_leaves_the_pipelines_scheduler_alone(build: Any) -> None:
    backbone = build()
    before = repr(vars(backbone.pipe.scheduler))
    backbone.sample(asks(2))
    assert repr(vars(backbone.pipe.scheduler)) == before


@every
def test_progress_is_told_and_raising_stops(build: Any) -> None:
    told: list[tuple[int, int]] = []
    requests = [*asks(2, steps=2), *asks(1, steps=3)]
    build().sample(requests, on_step=lambda done, total: told.append((done, total)))
    assert told == [(n, 5) for n in range(1, 6)]

    def stop(done: int, total: int) -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        build().sample(requests, on_step=stop)


@every
def test_nothing_is_printed(build: Any, capfd: pytest.CaptureFixture[str]) -> None:
    build().sample(asks(1))
    assert capfd.readouterr() == ("", "")


@every
def test_pictures_from_embeddings_are_those_from_their_prompts(build: Any) -> None:
    backbone = build()
    words = backbone.encode(PROMPTS, [""] * 3)
    pairs = zip(backbone.sample(asks(3), words), backbone.sample(asks(3)), strict=True)
    assert all(np.array_equal(mine.pixels, other.pixels) for mine, other in pairs)
    with pytest.raises(Mismatch, match="3 prompts and 2 requests"):
        backbone.sample(asks(2), words)


def test_embeddings_without_a_negative_half_cannot_be_guided() -> None:
    words = flux(False).encode(PROMPTS)
    with pytest.raises(Mismatch, match="no negative half"):
        flux(False).sample(asks(3, guidance=2.0), words)
    assert len(flux(False).sample(asks(3, guidance=1.0), words)) == 3


# ---- text


@every
def test_prompts_are_encoded_alike_in_any_batch(build: Any) -> None:
    backbone = build()
    together = backbone.encode(PROMPTS)
    for number, prompt in enumerate(PROMPTS):
        torch.testing.assert_close(
            together.rows([number]).tokens, backbone.encode([prompt]).tokens, atol=2e-6, rtol=0
        )


def test_what_does_not_fit_is_told() -> None:
    whole = "lighthouse " * 8  # 80 letters; CLIP has room for 75
    words = sdxl().encode(["a cat", whole])
    assert words.cut_tokens == (0, 5) and words.cut == ("", "house")
    words = flux(True).encode(["a cat", "lighthouse " * 5])  # each word costs a space more
    assert words.cut_tokens[0] == 0 and words.cut[0] == ""
    assert words.cut_tokens[1] == 5 * 11 + 1 - 48 and words.cut[1] == "ghthouse"


def test_a_prompt_that_is_cut_is_not_logged_as_well(capfd: pytest.CaptureFixture[str]) -> None:
    sdxl().encode(["lighthouse " * 20])
    flux(True).encode(["lighthouse " * 20])
    assert capfd.readouterr() == ("", "")


def test_no_negative_prompt_is_zeros_and_an_empty_one_is_the_same() -> None:
    words = sdxl().encode(["a cat", "a cat"], ["", "fog"])
    assert words.negative_tokens is not None
    assert words.negative_tokens[0].abs().max() == 0 < words.negative_tokens[1].abs().max()
    assert torch.equal(words.negative_tokens[:1], sdxl().encode(["a cup"]).negative_tokens)


# ---- requests that cannot be met


@pytest.mark.parametrize(
    ("build", "options", "words"),
    [
        (sdxl, {"width": 100}, "width is 100; .* multiples of 8. Nearest: 96 and 104"),
        (lambda: flux(True), {"height": 72}, "height is 72; .* of 16. Nearest: 64 and 80"),
        (sdxl, {"height": 3}, "Nearest: 8"),
        (sdxl, {"guidance": float("nan")}, "guidance is nan"),
        (sdxl, {"steps": 5000}, "steps is 5000"),
        (lambda: flux(True), {"negative_prompt": "fog"}, "would not be heard: .* built in"),
        (lambda: flux(False), {"negative_prompt": "fog"}, "needs guidance above 1"),
    ],
)
def test_impossible_requests_are_refused(build: Any, options: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        build().sample([Request(prompt="a cat", **options)])


# ---- odds and ends


def test_packing_is_the_stock_pipelines() -> None:
    latents = torch.arange(2 * 4 * 6 * 8.0).view(2, 4, 6, 8)
    stock_pipe = flux(True).pipe
    assert torch.equal(pack(latents), stock_pipe._pack_latents(latents, 2, 4, 6, 8))
    assert torch.equal(unpack(pack(latents), 6, 8), latents)


def test_defaults_of_a_stock_pipeline_are_its_own_size() -> None:
    from palate.backbones import SDXL

    assert SDXL(tiny_sdxl().pipe).defaults == Defaults(width=64, height=64, steps=30, guidance=5.0)
    assert FLUX(flux(True).pipe).defaults.width == 1024
    assert FLUX(flux(False).pipe).defaults.steps == 4
