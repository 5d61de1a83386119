"""ViPer's two forms on real classes: which texts, how many passes, what guidance makes of it."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from prefgen_toy import reader
from torch.testing import assert_close

from palate.backbones import SDXL
from palate.backbones.again import Other, again
from palate.backbones.lending import halves, riding
from palate.backbones.tiny import tiny_sdxl
from palate.errors import Mismatch
from palate.generate import generate, plain
from palate.methods.viper.method import MARKS, Viper, said
from palate.types import Profile, Request, Word

WORDS = (
    Word(text="sepia", weight=0.75),
    Word(text="rain", weight=-0.5),
    Word(text="ink", weight=0.2),
)
ASKED = Request(prompt="a cat", steps=2, seed=3)


@cache
def backbone() -> SDXL:
    return tiny_sdxl()


def person(form: str, words: tuple[Word, ...] = WORDS) -> Profile:
    return Profile(method=MARKS[form], backbone=backbone().mark, words=words)


def passes(form: str, **options: float) -> int:
    counted: list[int] = []
    handle = backbone().pipe.unet.conv_in.register_forward_hook(lambda *_: counted.append(1))
    method = Viper(backbone(), reader(), form)  # type: ignore[arg-type]
    generate(person(form), replace(ASKED, **options), method=method)
    handle.remove()
    return len(counted)


def test_the_code_runs_the_model_twice_and_the_published_form_once() -> None:
    assert passes("published") == 2 and passes("code") == 4
    assert passes("code", strength=0.0) == 2
    assert passes("code", guidance=1.0) == 2  # nothing to weigh the texts against


def test_what_is_liked_and_what_is_not() -> None:
    assert said(person("code"), 1) == "sepia, ink" and said(person("code"), -1) == "rain"
    assert said(person("code", ()), 1) == ""


def test_the_published_form_by_hand() -> None:
    method = Viper(backbone(), reader())
    (found,) = generate(person("published"), ASKED, method=method)
    text = backbone().encode(["a cat", "sepia, ink", "rain"])
    own = backbone().encode(["a cat"])
    moved = text.tokens[0] + 0.85 * (text.tokens[1] - text.tokens[2])
    (expected,) = backbone().sample([ASKED], replace(own, tokens=moved[None]))
    assert np.abs(found.pixels.astype(int) - expected.pixels).max() <= 1
    assert (found.pixels != plain(ASKED, backbone=backbone())[0].pixels).any()


def test_the_second_pass_is_folded_into_the_prompts_half() -> None:
    unet, stream = backbone().pipe.unet, torch.Generator().manual_seed(0)
    latents = torch.randn(1, 4, 8, 8, generator=stream).repeat(2, 1, 1, 1)
    text = backbone().encode(["a cat", "sepia", "rain"])
    both = torch.cat([text.negative_tokens[:1], text.tokens[:1]])
    pooled = torch.cat([text.negative_pooled[:1], text.pooled[:1]])
    size = torch.tensor([[64.0, 64, 0, 0, 64, 64]]).repeat(2, 1)
    how = {"added_cond_kwargs": {"text_embeds": pooled, "time_ids": size}, "return_dict": False}

    def look(tokens: torch.Tensor) -> torch.Tensor:
        return unet(latents, 500.0, encoder_hidden_states=tokens, **how)[0]

    first, second = look(both), look(torch.cat([text.tokens[2:], text.tokens[1:2]]))
    amount = torch.tensor([0.5])
    other = Other(liked=text.tokens[1:2], disliked=text.tokens[2:], degree=amount, away=amount)
    with again(unet, other), riding(halves([0], guided=True)):
        folded = look(both)
    assert_close(folded[:1], first[:1])
    assert_close(folded[1:], first[1:] + 0.5 * second[1:] - 0.5 * second[:1])
    assert "forward" not in vars(unet)


def test_other_requests_are_refused() -> None:
    method = Viper(backbone(), reader(), "code")
    with (
        pytest.raises(Mismatch, match="not the requests the base model was lent for"),
        method.steer([person("code")], [ASKED]) as lent,
    ):
        lent.sample([replace(ASKED, seed=9)])
