"""Embeddings and voices by hand, and what must hold whatever the plan."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from prefgen_toy import reader
from torch.testing import assert_close

from palate.backbones.tiny import tiny_flux, tiny_sdxl
from palate.errors import Mismatch
from palate.generate import generate, plain
from palate.methods.instant.guiding import Guidance, Guided, Wanted, fitting
from palate.methods.instant.keywords import Keyword, Keywords
from palate.methods.instant.layout import planned
from palate.methods.instant.method import Instant
from palate.methods.instant.plan import Plan
from palate.methods.instant.strengths import Strengths, base_ratio, chosen, preference
from palate.methods.instant.understanding import ByReader
from palate.ops.projection import off_each, residual
from palate.types import Profile, Request, Word

KEYWORDS = Keywords(
    visual_elements=(Keyword(text="sepia", weight=0.8),), avoid=(Keyword(text="fog"),)
)
TWO = "a cat left of a dog"
ASKED = Request(prompt=TWO, steps=2, seed=3)


@cache
def backbone(kind: str = "sdxl"):
    return {"sdxl": tiny_sdxl, "flux": tiny_flux}[kind]()


def method(kind: str = "sdxl", **how) -> Instant:
    return Instant(backbone(kind), ByReader(reader()), Guidance(**how))


def person(kind: str = "sdxl", words=KEYWORDS) -> Profile:
    return Profile(method=Instant.mark, backbone=backbone(kind).mark, words=words.words())


def wanted(request: Request = ASKED, keywords: Keywords = KEYWORDS, **how) -> Wanted:
    return method(**how).wanted(keywords, request)


# ---- texts


def test_every_component_is_guided_off_its_own_words() -> None:
    one = wanted(preference=0.5, base_ratio=0.25)
    lent = backbone()
    e = dict(zip((TWO, "sepia"), lent.encode([TWO, "sepia"]).tokens, strict=True))
    rich = lent.encode([one.plan.enriched_prompt]).tokens[0]
    said = e[TWO] + 0.8 * (rich - e[TWO])  # a fifth is the prompt as it was asked
    guidance = Guided(lent, [one], Guidance())
    found = guidance.embeddings(lent.encode([TWO]))
    assert_close(found.tokens[0], said + 0.5 * off_each(e["sepia"], said), rtol=0, atol=1e-5)
    first, *voices = guidance.voices()
    assert_close(first.tokens[0], lent.encode([TWO]).tokens[0], rtol=0, atol=1e-5)
    assert first.strength == (0.25,) and first.instead and first.window == (0.0, 0.1)
    texts = ["a cat", "a dog", "sepia"]  # the background says what is liked, too
    for voice, text in zip(voices, texts, strict=True):
        own = lent.encode([text]).tokens[0]
        assert_close(voice.tokens[0], own + 0.5 * off_each(e["sepia"], own), rtol=0, atol=1e-5)
        assert voice.strength == (0.75,) and voice.instead and voice.window == (0.0, 0.4)
    assert_close(sum(voice.mask[0] for voice in voices), torch.ones(128, 128))


def test_halfway_is_halfway() -> None:
    one = wanted(replace(ASKED, strength=0.5), preference=0.8, base_ratio=0.0)
    lent = backbone()
    plain_, rich = lent.encode([TWO, one.plan.enriched_prompt]).tokens
    said = 0.6 * plain_ + 0.4 * rich  # half of the way, of which a fifth is the prompt's
    pull = off_each(lent.encode(["sepia"]).tokens[0], said)
    guidance = Guided(lent, [one], Guidance())
    found = guidance.embeddings(lent.encode([TWO])).tokens[0]
    assert_close(found, said + 0.5 * 0.8 * pull, rtol=0, atol=1e-5)
    first, region, *_ = guidance.voices()
    assert first.strength == region.strength == (0.5,)


def test_what_is_disliked_is_walked_away_from_and_the_negative_half_stays() -> None:
    one = wanted(replace(ASKED, strength=0.0, avoid=2.0), preference=0.25)
    lent = backbone()
    before = lent.encode([TWO], ["rain"])
    found = Guided(lent, [one], Guidance()).embeddings(before)
    fog = off_each(lent.encode(["fog"]).tokens[0], before.tokens[0])
    assert_close(found.tokens[0], before.tokens[0] - 0.5 * fog, rtol=0, atol=1e-5)
    assert found.negative_tokens is before.negative_tokens


@pytest.mark.parametrize("mode", ["token", "span", "global", "pooled", "added"])
def test_modes_move_what_they_say(mode: str) -> None:
    lent, one = backbone(), wanted(preference=0.5)
    plan = replace(one.plan, enriched_prompt=TWO)
    guidance = Guided(lent, [replace(one, plan=plan)], Guidance(mode=mode))  # type: ignore[arg-type]
    before = lent.encode([TWO])
    found = guidance.embeddings(before)
    sepia = lent.encode(["sepia"])
    if mode == "pooled":
        assert_close(found.tokens, before.tokens, rtol=0, atol=1e-6)
        moved = before.pooled + 0.5 * off_each(sepia.pooled, before.pooled)
        assert_close(found.pooled, moved, rtol=0, atol=1e-5)
    else:
        moved = before.tokens + 0.5 * residual(sepia.tokens, before.tokens, mode)
        assert_close(found.tokens, moved, rtol=0, atol=1e-5)
        assert_close(found.pooled, before.pooled, rtol=0, atol=1e-6)


def test_rows_keep_their_length_if_asked() -> None:
    lent = backbone()
    one = wanted(preference=5.0)
    plan = replace(one.plan, enriched_prompt=TWO)
    guidance = Guided(lent, [replace(one, plan=plan)], Guidance(keep_norm=True))
    before = lent.encode([TWO])
    found = guidance.embeddings(before).tokens
    assert_close(found.norm(dim=-1), before.tokens.norm(dim=-1), rtol=1e-4, atol=1e-4)
    assert (found - before.tokens).abs().max() > 0.1


def test_at_first_the_prompt_is_heard_alone() -> None:
    request = replace(ASKED, prompt="a cat")
    base = plain(request, backbone=backbone())[0].pixels
    heard = {
        onset: generate(person(), request, method=method(onset=onset))[0].pixels
        for onset in (0.0, 0.5, 1.0)  # of two steps: in neither, in the first, in both
    }
    apart = {onset: np.abs(base.astype(int) - pixels).max() for onset, pixels in heard.items()}
    assert apart[0.0] > 1 and apart[0.5] > 1 and (heard[0.0] != heard[0.5]).any()
    silent = method(onset=1.0).wanted(KEYWORDS, request)
    assert Guided(backbone(), [silent], Guidance(onset=1.0)).voices()[0].strength == (1.0,)
    off = method().wanted(KEYWORDS, replace(request, strength=0.0))
    assert Guided(backbone(), [off], Guidance()).voices()[0].strength == (0.0,)


def test_lists_are_told_as_captions_tell_them() -> None:
    ranked = [Keyword(text=text) for text in ("rain", "glow", "sepia")]
    assert fitting(backbone(), ranked) == "sepia, rain, glow"


def test_long_lists_are_cut_where_the_encoder_ends_weakest_first() -> None:
    words = [Keyword(text=f"word number {i:02d}", weight=1 - i / 100) for i in range(40)]
    text = fitting(backbone(), words)
    said = text.split(", ")
    assert said == [word.text for word in words[: len(said)]] and 3 <= len(said) < 10
    assert not backbone().left_out(text) and backbone().left_out(f"{text}, {words[9].text}")
    assert fitting(backbone(), []) == ""


# ---- strengths


def test_strengths_by_hand() -> None:
    likes = [Keyword(text="sepia", weight=1.0), Keyword(text="cool colors", weight=0.5)]
    # One word of twenty, nothing settled: 0.25 * 0.75 / 1.05.
    assert preference("a cat", likes) == pytest.approx(0.178571, abs=1e-6)
    # sepia and cool colors are both palettes, which this prompt settles; of its words cat, warm and
    # colors count: 0.25 * 0.75 * (1 - 1/2) / (1 + 3/20)
    assert preference("a cat, warm colors", likes) == pytest.approx(0.081522, abs=1e-6)
    assert preference("a cat", []) == 0
    assert preference("a cat in an old house by the sea", likes) < preference("a cat", likes)


def test_things_of_one_kind_hear_more_of_the_whole() -> None:
    assert base_ratio(planned(TWO, KEYWORDS)) == 0.3
    assert base_ratio(planned("a red cup left of a blue cup", KEYWORDS)) == 0.5
    assert wanted(base_ratio=0.9).strengths == Strengths(
        preference=preference(TWO, KEYWORDS.ranked()), base_ratio=0.9
    )


def test_a_model_may_bear_less_of_a_regions_own_text() -> None:
    plan, likes = planned(TWO, KEYWORDS), KEYWORDS.ranked()
    assert chosen(TWO, plan, likes).base_ratio == pytest.approx(0.3)
    assert chosen(TWO, plan, likes, 0.4).base_ratio == pytest.approx(0.72)  # 1 - 0.7 * 0.4
    assert chosen(TWO, plan, likes, 0.0).base_ratio == 1.0


def test_what_the_prompt_asks_for_is_not_walked_away_from() -> None:
    foggy = wanted(Request(prompt="a cat in the fog"))
    assert foggy.avoids == "" and foggy.likes == "sepia"


# ---- pictures


@pytest.mark.parametrize("kind", ["sdxl", "flux"])
def test_one_pass_of_the_model_a_step(kind: str) -> None:
    lent, passes = backbone(kind), []
    model = lent.pipe.unet if kind == "sdxl" else lent.pipe.transformer
    handle = model.register_forward_hook(lambda *_: passes.append(1))
    (picture,) = generate(person(kind), replace(ASKED, steps=5), method=method(kind))
    handle.remove()
    assert len(passes) == 5
    assert picture.request == lent.complete(replace(ASKED, steps=5))


@pytest.mark.parametrize("kind", ["sdxl", "flux"])
def test_without_keywords_and_with_one_thing_it_is_the_base_model(kind: str) -> None:
    request = replace(ASKED, prompt="a cat")
    base = plain(request, backbone=backbone(kind))[0].pixels
    nobody = generate(person(kind, Keywords()), request, method=method(kind))[0].pixels
    assert np.abs(base.astype(int) - nobody).max() <= 1


@pytest.mark.parametrize("kind", ["sdxl", "flux"])
def test_regions_are_heard_beside_pictures_without_any(kind: str) -> None:
    requests = [ASKED, replace(ASKED, prompt="a cat"), replace(ASKED, strength=0.0)]
    how = method(kind, window=(0.0, 1.0))
    people = [person(kind)] * 3
    together = generate(people, requests, method=how)
    flat = method(kind, base_ratio=1.0)
    for request, one in zip(requests, together, strict=True):
        alone = generate(people[0], request, method=how)[0]
        assert np.abs(alone.pixels.astype(int) - one.pixels).max() <= 1
        without = generate(people[0], request, method=flat)[0]
        told = np.abs(without.pixels.astype(int) - one.pixels).max()
        assert (told > 1) == (request is requests[0])


def test_a_plan_of_ones_own_is_followed() -> None:
    plan = Plan(enriched_prompt="a fish", background_prompt="a fish")
    request = replace(ASKED, prompt="a cat")
    silent = method(preference=0.0, asked=0.0, onset=0.0)
    with silent.steer([person()], [request], plans=[plan]) as lent:
        (found,) = lent.sample([request])
    base = plain(replace(request, prompt="a fish"), backbone=backbone())[0]
    assert np.abs(found.pixels.astype(int) - base.pixels).max() <= 1


def test_words_people_edited_are_heard() -> None:
    edited = replace(person(), words=(Word(text="neon colors", weight=5.0),))
    mine, other = (generate(p, ASKED, method=method())[0].pixels for p in (person(), edited))
    assert (mine != other).any()


def test_other_requests_than_it_was_lent_for_are_refused() -> None:
    with (
        pytest.raises(Mismatch, match="not the requests the base model was lent for"),
        method().steer([person()], [ASKED]) as lent,
    ):
        lent.sample([replace(ASKED, seed=9)])
