"""A compiled model is lent as any other: a voice that torch.compile passed over would be a lie."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from seams import SEAMS, Seam, heard

from palate.backbones.tiny import tiny_flux, tiny_sdxl

pytestmark = pytest.mark.slow


def compiled(backbone: Any, *, in_place: bool) -> Any:
    part = "unet" if hasattr(backbone.pipe, "unet") else "transformer"
    model = getattr(backbone.pipe, part)
    if in_place:
        model.compile(backend="eager")
    else:
        setattr(backbone.pipe, part, torch.compile(model, backend="eager"))
    return type(backbone)(backbone.pipe, defaults=backbone.defaults)


@pytest.mark.parametrize("in_place", [True, False])
@pytest.mark.parametrize("name", ["voice", "all"])
def test_it_is_heard_and_handed_back(name: str, in_place: bool) -> None:
    seam: Seam = SEAMS[name]
    usual, lent = seam.backbone(), seam.made_for([0], 1.0)
    with torch.no_grad():
        with seam.lend(usual, lent):
            want = heard(usual)
        fresh = tiny_sdxl() if name == "voice" else tiny_flux(distilled=False)
        backbone = compiled(fresh, in_place=in_place)
        plain = heard(backbone)
        with seam.lend(backbone, lent):
            torch.testing.assert_close(heard(backbone), want, rtol=0, atol=1e-5)
        assert torch.equal(heard(backbone), plain)
    torch.compiler.reset()
