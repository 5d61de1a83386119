"""Instant Preference Alignment as a method: keywords once per person, a plan once per prompt."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from palate.backbones import FLUX, SDXL, catalog
from palate.backbones.sampling import texts_of
from palate.backbones.servers import Server
from palate.backbones.vlm import Endpoint
from palate.images import open_picture
from palate.images.opening import name_of, read_bytes
from palate.methods import partners
from palate.methods.instant.contrast import gathered
from palate.methods.instant.guiding import Guidance, Guided, Wanted, fitting
from palate.methods.instant.keywords import Keywords
from palate.methods.instant.plan import Plan
from palate.methods.instant.settled import agreeing, unsettled
from palate.methods.instant.strengths import Strengths, chosen
from palate.methods.instant.understanding import ByReader, ByServer, Understanding
from palate.types import Example, Mark, Picture, Profile, Request, Taste

MARK = Mark(name="instant", fingerprint="1")
_KEPT = 4096  # analyses of pictures, the oldest forgotten first


def load(backbone: Any, weights: Path | None = None) -> Instant:
    """With the server PALATE_VLM_URL names, a reader from a folder, or the built-in one."""
    if weights is None and os.environ.get("PALATE_VLM_URL"):
        endpoint = Endpoint(Server.from_environment())
        endpoint.probe()
        return Instant(backbone, ByServer(endpoint))
    return Instant(backbone, ByReader(catalog.reader(weights or "sketchbook-reader")))


def understood(
    taste: Taste, by: Understanding, seen: OrderedDict[str, Keywords] | None = None
) -> Keywords:
    """Keywords of a person; each picture is looked at once, and not at all if it was seen."""
    seen = OrderedDict() if seen is None else seen
    liked, disliked = (_analysed(side, by, seen) for side in (taste.liked, taste.disliked))
    return gathered(liked, disliked)


def _analysed(
    examples: Sequence[Example], by: Understanding, seen: OrderedDict[str, Keywords]
) -> list[Keywords]:
    keys = [_key(example) for example in examples]
    new = {k: e for k, e in zip(keys, examples, strict=True) if k not in seen}
    pictures = [open_picture(example.image) for example in new.values()]
    seen.update(zip(new, by.analyse(pictures), strict=True))
    found = [seen[key] for key in keys]
    while len(seen) > _KEPT:
        seen.popitem(last=False)
    return found


class Instant:
    """Somebody who understands pictures, and a base model that follows words and places."""

    mark = MARK

    def __init__(
        self, backbone: SDXL | FLUX, understanding: Understanding, how: Guidance | None = None
    ) -> None:
        self.backbone, self.understanding, self.how = backbone, understanding, how or Guidance()
        self._seen: OrderedDict[str, Keywords] = OrderedDict()
        self.plan = lru_cache(maxsize=1024)(understanding.plan)  # (prompt, keywords) -> Plan

    # ---- once per person

    def read(self, taste: Taste) -> Profile:
        """Keywords of every picture, and what tells the liked ones from the others."""
        keywords = self.understood(taste)
        return Profile(
            method=self.mark,
            backbone=self.backbone.mark,
            reader=self.understanding.mark,
            words=keywords.words(),
            liked=len(taste.liked),
            disliked=len(taste.disliked),
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    def understood(self, taste: Taste) -> Keywords:
        """With the evidence, which a profile does not keep."""
        return understood(taste, self.understanding, self._seen)

    # ---- once per batch

    @contextmanager
    def steer(
        self,
        profiles: Sequence[Profile],
        requests: Sequence[Request],
        *,
        plans: Sequence[Plan] | None = None,
    ) -> Iterator[Steered]:
        """Lend the base model behind one that hears plans and keywords.

        `plans` are used in place of plans made here, one for each request.
        """
        partners.check(profiles, self.mark, self.backbone.mark)
        given = [None] * len(requests) if plans is None else list(plans)
        wanted = [
            self.wanted(Keywords.of(profile.words), request, plan)
            for profile, request, plan in zip(profiles, requests, given, strict=True)
        ]
        yield Steered(self.backbone, wanted, self.how)

    def wanted(self, keywords: Keywords, request: Request, plan: Plan | None = None) -> Wanted:
        """One picture, planned, with its strengths."""
        how, prompt = self.how, request.prompt
        likes, avoids = keywords.ranked(theme=how.theme), keywords.ranked(avoid=True)
        plan = plan or self.plan(prompt, keywords)
        own = chosen(prompt, plan, likes or avoids, self.backbone.defaults.regional)
        return Wanted(
            request=request,
            plan=plan,
            likes=fitting(self.backbone, agreeing(unsettled(prompt, likes))),
            avoids=fitting(self.backbone, unsettled(prompt, avoids)),
            strengths=Strengths(
                preference=own.preference if how.preference is None else how.preference,
                base_ratio=own.base_ratio if how.base_ratio is None else how.base_ratio,
            ),
        )


class Steered:
    """A base model that hears more than was said, and where."""

    def __init__(self, backbone: SDXL | FLUX, wanted: Sequence[Wanted], how: Guidance) -> None:
        self._backbone, self.mark, self.wanted, self._how = backbone, backbone.mark, wanted, how

    def encode(self, prompts: Sequence[str]) -> Any:
        """As the base model does."""
        return self._backbone.encode(prompts)

    def sample(
        self, requests: Sequence[Request], *, on_step: Callable[[int, int], None] | None = None
    ) -> list[Picture]:
        """One picture for each request, in one pass of the model a step."""
        partners.check_asked(requests, [one.request for one in self.wanted])
        if not any(request.strength or request.avoid for request in requests):
            return self._backbone.sample(requests, on_step=on_step)
        backbone = self._backbone
        plain = texts_of(backbone, [backbone.complete(request) for request in requests])
        guidance = Guided(backbone, self.wanted, self._how)
        with backbone.attending(guidance.voices()):
            return backbone.sample(requests, guidance.embeddings(plain), on_step)


def _key(example: Example) -> str:
    return sha256(read_bytes(example.image, name_of(example.image, None))).hexdigest()
