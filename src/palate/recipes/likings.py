"""What CLIP and a VAE see in what drawn people like, once for all trainings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from palate.backbones.clips import Clip
from palate.recipes.cached import once
from palate.recipes.crowd import Crowd
from palate.recipes.generating import encoded
from palate.sketchbook.drawing import draw
from palate.store.tensors import content_fingerprint

Half = NDArray[np.float16]


def likings(
    crowd: Crowd, history: int, clip: Clip, vae: Any, cache: Path | None = None
) -> dict[str, Half]:
    """What CLIP sees in the histories' likes, (people, history, D), and the other likes' latents,
    (people, pairs - history, 8, 16, 16); with a folder, made once."""
    mark = content_fingerprint("likings", {"clip": clip.mark.fingerprint}, vae.state_dict())[:12]
    name = f"likings-{crowd.split}-{crowd.people}-{crowd.pairs}-{history}-{mark}.npz"
    if cache is None:
        return _likings(crowd, history, clip, vae)
    return once(cache / name, lambda: _likings(crowd, history, clip, vae))


def _likings(crowd: Crowd, history: int, clip: Clip, vae: Any) -> dict[str, Half]:
    points, latents = [], []
    for person in crowd.scenes():
        liked = [draw(scene) for scene, _ in person]
        points.append(clip.see(liked[:history]).cpu().numpy())
        rest = encoded(vae, torch.from_numpy(np.stack(liked[history:])))
        latents.append(rest.float().cpu().numpy())
    both = {"points": np.stack(points), "latents": np.stack(latents)}
    return {name: rows.astype(np.float16) for name, rows in both.items()}
