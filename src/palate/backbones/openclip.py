"""CLIPs as OpenCLIP hands them round, in one safetensors file, as transformers' CLIPModel.

The file's shapes say every size but how many heads a picture's tower has, which its width tells for
all that were published. The GELU is the plain one, which OpenCLIP's own models learned with.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from palate.backbones import loading
from palate.backbones.clips import Clip
from palate.backbones.encoders import renamed, tensors, tower_sizes, vision_sizes
from palate.errors import BadFile

_ACT = "gelu"
_HEADS = {1280: 16, 1408: 16, 1664: 16}  # of 80, 88 and 104 numbers each; others have 64
_TEXT = {
    "token_embedding.weight": "embeddings.token_embedding.weight",
    "ln_final.weight": "final_layer_norm.weight",
    "ln_final.bias": "final_layer_norm.bias",
}
_VISION = "visual."


def open_clip(file: Path, source: str, *, name: str, device: str = "cpu") -> Clip:
    """From that file; the processor and the tokenizer lie beside it."""
    held = {k.removeprefix("module."): x.float() for k, x in tensors(file, source).items()}
    transformers, local = loading.library("transformers"), {"local_files_only": True}
    pictures = transformers.CLIPImageProcessorPil.from_pretrained(file.parent, **local)
    tokenizer = transformers.CLIPTokenizer.from_pretrained(file.parent, **local)
    try:
        model = _model(held, tokenizer)
    except (KeyError, RuntimeError) as error:
        first = str(error).splitlines()[0][:200]
        raise BadFile(f"{file} does not hold {source}: {first}") from None
    return Clip(model.to(device), pictures, tokenizer, name=name)


def _model(held: Mapping[str, Tensor], tokenizer: Any) -> Any:
    transformers = loading.library("transformers")
    vision = {k.removeprefix(_VISION): x for k, x in held.items() if k.startswith(_VISION)}
    text = {k: x for k, x in held.items() if not k.startswith(_VISION)}
    text.pop("attn_mask", None)  # follows from the length
    single = {
        "logit_scale": text.pop("logit_scale"),
        "text_projection.weight": text.pop("text_projection").T,
        "visual_projection.weight": vision.pop("proj").T,
    }
    model = transformers.CLIPModel(
        transformers.CLIPConfig(
            text_config=_text_config(text, tokenizer),
            vision_config=_vision_config(vision),
            projection_dim=len(single["text_projection.weight"]),
        )
    )
    towers = {f"vision_model.{k}": x for k, x in renamed(vision)}
    towers |= {f"text_model.{_TEXT.get(k, k)}": x for k, x in renamed(text)}
    model.load_state_dict(single | towers)
    return model


def _vision_config(held: Mapping[str, Tensor]) -> dict[str, Any]:
    sizes = vision_sizes(held)
    heads = _HEADS.get(sizes["hidden_size"], sizes["num_attention_heads"])
    return {**sizes, "num_attention_heads": heads, "hidden_act": _ACT}


def _text_config(held: Mapping[str, Tensor], tokenizer: Any) -> dict[str, Any]:
    words, width = held["token_embedding.weight"].shape
    return {
        **tower_sizes(held, width),
        "hidden_act": _ACT,
        "vocab_size": words,
        "max_position_embeddings": len(held["positional_embedding"]),
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,  # where a text's point is read
        "pad_token_id": tokenizer.pad_token_id,
    }
