"""A person for pipelines that know nothing of Palate: an IP-Adapter file and its embeddings.

Of the layouts diffusers reads, one projects embeddings to any number of tokens through two linear
layers with a GELU between them (IP-Adapter's for FaceID). Ours is one linear layer; as

    gelu(x) - gelu(-x) = x

that layout says exactly the same, with [1; -1] before the GELU and [W, -W] after it.
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from palate import store
from palate.backbones.voices import VoiceAdapter
from palate.errors import Mismatch
from palate.methods.prefgen.model import Conditioner
from palate.methods.prefgen.steer import from_tensors
from palate.types import Profile

ADAPTER, PERSON = "ip-adapter.safetensors", "person.safetensors"
README = """# A taste for stock diffusers

Made by Palate for {backbone}. It needs diffusers and no Palate:

```python
from diffusers import StableDiffusionXLPipeline
from safetensors.torch import load_file

pipe = StableDiffusionXLPipeline.from_pretrained("...")  # {backbone}
pipe.load_ip_adapter(".", subfolder="", weight_name="{adapter}", image_encoder_folder=None)
pipe.set_ip_adapter_scale(1.0)  # the strength
person = load_file("{person}")["embeds"]  # (2, 1, width): nobody, then the person
picture = pipe("a cat", ip_adapter_image_embeds=[person]).images[0]
```
"""


def ip_adapter(conditioner: Conditioner, adapter: VoiceAdapter) -> dict[str, Tensor]:
    """Conditioner and adapter under the names of an IP-Adapter file."""
    weight, bias = _joined(conditioner)
    one = torch.eye(weight.shape[1])
    projection = {
        "proj.0.weight": torch.cat([one, -one]),
        "proj.0.bias": torch.zeros(2 * len(one)),
        "proj.2.weight": torch.cat([weight, -weight], 1),
        "proj.2.bias": bias,
        "norm.weight": conditioner.norm.weight,
        "norm.bias": conditioner.norm.bias,
    }
    parts = {"image_proj": projection, "ip_adapter": adapter.ip_adapter_layers()}
    return {
        f"{part}.{name}": tensor.detach().float().cpu().contiguous()
        for part, tensors in parts.items()
        for name, tensor in tensors.items()
    }


def _joined(conditioner: Conditioner) -> tuple[Tensor, Tensor]:
    """All heads as one linear layer from e_u: each component to its own tokens."""
    heads = [cast(nn.Linear, head) for head in conditioner.heads.values()]
    weight = torch.block_diag(*(head.weight.detach().float().cpu() for head in heads))
    return weight, torch.cat([head.bias.detach().float().cpu() for head in heads])


@torch.no_grad()
def embeds(conditioner: Conditioner, profile: Profile) -> Tensor:
    """e_u of nobody and of the person, (2, 1, width), as `ip_adapter_image_embeds` takes it."""
    parts = conditioner.parts(from_tensors([profile]))
    person = torch.cat(list(parts.values()), 1)
    return torch.stack([torch.zeros_like(person), person])


def export(
    folder: Path, profile: Profile, conditioner: Conditioner, adapter: VoiceAdapter, width: int
) -> list[Path]:
    """The files and how to use them; `width` is the base model's own: diffusers takes no other."""
    if conditioner.fusion is not None:
        raise Mismatch("Tokens fused by attention have no place in an IP-Adapter file.")
    if conditioner.sizes.token != width:
        raise Mismatch(
            f"These tokens are {conditioner.sizes.token} wide and diffusers takes only such as are "
            f"as wide as the text, {width}. Train with token={width}."
        )
    tensors = {ADAPTER: ip_adapter(conditioner, adapter)}
    tensors[PERSON] = {"embeds": embeds(conditioner, profile)}
    for name, held in tensors.items():
        with store.writing(folder / name) as part:
            save_file(held, part)
    told = README.format(backbone=profile.backbone, adapter=ADAPTER, person=PERSON)
    store.write_bytes(folder / "README.md", told.encode())
    return [folder / ADAPTER, folder / PERSON, folder / "README.md"]
