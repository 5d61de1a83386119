"""A person's taste in somebody's own diffusers pipeline.

with palate.steering(pipe, "me.palate.safetensors"):
    pipe("a cat").images[0].save("cat.png")
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from palate.backbones import FLUX, SDXL
from palate.errors import Mismatch
from palate.methods.table import method
from palate.store.profiles import load_profile
from palate.types import Profile, Request

KINDS = {"StableDiffusionXLPipeline": SDXL, "FluxPipeline": FLUX}


@contextmanager
def steering(
    pipe: Any,
    profile: Profile | Path | str,
    *,
    strength: float = 1.0,
    avoid: float = 0.0,
    weights: Path | str | None = None,
) -> Iterator[Any]:
    """Whatever the pipeline makes inside fits the person; afterwards it is what it was.

    The pipeline must hold the weights the profile was read for. `weights` is the folder of the
    method's, where this package has none.
    """
    kind = KINDS.get(type(pipe).__name__)
    if kind is None:
        raise Mismatch(f"{type(pipe).__name__} cannot be steered; these can: {', '.join(KINDS)}.")
    person = profile if isinstance(profile, Profile) else load_profile(Path(profile))
    backbone = kind(pipe, name=person.backbone.name)
    found = method(person.method.name, backbone, Path(weights) if weights else None)
    request = Request(prompt="", strength=strength, avoid=avoid)
    with found.steer([person], [request]) as lent:
        if lent is not backbone:
            raise Mismatch(
                f"The method {person.method.name} changes what is asked, not the model, so it "
                "cannot act inside a pipeline. Use palate.generate with it."
            )
        yield pipe
