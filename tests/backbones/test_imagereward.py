"""ImageReward's weights, under their makers' names, give what its parts give."""

import numpy as np
import pytest
import torch
import transformers
from others_toy import WORDS, published, towers
from PIL import Image
from safetensors.torch import save_file

from palate.backbones.imagereward import DEVIATION, LENGTH, MEAN, ImageReward
from palate.errors import BadFile, BadInput, MissingPart
from palate.sketchbook.drawing import draw
from palate.sketchbook.scenes import any_scene


def test_a_reward_is_what_the_parts_make_of_it(tmp_path) -> None:
    vision, text = towers()
    held = published(vision, text)
    save_file(held, tmp_path / "ImageReward.safetensors")
    (tmp_path / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    one = ImageReward.from_folder(tmp_path)
    pictures = [np.ascontiguousarray(draw(any_scene(n), 64)[:48]) for n in range(2)]
    prompts = ["a Fish", "cat boat " * 40]
    pixels = transformers.CLIPImageProcessorPil(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
    )([Image.fromarray(p) for p in pictures], return_tensors="pt").pixel_values
    ids = torch.tensor([[2, 4, 5, 3, *[0] * (LENGTH - 4)], [2, *([6, 7] * 17)[:33], 3]])
    with torch.no_grad():
        seen = vision(pixel_values=pixels).last_hidden_state
        x = text(
            input_ids=ids, attention_mask=(ids > 0).long(), encoder_hidden_states=seen
        ).last_hidden_state[:, 0]
        for number in (0, 2, 7):
            x = x @ held[f"mlp.layers.{number}.weight"].T + held[f"mlp.layers.{number}.bias"]
    found = one.score(prompts, pictures, at_once=1)
    torch.testing.assert_close(found, (x.flatten() - MEAN) / DEVIATION, atol=1e-4, rtol=1e-4)
    assert one.score(prompts[::-1], pictures)[0] != found[0]
    with pytest.raises(BadInput, match="1 pictures stand beside 2 prompts"):
        one.score(prompts, pictures[:1])
    held.pop("blip.visual_encoder.norm.bias")
    save_file(held, tmp_path / "ImageReward.safetensors")
    with pytest.raises(BadFile, match=r"does not hold ImageReward\.pt of THUDM"):
        ImageReward.from_folder(tmp_path)


def test_what_is_missing_is_named(tmp_path) -> None:
    with pytest.raises(MissingPart, match=r"ImageReward\.safetensors does not exist.*put it there"):
        ImageReward.from_folder(tmp_path)
    save_file({"a": torch.ones(1)}, tmp_path / "ImageReward.safetensors")
    with pytest.raises(MissingPart, match=r"vocab\.txt does not exist.*bert-base-uncased"):
        ImageReward.from_folder(tmp_path)
    (tmp_path / "vocab.txt").write_text("[PAD]\n")
    with pytest.raises(BadFile, match="does not hold ImageReward"):
        ImageReward.from_folder(tmp_path)
