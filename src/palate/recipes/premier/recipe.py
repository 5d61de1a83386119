"""sketchbook-premier: people as tokens that turn sketchbook-flux, learned with what turns it.

What a batch of liked pictures teaches stands in `lesson.py`; here is what is trained, on whom, and
where it begins.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from palate.backbones import FLUX
from palate.errors import BadInput
from palate.learn.settings import Fit
from palate.methods.premier.eyes import AXES, Eyes, Sees
from palate.methods.premier.method import Premier, learned
from palate.methods.premier.model import Modulator, Sizes, Start
from palate.methods.premier.users import Known, Users
from palate.recipes.gallery import Gallery, known
from palate.recipes.premier.lesson import Counts, Lesson, Liked
from palate.recipes.premier.meeting import Gathering
from palate.recipes.premier.spread import Spread
from palate.recipes.premier.turning import Turning, measured
from palate.recipes.reads import Reads
from palate.recipes.recipe import Parts
from palate.recipes.unaided import Unaided

FEWEST = 500  # pictures that are shown: of fewer, what somebody likes would be what there is


@dataclass(frozen=True, kw_only=True)
class Partners:
    """Folders of what it goes with. None makes toys, for tests."""

    backbone: Path | str = Path("out/train/sketchbook-flux/model")
    reader: Path | str = Path("out/train/sketchbook-reader/model")  # its eyes see what is liked
    clip: Path | str | None = None  # a CLIP to do so in its place
    proof: Path | str = Path("out/train/sketchbook-proof/model")  # reads what is painted

    def load(self) -> tuple[FLUX, Sees]:
        """What draws and what sees, at rest."""
        from palate.backbones import catalog

        backbone = catalog.backbone(self.backbone)
        if not isinstance(backbone, FLUX):
            raise BadInput(f"{self.backbone} is not FLUX-class, and Premier turns only such.")
        if self.clip is not None:
            return backbone, catalog.clip(self.clip)
        return backbone, catalog.reader(self.reader)


@dataclass(frozen=True, kw_only=True)
class PremierRecipe(Counts):
    """What is trained, on whom, and how."""

    summary: str = "makes sketchbook-flux draw what a person likes, who is placed among others"
    fit: Fit
    partners: Partners | None = field(default_factory=Partners)  # None: toys
    # Widths of text and modulation are the base model's. Here one of its nine blocks is double.
    sizes: Sizes = field(
        default_factory=lambda: Sizes(
            tokens=4, user=64, width=64, heads=4, time=0, padding="one", blocks="all"
        )
    )
    start: Start = "silent"  # or "small", as released
    # Where people begin: their pictures' place, or "anew", as published; or an earlier training's
    # folder, to go on from its people and modulator, whatever its base model.
    begin: str = "pictures"
    people: int = 2000
    shown: int | None = None  # pictures, the same ones for everybody; ten for each of the people
    likes: tuple[int, int] = (40, 80)  # pictures of a person: from, to
    axes: int = AXES  # of what is seen, on which pictures lie farthest apart
    dislikes: int = 40  # of each person; they say where people stand, nothing is learned from them
    # Share of the steps in which the base model decides alone what stands where. Published: 0.
    onset: float = 0.4
    painted: float = 0.0  # weight of what a proof misreads in the picture the flow leads to
    unaided: Unaided = field(default_factory=Unaided)  # the same of pictures from noise
    cache: Path | str | None = None  # a folder: pictures are looked at once, some 4 kB each
    tested: int = 60  # people
    history: int = 8  # pairs a test person shows

    def __post_init__(self) -> None:
        self.gallery()  # refuses what cannot be
        if self.axes < 1 or self.history < 1:
            raise BadInput(f"{self.axes} axes, histories of {self.history}: give at least 1.")
        if self.meetings.share and self.meetings.most > min(self.likes[0], self.dislikes):
            raise BadInput(
                f"People who like {self.likes[0]} pictures and dislike {self.dislikes} cannot be "
                f"met after {self.meetings.most} of either. Shorten meetings.histories."
            )

    def gallery(self) -> Gallery:
        """Who is asked what they like."""
        shown = self.shown or max(FEWEST, 10 * self.people)
        return Gallery(people=self.people, shown=shown, likes=self.likes, dislikes=self.dislikes)

    def parts(self) -> Parts:
        """Modulator and users; liked pictures; how far off their flow is, how near people are."""
        backbone, sees = self._partners()
        sizes, gallery = self.sizes.fitted(backbone), self.gallery()
        items, eyes, gathering = self._looked_at(gallery, backbone, sees)
        modulator, users = self._begun(sizes, gathering.known)
        method = Premier(backbone, eyes, modulator, users, gathering.known, onset=self.onset)
        modulator.requires_grad_(True)
        users.requires_grad_(True)
        reads = Reads.of_partners(self.partners, backbone.pipe.vae, self.painted, self.unaided)
        lesson = Lesson.of(method, gallery, gathering, reads, self)
        modules = {"modulator": modulator, "users": users, **reads.modules}
        return Turning(
            modules=modules, items=items, loss=lesson, method=method, weights=lesson.weights
        )

    def _looked_at(
        self, gallery: Gallery, backbone: FLUX, sees: Sees
    ) -> tuple[Liked, Eyes, Gathering]:
        cache, chosen = None if self.cache is None else Path(self.cache), gallery.chosen()
        latents = gallery.latents(backbone.pipe.vae, cache)
        points = gallery.points(sees, cache)
        eyes = Eyes.of(sees, points, self.axes)
        along = eyes.along(points)
        values, stand = gallery.values(), known(along, chosen)
        gathering = Gathering(known=stand, points=along, values=values, chosen=chosen)
        return Liked.of(chosen[0], latents), eyes, gathering

    def _begun(self, sizes: Sizes, stand: Known) -> tuple[Modulator, Users]:
        if self.begin == "anew":
            return Modulator(sizes, start=self.start), Users.drawn(self.people, sizes)
        if self.begin == "pictures":
            return Modulator(sizes, start=self.start), Users.placed(stand, sizes)
        modulator, users = learned(Path(self.begin))
        if modulator.sizes != sizes or len(users.table) != self.people:
            raise BadInput(
                f"The Premier in {self.begin} has other sizes, or {len(users.table)} people in "
                f"place of {self.people}. Train as it was trained, or anew."
            )
        return modulator, users

    def _partners(self) -> tuple[FLUX, Sees]:
        if self.partners is not None:
            return self.partners.load()
        from palate.backbones.builtin import new_flux
        from palate.recipes import flux, reader

        toy = flux.DEBUG
        vae, text = toy.sources.new_vae(), toy.sources.new_clip_text()
        backbone = new_flux(toy.transformer, vae, text, toy.reads, defaults=toy.defaults)
        return backbone, reader.toy()

    # ---- afterwards

    def keep(self, parts: Parts, folder: Path) -> None:
        """Modulator and people, and what they go with by name and fingerprint."""
        assert isinstance(parts, Turning)
        parts.method.save_pretrained(folder)

    def measure(self, parts: Parts) -> dict[str, float]:
        """How far off the flow is of what new people like, and those who were trained with."""
        assert isinstance(parts, Turning)
        return measured(parts, self.tested, self.history)


_PRODIGY = {"use_bias_correction": True, "safeguard_warmup": True}
PREMIER = PremierRecipe(  # on one CPU core some 3 minutes to look at 20,000 pictures, 30 to learn
    fit=Fit(
        steps=4000, batch=32, lr=2e-3, weight_decay=1e-4, warmup=50, ema=0.998, bf16=True,
        log_every=20, checkpoint_steps=200, optimizer="muon",
    ),
)  # fmt: skip
DEBUG = PremierRecipe(
    fit=Fit(
        steps=4, batch=8, lr=1.0, optimizer="prodigy", options={**_PRODIGY, "d0": 0.1},
        log_every=1, checkpoint_steps=2,
    ),
    partners=None,
    sizes=Sizes(tokens=2, user=16, width=16, heads=2, layers=1, time=0, padding="one"),
    start="small",
    people=4,
    shown=24,
    likes=(2, 3),
    dislikes=2,
    spread=Spread(shared=0.1, distinct=0.1, distance="l2", people=4, positions=4),
    tested=3,
    history=2,
)  # fmt: skip
