"""What can be lent to SDXL's cross-attentions: a voice, and the keys and values it speaks with."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from palate.backbones.lending import Strength, Window, check_strength
from palate.errors import BadInput, Mismatch
from palate.seeds import generator

if TYPE_CHECKING:
    from jaxtyping import Float


@dataclass(frozen=True, kw_only=True, eq=False)
class Voice:
    """Tokens that speak in every cross-attention, beside the text or instead of it.

    Beside (PrefGen, IP-Adapter):  Z + strength * mask * Z_v
    Instead (Instant's regions):   Z + strength * mask * (Z_v - Z), so that with strength
    1 - base_ratio and masks that sum to one, base_ratio of the text is left.
    """

    tokens: Float[Tensor, "B T C"]  # a row for each picture, or one for all
    negative: Float[Tensor, "B T C"] | None = (
        None  # where the negative prompt is heard; else silent
    )
    adapter: VoiceAdapter | None = None  # its keys and values; None: the model's own, as for text
    instead: bool = False
    strength: Strength = 1.0
    layers: Mapping[str, float] = field(default_factory=dict)  # longest prefix wins; "" is the rest
    mask: Float[Tensor, "height width"] | Float[Tensor, "B height width"] | None = None
    window: Window = (0.0, 1.0)

    def __post_init__(self) -> None:
        if self.tokens.ndim != 3 or not self.tokens.shape[1]:
            raise BadInput(
                f"A voice's tokens have shape {tuple(self.tokens.shape)}; they need (pictures, "
                "tokens, width), with at least one token."
            )
        check_strength(self.strength, len(self.tokens))
        self._check_negative()
        self._check_mask()

    def _check_negative(self) -> None:
        if self.negative is not None and self.negative.shape != self.tokens.shape:
            raise Mismatch(
                f"The negative tokens have shape {tuple(self.negative.shape)} and the tokens "
                f"{tuple(self.tokens.shape)}. Give both the same shape."
            )

    def _check_mask(self) -> None:
        if self.mask is None:
            return
        one_each = self.mask.ndim == 3 and len(self.mask) in (1, len(self.tokens))
        if self.mask.ndim != 2 and not one_each:
            raise Mismatch(
                f"The mask has shape {tuple(self.mask.shape)} and the voice speaks for "
                f"{len(self.tokens)} pictures. Give (height, width), or one for each picture."
            )

    def level(self, layer: str) -> float:
        """How strongly it speaks in one layer, as a factor."""
        prefixes = [p for p in self.layers if layer == p or not p or layer.startswith(p + ".")]
        return self.layers[max(prefixes, key=len)] if prefixes else 1.0


class VoiceAdapter(nn.Module):
    """Keys and values for a voice, in every layer. Born silent: its values are zero.

    `widths` names the layers and says how wide each is (`SDXL.widths`); `tokens` is the width of
    the voice's tokens. The order of the layers is the one IP-Adapter files count by.
    """

    def __init__(self, widths: Mapping[str, int], *, tokens: int, seed: int = 0) -> None:
        super().__init__()
        self.tokens = tokens
        draw = generator(seed)
        self.by_layer = nn.ModuleDict(
            {_key(name): _KeyValue(tokens, width, draw) for name, width in widths.items()}
        )

    def keys_and_values(self, layer: str, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T, tokens) to keys and values (B, T, width of the layer)."""
        mine = self._of(layer)
        return mine(tokens.to(mine.to_k.weight))

    def width(self, layer: str) -> int:
        """How wide its values are in a layer; 0 if it does not know the layer."""
        return self._of(layer).to_v.out_features if _key(layer) in self.by_layer else 0

    def ip_adapter_layers(self) -> dict[str, Tensor]:
        """The weights under the names of an IP-Adapter file ("ip_adapter" in its state dict)."""
        return {
            f"{2 * number + 1}.{part}_ip.weight": getattr(layer, part).weight
            for number, layer in enumerate(self.by_layer.values())
            for part in ("to_k", "to_v")
        }

    def louder(self, by: float) -> VoiceAdapter:
        """A copy whose strength 1 is `by` of this one's."""
        copy = deepcopy(self)
        with torch.no_grad():
            for layer in copy.by_layer.values():
                cast(_KeyValue, layer).to_v.weight.mul_(by)
        return copy

    def _of(self, layer: str) -> _KeyValue:
        return cast(_KeyValue, self.by_layer[_key(layer)])

    @torch.no_grad()
    def start_from(self, text: Mapping[str, Any]) -> VoiceAdapter:
        """Copy the text's own keys and values, as IP-Adapter is started; layer by name."""
        for name, attention in text.items():
            mine = self._of(name)
            mine.to_k.weight.copy_(attention.to_k.weight)
            mine.to_v.weight.copy_(attention.to_v.weight)
        return self


class _KeyValue(nn.Module):
    def __init__(self, tokens: int, width: int, draw: torch.Generator) -> None:
        super().__init__()
        # skip_init: nn.Linear would draw from the global generator.
        shape: dict[str, Any] = {"bias": False, "device": torch.get_default_device()}
        self.to_k = cast(nn.Linear, nn.utils.skip_init(nn.Linear, tokens, width, **shape))
        self.to_v = cast(nn.Linear, nn.utils.skip_init(nn.Linear, tokens, width, **shape))
        nn.init.kaiming_uniform_(self.to_k.weight, a=5**0.5, generator=draw)  # nn.Linear's own
        nn.init.zeros_(self.to_v.weight)

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        return self.to_k(tokens), self.to_v(tokens)


def _key(layer: str) -> str:
    """Module names may not hold dots."""
    return layer.replace(".", "_")
