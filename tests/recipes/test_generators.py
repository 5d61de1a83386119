"""The built-in generators: what they are told, are made of, and leave behind."""

import dataclasses

import diffusers
import numpy as np
import pytest
import torch
import transformers

from palate.backbones import builtin
from palate.backbones.builtin import LENGTH, Tower, latents_of, new_vae, whitened
from palate.backbones.flux import FLUX, pack
from palate.backbones.lexicon import clip_tokenizer, t5_tokenizer, words
from palate.backbones.sdxl import SDXL
from palate.data.agents import split_of_contents
from palate.errors import BadInput
from palate.learn.learner import Learner
from palate.recipes import captions, clip, flux, generating, sdxl, vae
from palate.recipes.captions import Telling, scene_in
from palate.recipes.recipe import changed, cook
from palate.recipes.table import ORDER, RECIPES
from palate.seeds import generator
from palate.sketchbook.drawing import draw
from palate.sketchbook.scenes import CONTENTS, PLAIN_LOOK, any_scene
from palate.sketchbook.vocabulary import DIMENSIONS
from palate.sketchbook.words import caption
from palate.types import Request

TOKENIZERS = {"CLIPTokenizer": clip_tokenizer, "T5Tokenizer": t5_tokenizer}


def numbers(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


# ---- words


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_every_caption_fits_and_knows_each_word(kind, tmp_path):
    tokenizer = TOKENIZERS[kind]()
    tokenizer.save_pretrained(tmp_path)
    again = getattr(transformers, kind).from_pretrained(tmp_path)
    for seed in range(200):
        text = caption(any_scene(seed), tuple(DIMENSIONS), mood=True)
        ids = tokenizer(text).input_ids
        assert len(ids) <= LENGTH == again.model_max_length
        assert again(text).input_ids == ids
        assert tokenizer.unk_token_id not in ids
        said = tokenizer.decode(ids, skip_special_tokens=True)
        assert said.replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_a_word_is_one_token_and_what_is_strange_is_spelled(kind):
    tokenizer = TOKENIZERS[kind]()
    bare = len(tokenizer("").input_ids)
    assert all(len(tokenizer(word).input_ids) == bare + 1 for word in words())
    assert len(tokenizer("A cat").input_ids) == bare + 2
    assert tokenizer.unk_token_id not in tokenizer("zyzzyva").input_ids
    assert tokenizer.unk_token_id in tokenizer("猫").input_ids


def test_captions_say_from_nothing_to_everything():
    stream, telling = generator(0), Telling(nothing=0.1)
    scenes = [scene_in("train", seed) for seed in range(400)]
    said = telling.all_of(scenes, stream)
    empty = sum(not text for text in said) / len(said)
    commas = [text.count(",") for text in said if text]
    assert 0.05 < empty < 0.16
    assert min(commas) == 0 and max(commas) >= 12
    assert said != telling.all_of(scenes, stream)  # told anew each time


def test_held_out_prompts_are_never_seen():
    held = {CONTENTS[i] for i in np.flatnonzero(split_of_contents() != 0)}
    assert not held & {scene_in("train", seed).content for seed in range(500)}
    assert {scene_in("test", seed).content for seed in range(200)} <= held


def test_ease_by_hand():
    """At ease 1/2 the share of plain values is the first draw; a palette is never made plain."""
    scene = dataclasses.replace(any_scene(1), look=tuple(v[-1] for v in DIMENSIONS.values()))
    luck = np.array([0.3, 0.0, 0.0, 0.29, 0.31, *[0.9] * 8])
    eased = captions.eased(scene, luck, 0.5)
    changed_at = [i for i, (a, b) in enumerate(zip(scene.look, eased.look, strict=True)) if a != b]
    assert changed_at == [1, 2]
    assert eased.look[1:3] == PLAIN_LOOK[1:3] and eased.content == scene.content
    assert captions.eased(scene, luck, 1.0).look == (scene.look[0], *PLAIN_LOOK[1:])


@pytest.mark.parametrize("ease", [0.0, 0.6, 0.95])
def test_ease_is_the_share_of_plain_values(ease):
    drawn = [scene_in("train", seed) for seed in range(600)]
    eased = [scene_in("train", seed, ease) for seed in range(600)]
    told = [
        after == plain
        for one, other in zip(drawn, eased, strict=True)
        for before, after, plain in zip(one.look[1:], other.look[1:], PLAIN_LOOK[1:], strict=True)
        if before != plain
    ]
    assert np.mean(told) == pytest.approx(ease, abs=0.04)


def test_lots_lie_one_after_another(tmp_path):
    auto = new_vae((16, 16, 16, 16), 1).eval().requires_grad_(False)
    drawn, kept = (generating.items(auto, {0.9: 3, 0.0: 2}, c) for c in (None, tmp_path))
    assert len(drawn) == len(kept) == 5
    for index, ease in enumerate([0.9, 0.9, 0.9, 0.0, 0.0]):
        (seed, mine, pixels), (same, its, latents) = drawn[index], kept[index]
        assert mine == its == ease and seed == same
        assert np.array_equal(pixels, draw(scene_in("train", seed, ease)))
        again = latents_of(auto, torch.from_numpy(pixels[None]))[0]
        torch.testing.assert_close(torch.from_numpy(latents).float(), again, atol=0.03, rtol=0.02)
    told = generating.scenes_of(torch.tensor([seed, 5]), torch.tensor([0.9, 0.0]))
    assert told == [scene_in("train", seed, 0.9), scene_in("train", 5)]
    with pytest.raises(IndexError):
        drawn[5]


# ---- sizes


def test_sizes_stay_within_the_budget():
    with torch.device("meta"):
        auto = new_vae(vae.VAE.widths, vae.VAE.layers)
        c = clip.CLIP
        both = builtin.new_clip(c.reads, c.sees, patch=c.patch, shared=c.shared)
    assert numbers(auto) <= 1.95e6
    assert numbers(both) <= 1.9e6
    tower = builtin.new_clip_text(c.reads)
    assert numbers(tower) <= 0.5e6
    s, f = sdxl.SKETCHBOOK, flux.SKETCHBOOK
    one = builtin.new_sdxl(s.unet, auto, tower, s.second, defaults=s.defaults).pipe
    assert numbers(one.unet) <= 2.75e6
    assert numbers(one.text_encoder_2) + numbers(tower) <= 0.8e6
    two = builtin.new_flux(f.transformer, auto, tower, f.reads, defaults=f.defaults).pipe
    assert numbers(two.transformer) <= 2.8e6
    assert numbers(two.text_encoder_2) <= 0.4e6


def test_the_order_names_recipes_once():
    assert len(set(ORDER)) == len(ORDER)
    assert set(ORDER) <= set(RECIPES)


# ---- autoencoder


def test_roughness_by_hand():
    """Lines from top to bottom differ to the right and aslant, and not downwards."""
    lines = torch.zeros(1, 1, 10, 10)
    lines[..., ::2] = 1
    down, right, aslant, back = vae.roughness(lines)[0, :, 0, 0].tolist()
    assert (down, right, aslant, back) == (0, 1, 1, 1)
    assert vae.roughness(lines.roll(1, -1)).equal(vae.roughness(lines))  # where they lie is one


def test_an_autoencoder_goes_on_from_another(tmp_path):
    cook(vae.DEBUG, tmp_path / "first")
    more = changed(vae.DEBUG, [f"begin={tmp_path / 'first' / 'model'}", "rough=1.0"])
    begun = more.parts().modules["vae"]
    kept = builtin.load_vae(tmp_path / "first" / "model")
    assert all(
        torch.equal(a, b) for a, b in zip(begun.parameters(), kept.parameters(), strict=True)
    )
    cook(more, tmp_path / "more")
    with pytest.raises(BadInput, match="There is no VAE in nowhere"):
        changed(vae.DEBUG, ["begin=nowhere"]).parts()


def test_whitening_changes_latents_and_not_pictures():
    plain = new_vae((16, 16, 16, 16), 1).eval()
    pictures = torch.from_numpy(np.stack([draw(any_scene(seed)) for seed in range(4)]))
    before = latents_of(plain, pictures)
    places = before.transpose(0, 1).flatten(1)
    white = whitened(plain, places.mean(1), places.std(1))
    after = latents_of(white, pictures)
    flat = after.transpose(0, 1).flatten(1)
    torch.testing.assert_close(flat.mean(1), torch.zeros(8), atol=1e-4, rtol=0)
    torch.testing.assert_close(flat.std(1), torch.ones(8), atol=1e-3, rtol=0)
    with torch.no_grad():
        torch.testing.assert_close(
            white.decode(after).sample, plain.decode(before).sample, atol=1e-4, rtol=0
        )
        x = torch.zeros(1, 3, 64, 64)
        wide, narrow = (v.encode(x).latent_dist.std for v in (plain, white))
        torch.testing.assert_close(
            wide / narrow, places.std(1)[None, :, None, None].expand_as(wide)
        )


def test_edges_by_hand():
    flat, step = torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 8, 8)
    step[..., 4:] = 1.0
    assert vae.edges(flat, flat + 0.5) == 0  # another brightness is no edge
    # of 7 neighbours to the right 1 differs; of 3 at half size, 1; at a quarter the only one
    torch.testing.assert_close(vae.edges(step, flat), torch.tensor((1 / 7 + 1 / 3 + 1) / 3))


def test_a_kept_vae_has_white_latents(tmp_path):
    cook(vae.DEBUG, tmp_path)
    kept = diffusers.AutoencoderKL.from_pretrained(tmp_path / "model")
    assert (kept.config.scaling_factor, kept.config.shift_factor) == (1.0, 0.0)
    scenes = [any_scene(vae.SCALE_FROM + i) for i in range(vae.DEBUG.scaled)]
    pictures = torch.from_numpy(np.stack([draw(scene, vae.DEBUG.size) for scene in scenes]))
    flat = latents_of(kept, pictures).transpose(0, 1).flatten(1)
    torch.testing.assert_close(flat.mean(1), torch.zeros(8), atol=0.02, rtol=0)
    torch.testing.assert_close(flat.std(1), torch.ones(8), atol=0.02, rtol=0)


def test_precision_tells_channels_that_draw_from_idle_ones():
    auto = new_vae((16, 16, 16, 16), 1).eval().requires_grad_(False)
    auto.quant_conv.weight.zero_()
    auto.quant_conv.bias.zero_()
    spread = torch.tensor([0.5, 1, 1, 1, 1, 1, 1, 100.0])  # of each channel's posterior
    auto.quant_conv.bias[8:] = 2 * spread.log()
    pictures = torch.zeros(2, 128, 128, 3, dtype=torch.uint8)
    narrow = 1 / spread**2
    expected = (narrow / narrow.mean()).clamp_min(0.02)
    torch.testing.assert_close(builtin.precision(auto, pictures), expected)
    assert expected[0] == 4 * expected[1] and expected[7] == torch.tensor(0.02)


# ---- what is missed


def test_what_is_missed_by_hand():
    """A flat error of 1 is 1 at full size, 4 at half, 16 at a quarter; a chessboard blurs away."""
    flat, ones = torch.ones(1, 2, 8, 8), torch.ones(2, 1, 1)
    nothing, chess = torch.zeros_like(flat), torch.ones_like(flat)
    chess[..., ::2, ::2] = chess[..., 1::2, 1::2] = -1
    assert generating.missed(flat, nothing, ones).tolist() == [7.0]
    torch.testing.assert_close(generating.missed(chess, nothing, ones), torch.tensor([1 / 3]))
    first = torch.tensor([2.0, 0.0])[:, None, None]
    flat[:, 1] = 5
    torch.testing.assert_close(generating.missed(flat, nothing, first), torch.tensor([7.0]))


def test_blurred_noise_counts_as_much_as_noise():
    noise = torch.randn(64, 8, 16, 16, generator=generator(1))
    found = generating.missed(noise, torch.zeros_like(noise), torch.ones(8, 1, 1))
    torch.testing.assert_close(found.mean(), torch.tensor(1.0), atol=0.02, rtol=0)


def test_a_shift_makes_noisy_times_likelier():
    latents = torch.zeros(20_000, 1, 1, 1)
    early, late = (generating.noised(latents, generator(0), s).t / 1000 for s in (0.0, 0.6))
    torch.testing.assert_close(late.logit(), early.logit() + 0.6, atol=2e-3, rtol=1e-3)


@pytest.mark.parametrize("module", [sdxl, flux])
def test_a_generator_goes_on_from_another(module, tmp_path):
    cook(module.DEBUG, tmp_path)
    more = changed(module.DEBUG, [f"begin={tmp_path / 'model'}"]).parts()
    kept = type(more.backbone).from_pretrained(tmp_path / "model").pipe
    assert len(more.modules) == 3
    for name, trained in more.modules.items():
        if name == "standing":
            continue  # its heads are not kept
        was = getattr(kept, {"text": "text_encoder_2"}.get(name, name))
        assert all(map(torch.equal, trained.state_dict().values(), was.state_dict().values()))
        assert all(parameter.requires_grad for parameter in trained.parameters())


# ---- CLIP


def test_a_kept_clip_is_stock_and_sees_what_it_was_trained_on(tmp_path):
    cook(clip.DEBUG, tmp_path)
    folder = tmp_path / "model"
    model = transformers.CLIPModel.from_pretrained(folder).eval()
    processor = transformers.CLIPImageProcessorPil.from_pretrained(folder)
    tokenizer = transformers.CLIPTokenizer.from_pretrained(folder)
    picture = draw(any_scene(0))
    seen = processor(picture, return_tensors="pt").pixel_values
    ours = builtin.clip_pixels(torch.from_numpy(picture[None]))
    torch.testing.assert_close(seen, ours, atol=1e-5, rtol=0)
    ids = tokenizer(["a cat"], padding="max_length", return_tensors="pt").input_ids
    assert torch.equal(ids, builtin.clip_ids(["a cat"]))
    tower = builtin.load_clip_text(folder)
    with torch.no_grad():
        whole, alone = model.text_model(ids), tower(ids)
    torch.testing.assert_close(whole.pooler_output, alone.pooler_output)


# ---- generators

KINDS = {
    "sdxl": (sdxl.DEBUG, SDXL, "StableDiffusionXLPipeline"),
    "flux": (flux.DEBUG, FLUX, "FluxPipeline"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_kept_generator_is_stock_and_draws(kind, tmp_path):
    debug, backbone, pipeline = KINDS[kind]
    cook(debug, tmp_path)
    ours = backbone.from_pretrained(tmp_path / "model")
    assert (ours.name, ours.defaults) == (f"sketchbook-{kind}", debug.defaults)
    (picture,) = ours.sample([Request(prompt="a cat, warm colors", seed=5)])
    assert picture.pixels.shape == (128, 128, 3)

    pipe = getattr(diffusers, pipeline).from_pretrained(tmp_path / "model")
    pipe.set_progress_bar_config(disable=True)
    how = {"num_inference_steps": 2, "guidance_scale": 3.0, "height": 128, "width": 128}
    how |= {"max_sequence_length": LENGTH} if kind == "flux" else {}
    one = generator(5)
    with torch.random.fork_rng(devices=[]):  # a stock FLUX draws noise anew from the global one
        torch.default_generator.set_state(past_first_noise(5, (1, 8, 16, 16)))
        stock = pipe("a cat, warm colors", generator=one, output_type="np", **how).images[0]
    assert np.abs(stock * 255 - picture.pixels).max() < 2


def past_first_noise(seed, shape):
    stream = generator(seed)
    torch.randn(shape, generator=stream)
    return stream.get_state()


@pytest.mark.filterwarnings("ignore:Mismatch dtype")  # autocast keeps norms in fp32
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bf16", [False, True])
def test_gradients_reach_all_that_is_trained_and_nothing_else(kind, bf16):
    recipe = KINDS[kind][0]
    parts = recipe.parts()
    fit = dataclasses.replace(recipe.fit, bf16=bf16)
    learner = Learner(parts.modules, parts.loss, fit, torch.device("cpu"))
    seeds, eases, pictures = zip(*(parts.items[i] for i in range(4)), strict=True)
    batch = torch.tensor(seeds), torch.tensor(eases), torch.from_numpy(np.stack(pictures))
    learner(batch, 0)["loss"].backward()
    for name, module in parts.modules.items():
        reached = [p.grad is not None and bool(p.grad.any()) for p in module.parameters()]
        assert sum(reached) > 0.85 * len(reached), name
    pipe = parts.backbone.pipe
    rest = [*pipe.vae.parameters(), *pipe.text_encoder.parameters()]
    assert all(p.grad is None for p in rest)


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_that_knows_the_flow_arrives(kind, monkeypatch):
    """Training and the shipped scheduler mean the same by t, and by the sign of the flow."""
    backbone, arrived = KINDS[kind][0].parts().backbone, []
    x = torch.randn((1, 8, 16, 16), generator=generator(3))
    x = pack(x) if kind == "flux" else x

    def flow(job, latents, t):
        return (latents - x) / (t / 1000)

    def decode(latents, request):
        arrived.append(latents)
        return torch.zeros(1, 3, 8, 8)

    monkeypatch.setattr(backbone, "forward", flow)
    monkeypatch.setattr(backbone, "decode", decode)
    backbone.sample([Request(prompt="a cat", seed=1, steps=8, guidance=1.0)])
    torch.testing.assert_close(arrived[0], x, atol=0.02, rtol=0)


def test_noise_by_hand():
    latents = torch.full((3, 8, 2, 2), 2.0)
    step = generating.noised(latents, generator(1))
    share = (step.t / 1000)[:, None, None, None]
    assert ((step.t > 0) & (step.t < 1000)).all()
    # x_s = x + s (n - x): the flow carries clean latents to the noisy ones in time s
    torch.testing.assert_close(step.latents, latents + share * step.target)


def test_guidance_is_learned_in_the_first_rows_only():
    recipe = changed(flux.DEBUG, ["guided=0.5", "most=3.0"])
    guidance = recipe._guidance(8, generator(0))
    assert (guidance[4:] == 1).all()
    assert ((guidance[:4] >= 1) & (guidance[:4] <= 3)).all()
    backbone = recipe.parts().backbone
    step = generating.noised(torch.randn((8, 8, 16, 16), generator=generator(1)), generator(2))
    said = builtin.flux_states(backbone, ["a cat"] * 8)
    target = recipe._target(backbone, step, said, guidance)
    assert torch.equal(target[4:], step.target[4:])
    assert not torch.equal(target[:4], step.target[:4])
    same = recipe._target(backbone, step, said, torch.ones(8))
    torch.testing.assert_close(same, step.target)
    silent = recipe._target(backbone, step, builtin.flux_states(backbone, [""] * 8), guidance)
    torch.testing.assert_close(silent, step.target, atol=1e-5, rtol=0)


def test_latents_are_kept_by_whose_they_are(tmp_path):
    auto = new_vae((16, 16, 16, 16), 1).eval()
    kept = generating.items(auto, {0.0: 3}, tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
    assert np.array_equal(generating.items(auto, {0.0: 3}, tmp_path)[2][2], kept[2][2])
    generating.items(new_vae((16, 16, 16, 16), 1, seed=1).eval(), {0.0: 3}, tmp_path)
    assert len(list(tmp_path.iterdir())) == 2  # another VAE, other latents


def test_a_cached_recipe_trains(tmp_path):
    measured = cook(changed(sdxl.DEBUG, [f"cache={tmp_path}/kept", "fit.steps=2"]), tmp_path)
    assert measured["pictures judged"] == 0


def test_pictures_are_judged(tmp_path):
    from palate.recipes.judge import DEBUG as JUDGE

    cook(JUDGE, tmp_path / "judge")
    found = generating.judged(sdxl.DEBUG.parts().backbone, tmp_path / "judge" / "model", 6)
    assert found["pictures judged"] == 6
    assert set(DIMENSIONS) < set(found)
    assert all(0 <= found[name] <= 1 for name in ("content", "attributes", *DIMENSIONS))


@pytest.mark.parametrize(
    ("setting", "name"), [("vae", "sketchbook-vae"), ("clip", "sketchbook-clip")]
)
def test_a_missing_folder_names_the_recipe_to_run_first(setting, name, tmp_path):
    recipe = changed(sdxl.DEBUG, [f"sources.{setting}={tmp_path}/none"])
    with pytest.raises(BadInput, match=f"Run `palate train {name}` first"):
        recipe.parts()


def test_the_tower_of_a_trained_clip_is_used(tmp_path):
    cook(clip.DEBUG, tmp_path / "clip")
    cook(vae.DEBUG, tmp_path / "vae")
    words = [f"sources.vae={tmp_path}/vae/model", f"sources.clip={tmp_path}/clip/model"]
    for debug in (sdxl.DEBUG, flux.DEBUG):
        pipe = changed(debug, words).parts().backbone.pipe
        kept = transformers.CLIPModel.from_pretrained(
            tmp_path / "clip" / "model", dtype=torch.float32
        )
        mine = dict(pipe.text_encoder.named_parameters())
        theirs = dict(kept.text_model.named_parameters())
        pairs = [(w, theirs[n.removeprefix("text_model.")]) for n, w in mine.items()]
        assert all(torch.equal(a, b) for a, b in pairs)
        assert not any(w.requires_grad for w in mine.values())


def test_a_tower_is_a_setting():
    changed_tower = changed(sdxl.SKETCHBOOK, ["second.layers=2"])
    assert changed_tower.second == Tower(width=96, layers=2, heads=3, inner=192)
