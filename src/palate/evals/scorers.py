"""Scorers of others, as thin adapters that load real weights from a local folder.

pickscore, hpsv2, hpsv2.1    CLIPs that learned from people's choices: a picture with its prompt
viper                        a reader that learned one person's, after what they liked and disliked
lpips                        VGG's maps, weighed as people see differences: two pictures
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from palate.backbones import catalog
from palate.backbones.clips import Clip
from palate.backbones.encoders import Vgg, lpips_weights
from palate.backbones.openclip import open_clip
from palate.backbones.reader import Reader
from palate.errors import BadInput, MissingPart, unknown
from palate.evals.preference import surely
from palate.evals.textures import lpips as lpips_of
from palate.evals.textures import style_loss

if TYPE_CHECKING:
    from jaxtyping import Float

Pictures = Sequence[NDArray[np.uint8]]
_WORDS = ("vocab.json", "merges.txt")
_HPS = "xswu/HPSv2 (the state_dict of the .pt of that name)"
_H14 = "laion/CLIP-ViT-H-14-laion2B-s32B-b79K"
_QUESTION = "User:<image>Score for this image?<end_of_utterance>\n"  # as it was trained


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a scorer's files come from, and whether its cosine is scaled."""

    weights: str
    beside: str  # where the processor and the tokenizer come from
    file: str | None = None  # in OpenCLIP's form; left out, a CLIPModel's folder
    scaled: bool = False


CLIPS = MappingProxyType({
    "pickscore": Source(weights="yuvalkirstain/PickScore_v1", beside=_H14, scaled=True),
    "hpsv2": Source(weights=_HPS, beside=_H14, file="HPS_v2_compressed.safetensors"),
    "hpsv2.1": Source(weights=_HPS, beside=_H14, file="HPS_v2.1_compressed.safetensors"),
})  # fmt: skip


class ClipScorer:
    """How well a picture answers its prompt, to people's liking. Compare within a prompt only."""

    def __init__(self, clip: Clip, *, scaled: bool) -> None:
        self.clip, self.mark, self.preprocessing = clip, clip.mark, clip.preprocessing
        self.scale = float(clip.model.logit_scale.exp()) if scaled else 1.0

    def score(self, prompts: Sequence[str], pictures: Pictures) -> Float[torch.Tensor, " N"]:
        """One number a picture; prompts that are too long are cut by the tokenizer."""
        if len(prompts) != len(pictures) or not prompts:
            raise BadInput(
                f"{len(pictures)} pictures stand beside {len(prompts)} prompts; give one of each."
            )
        return self.scale * (self.clip.see(pictures) * self.clip.read(prompts)).sum(1).cpu()


def clip_scorer(name: str, folder: Path) -> ClipScorer:
    """A scorer by name, from the folder its files were put in."""
    if name not in CLIPS:
        raise unknown("scorer", name, list(CLIPS))
    source = CLIPS[name]
    files = (source.file,) if source.file else ("config.json", "model.safetensors")
    _needs(name, folder, files, source.weights)
    words = () if (folder / "tokenizer.json").is_file() else _WORDS
    _needs(name, folder, ("preprocessor_config.json", *words), source.beside)
    if source.file is None:
        return ClipScorer(catalog.clip(folder), scaled=source.scaled)
    clip = open_clip(folder / source.file, source.weights, name=name, device=catalog.usual_device())
    return ClipScorer(clip, scaled=source.scaled)


class Viper:
    """ViPer's score: how surely a person likes a picture, by what they liked and disliked before.

    Pairs are told in turn, first the disliked. As the order matters, scores may be means over
    several orders, each beginning at another pair.
    """

    def __init__(self, reader: Reader, *, yes: str = "+", no: str = "-") -> None:
        self.reader, self.mark, self.said = reader, reader.mark, (yes, no)
        self.preprocessing = "the reader's own"
        self._yes, self._no = reader.word(yes), reader.word(no)

    def score(
        self, liked: Pictures, disliked: Pictures, pictures: Pictures, *, orders: int = 1
    ) -> Float[torch.Tensor, " N"]:
        """One number in 0..1 a picture, all for the same person."""
        if len(liked) != len(disliked) or not liked or not pictures:
            raise BadInput(
                f"ViPer's score takes as many liked as disliked pictures and something to score: "
                f"{len(liked)}, {len(disliked)} and {len(pictures)} were given. About eight of "
                "each are advised."
            )
        pairs = torch.stack([self.reader.see(disliked), self.reader.see(liked)], 1)
        asked = self.reader.see(pictures)
        each = [self._scored(pairs.roll(-turn, 0), asked) for turn in range(orders)]
        return torch.stack(each).mean(0)

    def _scored(self, pairs: torch.Tensor, asked: torch.Tensor) -> Float[torch.Tensor, " N"]:
        yes, no = self.said
        told = "".join(f"{_QUESTION}Assistant: {word}<end_of_utterance>\n" for word in (no, yes))
        text = told * len(pairs) + _QUESTION + "Assistant:"
        seen = [torch.cat([pairs.flatten(0, 1), one[None]]) for one in asked]
        logits = self.reader.logits([text] * len(seen), seen, at_once=8)
        return surely(logits[:, self._yes], logits[:, self._no]).cpu()


def viper(folder: Path) -> Viper:
    """ViPer's adapter on Idefics2; its adapter_config.json names the base, which must be here."""
    source = "EPFL-VILAB/Metric-ViPer"
    _needs("viper", folder, ("adapter_config.json", "adapter_model.safetensors"), source)
    files = ("preprocessor_config.json", "processor_config.json", "tokenizer.json")
    _needs("viper", folder, files, "its base, HuggingFaceM4/idefics2-8b")
    reader = catalog.reader(folder)
    prepare = reader.processor.image_processor
    prepare.do_image_splitting = False  # as it was trained
    prepare.size = {"longest_edge": 448, "shortest_edge": 378}
    return Viper(reader)


class Lpips:
    """How far pictures are from others, one beside one: LPIPS, and the style loss of all maps."""

    def __init__(self, vgg: Vgg, weights: Sequence[Float[torch.Tensor, " C"]]) -> None:
        self.vgg, self.weights = vgg, weights
        self.mark, self.preprocessing = vgg.mark, vgg.preprocessing

    def score(
        self, pictures: Pictures, others: Pictures, *, at_once: int = 4
    ) -> Float[torch.Tensor, "N 2"]:
        """LPIPS and the style loss of each pair."""
        if len(pictures) != len(others) or not pictures:
            raise BadInput(
                f"{len(pictures)} pictures stand beside {len(others)} others; give one of each."
            )
        found = []
        for start in range(0, len(pictures), at_once):
            some = slice(start, start + at_once)
            x, y = self.vgg.maps(pictures[some]), self.vgg.maps(others[some])
            weights = [weight.to(layer) for weight, layer in zip(self.weights, x, strict=True)]
            found.append(torch.stack([lpips_of(x, y, weights), style_loss(x, y)], 1).cpu())
        return torch.cat(found)


def lpips(folder: Path, *, device: str = "cpu") -> Lpips:
    """VGG-16 and the linear layers of LPIPS, from vgg16.safetensors and lpips.safetensors."""
    vgg = Vgg.from_file(folder / "vgg16.safetensors", device=device)
    return Lpips(vgg, lpips_weights(folder / "lpips.safetensors"))


def _needs(name: str, folder: Path, files: Sequence[str], source: str) -> None:
    missing = [file for file in files if not (folder / file).is_file()]
    if missing:
        raise MissingPart(
            f"{name} needs {', '.join(missing)} of {source}, and {folder} has none. Put "
            f"{'it' if len(missing) == 1 else 'them'} there; weights as safetensors, never pickled."
        )
