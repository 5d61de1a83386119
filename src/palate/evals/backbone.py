"""How well a base model does what prompts say, in the drawn world.

Held-out prompts name a content and four of twelve values; a judge, trained apart on drawings alone,
says what is in the pictures. Its own mistakes on fresh drawings stand beside, as they set the most
that could be measured.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from palate.backbones import FLUX, SDXL
from palate.backbones.judges import Judge, to_input
from palate.backbones.loading import mark
from palate.backbones.sampling import texts_of
from palate.errors import BadInput
from palate.evals.stats import Figure, mean, share
from palate.seeds import bits, name_key, uniform
from palate.sketchbook.drawing import SIZES as DRAWN
from palate.sketchbook.drawing import draw
from palate.sketchbook.scenes import Content, Scene, any_scene, codes_of, look_from_codes
from palate.sketchbook.vocabulary import DIMENSIONS, SIZES
from palate.sketchbook.words import caption
from palate.types import Mark, Request

Pictures = NDArray[np.uint8]  # (n, height, width, 3)

NAMED = 4  # values in a prompt; three prompts name each dimension once
FRESH = 3_500_000_000  # drawings from here on: seeds nothing else draws from
_ALONE = 5  # pictures made one at a time, for their seconds
_TRIPS = 64  # drawings that go through the autoencoder, at most
_AT_ONCE = 50  # pictures the judge looks at together


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a picture is to show, how much of it the prompt says, and its noise."""

    scene: Scene
    named: tuple[str, ...]  # dimensions
    seed: int

    @property
    def prompt(self) -> str:
        """As captions say it."""
        return caption(self.scene, named=self.named)


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was found, about which model, by which judge."""

    backbone: Mark
    judge: Mark
    seed: int
    request: Request  # size, steps and guidance all pictures had
    cut: int  # prompts of which the model did not read everything
    worst: str  # the attribute it gets right least often …
    judge_worst: str  # … and the one the judge reads worst
    figures: dict[str, Figure]

    def facts(self) -> dict[str, Any]:
        """For JSON."""
        how = ("width", "height", "steps", "guidance")
        return {
            "backbone": {"name": self.backbone.name, "fingerprint": self.backbone.fingerprint},
            "judge": {"name": self.judge.name, "fingerprint": self.judge.fingerprint},
            "seed": self.seed,
            **{name: getattr(self.request, name) for name in how},
            "prompts cut": self.cut,
            "worst attribute": self.worst,
            "judge's worst attribute": self.judge_worst,
            "figures": {name: figure.facts() for name, figure in self.figures.items()},
        }

    def table(self) -> str:
        """For people: value, 95 % interval, and how many values it rests on."""
        r = self.request
        lines = [
            f"{self.backbone} by {self.judge}, seed {self.seed}: "
            f"{r.width}x{r.height}, {r.steps} steps, guidance {r.guidance:g}",
            f"{'':36}{'value':>8}   {'95 % interval':^17}{'n':>6}",
            *(_line(name, figure) for name, figure in self.figures.items()),
            f"worst attribute: {self.worst}; the judge's: {self.judge_worst}. They are the lowest "
            "of twelve, which chance alone lowers.",
        ]
        if self.cut:
            lines.append(f"{self.cut} prompts were too long for the model, and were cut.")
        return "\n".join(lines)


def questions(contents: Sequence[Content], count: int, seed: int = 0) -> list[Question]:
    """All contents in turn, random looks, every dimension named as often as any other."""
    if not contents or count < 1:
        raise BadInput(
            f"{count} pictures of {len(contents)} prompts were asked for; give at least one of "
            "each."
        )
    order = np.argsort(uniform(seed, name_key("order"), np.arange(len(contents))), kind="stable")
    return [_question(contents[order[i % len(contents)]], i, seed) for i in range(count)]


def _question(content: Content, number: int, seed: int) -> Question:
    places, (block, turn) = np.arange(len(SIZES)), divmod(number, len(SIZES) // NAMED)
    codes = (uniform(seed, name_key("look"), number, places) * SIZES).astype(int)
    shuffled = np.argsort(uniform(seed, name_key("named"), block, places), kind="stable")
    chosen = set(shuffled[turn * NAMED : (turn + 1) * NAMED].tolist())
    return Question(
        scene=Scene(content=content, look=look_from_codes(codes)),
        named=tuple(name for i, name in enumerate(DIMENSIONS) if i in chosen),
        seed=int(bits(seed, name_key("noise"), number)) >> 32,
    )


def evaluate(
    model: SDXL | FLUX,
    judge: Judge,
    contents: Sequence[Content],
    *,
    count: int = 200,
    steps: int | None = None,
    seed: int = 0,
    on_picture: Callable[[int, int], object] = lambda done, of: None,
) -> Report:
    """Ask for `count` pictures of held-out prompts and see what is in them."""
    asked = questions(contents, count, seed)
    like = model.complete(Request(prompt="", steps=steps))
    batch = min(count, model.defaults.at_once)
    model.sample([replace(like, steps=1)] * batch)  # the first pass of all is slow
    seen, seconds, cut = _made(model, judge, asked, like, on_picture)
    drawn = [any_scene(FRESH + i) for i in range(count)]
    fresh = [Question(scene=s, named=tuple(DIMENSIONS), seed=0) for s in drawn]
    figures, worst = figures_of(seen, asked, seed)
    judged, judge_worst = figures_of(_drawings_seen(judge, fresh), fresh, seed)
    model.sample([replace(like, steps=1)])  # alone is another shape, and its first is slow too
    alone = [_timed(model, [replace(like, prompt=q.prompt, seed=q.seed)]) for q in asked[:_ALONE]]
    figures |= {"seconds a picture, one at a time": mean(alone, seed=seed)}
    figures |= {f"seconds a picture, {batch} at once": mean(seconds, seed=seed)}
    if getattr(model.pipe, "vae", None) is not None:
        side = min(max(cast(int, like.width), DRAWN[0]), DRAWN[1])
        figures["VAE round trip, dB"] = mean(round_trips(model, drawn[:_TRIPS], side), seed=seed)
    figures |= {f"judge: {name}": figure for name, figure in list(judged.items())[:3]}
    return Report(
        backbone=model.mark,
        judge=mark("judge", {"judge": judge}),
        seed=seed,
        request=like,
        cut=cut,
        worst=worst,
        judge_worst=judge_worst,
        figures=figures,
    )


def _made(
    model: SDXL | FLUX,
    judge: Judge,
    asked: Sequence[Question],
    like: Request,
    on_picture: Callable[[int, int], object],
) -> tuple[Right, list[float], int]:
    """What is right in all pictures, each batch's seconds a picture, and how many were cut."""
    seen, seconds, cut, done = [], [], 0, 0
    for some in _groups(asked, model.defaults.at_once):
        requests = [replace(like, prompt=q.prompt, seed=q.seed) for q in some]
        began = time.perf_counter()
        text = texts_of(model, requests)
        pictures = model.sample(requests, text)
        seconds.append((time.perf_counter() - began) / len(some))
        seen.append(right(judge, np.stack([picture.pixels for picture in pictures]), some))
        cut, done = cut + sum(map(bool, text.cut)), done + len(some)
        on_picture(done, len(asked))
    return _joined(seen), seconds, cut


def _drawings_seen(judge: Judge, asked: Sequence[Question]) -> Right:
    """What the judge has right about drawings, which show just what was asked for."""
    groups = _groups(asked, _AT_ONCE)
    return _joined([right(judge, np.stack([draw(q.scene) for q in some]), some) for some in groups])


def _timed(model: SDXL | FLUX, requests: list[Request]) -> float:
    began = time.perf_counter()
    model.sample(requests)  # its pixels are on the CPU: nothing is left running
    return time.perf_counter() - began


@dataclass(frozen=True, kw_only=True)
class Right:
    """Picture by picture: was the content right, and each of the values?"""

    content: NDArray[np.bool_]  # (n,)
    values: NDArray[np.bool_]  # (n, 12)


def right(judge: Judge, pictures: Pictures, asked: Sequence[Question]) -> Right:
    """What the judge sees, held against what was asked for."""
    sight, scenes = judge.look_at(pictures), [question.scene for question in asked]
    content = [
        seen == scene.content.arrangement
        for seen, scene in zip(sight.arrangements, scenes, strict=True)
    ]
    values = sight.looks == codes_of(scenes)
    return Right(content=np.array(content), values=values)


def _joined(parts: Sequence[Right]) -> Right:
    return Right(
        content=np.concatenate([part.content for part in parts]),
        values=np.concatenate([part.values for part in parts]),
    )


def figures_of(seen: Right, asked: Sequence[Question], seed: int) -> tuple[dict[str, Figure], str]:
    """Content, attributes and each dimension, among the named; and which is worst."""
    units = [q.scene.content.arrangement for q in asked]
    named = np.array([[name in q.named for name in DIMENSIONS] for q in asked])
    rows, _ = np.nonzero(named)
    every = share(seen.values[named], [units[i] for i in rows], seed=seed)
    each = {
        name: share(seen.values[at, i], [units[k] for k in np.flatnonzero(at)], seed=seed)
        for i, (name, at) in enumerate(zip(DIMENSIONS, named.T, strict=True))
        if at.any()
    }
    worst = min(each, key=lambda name: each[name].value)
    return {
        "content right": share(seen.content, units, seed=seed),
        "attributes right": every,
        "worst attribute right": each[worst],
        **{f"{name} right": figure for name, figure in each.items()},
    }, worst


@torch.inference_mode()
def round_trips(model: SDXL | FLUX, scenes: Sequence[Scene], side: int) -> list[float]:
    """How near drawings come back from the autoencoder, in dB of each one's mean square error."""
    vae, found = model.pipe.vae, []
    for some in _groups(scenes, 8):
        before = np.stack([draw(scene, side) for scene in some])
        encoded = vae.encode(to_input(before, side).to(vae.device, vae.dtype))
        latents = encoded.latent_dist.mode() if hasattr(encoded, "latent_dist") else encoded.latents
        after = vae.decode(latents, return_dict=False)[0].float().cpu()
        pixels = ((after.permute(0, 2, 3, 1) + 1) * 127.5).clamp(0, 255).round().numpy()
        error = ((pixels - before) ** 2).mean(axis=(1, 2, 3))
        found += [decibel(float(e)) for e in error]
    return found


def decibel(error: float) -> float:
    """Peak signal to noise of bytes with that mean square error; 1/12, mere rounding, at best."""
    return float(10 * np.log10(255**2 / max(error, 1 / 12)))


def _line(name: str, figure: Figure) -> str:
    interval = f"{figure.low:.3f} to {figure.high:.3f}" if np.isfinite(figure.low) else "unknown"
    return f"{name:36}{figure.value:>8.3f}   {interval:^17}{figure.n:>6}"


def _groups(items: Sequence[Any], size: int) -> Iterator[Any]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
