"""ViPer (arXiv 2407.17365): plain addition of keyword embeddings, in both of its forms."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import torch

from palate.backbones import FLUX, SDXL, Embeddings, catalog
from palate.backbones.again import Other, again
from palate.backbones.reader import Reader
from palate.backbones.sampling import texts_of
from palate.methods import partners
from palate.methods.phrases import told
from palate.ops.viper import conditions, published
from palate.types import Mark, Picture, Profile, Request, Taste

Form = Literal["published", "code"]
MARKS = {
    "published": Mark(name="viper", fingerprint="1"),
    "code": Mark(name="viper-code", fingerprint="1"),
}
DEGREE = 0.85  # the code's default for both sides


def load(backbone: Any, weights: Path | None = None) -> Viper:
    """The published form, with the built-in reader or one from a folder."""
    return Viper(backbone, catalog.reader(weights or "sketchbook-reader"))


def load_code(backbone: Any, weights: Path | None = None) -> Viper:
    """The code's form."""
    return Viper(backbone, catalog.reader(weights or "sketchbook-reader"), "code")


class Viper:
    """A reader that says what is liked and what is not, and a base model that hears both."""

    def __init__(self, backbone: SDXL | FLUX, reader: Reader, form: Form = "published") -> None:
        self.backbone, self.reader, self.mark = backbone, reader, MARKS[form]
        self.form: Form = form

    def read(self, taste: Taste) -> Profile:
        """Two lists of phrases: what liked pictures show more often, and what disliked ones do."""
        return told(taste, self.reader, self.mark, self.backbone.mark)

    @contextmanager
    def steer(self, profiles: Sequence[Profile], requests: Sequence[Request]) -> Iterator[Pulled]:
        """Lend the base model behind one that adds embeddings."""
        partners.check(profiles, self.mark, self.backbone.mark)
        yield Pulled(self.backbone, profiles, requests, self.form)


class Pulled:
    """A base model whose texts are pulled towards what people like."""

    def __init__(
        self,
        backbone: SDXL | FLUX,
        profiles: Sequence[Profile],
        requests: Sequence[Request],
        form: Form,
    ) -> None:
        self._backbone, self.mark, self._form = backbone, backbone.mark, form
        self._profiles, self._asked = list(profiles), list(requests)

    def encode(self, prompts: Sequence[str]) -> Any:
        """As the base model does."""
        return self._backbone.encode(prompts)

    def sample(
        self, requests: Sequence[Request], *, on_step: Callable[[int, int], None] | None = None
    ) -> list[Picture]:
        """One picture for each request; the code's form runs the model twice in each step."""
        partners.check_asked(requests, self._asked)
        if not any(request.strength for request in requests):
            return self._backbone.sample(requests, on_step=on_step)
        backbone = self._backbone
        text = texts_of(backbone, [backbone.complete(request) for request in requests])
        other = self._other(text)
        if self._form == "published":
            degree = other.degree[:, None, None]
            tokens = published(text.tokens, other.liked, other.disliked, degree)
            return backbone.sample(requests, replace(text, tokens=tokens), on_step)
        pipe = backbone.pipe
        model = pipe.unet if isinstance(backbone, SDXL) else pipe.transformer
        with again(model, other):
            return backbone.sample(requests, _conditioned(text, other), on_step)

    def _other(self, like: Embeddings) -> Other:
        """Everybody's two lists, encoded; who dislikes nothing has an empty one."""
        lists = [[said(p, sign) for p in self._profiles] for sign in (1, -1)]
        liked, disliked = self._backbone.encode([*lists[0], *lists[1]]).tokens.chunk(2)
        degree = DEGREE * torch.tensor([request.strength for request in self._asked])
        return Other(liked=liked, disliked=disliked, degree=degree.to(like.tokens), away=degree)


def said(profile: Profile, sign: int) -> str:
    """The phrases of one side, strongest first; the encoder cuts what does not fit."""
    return ", ".join(word.text for word in profile.words if word.weight * sign > 0)


def _conditioned(text: Embeddings, other: Other) -> Embeddings:
    """The code's texts of the first pass."""
    degree, away = (amount.to(text.tokens)[:, None, None] for amount in (other.degree, other.away))
    empty = text.negative_tokens
    none = torch.zeros_like(text.tokens) if empty is None else empty
    prompt, negative = conditions(text.tokens, none, other.liked, other.disliked, degree, away)
    return replace(text, tokens=prompt, negative_tokens=None if empty is None else negative)
