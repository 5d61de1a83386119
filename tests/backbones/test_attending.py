"""SDXL's seam, beyond what the contract asks of every seam."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from seams import asks, heard, loud_adapter, person, sdxl, text, voice
from torch import Tensor
from torch.testing import assert_close

from palate.backbones import SDXL, Embeddings, Voice
from palate.backbones.tiny import tiny_sdxl
from palate.errors import BadInput, Mismatch
from palate.ops.attention import attend, split_heads
from palate.ops.regions import partition

BASE = "down_blocks.1"


class Ear:
    """What the first cross-attention says in one forward pass, at every place."""

    def __init__(self, backbone: SDXL) -> None:
        self.attention = next(iter(backbone.cross_attentions.values()))

    def __call__(self, backbone: SDXL, **size: Any) -> Tensor:
        said: list[Tensor] = []
        handle = self.attention.register_forward_hook(lambda _, __, out: said.append(out))
        try:
            look(backbone, **size)
        finally:
            handle.remove()
        return said[0]


def look(backbone: SDXL, *, count: int = 1, height: int = 8, width: int = 8) -> Tensor:
    latents = torch.linspace(-1, 1, count * 4 * height * width).view(count, 4, height, width)
    return backbone.predict(latents, torch.tensor(500.0), text(backbone, count))


# ---- a voice


def test_a_newborn_voice_is_silent() -> None:
    backbone = sdxl()
    plain = heard(backbone)
    newborn = Voice(tokens=person([0], 5, 24), adapter=backbone.new_adapter(tokens=24))
    with backbone.attending(newborn):
        assert torch.equal(heard(backbone), plain)


def test_a_voice_that_starts_like_the_text_says_what_the_text_says() -> None:
    backbone = sdxl()
    words = text(backbone, 1)
    like_text = backbone.new_adapter(tokens=64, like_text=True)
    ear, echo = Ear(backbone), Voice(tokens=words.tokens, adapter=like_text, strength=0.5)
    bias = ear.attention.to_out[0].bias
    plain = ear(backbone) - bias
    with backbone.attending(echo):
        assert_close(ear(backbone) - bias, 1.5 * plain)


def test_the_same_seed_makes_the_same_adapter_and_touches_no_random_state() -> None:
    before = torch.random.get_rng_state()
    one, other = (sdxl().new_adapter(tokens=24, seed=3) for _ in range(2))
    assert all(map(torch.equal, one.state_dict().values(), other.state_dict().values()))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_an_adapter_is_its_own_keys_and_values_and_nothing_else() -> None:
    names = loud_adapter().state_dict()
    assert {name.rsplit(".", 2)[1] for name in names} == {"to_k", "to_v"}
    assert len(names) == 2 * len(sdxl().cross_attentions)


def test_keys_and_values_are_computed_once_for_all_steps() -> None:
    backbone, spoken, calls = sdxl(), voice([0]), []
    parts = spoken.adapter.by_layer.values()
    handles = [part.register_forward_hook(lambda *_: calls.append(1)) for part in parts]
    with backbone.attending(spoken) as lent:
        lent.sample(asks(1, steps=5))
    for handle in handles:
        handle.remove()
    assert len(calls) == len(backbone.cross_attentions)


def test_several_voices_add_up_as_nested_ones_do() -> None:
    backbone, one, other = sdxl(), voice([0]), voice([1])
    with backbone.attending([one, other]):
        together = heard(backbone)
    with backbone.attending(one), backbone.attending(other):
        nested = heard(backbone)
    assert_close(together, nested, rtol=0, atol=1e-5)


def test_a_voice_can_be_louder_in_some_layers() -> None:
    backbone = sdxl()
    plain = heard(backbone)
    for layers, changed in (({"": 0.0}, False), ({"down_blocks": 0.0}, True), ({BASE: 1.0}, True)):
        with backbone.attending(voice([0], layers=layers)):
            assert torch.equal(heard(backbone), plain) != changed
    assert voice([0], layers={"": 0.2, BASE: 0.7}).level(f"{BASE}.attentions.0") == 0.7
    assert voice([0], layers={"": 0.2, BASE: 0.7}).level("down_blocks.11.attentions.0") == 0.2


def test_a_layer_nobody_has_is_refused() -> None:
    lending = sdxl().attending(voice([0], layers={"upblocks": 1.0}))
    with (
        pytest.raises(BadInput, match=r"'upblocks'. They are in: down_blocks.1, mid_block"),
        lending,
    ):
        pass


def test_a_window_opens_and_closes() -> None:
    backbone = sdxl()

    def pictures(**options: Any) -> Any:
        with backbone.attending(voice([0], **options)) as lent:
            return lent.sample(asks(steps=4))[0].pixels

    always, never = pictures(), backbone.sample(asks(steps=4))[0].pixels
    first, rest = pictures(window=(0.0, 0.25)), pictures(window=(0.25, 1.0))
    assert (pictures(window=(0.0, 1.0)) == always).all()
    assert (pictures(window=(0.99, 1.0)) == never).all()  # the last step starts at 0.75
    assert (first != never).any() and (first != always).any() and (rest != always).any()


def test_a_window_holds_for_a_pipeline_somebody_calls() -> None:
    backbone, options = sdxl(), {"num_inference_steps": 4, "output_type": "np"}
    stream = torch.Generator().manual_seed(0)
    with backbone.attending(voice([0], window=(0.25, 0.75))) as lent:
        ours = lent.sample(asks(steps=4))[0].pixels
        theirs = backbone.pipe("a lighthouse", generator=stream, **options).images[0]
    assert abs(ours - (theirs * 255).round()).max() <= 1


# ---- guidance


def guided(backbone: SDXL, words: Embeddings | None = None) -> dict[str, Tensor]:
    """What the U-Net makes of the negative half and of the prompt's, in one guided step."""
    out: list[Tensor] = []
    handle = backbone.pipe.unet.register_forward_hook(lambda _, __, made: out.append(made[0]))
    backbone.sample(asks(2, steps=1, guidance=4.0), words)
    handle.remove()
    return dict(zip(("negative", "prompt"), out[0].chunk(2), strict=True))


def test_a_voice_is_silent_in_the_negative_half_unless_it_has_words_for_it() -> None:
    backbone = sdxl()
    plain = guided(backbone)
    with backbone.attending(voice([0, 1])):
        one_half = guided(backbone)
    with backbone.attending(voice([0, 1], negative=person([5, 6], 5, 24))):
        both_halves = guided(backbone)
    assert torch.equal(one_half["negative"], plain["negative"])
    assert not torch.equal(one_half["prompt"], plain["prompt"])
    assert not torch.equal(both_halves["negative"], plain["negative"])
    assert_close(both_halves["prompt"], one_half["prompt"], rtol=0, atol=2e-5)


def test_negative_tokens_are_heard_as_tokens_are() -> None:
    backbone, ours, others = sdxl(), person([0, 1], 5, 24), person([5, 6], 5, 24)
    words = backbone.encode(["a cat", "a cup"], ["fog", "rain"])
    swapped = Embeddings(
        tokens=words.negative_tokens,
        pooled=words.negative_pooled,
        negative_tokens=words.tokens,
        negative_pooled=words.pooled,
    )
    with backbone.attending(Voice(tokens=ours, negative=others, adapter=loud_adapter())):
        usual = guided(backbone, words)
    with backbone.attending(Voice(tokens=others, negative=ours, adapter=loud_adapter())):
        turned = guided(backbone, swapped)
    assert_close(turned["negative"], usual["prompt"], rtol=0, atol=2e-5)
    assert_close(turned["prompt"], usual["negative"], rtol=0, atol=2e-5)


# ---- places


@pytest.mark.parametrize(("height", "width"), [(8, 8), (6, 10), (10, 6), (7, 9)])
def test_a_voice_in_the_left_half_changes_nothing_outside(height: int, width: int) -> None:
    backbone = sdxl()
    ear, left = Ear(backbone), torch.zeros(height, width)
    left[:, : 2 * (width // 4)] = 1  # whole places of the grid, which is half as fine
    plain = ear(backbone, height=height, width=width)
    with backbone.attending(voice([0], mask=left)):
        said = ear(backbone, height=height, width=width)
    rows, columns = -(-height // 2), -(-width // 2)
    changed = (said != plain).any(-1).view(rows, columns)
    inside = torch.zeros(rows, columns, dtype=torch.bool)
    inside[:, : width // 4] = True
    if width % 2 == 0 and height % 2 == 0:
        assert torch.equal(changed, inside)
    else:  # a place of an odd grid reaches over the edge
        assert changed[:, 0].all() and not changed[:, -1].any()


def test_everybody_may_have_a_place_of_their_own() -> None:
    backbone = sdxl()
    ear, masks = Ear(backbone), torch.zeros(2, 8, 8)
    masks[0, :4], masks[1, 4:] = 1, 1  # one above, one below
    plain = ear(backbone, count=2)
    with backbone.attending(voice([0, 1], mask=masks)):
        changed = (ear(backbone, count=2) != plain).any(-1).view(2, 4, 4).all(-1)
    assert changed.tolist() == [[True, True, False, False], [False, False, True, True]]


# ---- regions: other words, instead of the text


def regions(base_ratio: float, words: Embeddings) -> list[Voice]:
    masks = partition([(0, 0, 0.5, 1), (0.5, 0, 1, 0.5)], 8, 8, feather=0.125)
    return [
        Voice(tokens=words.tokens[n : n + 1], instead=True, mask=mask, strength=1 - base_ratio)
        for n, mask in enumerate(masks)
    ]


def test_regions_blend_as_the_formula_says() -> None:
    backbone, ratio = sdxl(), 0.3
    words = backbone.encode(["a cat", "a red cup", "fog"])
    ear = Ear(backbone)
    attention, heads = ear.attention, ear.attention.heads
    seen: list[Tensor] = []
    handle = attention.to_q.register_forward_hook(lambda _, __, q: seen.append(q))
    with backbone.attending(regions(ratio, words)):
        out = ear(backbone)
    handle.remove()

    def say(tokens: Tensor) -> Tensor:
        parts = (seen[0], attention.to_k(tokens), attention.to_v(tokens))
        return attend(*(split_heads(part, heads) for part in parts))

    masks = partition([(0, 0, 0.5, 1), (0.5, 0, 1, 0.5)], 8, 8, feather=0.125)
    grids = torch.nn.functional.avg_pool2d(masks, 2).flatten(1)[..., None]
    blended = sum(grid * say(words.tokens[n : n + 1]) for n, grid in enumerate(grids))
    z = ratio * say(text(backbone, 1).tokens) + (1 - ratio) * blended
    assert_close(out, attention.to_out[0](z))


def test_regions_that_all_say_what_the_text_says_leave_it_alone() -> None:
    backbone = sdxl()
    same = backbone.encode(["a lighthouse"] * 3)
    plain = heard(backbone)
    with backbone.attending(regions(0.2, same)):
        assert_close(heard(backbone), plain, rtol=0, atol=3e-6)


def test_base_ratio_one_is_the_base_model_bit_for_bit() -> None:
    backbone = sdxl()
    plain, words = heard(backbone), backbone.encode(["a cat", "a red cup", "fog"])
    with backbone.attending(regions(1.0, words)):
        assert torch.equal(heard(backbone), plain)


# ---- with what the user brought


@pytest.fixture
def theirs() -> SDXL:
    backbone = tiny_sdxl()
    backbone.pipe.set_progress_bar_config(disable=True)
    return backbone


def with_ip_adapter(backbone: SDXL) -> dict[str, Any]:
    """An IP-Adapter in the stock layout, and the arguments that call it."""
    stream = torch.Generator().manual_seed(3)
    adapter = backbone.new_adapter(tokens=64, like_text=True)
    project = {
        "proj.weight": torch.randn(4 * 64, 16, generator=stream),
        "proj.bias": torch.zeros(4 * 64),
        "norm.weight": torch.ones(64),
        "norm.bias": torch.zeros(64),
    }
    layers = {"image_proj": project, "ip_adapter": adapter.ip_adapter_layers()}
    backbone.pipe.unet._load_ip_adapter_weights([layers])
    picture = torch.randn(2, 1, 16, generator=stream)  # negative first
    return {"ip_adapter_image_embeds": [picture]}


def call(backbone: SDXL, **options: Any) -> Tensor:
    stream = torch.Generator().manual_seed(0)
    return torch.from_numpy(
        backbone.pipe(
            "a cat", generator=stream, num_inference_steps=2, output_type="np", **options
        ).images
    )


def test_an_ip_adapter_is_a_voice(theirs: SDXL) -> None:
    options, adapter = with_ip_adapter(theirs), theirs.new_adapter(tokens=64, like_text=True)
    stock, project = call(theirs, **options), theirs.pipe.unet.encoder_hid_proj
    with torch.no_grad():
        negative, tokens = project(options["ip_adapter_image_embeds"])[0].flatten(1, 2).split(1)
    theirs.pipe.set_ip_adapter_scale(0.0)
    with theirs.attending(Voice(tokens=tokens, negative=negative, adapter=adapter)):
        assert_close(call(theirs, **options), stock, rtol=0, atol=1e-5)


def test_an_ip_adapter_stays_in_force(theirs: SDXL) -> None:
    options = with_ip_adapter(theirs)
    alone, before = call(theirs, **options), theirs.pipe.unet.attn_processors
    weights = list(theirs.pipe.unet.state_dict())
    with theirs.attending(voice([0])):
        assert list(theirs.pipe.unet.state_dict()) == weights
        both = call(theirs, **options)
    theirs.pipe.set_ip_adapter_scale(0.0)
    with theirs.attending(voice([0])):
        ours = call(theirs, **options)
    theirs.pipe.set_ip_adapter_scale(1.0)
    assert not torch.equal(both, alone) and not torch.equal(both, ours)
    assert torch.equal(call(theirs, **options), alone)
    after = theirs.pipe.unet.attn_processors
    assert all(after[name] is processor for name, processor in before.items())


def test_requests_cannot_be_sampled_with_an_ip_adapter_loaded(theirs: SDXL) -> None:
    with_ip_adapter(theirs)
    with pytest.raises(BadInput, match="An IP-Adapter is loaded"):
        theirs.sample(asks())


def test_an_ip_adapters_own_arguments_reach_it(theirs: SDXL) -> None:
    options = with_ip_adapter(theirs)
    masks = {"ip_adapter_masks": [torch.zeros(1, 1, 64, 64)]}  # speaks nowhere
    with theirs.attending(voice([0])):
        everywhere = call(theirs, **options)
        nowhere = call(theirs, **options, cross_attention_kwargs=masks)
    assert not torch.equal(everywhere, nowhere)


def test_a_lora_stays_in_force(theirs: SDXL) -> None:
    from peft import LoraConfig

    targets = ["attn2.to_q", "attn2.to_k", "attn2.to_v", "attn2.to_out.0"]
    config = LoraConfig(r=2, target_modules=targets, init_lora_weights=False)
    with torch.random.fork_rng(devices=[]):
        theirs.pipe.unet.add_adapter(config)
    alone = call(theirs)
    with theirs.attending(voice([0])):
        both = call(theirs)
        theirs.pipe.unet.disable_adapters()
        ours = call(theirs)
        theirs.pipe.unet.enable_adapters()
    assert not torch.equal(both, alone) and not torch.equal(both, ours)
    assert torch.equal(call(theirs), alone)


def test_half_precision_backbones_take_voices_in_full_precision(theirs: SDXL) -> None:
    theirs.pipe.to(torch.bfloat16)
    with theirs.attending([voice([0], mask=torch.ones(8, 8)), *regions(0.5, text(sdxl(), 3))]):
        assert theirs.sample(asks())[0].pixels.std() > 1


# ---- refusals


def test_tokens_of_the_wrong_width_are_refused_before_sampling() -> None:
    narrow = Voice(tokens=torch.zeros(1, 5, 20), adapter=loud_adapter())
    with pytest.raises(Mismatch, match="20 wide; the adapter takes 24"), sdxl().attending(narrow):
        pass
    with (
        pytest.raises(Mismatch, match="24 wide; this model's text takes 64"),
        sdxl().attending(Voice(tokens=torch.zeros(1, 5, 24), instead=True)),
    ):
        pass


def test_an_adapter_for_another_model_is_refused() -> None:
    from palate.backbones import VoiceAdapter

    widths = dict.fromkeys(sdxl().cross_attentions, 640)
    other = Voice(tokens=torch.zeros(1, 5, 24), adapter=VoiceAdapter(widths, tokens=24))
    with pytest.raises(Mismatch, match="640 wide in layer down_blocks"), sdxl().attending(other):
        pass
    stranger = Voice(tokens=torch.zeros(1, 5, 24), adapter=VoiceAdapter({}, tokens=24))
    with pytest.raises(Mismatch, match="made for another model"), sdxl().attending(stranger):
        pass


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tokens": torch.zeros(5, 24)}, "need .pictures, tokens, width."),
        ({"strength": float("nan")}, "must be a number"),
        ({"strength": (1.0, 1.0, 1.0)}, "3 strengths and tokens for 2 pictures"),
        ({"negative": torch.zeros(1, 5, 24)}, "the same shape"),
        ({"mask": torch.zeros(3, 8, 8)}, "speaks for 2 pictures"),
    ],
)
def test_a_voice_that_cannot_be_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        Voice(**{"tokens": torch.zeros(2, 5, 24), **options})
