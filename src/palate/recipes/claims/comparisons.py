"""Methods beside others, on the same people, prompts and seeds: does one please more?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields

from palate.evals.taste import alone
from palate.recipes.claims.claim import Findings, Found
from palate.recipes.claims.lab import CLIP, JUDGE, PREFDISC, READER, Lab, weights_of
from palate.recipes.claims.training import PARTNERS as PARTS
from palate.recipes.claims.training import Settings, trained
from palate.recipes.comparing import PLAIN, Compared, Comparing, compare

LEARNED = "trained"
PARTNERS: Mapping[str, tuple[str, ...]] = {
    "prefgen": (PREFDISC, CLIP),
    "ip-adapter": (PREFDISC, CLIP),
    "premier": (READER,),
}


@dataclass(frozen=True, kw_only=True)
class Whose:
    """Whose pictures are compared."""

    people: int = 24
    prompts: int = 1
    history: int = 8
    steps: int | None = None

    def asked(self) -> Comparing:
        """Them and what they ask for."""
        return Comparing(**{field.name: getattr(self, field.name) for field in fields(Whose)})


@dataclass(frozen=True, kw_only=True)
class Order(Whose):
    """Does each method please more than the next? The last may be the plain base model."""

    methods: tuple[str, ...]  # best first, as claimed
    backbone: str
    against_first: bool = False  # each of them with the first only, not with its neighbour

    @property
    def needs(self) -> tuple[str, ...]:
        """Base model, judge, and what each method needs."""
        named = [m for m in self.methods if m != PLAIN]
        own = [weights_of(m, self.backbone) for m in named]
        partners = [part for m in named for part in PARTNERS.get(m, (READER,))]
        return tuple(dict.fromkeys((self.backbone, JUDGE, *own, *partners)))

    def run(self, lab: Lab) -> Findings:
        """Everybody's pictures in every way."""
        ways = {m: lab.method(m, self.backbone) for m in self.methods if m != PLAIN}
        compared = compare(ways, lab.backbone(self.backbone), lab.judge(), self.asked())
        better = [self.methods[0]] * len(self.methods) if self.against_first else self.methods
        return Findings(found=tuple(_found(compared, zip(better, self.methods[1:], strict=False))))


@dataclass(frozen=True, kw_only=True)
class Learned(Whose):
    """Does a method for which there are no weights, trained here, please more than nothing?"""

    recipe: str
    size: Settings

    @property
    def needs(self) -> tuple[str, ...]:
        """What it trains with, and the judge."""
        return (*PARTS.get(self.recipe, {}).values(), JUDGE)

    def run(self, lab: Lab) -> Findings:
        """Train it, and make everybody's pictures with and without."""
        method = trained(lab, self.recipe, self.size)
        compared = compare({LEARNED: method}, method.backbone, lab.judge(), self.asked())
        told = f"Trained as `palate train {self.recipe} {' '.join(self.size)}`."
        return Findings(found=tuple(_found(compared, [(LEARNED, PLAIN)])), notes=(told,))


def _found(compared: Compared, pairs: Iterable[tuple[str, str]]) -> Iterator[Found]:
    """Who pleases more than whom, then what each is worth."""
    for better, worse in pairs:
        gap = compared.against(better, worse).taste
        yield Found(says=f"taste, {better} less {worse}", figure=gap, above=0.0)
    for name, scores in compared.scores.items():
        taste, content = alone(scores, compared.wishes)
        yield Found(says=f"taste, {name}", figure=taste)
        yield Found(says=f"content, {name}", figure=content)
