"""What following a taste costs at full size: SDXL's U-Net and FLUX's transformer as released, with
random weights, which take as long as learned ones. Made for a GPU of 40 GB or more.

python -m bench.full_size [sdxl] [flux]    one of them, or both
python -m bench.full_size --toy            the same calls at toy width, anywhere

A pass of a guided picture of 1024 pixels for SDXL (two rows), of one picture for FLUX; ratios are
of passes that take turns.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any, Literal

import torch
from torch import Tensor, nn

from bench.report import RUNS, figure, ratio
from palate.backbones import FLUX, SDXL, Embeddings, Voice
from palate.backbones.tiny import tiny_flux, tiny_sdxl
from palate.methods.premier.model import Modulator, Sizes

SDXL_BASE: dict[str, Any] = {  # stabilityai/stable-diffusion-xl-base-1.0, unet/config.json
    "sample_size": 128,
    "block_out_channels": (320, 640, 1280),
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "transformer_layers_per_block": (1, 2, 10),
    "attention_head_dim": (5, 10, 20),
    "cross_attention_dim": 2048,
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2816,
}
FLUX_DEV: dict[str, Any] = {"guidance_embeds": True}  # diffusers' defaults are FLUX.1's
Lend = Callable[[], AbstractContextManager[Any]]
PERSON = 12  # tokens of a person, as PrefGen has them


@dataclass(frozen=True, kw_only=True)
class Sides:
    """How large everything is."""

    latents: int = 128  # places a side, before FLUX packs them
    text: int = 512  # tokens FLUX reads
    premier: Sizes = field(default_factory=Sizes)
    toy: bool = False


TOY = Sides(latents=8, text=16, premier=Sizes(tokens=2, user=8, width=8, heads=2, time=0), toy=True)


@contextmanager
def here() -> Iterator[torch.device]:
    """New tensors on the GPU, if there is one, in bf16."""
    device, before = torch.device("cuda" if torch.cuda.is_available() else "cpu"), torch.float32
    torch.set_default_dtype(torch.bfloat16 if device.type == "cuda" else before)
    try:
        with device:
            yield device
    finally:
        torch.set_default_dtype(before)


def sdxl(sides: Sides) -> None:
    """A person as PrefGen says them, and two regions as Instant has them."""
    import diffusers

    pipe = tiny_sdxl().pipe
    if not sides.toy:
        pipe.unet = diffusers.UNet2DConditionModel(**SDXL_BASE)
    backbone = SDXL(_moved(pipe, "unet"))
    width, pooled = (pipe.unet.config.cross_attention_dim, _pooled(pipe.unet.config))
    text = Embeddings(tokens=torch.randn(2, 77, width), pooled=torch.randn(2, pooled))
    latents = torch.randn(2, pipe.unet.config.in_channels, sides.latents, sides.latents)

    def each(lend: Lend = nullcontext) -> Callable[[], Tensor]:
        return _pass(lambda: backbone.predict(latents, torch.tensor(500.0), text), lend)

    adapter = backbone.new_adapter(tokens=width, like_text=True)
    person = Voice(tokens=torch.randn(2, PERSON, width), adapter=adapter)
    half = torch.zeros(sides.latents, sides.latents)
    half[:, : sides.latents // 2] = 1
    regions = [
        Voice(tokens=torch.randn(2, 77, width), instead=True, strength=0.8, mask=mask)
        for mask in (half, 1 - half)
    ]
    _told("sdxl", pipe.unet, each())
    cost = ratio(each(lambda: backbone.attending(person)), each())
    figure("sdxl/a person's tokens over plain", cost, "x", bar="<= 1.05")
    cost = ratio(each(lambda: backbone.attending(regions)), each())
    figure("sdxl/two regions over plain", cost, "x", bar="<= 1.15")


def flux(sides: Sides) -> None:
    """People who turn the text's modulation, as Premier has them, and a voice in double blocks."""
    import diffusers

    pipe = tiny_flux().pipe
    if not sides.toy:
        pipe.transformer = diffusers.FluxTransformer2DModel(**FLUX_DEV)
    backbone = FLUX(_moved(pipe, "transformer"))
    config = pipe.transformer.config
    text = Embeddings(
        tokens=torch.randn(1, sides.text, config.joint_attention_dim),
        pooled=torch.randn(1, config.pooled_projection_dim),
    )
    latents = torch.randn(1, config.in_channels // 4, sides.latents, sides.latents)

    def each(lend: Lend = nullcontext) -> Callable[[], Tensor]:
        return _pass(lambda: backbone.predict(latents, torch.tensor([500.0]), text), lend)

    _told("flux", pipe.transformer, each())
    for blocks in ("double", "all"):
        _turned(backbone, blocks, text, each, sides)
    adapter = backbone.new_adapter(tokens=config.joint_attention_dim)
    person = Voice(tokens=torch.randn(1, PERSON, config.joint_attention_dim), adapter=adapter)
    cost = ratio(each(lambda: backbone.attending(person)), each())
    figure("flux/a person's tokens over plain", cost, "x", bar="<= 1.05")


def _turned(
    backbone: FLUX,
    blocks: Literal["double", "all"],
    text: Embeddings,
    each: Callable[[Lend], Callable[[], Tensor]],
    sides: Sides,
) -> None:
    """What it takes to find somebody's directions once, and to follow them in every pass."""
    sizes = replace(sides.premier, blocks=blocks).fitted(backbone)
    modulator = Modulator(sizes, start="small").requires_grad_(False)
    user = torch.randn(1, sizes.tokens, sizes.user)
    found = _pass(lambda: modulator(user, text.tokens, text.tokens))
    count = sum(weight.numel() for weight in modulator.parameters())
    name = f"flux/directions of a person, {blocks} blocks"
    figure(name, _seconds(found), "s", parameters=count)
    delta = found().delta(sizes)
    cost = ratio(each(lambda: backbone.modulating(delta)), each(nullcontext))
    figure(f"flux/Premier in {blocks} blocks over plain", cost, "x", bar="<= 1.05")


def _pooled(config: Any) -> int:
    return config.projection_class_embeddings_input_dim - 6 * config.addition_time_embed_dim


def _moved(pipe: Any, part: str) -> Any:
    """The part that draws, where new tensors are; the others are not asked."""
    like = torch.empty(0)
    getattr(pipe, part).to(like.device, like.dtype)
    return pipe


def _pass(call: Callable[[], Any], lend: Lend = nullcontext) -> Callable[[], Any]:
    """A call that ends when the device has ended."""

    def run() -> Any:
        with torch.no_grad(), lend():
            found = call()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        return found

    return run


def _seconds(call: Callable[[], Any]) -> float:
    call()
    took = []
    for _ in range(RUNS):
        began = time.perf_counter()
        call()
        took.append(time.perf_counter() - began)
    return median(took)


def _told(name: str, model: nn.Module, call: Callable[[], Tensor]) -> None:
    """What a plain pass takes."""
    seconds, held = _seconds(call), {}
    if torch.cuda.is_available():
        held = {"device": torch.cuda.get_device_name(), "bytes": torch.cuda.max_memory_allocated()}
    count = sum(weight.numel() for weight in model.parameters())
    figure(f"{name}/a pass", seconds, "s", parameters=count, **held)


def main() -> None:
    """Both, or those that are named."""
    toy = "--toy" in sys.argv[1:]
    named = [word for word in sys.argv[1:] if word != "--toy"]
    sides = TOY if toy else Sides()
    with here():
        for bench in (sdxl, flux):
            if not named or bench.__name__ in named:
                bench(sides)


if __name__ == "__main__":
    main()
