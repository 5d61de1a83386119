"""Every model that has a name here: what it is, where it comes from, what it goes with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

Kind = Literal["sdxl", "flux", "clip", "judge", "reader", "vae", "method"]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One model that has a name here."""

    name: str
    kind: Kind
    source: str  # "weights/NAME" in this package, a Hub id, or the function that makes a toy
    licence: str
    size: str  # of what is loaded, about
    pairs_with: tuple[str, ...] = ()
    summary: str
    text_length: int | None = None  # T5 tokens it was trained with, where its files do not say

    @property
    def built_in(self) -> bool:
        """Whether it comes with the package."""
        return self.source.startswith("weights/")

    @property
    def toy(self) -> bool:
        """Whether it is made on the spot."""
        return ":" in self.source


_OURS: dict[str, Any] = {"licence": "Apache-2.0", "size": "at most 15 MB a file"}
_TOY: dict[str, Any] = {"licence": "Apache-2.0", "size": "under 3 MB, made on the spot"}
_READERS = ("idefics2-8b", "qwen2.5-vl-7b", "qwen3-vl-8b")
_CLIPS = ("clip-vit-l-14", "openclip-bigg")
_SKETCHBOOK = ("sketchbook-reader", "sketchbook-clip", "sketchbook-judge")
_BASES = ("sdxl", "flux-dev", "flux-schnell")
_FLUX_SIZE = "34 GB"

_ENTRIES = (
    Entry(
        name="sketchbook-sdxl", kind="sdxl", source="weights/sketchbook-sdxl", **_OURS,
        pairs_with=_SKETCHBOOK, summary="an SDXL-class model of the drawn world",
    ),
    Entry(
        name="sketchbook-flux", kind="flux", source="weights/sketchbook-flux", **_OURS,
        pairs_with=_SKETCHBOOK, summary="a FLUX-class model of the drawn world",
    ),
    Entry(
        name="sketchbook-clip", kind="clip", source="weights/sketchbook-clip", **_OURS,
        pairs_with=("sketchbook-sdxl", "sketchbook-flux"),
        summary="a CLIP of the drawn world",
    ),
    Entry(
        name="sketchbook-judge", kind="judge", source="weights/sketchbook-judge", **_OURS,
        pairs_with=("sketchbook-sdxl", "sketchbook-flux"),
        summary="reads content and look off pictures of the drawn world",
    ),
    Entry(
        name="sketchbook-reader", kind="reader", source="weights/sketchbook-reader", **_OURS,
        pairs_with=("sketchbook-sdxl", "sketchbook-flux"),
        summary="an Idefics2-class reader of the drawn world",
    ),
    Entry(
        name="sketchbook-prefdisc", kind="reader", source="weights/sketchbook-prefdisc", **_OURS,
        pairs_with=("sketchbook-sdxl",),
        summary="sketchbook-reader, taught to tell liked from disliked",
    ),
    Entry(
        name="sketchbook-prefgen", kind="method", source="weights/sketchbook-prefgen", **_OURS,
        pairs_with=("sketchbook-sdxl", "sketchbook-prefdisc", "sketchbook-clip"),
        summary="PrefGen's conditioner and adapter",
    ),
    Entry(
        name="sketchbook-ip-adapter", kind="method", source="weights/sketchbook-ip-adapter",
        pairs_with=("sketchbook-sdxl", "sketchbook-prefdisc", "sketchbook-clip"), **_OURS,
        summary="the baseline that hears one liked picture",
    ),
    Entry(
        name="sketchbook-prefgen-flux", kind="method", source="weights/sketchbook-prefgen-flux",
        pairs_with=("sketchbook-flux", "sketchbook-prefdisc", "sketchbook-clip"), **_OURS,
        summary="PrefGen's conditioner and adapter, for the FLUX class",
    ),
    Entry(
        name="sketchbook-premier", kind="method", source="weights/sketchbook-premier", **_OURS,
        pairs_with=("sketchbook-flux", "sketchbook-clip"),
        summary="Premier's modulator and the people it was trained with",
    ),
    Entry(
        name="tiny-sdxl", kind="sdxl", source="palate.backbones.tiny:tiny_sdxl", **_TOY,
        pairs_with=("sketchbook-judge",), summary="random weights; tries everything, draws nothing",
    ),
    Entry(
        name="tiny-flux", kind="flux", source="palate.backbones.tiny:tiny_flux", **_TOY,
        pairs_with=("sketchbook-judge",), summary="random weights; tries everything, draws nothing",
    ),
    Entry(
        name="sdxl", kind="sdxl", source="stabilityai/stable-diffusion-xl-base-1.0",
        licence="CreativeML Open RAIL++-M", size="14 GB", pairs_with=(*_READERS, *_CLIPS),
        summary="Stable Diffusion XL, 1024 px",
    ),
    Entry(
        name="flux-dev", kind="flux", source="black-forest-labs/FLUX.1-dev",
        licence="FLUX.1 [dev] Non-Commercial", size=_FLUX_SIZE, pairs_with=(*_READERS, *_CLIPS),
        summary="FLUX.1 with guidance built in, 1024 px; ask for access on its page first",
    ),
    Entry(
        name="flux-schnell", kind="flux", source="black-forest-labs/FLUX.1-schnell",
        licence="Apache-2.0", size=_FLUX_SIZE, pairs_with=(*_READERS, *_CLIPS), text_length=256,
        summary="FLUX.1 in four steps, 1024 px",
    ),
    Entry(
        name="clip-vit-l-14", kind="clip", source="openai/clip-vit-large-patch14",
        licence="MIT", size="1.7 GB", pairs_with=_BASES, summary="OpenAI's CLIP ViT-L/14",
    ),
    Entry(
        name="openclip-bigg", kind="clip", source="laion/CLIP-ViT-bigG-14-laion2B-39B-b160k",
        licence="MIT", size="10 GB", pairs_with=_BASES, summary="OpenCLIP's ViT-bigG/14",
    ),
    Entry(
        name="idefics2-8b", kind="reader", source="HuggingFaceM4/idefics2-8b",
        licence="Apache-2.0", size="17 GB", pairs_with=_BASES, summary="reads pictures and text",
    ),
    Entry(
        name="qwen2.5-vl-7b", kind="reader", source="Qwen/Qwen2.5-VL-7B-Instruct",
        licence="Apache-2.0", size="17 GB", pairs_with=_BASES, summary="reads pictures and text",
    ),
    Entry(
        name="qwen3-vl-8b", kind="reader", source="Qwen/Qwen3-VL-8B-Instruct",
        licence="Apache-2.0", size="18 GB", pairs_with=_BASES, summary="reads pictures and text",
    ),
)  # fmt: skip
ENTRIES: Mapping[str, Entry] = MappingProxyType({entry.name: entry for entry in _ENTRIES})


def names(*kinds: Kind) -> list[str]:
    """The names of all entries of these kinds."""
    return [name for name, entry in ENTRIES.items() if entry.kind in kinds]
