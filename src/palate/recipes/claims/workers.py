"""Claims asked by several processes at once.

Those that work with the same weights stay together, in one process: what one of them made, a
training or pictures, the next one finds.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from pathlib import Path

import torch

from palate.processes import apart, cores
from palate.recipes.claims.asking import Answer, answered, kept, question
from palate.recipes.claims.claim import Budget, Claim
from palate.recipes.claims.lab import Lab

_labs: list[Lab] = []  # a worker's own


@dataclass(frozen=True)
class Workers:
    """So many processes, each with its share of the cores; with one, this process itself."""

    count: int

    def __call__(
        self, claims: Sequence[Claim], budget: Budget, lab: Lab, out: Path
    ) -> Generator[Answer, None, None]:
        """Answers, as they come; each is kept as soon as it is known."""
        left: list[Claim] = []
        for claim in claims:  # what is answered needs no process of its own
            if (answer := kept(out, claim, question(claim, budget, lab))) is None:
                left.append(claim)
            else:
                yield answer
        groups = together(left, budget)
        count = min(self.count, len(groups))
        if count < 2:
            yield from answered(left, budget, lab, out)
            return
        with apart(count, _begin, lab, max(1, cores() // count)) as pool:
            for done in as_completed([pool.submit(_ask, some, budget, out) for some in groups]):
                yield from done.result()


def together(claims: Sequence[Claim], budget: Budget) -> list[list[Claim]]:
    """Claims of the same needs, most first, so that what takes longest begins soonest."""
    groups: dict[tuple[str, ...], list[Claim]] = {}
    for claim in claims:
        groups.setdefault(claim.experiment(budget).needs, []).append(claim)
    return sorted(groups.values(), key=len, reverse=True)


def _begin(lab: Lab, threads: int) -> None:
    torch.set_num_threads(threads)
    _labs.append(lab)


def _ask(claims: Sequence[Claim], budget: Budget, out: Path) -> list[Answer]:
    return list(answered(claims, budget, _labs[-1], out))
