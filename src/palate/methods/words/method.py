"""Keyword-append: read words off pictures, say the best of them in the prompt."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from palate.backbones import catalog
from palate.backbones.reader import Reader
from palate.methods import partners
from palate.methods.phrases import told
from palate.types import Mark, Picture, Profile, Request, Taste

MARK = Mark(name="words", fingerprint="1")
MOST = 6  # words said at strength 1


def load(backbone: Any, weights: Path | None = None) -> Words:
    """With the built-in reader, or one from a folder."""
    return Words(backbone, catalog.reader(weights or "sketchbook-reader"))


class Words:
    """A reader and a base model that both know words."""

    mark = MARK

    def __init__(self, backbone: Any, reader: Reader) -> None:
        self.backbone, self.reader = backbone, reader

    def read(self, taste: Taste) -> Profile:
        """Every phrase that tells liked from disliked pictures, strongest first."""
        return told(taste, self.reader, self.mark, self.backbone.mark)

    @contextmanager
    def steer(self, profiles: Sequence[Profile], requests: Sequence[Request]) -> Iterator[Speaking]:
        """Lend the base model behind one that completes prompts."""
        partners.check(profiles, self.mark, self.backbone.mark)
        yield Speaking(self.backbone, profiles, requests)


class Speaking:
    """A base model that hears more than was said: each request with its person's words."""

    def __init__(
        self, backbone: Any, profiles: Sequence[Profile], requests: Sequence[Request]
    ) -> None:
        self._backbone, self.mark, self._asked = backbone, backbone.mark, list(requests)
        self._said = [self._added(r, p) for r, p in zip(requests, profiles, strict=True)]

    def _added(self, request: Request, profile: Profile) -> Request:
        """As many words as the model takes beside the prompt: what is cut says nothing."""
        for most in range(MOST, 0, -1):
            said = added(request, profile, most)
            if not self._backbone.left_out(said.prompt):
                return said
        return added(request, profile, 0)

    def encode(self, prompts: Sequence[str]) -> Any:
        """As the base model does."""
        return self._backbone.encode(prompts)

    def sample(
        self, requests: Sequence[Request], *, on_step: Callable[[int, int], None] | None = None
    ) -> list[Picture]:
        """Pictures of the longer prompts, signed with the ones that were asked for."""
        partners.check_asked(requests, self._asked)
        pictures = self._backbone.sample(self._said, on_step=on_step)
        whole = [self._backbone.complete(request) for request in requests]
        return [replace(p, request=r) for p, r in zip(pictures, whole, strict=True)]


def added(request: Request, profile: Profile, most: int = MOST) -> Request:
    """The prompt and the person's words; at `avoid`, disliked ones in the negative prompt."""
    likes = [word.text for word in profile.words if word.weight > 0]
    dislikes = [word.text for word in profile.words if word.weight < 0]
    prompt = [request.prompt, *likes[: round(most * request.strength)]]
    negative = [request.negative_prompt, *dislikes[: round(most * request.avoid)]]
    return replace(
        request,
        prompt=", ".join(filter(None, prompt)),
        negative_prompt=", ".join(filter(None, negative)),
    )
