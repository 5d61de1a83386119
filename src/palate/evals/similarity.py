"""How like their references pictures are, how like each other, and how like their prompts.

All points have length 1, so the mean cosine between two groups is the product of their means: no
pair is ever looked at. N pictures, D numbers each.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from palate.errors import BadInput
from palate.evals import stats
from palate.evals.measures import Measure, Seen, one_eye

if TYPE_CHECKING:
    from jaxtyping import Float

_COPY = 0.99  # of real pictures so many are no nearer to another than what is called a copy
_AT_ONCE = 1024


@runtime_checkable
class Words(Protocol):
    """The other half of a CLIP: texts as points, and what of a text it does not read."""

    def read(self, texts: Sequence[str]) -> Float[Tensor, "N D"]:
        """Where each text lies."""
        ...

    def cut(self, text: str) -> str:
        """What of a text is too long to be read."""
        ...


def likeness(
    name: str,
    made: Seen,
    whose: Sequence[Hashable],
    liked: Seen,
    by: Sequence[Hashable],
    across: Sequence[Hashable] | None = None,
    *,
    seed: int = 0,
) -> Measure:
    """The mean cosine, times 100, of each picture with all references of the person it is for.

    "CLIP-I" in a CLIP's eyes and "CSD" in those of a style encoder. Intervals are over people, and
    across prompts if they are given.
    """
    return Measure(
        name=name,
        figure=stats.mean(likenesses(made, whose, liked, by), whose, across, seed=seed),
        eye=made.eye,
        seed=seed,
        protocol="mean of 100 cos over all pairs of a picture and a reference of its person",
    )


def likenesses(
    made: Seen, whose: Sequence[Hashable], liked: Seen, by: Sequence[Hashable]
) -> NDArray[np.float64]:
    """The mean cosine, times 100, of each picture with its person's references."""
    one_eye(made, liked)
    middles = _middles(liked, by)
    strangers = sorted({str(person) for person in whose if person not in middles})
    if strangers:
        raise BadInput(
            f"There are no reference pictures of {', '.join(strangers[:5])}; give some of each "
            "person pictures were made for."
        )
    each = torch.stack([middles[person] for person in whose])
    return 100 * (_unit(made.points) * each).sum(1).numpy()


def _middles(seen: Seen, groups: Sequence[Hashable]) -> dict[Hashable, Tensor]:
    """The mean point of each group."""
    rows: dict[Hashable, list[int]] = {}
    for row, group in enumerate(groups):
        rows.setdefault(group, []).append(row)
    points = _unit(seen.points)
    return {group: points[some].mean(0) for group, some in rows.items()}


def clip_text(
    made: Seen,
    prompts: Sequence[str],
    words: Words,
    units: Sequence[Hashable] | None = None,
    across: Sequence[Hashable] | None = None,
    *,
    seed: int = 0,
) -> Measure:
    """100 cos of each picture with the prompt as the person gave it, not as a method rewrote it.

    What is beyond the text encoder's length is cut by the tokenizer, which keeps the end mark that
    the point is read from; how many prompts were cut is said.
    """
    texts = list(dict.fromkeys(prompts))
    cut = sum(bool(words.cut(text)) for text in texts)
    notes = (f"{cut} of {len(texts)} prompts were cut",) if cut else ()
    return Measure(
        name="CLIP-T",
        figure=stats.mean(heard(made, prompts, words), units or prompts, across, seed=seed),
        eye=made.eye,
        seed=seed,
        protocol="mean of 100 cos with the original prompt, long ones cut by the tokenizer",
        notes=notes,
    )


def heard(made: Seen, prompts: Sequence[str], words: Words) -> NDArray[np.float64]:
    """100 cos of each picture with its prompt."""
    assert len(prompts) == len(made), (len(prompts), len(made))
    texts = list(dict.fromkeys(prompts))
    points = dict(zip(texts, _unit(words.read(texts).cpu()), strict=True))
    each = torch.stack([points[prompt] for prompt in prompts])
    return 100 * (_unit(made.points) * each).sum(1).numpy()


def diversity(made: Seen, groups: Sequence[Hashable], *, seed: int = 0) -> Measure:
    """How unlike pictures of one group (one person and prompt, other seeds) are: mean 1 - cos."""
    rows: dict[Hashable, list[int]] = {}
    for row, group in enumerate(groups):
        rows.setdefault(group, []).append(row)
    few = [group for group, some in rows.items() if len(some) < 2]
    if few:
        raise BadInput(
            f"{len(few)} of {len(rows)} groups have a single picture, which is unlike none; make "
            "at least two of each, with other seeds."
        )
    points = _unit(made.points)
    spread = [_unlike(points[some]) for some in rows.values()]
    return Measure(
        name="diversity",
        figure=stats.mean(spread, seed=seed),
        eye=made.eye,
        seed=seed,
        protocol="mean over groups of 1 - cos over all pairs within one",
    )


def _unlike(points: Float[Tensor, "N D"]) -> float:
    """1 less the mean cosine over pairs; those of a point with itself are n."""
    n = len(points)
    return float(1 - (points.sum(0).square().sum() - n) / (n * (n - 1)))


@dataclass(frozen=True, kw_only=True, eq=False)
class Copying:
    """How near each picture comes to the nearest reference, and how many come too near."""

    share: Measure
    nearest: NDArray[np.int64]  # the row of the reference, for each picture
    cosine: NDArray[np.float64]
    limit: float  # above it a picture is called a copy


def copying(made: Seen, references: Seen, *, limit: float | None = None, seed: int = 0) -> Copying:
    """The share of pictures nearer to a reference than references are to each other.

    The limit is the 99th percentile of each reference's nearest other, unless one is given; the
    same picture, by its content, is a copy whatever the limit.
    """
    eye = one_eye(made, references)
    cosine, nearest = _nearest(made.points, references.points)
    if limit is None:
        if len(references) < 2:
            raise BadInput("One reference does not say how alike references are; give a limit.")
        limit = float(np.quantile(_nearest(references.points, None)[0], _COPY))
    same = set(references.keys)
    copied = (cosine > limit) | np.array([key in same for key in made.keys or [b""] * len(made)])
    measure = Measure(
        name="copying",
        figure=stats.share(copied, seed=seed),
        eye=eye,
        seed=seed,
        protocol=f"share with cos above {limit:.4f} to the nearest of {len(references)} references",
    )
    return Copying(share=measure, nearest=nearest, cosine=cosine, limit=limit)


def _nearest(
    x: Float[Tensor, "N D"], y: Float[Tensor, "M D"] | None
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The greatest cosine with any y, and which; without a y, with any other x."""
    x, others = _unit(x), _unit(x if y is None else y)
    best, where = [], []
    for start in range(0, len(x), _AT_ONCE):
        cosines = x[start : start + _AT_ONCE] @ others.T
        if y is None:
            rows = torch.arange(len(cosines))
            cosines[rows, start + rows] = -torch.inf
        value, place = cosines.max(1)
        best.append(value)
        where.append(place)
    return torch.cat(best).double().numpy(), torch.cat(where).numpy()


def _unit(points: Float[Tensor, "N D"]) -> Float[Tensor, "N D"]:
    return F.normalize(points.double(), dim=1)
