"""What a proof and a critic find wrong with a batch of what a generator paints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from palate.recipes.captions import Telling
from palate.recipes.critic import Critic, known
from palate.recipes.proof import Proof, ahead, load_proof, misread, unlike
from palate.recipes.unaided import Asked, Flow, Unaided
from palate.sketchbook.scenes import Scene

if TYPE_CHECKING:
    from jaxtyping import Float


@dataclass(frozen=True, kw_only=True, eq=False)
class Reads:
    """Who reads a batch, and what of it; without a proof there is nothing to say."""

    proof: Proof | None
    painted: float  # 0 leaves out where the flow of noised drawings leads to
    unaided: Unaided
    alike: float = 0.0  # 0 leaves out how unlike the drawing that is
    critic: Critic | None = None

    @classmethod
    def of(
        cls,
        folder: Path | str | None,
        setting: str,
        vae: Any,
        painted: float,
        unaided: Unaided,
        *,
        alike: float = 0.0,
    ) -> Reads:
        """With the proof that a setting names, if it is asked for; None makes a toy."""
        wanted = painted or alike or unaided.weight or unaided.drawn
        proof = load_proof(folder, vae, setting) if wanted else None
        critic = Critic(proof) if proof and unaided.drawn else None
        return cls(proof=proof, painted=painted, unaided=unaided, alike=alike, critic=critic)

    @classmethod
    def of_partners(cls, partners: Any, vae: Any, painted: float, unaided: Unaided) -> Reads:
        """The same for a method, whose partners say where a proof is; none make a toy."""
        return cls.of(partners and partners.proof, "partners.proof", vae, painted, unaided)

    @property
    def modules(self) -> dict[str, nn.Module]:
        """What learns beside the generator."""
        return {} if self.critic is None else {"critic": self.critic}

    @property
    def weights(self) -> dict[str, float]:
        """How much each part of what they find counts."""
        return {"painted": self.painted, "alike": self.alike, **self.unaided.weights}

    def of_drawings(
        self,
        latents: Float[Tensor, "B C H W"],
        t: Float[Tensor, " B"],
        flow: Float[Tensor, "B C H W"],
        scenes: Sequence[Scene],
        clean: Float[Tensor, "B C H W"] | None = None,
    ) -> dict[str, Tensor]:
        """In what a flow makes of drawings on their way to noise; `clean` are the drawings."""
        parts: dict[str, Tensor] = {}
        if self.proof is None or not (self.painted or self.alike):
            return parts
        seen = ahead(self.proof, latents, t, flow)
        if self.painted:
            parts["painted"] = misread(self.proof, seen, scenes)
        if self.alike and clean is not None:
            parts["alike"] = unlike(self.proof, seen, clean)
        return parts

    def of_its_own(
        self,
        paints: Callable[[slice], tuple[Flow, Asked]],
        clean: Float[Tensor, "B C H W"],
        scenes: Sequence[Scene],
        generator: torch.Generator,
    ) -> dict[str, Tensor]:
        """In what is painted unaided of some rows: `paints` says how, and what is asked for.

        After a pass that learns: autocast keeps weights it has cast, and would keep them without
        gradients.
        """
        if self.proof is None or not (self.unaided.weight or self.critic):
            return {}
        some = self.unaided.some(len(scenes))
        flow, asked = paints(some)
        found = self.unaided.paint(flow, clean[some], generator)
        parts = {"unaided": self.unaided.misread(self.proof, found, scenes[some], asked)}
        if self.critic is not None:
            about = known(scenes[some], asked).to(found.device)
            parts |= self.critic.found(clean[some], found, about, generator)
        return parts

    def of_prompts(
        self,
        paints: Callable[[list[str]], Flow],
        telling: Telling,
        clean: Float[Tensor, "B C H W"],
        scenes: Sequence[Scene],
        generator: torch.Generator,
    ) -> dict[str, Tensor]:
        """The same where captions of the scenes, told anew, are what is asked for."""

        def told(some: slice) -> tuple[Flow, Asked]:
            captions, named = telling.told(scenes[some], generator)
            return paints(captions), Asked.of(scenes[some], named)

        return self.of_its_own(told, clean, scenes, generator)
