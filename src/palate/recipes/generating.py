"""What the two text-to-image recipes share: latents, flow matching, and being judged.

Flow matching: x_s = (1 - s) x + s n for a picture's latents x and noise n; the model sees x_s and
says n - x. Its times s are logit-normal, as in Stable Diffusion 3, and it is told 1000 s.

What it gets wrong counts as it is seen: by channel as pixels need it, and again when two and four
places are blurred into one. Plain squares are half about grain that no prompt foretells: after
200,000 pictures another subject in the prompt changed them by 5 %, and these by 15 %. Whatever the
weights, the least error is at the same flow, the mean of all that may be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from palate.backbones.builtin import (
    SIZE,
    Tower,
    folder_of,
    keep,
    latents_of,
    load_clip_text,
    load_vae,
    new_clip_text,
    new_vae,
    precision,
    rounded,
)
from palate.backbones.judges import Judge
from palate.recipes.cached import Cached, cached
from palate.recipes.captions import Seen, Telling, scene_in, which
from palate.recipes.recipe import Parts
from palate.seeds import name_key, uniform
from palate.sketchbook.scenes import Scene, codes_of
from palate.sketchbook.vocabulary import DIMENSIONS
from palate.store.tensors import content_fingerprint
from palate.types import Picture, Request

TRAIN_FROM, TEST_FROM = 6_000_000_000, 6_900_000_000
TELLING = Telling(nothing=0.1)

# How many pictures of which ease. In pictures drawn at random the subject is a small part of what
# there is to foretell: after 224,000 of them another subject in the prompt changed the error of an
# easy picture by 3 %, after 29,000 easy ones by 38 %.
LOTS = {0.95: 300_000, 0.6: 300_000, 0.0: 400_000}


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Folders that other recipes wrote. None makes a toy of its own, for tests."""

    vae: Path | str | None = Path("out/train/sketchbook-vae/model")
    clip: Path | str | None = Path("out/train/sketchbook-clip/model")
    judge: Path | str | None = Path("out/train/sketchbook-judge/model")
    proof: Path | str | None = Path("out/train/sketchbook-proof/model")

    def new_vae(self) -> Any:
        """The autoencoder, at rest."""
        if self.vae is None:
            return new_vae((16, 16, 16, 16), 1).eval().requires_grad_(False)
        return load_vae(folder_of(self.vae, "VAE", "sketchbook-vae", "sources.vae"))

    def new_clip_text(self) -> Any:
        """CLIP's text tower, at rest."""
        if self.clip is None:
            toy = Tower(width=32, layers=2, heads=2, inner=64)
            return new_clip_text(toy).eval().requires_grad_(False)
        return load_clip_text(folder_of(self.clip, "CLIP", "sketchbook-clip", "sources.clip"))


# ---- items


@dataclass(frozen=True, kw_only=True)
class Lots:
    """Item i: a train scene's seed, its ease, and its picture or latents; lot after lot."""

    lots: Sequence[tuple[float, Seen | Cached]]  # each with its ease

    def __len__(self) -> int:
        return sum(len(lot) for _, lot in self.lots)

    def __getitem__(self, index: int) -> tuple[int, float, NDArray[Any]]:
        for ease, lot in self.lots:
            if index < len(lot):
                seed, shown = lot[index]
                return seed, ease, shown
            index -= len(lot)
        raise IndexError(index)


def items(vae: Any, sizes: Mapping[float, int], cache: Path | str | None) -> Lots:
    """Pictures, so many of each ease; with a folder for a cache, their latents are made once."""
    if torch.accelerator.is_available() and cache is not None:
        vae.to(torch.accelerator.current_accelerator())
    lots: list[tuple[float, Seen | Cached]] = []
    for ease, count in sizes.items():
        seen = Seen(first=TRAIN_FROM + 1_000_000 * round(100 * ease), count=count, ease=ease)
        if cache is None:
            lots.append((ease, seen))
        else:
            path = Path(cache) / latents_name(vae, ease, count)
            lots.append((ease, cached(seen, path, lambda pictures: encoded(vae, pictures))))
    return Lots(lots=lots)


def latents_name(vae: Any, ease: float, count: int | str) -> str:
    """The file of so many pictures' latents, or with "*" of any; another VAE has other latents."""
    mark = content_fingerprint("vae", {}, vae.state_dict())[:12]
    return f"latents-{count}-{ease}-{mark}.npy"


def encoded(vae: Any, pictures: Tensor) -> Tensor:
    """Latents of pictures (bytes), as trainings have them."""
    with torch.autocast(vae.device.type, torch.bfloat16):
        return latents_of(vae, pictures)


def scenes_of(seeds: Tensor, eases: Tensor) -> list[Scene]:
    """The scenes of a batch."""
    both = zip(seeds.tolist(), eases.tolist(), strict=True)
    return [scene_in("train", seed, round(ease, 6)) for seed, ease in both]


def to_latents(vae: Any, given: Tensor) -> Tensor:
    """A batch as latents, if it is not that already."""
    return latents_of(vae, given) if given.dtype == torch.uint8 else given.float()


# ---- flow matching


@dataclass(frozen=True, kw_only=True, eq=False)
class Noised:
    """Latents on their way to noise, and what the model is to say of them."""

    latents: Tensor
    t: Tensor  # 0 to 1000, a number a row
    target: Tensor


def noised(latents: Tensor, generator: torch.Generator, shift: float = 0.0) -> Noised:
    """Every row at a time of its own; a shift above 0 makes late, noisy ones likelier."""
    luck = shift + torch.randn(len(latents), generator=generator)
    times = luck.sigmoid().to(latents.device)
    noise = torch.randn(latents.shape, generator=generator).to(latents.device)
    share = times[:, None, None, None]
    mixed = (1 - share) * latents + share * noise
    return Noised(latents=mixed, t=1000 * times, target=noise - latents)


def weights_of(vae: Any, count: int = 64) -> Tensor:
    """How much each latent channel counts, (C, 1, 1)."""
    seen = Seen(first=TRAIN_FROM, count=count)
    pictures = torch.from_numpy(np.stack([seen[i][1] for i in range(count)]))
    return precision(vae, pictures)[:, None, None]


def missed(flow: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """How far off each row is, (B,): weighted squares at full, half and quarter size.

    Blurred white noise counts as much as it did before it was blurred.
    """
    error = (flow.float() - target) * weights.to(flow.device).sqrt()
    sizes = [error, 2 * F.avg_pool2d(error, 2), 4 * F.avg_pool2d(error, 4)]
    return torch.stack([part.square().mean((1, 2, 3)) for part in sizes]).mean(0)


# ---- what is trained, kept and judged


@dataclass(frozen=True, kw_only=True)
class Painting(Parts):
    """Parts that know which backbone they belong to."""

    backbone: Any  # SDXL or FLUX


def trained(backbone: Any, denoiser: str, begin: Path | str | None) -> dict[str, nn.Module]:
    """The modules that learn: the denoiser and the second text encoder; from a folder's, if any."""
    names = {denoiser: denoiser, "text": "text_encoder_2"}
    if begin is not None:
        earlier = type(backbone).from_pretrained(begin).pipe
        for part in names.values():
            getattr(backbone.pipe, part).load_state_dict(getattr(earlier, part).state_dict())
    return {name: getattr(backbone.pipe, part).requires_grad_(True) for name, part in names.items()}


def keep_backbone(parts: Parts, folder: Path) -> None:
    """The whole pipeline (bf16), as stock diffusers reads it, with our defaults beside it."""
    keep(cast(Painting, parts).backbone, folder)


def judged_as_kept(parts: Parts, judge: Path | str | None, count: int) -> dict[str, float]:
    """Content and named values on held-out prompts, by the judge, of the weights in bf16."""
    kept = rounded(cast(Painting, parts).backbone)
    kept.pipe.to(torch.float32)
    return judged(kept, judge, count)


def judged(backbone: Any, folder: Path | str | None, count: int) -> dict[str, float]:
    """Of pictures of held-out prompts: how often content and each named value are right.

    Without a judge it says so: "pictures judged" is 0 and nothing else is claimed.
    """
    if folder is None or not (Path(folder) / "config.json").is_file():
        return {"pictures judged": 0}
    judge = Judge.from_pretrained(folder)
    right, named, content = np.zeros(len(DIMENSIONS)), np.zeros(len(DIMENSIONS)), 0
    for start in range(TEST_FROM, TEST_FROM + count, 64):
        seeds = range(start, min(start + 64, TEST_FROM + count))
        scenes, asked = _asked(seeds)
        sight = judge.look_at(_shown(backbone.sample(asked[0])))
        looks = codes_of(scenes)
        right += ((sight.looks == looks) & asked[1]).sum(0)
        named += asked[1].sum(0)
        seen = zip(sight.arrangements, scenes, strict=True)
        content += sum(arrangement == scene.content.arrangement for arrangement, scene in seen)
    each = right / np.maximum(named, 1)
    return {
        "pictures judged": count,
        "content": content / count,
        "attributes": float(each[named > 0].mean()) if named.any() else 0.0,
        **dict(zip(DIMENSIONS, each.tolist(), strict=True)),
    }


def _asked(seeds: Sequence[int]) -> tuple[list[Scene], tuple[list[Request], NDArray[np.bool_]]]:
    """Held-out scenes; requests for them that name some of their values, and which."""
    luck = uniform(np.array(seeds)[:, None], name_key("told"), np.arange(16))
    luck[:, 13:] = 1.0  # never empty, no mood, no capital
    scenes = [scene_in("test", seed) for seed in seeds]
    requests = [
        Request(prompt=TELLING.of(scene, row), seed=seed)
        for scene, row, seed in zip(scenes, luck, seeds, strict=True)
    ]
    return scenes, (requests, which(luck))


def _shown(pictures: Sequence[Picture]) -> NDArray[np.uint8]:
    assert all(picture.pixels.shape == (SIZE, SIZE, 3) for picture in pictures)
    return np.stack([picture.pixels for picture in pictures])
