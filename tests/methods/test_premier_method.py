"""Premier as a whole at toy width; its sizes as released."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from prefgen_toy import clip, example, reader, taste
from premier_toy import PEOPLE, SIZES, known, modulator, numbers, premier
from torch.testing import assert_close

from palate import store
from palate.backbones.builtin.reader import save_reader
from palate.backbones.reader import Reader
from palate.backbones.tiny import tiny_flux, tiny_sdxl
from palate.errors import BadFile, BadInput, Mismatch
from palate.generate import generate, plain
from palate.learn.settings import Fit
from palate.methods.premier.eyes import Eyes, points, principal
from palate.methods.premier.fitting import Fitting, Newcomer, fitted, latents_in
from palate.methods.premier.hearing import Prompts
from palate.methods.premier.loading import load
from palate.methods.premier.method import FILE, Fitted, Premier
from palate.methods.premier.model import Modulator, Sizes
from palate.methods.premier.newcomers import combined
from palate.methods.premier.read import look
from palate.methods.premier.users import Known, Users
from palate.sketchbook.drawing import draw
from palate.sketchbook.scenes import any_scene
from palate.types import Mark, Method, Request, Taste

ASKED = Request(prompt="a cat", steps=2, seed=3)


@pytest.fixture(scope="module")
def method() -> Premier:
    return premier()


# ---- the modulator


@pytest.mark.parametrize(
    ("change", "shared", "distinct"),
    [
        ({}, 368_596_992, 538_632_192),
        ({"blocks": "all", "count": 57}, 368_596_992, 897_595_392),
    ],
    ids=["double", "all"],
)
def test_it_is_as_large_as_released(change: Any, shared: int, distinct: int) -> None:
    with torch.device("meta"):
        made = Modulator(Sizes(**change))
    found = {n: sum(w.numel() for w in b.parameters()) for n, b in made.branches.items()}
    assert found == {"shared": shared, "distinct": distinct}
    with torch.device("meta"):
        turned = made(
            torch.zeros(1, 30, 1024), torch.zeros(1, 512, 4096), torch.zeros(1, 512, 4096)
        )
    assert turned.shared is not None and turned.each is not None
    assert turned.shared.shape == (1, 512, 3072)
    assert turned.each.shape == (1, 512, made.sizes.count, 3072)


def test_a_person_at_full_size_is_61_440_bytes(method: Premier) -> None:
    whole = method.profile_of(torch.zeros(Sizes().tokens, Sizes().user))
    assert sum(part.nbytes for part in whole.tensors.values()) == 61_440


def heard(**change: Any) -> tuple[Modulator, Any]:
    made = modulator(tiny_flux(), **change)
    said, nothing = numbers(3, 2, 6, made.sizes.text), numbers(4, 1, 6, made.sizes.text)
    return made, lambda people, at=said: made(people, at, nothing)


def test_a_silent_start_says_nothing_and_a_small_one_little() -> None:
    sizes = SIZES.fitted(tiny_flux())
    people, said = numbers(1, 2, 2, 8), numbers(2, 2, 6, 32)
    silent, small = (Modulator(sizes, start=s)(people, said, said[:1]) for s in ("silent", "small"))
    assert silent.shared is not None and not silent.shared.any()
    assert silent.each is not None and not silent.each.any()
    assert small.each is not None and 0.005 < small.each.std() < 0.02  # gains of 0.01


def test_what_begins_silent_learns() -> None:
    made = Modulator(SIZES.fitted(tiny_flux()))
    turned = made(numbers(1, 2, 2, 8), numbers(2, 2, 6, 32), numbers(3, 1, 6, 32))
    turned.each.sum().backward()
    assert made.branches["distinct"].norm.weight.grad.abs().min() > 0


@torch.no_grad()
def test_directions_depend_on_person_and_prompt() -> None:
    _, ask = heard()
    people = numbers(1, 2, 2, 8)
    own, other = ask(people), ask(people.flip(0))
    assert (own.shared - other.shared).abs().max() > 0.1
    assert (own.each[:, :, 0] - own.each[:, :, 1]).abs().max() > 0.1  # another for each block
    said = ask(people, numbers(9, 2, 6, 32))
    assert (own.shared - said.shared).abs().max() > 0.1
    assert (own.each - said.each).abs().max() > 0.1


@torch.no_grad()
@pytest.mark.parametrize("empty", [("distinct",), ("shared", "distinct")])
def test_a_branch_may_hear_the_empty_prompt(empty: Any) -> None:
    _, ask = heard(empty=empty)
    people = numbers(1, 2, 2, 8)
    one, other = ask(people), ask(people, numbers(9, 2, 6, 32))
    assert torch.equal(one.each, other.each)
    assert torch.equal(one.shared, other.shared) == ("shared" in empty)


@torch.no_grad()
@pytest.mark.parametrize("branch", ["shared", "distinct"])
def test_a_branch_may_be_left_out(branch: Any) -> None:
    _, ask = heard(branches=(branch,))
    assert set(ask(numbers(1, 2, 2, 8)).parts()) == {branch}


@torch.no_grad()
def test_a_token_turns_by_itself() -> None:
    """Text tokens ask the person and not one another."""
    _, ask = heard()
    people, said = numbers(1, 2, 2, 8), numbers(3, 2, 6, 32)
    changed = said.clone()
    changed[:, 4] += 1
    one, other = ask(people, said), ask(people, changed)
    differ = (one.shared - other.shared).abs().amax((0, 2)) > 1e-5
    assert differ.tolist() == [False] * 4 + [True, False]


# ---- what it hears of prompts

PROMPTS = ["a cat", "x", "two cats and one more cat, and a dog beside them all the while"]


def test_prompts_are_heard_as_far_as_their_first_padding() -> None:
    backbone = tiny_flux()
    prompts = Prompts.of(backbone, PROMPTS, replace(SIZES, padding="one"))
    tokens, like = prompts.text.tokens, torch.zeros(())
    assert prompts.text.lengths == (7, 3, 48, 1)  # letters, a space before each word, an end mark
    said, nothing = prompts.heard([0, 1], like)
    assert said.shape[1] == nothing.shape[1] == 8
    assert torch.equal(said[0], tokens[0, :8]) and torch.equal(said[1, :4], tokens[1, :4])
    assert all(torch.equal(said[1, place], tokens[1, 3]) for place in (4, 5, 6, 7))
    assert all(torch.equal(nothing[0, place], tokens[3, 1]) for place in range(1, 8))
    whole, _ = prompts.heard([2, 0], like)  # one without padding
    assert torch.equal(whole[0], tokens[2]) and torch.equal(whole[1, :8], said[0])
    assert prompts.nothing(like).shape[1] == 2
    every = Prompts.of(backbone, PROMPTS, SIZES).heard([1, 0], like)[0]
    assert torch.equal(every, tokens[[1, 0]])


def test_one_direction_for_all_padding_is_nearly_one_for_each() -> None:
    """The same weights: up to the first padding bit for bit, then as the first padding."""
    each, one = premier(), premier(padding="one")
    person, wide = each.read(taste(range(2))), replace(ASKED, prompt=PROMPTS[2])
    mine = one.profile_of(person.tensors["user"])
    for asked, same in ((ASKED, False), (wide, True)):
        pictures = [
            generate(p, asked, method=m)[0].pixels for p, m in ((person, each), (mine, one))
        ]
        assert np.array_equal(*pictures) == same
    plain_one = plain(ASKED, backbone=one.backbone)[0].pixels
    assert not np.array_equal(generate(mine, ASKED, method=one)[0].pixels, plain_one)


def test_with_one_direction_for_padding_others_in_a_batch_change_nothing() -> None:
    method = premier(padding="one", empty=("distinct",))
    people = [method.read(taste(range(2))), method.read(taste(range(7, 9)))]
    asked = [ASKED, replace(ASKED, prompt="a lighthouse over there")]
    both = generate(people, asked, method=method)
    for person, request, picture in zip(people, asked, both, strict=True):
        alone = generate(person, request, method=method)[0].pixels.astype(int)
        assert np.abs(alone - picture.pixels).max() <= 1  # rounding to bytes


@torch.no_grad()
def test_the_released_norms_zeros_change_nothing() -> None:
    with_zeros, without = (modulator(tiny_flux(), time=t) for t in (3, 0))
    state = {n: w for n, w in with_zeros.state_dict().items() if n in without.state_dict()}
    without.load_state_dict(state)
    asked = numbers(1, 2, 2, 8), numbers(2, 2, 6, 32), numbers(3, 1, 6, 32)
    assert torch.equal(with_zeros(*asked).each, without(*asked).each)


def test_all_blocks_of_a_model_are_counted() -> None:
    double, every = (replace(SIZES, blocks=b).fitted(tiny_flux()) for b in ("double", "all"))
    assert (double.count, every.count) == (2, 4)
    assert (double.text, double.out) == (32, 32)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"branches": ()}, "name one or both of shared, distinct"),
        ({"empty": ("third",)}, "name one or both of shared, distinct"),
        ({"heads": 3}, "16 wide cannot have 3 heads"),
    ],
)
def test_sizes_that_cannot_be_are_refused(change: Any, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        replace(SIZES, **change)


# ---- reading


def test_a_profile_does_not_depend_on_the_batch(method: Premier) -> None:
    tastes = [taste(range(3), range(10, 12)), taste(range(5, 6)), taste(range(20, 25))]
    for one, profile in zip(tastes, method.read_all(tastes), strict=True):
        assert_close(method.read(one).tensors["user"], profile.tensors["user"], atol=0.02, rtol=0)
    assert profile.tensors["user"].dtype == torch.bfloat16


def test_likes_and_dislikes_both_count(method: Premier) -> None:
    users = [
        method.read(Taste(liked=taste(range(2)).liked, disliked=taste(some).liked)).tensors["user"]
        for some in (range(4, 6), range(6, 8))
    ]
    alone = method.read(taste(range(2))).tensors["user"]
    assert all((user - alone).abs().max() > 0.01 for user in users)
    assert (users[0] - users[1]).abs().max() > 0.01


def test_copies_of_a_picture_tell_nothing_new(method: Premier) -> None:
    (one,) = taste(range(1)).liked
    (seen,) = look([Taste(liked=(one,) * 3)], method.eyes)
    assert seen.liked.shape == (1, 32)
    copies, alone = (method.read(Taste(liked=(one,) * n)) for n in (3, 1))
    assert torch.equal(copies.tensors["user"], alone.tensors["user"])
    assert (copies.liked, alone.liked) == (3, 1)


# ---- steering


def test_people_are_heard_and_prompts_too(method: Premier) -> None:
    people = [method.read(taste(range(2))), method.read(taste(range(7, 9), range(3, 5)))]
    base = plain(ASKED, backbone=method.backbone)[0].pixels
    one, other = (p.pixels for p in generate(people, [ASKED, ASKED], method=method))
    assert not np.array_equal(one, base) and not np.array_equal(one, other)


def test_directions_are_made_once_for_a_person_and_a_prompt() -> None:
    method, rows = premier(), []
    method.modulator.register_forward_hook(lambda _, given, __: rows.append(len(given[0])))
    one, other = method.read(taste(range(2))), method.read(taste(range(7, 9)))
    cup = replace(ASKED, prompt="a cup")
    people, asked = [one, one, other, one], [ASKED, replace(ASKED, seed=9), ASKED, cup]
    generate(people, [replace(request, steps=5) for request in asked], method=method)
    assert rows == [3]
    generate(people, [replace(request, strength=0.0) for request in asked], method=method)
    assert rows == [3]  # who says nothing is not computed


def test_all_blocks_can_be_turned() -> None:
    method = premier(blocks="all")
    person = method.read(taste(range(2)))
    base, made = plain(ASKED, backbone=method.backbone), generate(person, ASKED, method=method)
    assert not np.array_equal(base[0].pixels, made[0].pixels)


def test_before_the_onset_the_base_model_is_alone() -> None:
    """Of four steps at an onset of a half, two."""
    method = premier(onset=0.5)
    person, passes = method.read(taste(range(2))), []
    asked = [Request(prompt="a cat", steps=4)]
    norm = method.backbone.pipe.transformer.transformer_blocks[0].norm1_context
    handle = norm.linear.register_forward_hook(lambda _, y, __: passes.append(y[0][..., 0].numel()))
    with method.steer([person], asked) as lent:
        lent.sample(asked)
    handle.remove()
    assert passes == [1, 1, 48, 48]  # one row for the picture, then one for each text token


def test_an_onset_of_less_than_a_step_is_none() -> None:
    method, asked = premier(onset=0.2), Request(prompt="a cat", steps=1)
    (away,) = plain([asked], backbone=method.backbone)
    (mine,) = generate(method.read(taste(range(2))), asked, method=method)
    assert not np.array_equal(mine.pixels, away.pixels)
    assert method.read_all([]) == []


@pytest.mark.parametrize("onset", [-0.1, 1.0, float("nan")])
def test_an_onset_is_a_share(onset: float) -> None:
    with pytest.raises(BadInput, match="it is a share of the steps"):
        premier(onset=onset)


def test_avoiding_leads_away_from_ones_opposite(method: Premier) -> None:
    likes, both = method.read(taste(range(2))), method.read(taste(range(2), range(4, 6)))
    for person, changes in ((likes, False), (both, True)):
        off, on = (
            generate(person, replace(ASKED, avoid=a), method=method)[0].pixels for a in (0.0, 2.0)
        )
        assert np.array_equal(off, on) != changes
    middle = method.profile_of(method.users.middle()[0], liked=1, disliked=1)
    away = replace(ASKED, strength=0.0, avoid=1.0)
    nobody = generate(middle, away, method=method)[0].pixels.astype(int)
    assert np.abs(nobody - plain(ASKED, backbone=method.backbone)[0].pixels).max() <= 8


def test_a_prompt_past_the_text_length_is_cut_as_without_a_person(method: Premier) -> None:
    long = replace(ASKED, prompt="a cat and " * 30)
    (lost,) = method.backbone.encode([long.prompt]).cut
    assert lost and long.prompt.strip().endswith(lost)
    generate(method.read(taste(range(2))), long, method=method)


# ---- by gradients

SOON = Fitting(fit=Fit(steps=12, batch=4, lr=0.05, weight_decay=0.0, checkpoint_steps=None))


def test_one_number_for_each_person_makes_everybody_again(method: Premier) -> None:
    alone = torch.eye(PEOPLE)[2]
    newcomer = Newcomer(method.users.table, "coefficients", alone)
    assert_close(newcomer(), method.users.table[2])
    assert [n for n, _ in newcomer.named_parameters()] == ["weights"]
    assert not newcomer.state_dict().keys() - {"weights"}


@pytest.mark.parametrize("what", ["coefficients", "embedding"])
def test_a_newcomer_starts_as_published(method: Premier, what: Any) -> None:
    newcomer = Newcomer(method.users.table, what)
    (start,) = newcomer.parameters()
    shape, reach = {"coefficients": ((PEOPLE,), 1.0), "embedding": ((2, 8), 0.001)}[what]
    assert start.shape == shape and 0.3 * reach < start.abs().max() <= reach  # sqrt(6 / (1 + 5))


@pytest.mark.parametrize("what", ["coefficients", "embedding"])
def test_flow_falls_when_a_newcomer_is_fitted(method: Premier, what: Any) -> None:
    errors: list[float] = []

    def off(guess: Any, target: Any) -> Any:
        error = (guess.float() - target).square().mean()
        errors.append(error.item())
        return error

    state = torch.get_rng_state()
    liked, newcomer = taste(range(4)).liked, Newcomer(method.users.table, what)
    before = newcomer().detach().clone()
    how = {"modulator": method.modulator, "backbone": method.backbone}
    found = fitted(newcomer, liked, replace(SOON, what=what), off=off, **how)
    assert (found - before).abs().max() > 0.05
    assert len(errors) == 12 and sum(errors[-4:]) < sum(errors[:4])
    assert torch.equal(torch.get_rng_state(), state)  # nobody else's luck changes


def test_steps_may_follow_what_pictures_told(method: Premier) -> None:
    mine = taste(range(3))
    few = replace(SOON, begin="pictures", fit=replace(SOON.fit, steps=1, lr=1e-6))
    placed, more = method.read(mine), method.read(mine, few)
    assert_close(placed.tensors["user"], more.tensors["user"], atol=0.02, rtol=0)
    rival = Fitted(method, SOON)
    assert isinstance(rival, Method)
    person = rival.read(mine)
    assert person.method == method.mark and person.liked == 3
    pictures = [generate(person, ASKED, method=m)[0].pixels for m in (method, rival)]
    assert np.array_equal(*pictures)


def test_pictures_become_latents_as_the_model_makes_them(method: Premier) -> None:
    """Decoding them as the sampler does gives the autoencoder's own copy."""
    backbone = method.backbone
    found = latents_in(backbone, [example(0)])
    vae = backbone.pipe.vae
    assert found.shape == (1, 4, 8, 8)
    raw = found / vae.config.scaling_factor + vae.config.shift_factor
    assert raw.isfinite().all() and vae.config.shift_factor == 0.1


# ---- files, and what is wrong


def test_it_is_kept_and_found_again(method: Premier, tmp_path: Any) -> None:
    method.save_pretrained(tmp_path)
    again = Premier.from_pretrained(tmp_path, method.backbone, method.eyes.partner)
    assert again.mark == method.mark and again.modulator.sizes == method.modulator.sizes
    assert again.onset == method.onset
    person = method.read(taste(range(2), range(4, 6)))
    store.save_profile(tmp_path / "me.palate.safetensors", person)
    found = store.load_profile(tmp_path / "me.palate.safetensors")
    assert torch.equal(found.tensors["user"], person.tensors["user"])
    one, other = (generate(found, ASKED, method=m)[0].pixels.astype(int) for m in (method, again))
    assert np.abs(one - other).mean() < 4  # kept in bf16


@pytest.fixture
def kept(method: Premier, tmp_path: Any) -> Iterator[Any]:
    method.save_pretrained(tmp_path)
    yield tmp_path


def test_a_partner_it_was_not_trained_with_is_refused(method: Premier, kept: Any) -> None:
    other = tiny_flux(seed=1)
    with pytest.raises(Mismatch, match=r"trained with tiny-flux .* the base model is tiny-flux"):
        load(other, kept)
    with pytest.raises(Mismatch, match=r"trained with the backbone tiny-flux .* it is given"):
        Premier.from_pretrained(kept, other, method.eyes.partner)
    odd = clip().__class__(clip().model, None, None, name="odd")
    odd.mark = Mark(name="odd", fingerprint="1" * 16)
    with pytest.raises(Mismatch, match=r"trained with the eyes toy-clip .* given odd"):
        Premier.from_pretrained(kept, method.backbone, odd)


def test_weights_that_are_not_there_are_named(method: Premier, tmp_path: Any) -> None:
    with pytest.raises(BadFile, match="holds no Premier"):
        load(method.backbone, tmp_path)
    with pytest.raises(Mismatch, match="no premier weights for tiny-flux in this package"):
        load(method.backbone)


def test_a_damaged_file_is_said_to_be_one(method: Premier, tmp_path: Any) -> None:
    kind, config, tensors = method._content()
    del config["eyes"]
    store.save(tmp_path / FILE, tensors, kind=kind, config=config)
    with pytest.raises(BadFile, match=r"is damaged \('eyes'\)"):
        Premier.from_pretrained(tmp_path, method.backbone, method.eyes.partner)


def test_a_profile_from_another_set_of_users_is_refused(method: Premier) -> None:
    others = Premier(
        method.backbone, method.eyes, method.modulator, Users(numbers(8, PEOPLE, 2, 8)), known()
    )
    person = others.read(taste(range(1)))
    with pytest.raises(Mismatch, match=r"made for the method premier \(\w+\), and this is premier"):
        generate(person, ASKED, method=method)


def test_users_of_another_width_are_refused(method: Premier) -> None:
    parts = method.backbone, method.eyes, method.modulator
    with pytest.raises(Mismatch, match="2 tokens of width 9, and the modulator reads 2 of width 8"):
        Premier(*parts, Users(numbers(8, PEOPLE, 2, 9)), known())
    with pytest.raises(Mismatch, match="6 users and pictures of 5 people"):
        Premier(*parts, Users(numbers(8, 6, 2, 8)), known())


def test_a_base_model_of_other_widths_is_refused(method: Premier) -> None:
    wide = Modulator(replace(method.modulator.sizes, out=64))
    with pytest.raises(Mismatch, match=r"of \(32, 64, 2\), and tiny-flux has \(32, 32, 2\)"):
        Premier(method.backbone, method.eyes, wide, method.users, method.known)
    with pytest.raises(Mismatch, match="tiny-sdxl is SDXL-class"):
        Premier(tiny_sdxl(), method.eyes, wide, method.users, method.known)  # type: ignore[arg-type]


def test_somebody_on_the_way_is_a_combination() -> None:
    table = numbers(1, 3, 2, 4)
    half = combined(table, torch.tensor([0.5, 0.5, 0.0]))
    assert_close(half, (table[0] + table[1]) / 2)


# ---- whose eyes see


def test_axes_are_those_on_which_pictures_differ_most() -> None:
    """Points on a line through (1, 2, 2) / 3, a little off it along (0, 1, -1)."""
    far, near = torch.tensor([1.0, 2.0, 2.0]) / 3, torch.tensor([0.0, 1.0, -1.0]) / 2**0.5
    luck = numbers(3, 200, 2) * torch.tensor([5.0, 0.5])
    found = principal(luck[:, :1] * far + luck[:, 1:] * near + 7.0, 2)
    assert found.shape == (3, 2)
    for axis, wanted in zip(found.T, (far, near), strict=True):
        assert (axis @ wanted).abs().item() == pytest.approx(1, abs=2e-3)  # kept in fp16
    assert principal(luck, 64).shape == (2, 2)  # no more than there are


def copy(reads: Reader, *, rounded: bool = False, name: str = "toy-reader") -> Reader:
    model = deepcopy(reads.model)
    return Reader(model.bfloat16().float() if rounded else model, reads.processor, name=name)


def by_reader(seen: Any) -> Premier:
    """The toy, its people's pictures seen by a reader."""
    toy, pictures = premier(), [draw(any_scene(seed)) for seed in range(6 * PEOPLE)]
    eyes = Eyes.of(seen, points(seen, pictures), most=8)
    sides = eyes.see(pictures).unflatten(0, (PEOPLE, 2, 3))
    people = Known.of(list(sides[:, 0]), list(sides[:, 1]))
    return Premier(toy.backbone, eyes, toy.modulator, toy.users, people)


def test_a_reader_sees_before_it_reads(tmp_path: Any) -> None:
    """All tokens of a picture count; learning to read changes nobody's place."""
    reads = copy(reader(), rounded=True)
    method = by_reader(reads)
    pixels = draw(any_scene(1))
    row = reads.see([pixels]).flatten(1) @ method.eyes.axes
    assert row.shape == (1, 8) and torch.equal(method.eyes.see([pixels]), row)
    person = method.read(taste(range(2), range(4, 6)))
    assert person.reader == Mark(name="toy-reader", fingerprint=reads.eyes)
    method.save_pretrained(tmp_path / "premier")
    with torch.no_grad():
        reads.model.lm_head.weight.add_(1.0)
    reads = copy(reads)
    again = Premier.from_pretrained(tmp_path / "premier", method.backbone, reads)
    placed = again.read(taste(range(2), range(4, 6)))
    assert_close(placed.tensors["user"], person.tensors["user"], atol=0.01, rtol=0.01)  # bf16
    save_reader(reads.model, tmp_path / "toy-reader")
    assert load(method.backbone, tmp_path / "premier").mark == again.mark == method.mark


def test_other_eyes_are_refused(tmp_path: Any) -> None:
    by_reader(reader()).save_pretrained(tmp_path)
    odd = copy(reader(), name="odd")
    with torch.no_grad():
        next(odd.model.model.vision_model.parameters()).add_(1.0)
    with pytest.raises(Mismatch, match=r"trained with the eyes toy-reader .* it is given odd"):
        Premier.from_pretrained(tmp_path, tiny_flux(), odd)


def test_weights_of_an_earlier_palate_are_said_to_be_old(method: Premier, tmp_path: Any) -> None:
    kind, config, tensors = method._content()
    old = {name: value for name, value in config.items() if name not in ("eyes", "sees")}
    store.save(tmp_path / FILE, tensors, kind=kind, config=old)
    with pytest.raises(BadFile, match=r"written by an earlier Palate\. Train it anew"):
        load(method.backbone, tmp_path)
