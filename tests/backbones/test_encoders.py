"""Eyes to measure with: the maps and points they give, and weights under their makers' names."""

import numpy as np
import pytest
import torch
import transformers
from others_toy import csd, dino, drawn, keep_dino, linear_layers
from PIL import Image
from safetensors.torch import load_file, save_file

from palate.backbones.dino import Dino
from palate.backbones.encoders import JudgeEncoder, StyleEncoder, Vgg, lpips_weights, resized
from palate.backbones.inception import Inception, Mixed, Step
from palate.backbones.judges import Judge, to_input
from palate.errors import BadFile, MissingPart
from palate.evals.measures import Encoder
from palate.sketchbook.drawing import draw
from palate.sketchbook.scenes import any_scene


def pictures(count: int = 3) -> list[np.ndarray]:
    return [draw(any_scene(seed)) for seed in range(count)]


def test_a_judge_is_seen_before_it_decides() -> None:
    judge = drawn(Judge(widths=(8, 12, 16)))
    assert isinstance(judge, Judge)
    eye = JudgeEncoder(judge)
    assert isinstance(eye, Encoder)
    points = eye.see(pictures(), at_once=2)
    assert points.shape == (3, 6 * 16)
    with torch.no_grad():
        x = to_input(np.stack(pictures()))
        torch.testing.assert_close(judge.heads(points)[:, :6], judge(x)["palette"][:, :6])
    maps = eye.maps(pictures())
    assert [tuple(layer.shape[1:]) for layer in maps] == [(8, 64, 64), (12, 32, 32), (16, 16, 16)]
    torch.testing.assert_close(maps[-1].mean((2, 3)), points[:, :16])


def test_a_style_encoder_is_its_tower_and_another_projection(tmp_path) -> None:
    tower, style, held = csd()
    save_file(held, tmp_path / "csd.safetensors")
    eye = StyleEncoder.from_file(tmp_path / "csd.safetensors")
    shown = [np.ascontiguousarray(draw(any_scene(n), 64)[:, :48]) for n in range(3)]  # not square
    found = eye.see(shown, at_once=2)
    assert isinstance(eye, Encoder)
    pixels = transformers.CLIPImageProcessorPil(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
    )([Image.fromarray(p) for p in shown], return_tensors="pt").pixel_values
    with torch.no_grad():
        expected = tower(pixel_values=pixels).pooler_output @ style
    torch.testing.assert_close(found, torch.nn.functional.normalize(expected, dim=1))
    assert eye.preprocessing.startswith("resize shortest_edge 32, crop height 32 width 32, bicubic")
    held.pop("module.backbone.ln_post.bias")
    save_file(held, tmp_path / "less.safetensors")
    with pytest.raises(BadFile, match=r"less\.safetensors does not hold tomg-group-umd/CSD-ViT-L"):
        StyleEncoder.from_file(tmp_path / "less.safetensors")


def test_dino_is_its_class_token(tmp_path) -> None:
    model, processor = dino()
    folder = keep_dino(tmp_path / "dino")
    eye, shown = Dino.from_folder(folder), pictures()
    pixels = processor([Image.fromarray(p) for p in shown], return_tensors="pt").pixel_values
    with torch.no_grad():
        expected = model(pixel_values=pixels).last_hidden_state[:, 0]
    found = eye.see(shown, at_once=2)
    torch.testing.assert_close(found, torch.nn.functional.normalize(expected, dim=1))
    assert isinstance(eye, Encoder) and eye.preprocessing.startswith("resize shortest_edge 28")
    held = load_file(folder / "model.safetensors")
    held.pop("layernorm.bias")
    save_file(held, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(
        BadFile, match=r"does not hold facebook/dinov2.* layernorm\.bias is missing"
    ):
        Dino.from_folder(folder)
    (folder / "config.json").unlink()
    with pytest.raises(MissingPart, match=r"has no config\.json of facebook/dinov2.* put them"):
        Dino.from_folder(folder)


def test_vgg_gives_the_maps_lpips_reads() -> None:
    groups = ((4, 2), (6, 1), (8, 2))
    vgg = drawn(Vgg(groups, side=32))
    assert isinstance(vgg, Vgg)
    maps = vgg.maps(pictures(2))
    assert [tuple(x.shape) for x in maps] == [(2, 4, 32, 32), (2, 6, 16, 16), (2, 8, 8, 8)]
    mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
    spread = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    whole = vgg.features((resized(pictures()[0], 32) / 255 - mean) / spread)
    torch.testing.assert_close(whole, maps[-1][:1])
    convolutions = [
        n for n, layer in enumerate(Vgg().features) if isinstance(layer, torch.nn.Conv2d)
    ]
    assert convolutions == [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]  # as in vgg16


def test_inception_is_the_published_one() -> None:
    """Without its classes it has as many numbers as torchvision's, and 2048 come out."""
    with torch.device("meta"):
        whole = Inception()
        assert whole(torch.empty(2, 3, 299, 299)).shape == (2, 2048)
    assert sum(p.numel() for p in whole.parameters()) == 23_834_568 - 2048 * 1000 - 1000
    names, known = set(whole.state_dict()), {
        "Conv2d_1a_3x3.conv.weight": (32, 3, 3, 3),
        "Mixed_5b.branch5x5_2.conv.weight": (64, 48, 5, 5),
        "Mixed_5d.branch_pool.bn.running_var": (64,),
        "Mixed_6a.branch3x3.conv.weight": (384, 288, 3, 3),
        "Mixed_6c.branch7x7dbl_5.conv.weight": (192, 160, 1, 7),
        "Mixed_7a.branch7x7x3_4.conv.weight": (192, 192, 3, 3),
        "Mixed_7c.branch3x3dbl_3b.conv.weight": (384, 384, 3, 1),
        "Mixed_7c.branch3x3_1.bn.weight": (384,),
    }  # fmt: skip
    assert known.keys() <= names and len(names) == 94 * 6
    assert all(tuple(whole.state_dict()[name].shape) == shape for name, shape in known.items())


def test_inception_s_pools_by_hand() -> None:
    """A corner sees itself and three neighbours: their mean, without the padding, or the most."""
    x = torch.zeros(1, 1, 3, 3)
    x[0, 0, 0, 0] = 8.0
    for pool, corner in (("mean", 2.0), ("most", 8.0)):
        block = Mixed(1, [((Step("one", 1),),)], pool, 1).eval()
        with torch.no_grad():
            for unit in (block.one, block.branch_pool):
                unit.conv.weight.fill_(1.0)
            found = block(x)
        scale = (1 + 0.001) ** 0.5  # the norm's eps
        assert found[0, :, 0, 0].tolist() == pytest.approx([8.0 / scale, corner / scale])
    halved = Mixed(1, [((Step("one", 1, 3, 3, 2),),)], "halve").eval()
    assert halved.after == 2 and halved(x).shape == (1, 2, 1, 1)


def test_what_is_not_there_is_said(tmp_path) -> None:
    for load in (StyleEncoder.from_file, Vgg.from_file, Inception.from_file, lpips_weights):
        with pytest.raises(
            MissingPart, match=r"w.safetensors does not exist. It is to hold .* put"
        ):
            load(tmp_path / "w.safetensors")
    (tmp_path / "w.safetensors").write_bytes(b"\x80\x04 a pickle")
    with pytest.raises(BadFile, match="no safetensors file"):
        Vgg.from_file(tmp_path / "w.safetensors")
    save_file({"lin0.model.1.weight": torch.ones(1, 64, 1, 1)}, tmp_path / "w.safetensors")
    with pytest.raises(BadFile, match="does not hold torchvision's vgg16"):
        Vgg.from_file(tmp_path / "w.safetensors")
    with pytest.raises(BadFile, match=r"does not hold the linear layers .* 'lin1\.model"):
        lpips_weights(tmp_path / "w.safetensors")
    save_file(linear_layers((3,) * 5), tmp_path / "w.safetensors")
    assert [w.tolist() for w in lpips_weights(tmp_path / "w.safetensors")][3] == [3.0] * 3


def test_pictures_are_made_smaller_as_pillow_does() -> None:
    """Within rounding of single precision; without the antialias they would be other pictures."""
    pixels = draw(any_scene(5), 512)
    found = resized(pixels, 299)[0].numpy()
    pillow = np.stack([
        Image.fromarray(band.astype(np.float32)).resize((299, 299), Image.Resampling.BICUBIC)
        for band in pixels.transpose(2, 0, 1)
    ])  # fmt: skip
    assert np.abs(found - pillow).max() < 2e-3 and np.abs(found - pillow).mean() < 1e-3
    grain = np.random.default_rng(0).integers(0, 256, (512, 512, 3), np.uint8)
    x = torch.from_numpy(grain.copy()).permute(2, 0, 1)[None].float()
    rough = torch.nn.functional.interpolate(x, (299, 299), mode="bicubic")
    assert float((rough - resized(grain, 299)).abs().mean()) > 1
