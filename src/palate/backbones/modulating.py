"""Lending FLUX's modulation: a direction for each text token, added before the SiLU.

A FLUX block modulates all tokens of a picture alike: its norm turns one vector y into shifts,
scales and gates. Here the norm's own layers do the same for each text token; and since the block
makes room for tokens only by `unsqueeze(1)` and `[:, None]`, results that already have a row for
each token pass through its stock forward. Image tokens are not touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from palate.backbones.lending import (
    Riders,
    Strength,
    Window,
    announced,
    check_strength,
    index,
    people_in,
    shadowing,
    silent,
    turns,
    watching,
)
from palate.errors import BadInput, Mismatch
from palate.ops.modulation import direction, towards

if TYPE_CHECKING:
    from jaxtyping import Float

Guess = Callable[[int, Tensor], Riders]  # pictures it was made for, latents of the pass


@dataclass(frozen=True, kw_only=True, eq=False)
class Delta:
    """Directions for the text tokens, a row for each picture or one for all.

    `double` modulates the two-stream blocks (Premier as released); `all` also the text part of the
    single-stream ones (Premier's paper). `each` has one direction for every modulated block.

    A text is mostly padding. With `onward` the last direction holds for every token after it, too,
    and costs no more than one token does.
    """

    shared: Float[Tensor, "B S D"] | None = None
    each: Float[Tensor, "B S J D"] | None = None
    strength: Strength = 1.0
    blocks: Literal["double", "all"] = "double"
    onward: bool = False
    window: Window = (0.0, 1.0)

    def __post_init__(self) -> None:
        if self.shared is None and self.each is None:
            raise BadInput("This delta holds no direction; give it `shared`, `each` or both.")
        shapes = {(*t.shape[:2], t.shape[-1]) for t in (self.shared, self.each) if t is not None}
        if len(shapes) > 1:
            raise Mismatch(
                "The two parts of this delta differ in (pictures, tokens, width): "
                f"{' and '.join(map(str, sorted(shapes)))}. Make both from the same prompts."
            )
        check_strength(self.strength, self.people)

    @property
    def _any(self) -> Tensor:
        given = self.shared if self.shared is not None else self.each
        assert given is not None
        return given

    @property
    def people(self) -> int:
        """For how many pictures it holds directions."""
        return len(self._any)

    @property
    def tokens(self) -> int:
        """For how many text tokens it holds directions."""
        return self._any.shape[1]

    @property
    def width(self) -> int:
        """Which model width it was made for."""
        return self._any.shape[-1]


@contextmanager
def modulating(transformer: Any, delta: Delta, guess: Guess) -> Iterator[None]:
    """Turn the modulation of the text tokens in a FLUX transformer."""
    norms = [block.norm1_context for block in transformer.transformer_blocks]
    if delta.blocks == "all":
        norms += [block.norm for block in transformer.single_transformer_blocks]
    _check(delta, transformer.inner_dim, len(norms))
    if silent(delta.strength):
        yield
        return
    turner = _Turner(delta)

    def note(_: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        latents = kwargs["hidden_states"]
        people = people_in(delta.people, delta.strength)
        turner.take_turn(announced() or guess(people, latents), kwargs["encoder_hidden_states"])

    forwards = [(norm, _TextNorm.over(norm, turner, j)) for j, norm in enumerate(norms)]
    with watching(transformer, note), shadowing("forward", forwards):
        yield


class _Turner:
    """A delta at work: which rows of the pass it turns, and where to."""

    def __init__(self, delta: Delta) -> None:
        self.delta = delta
        self.rows: list[int] = []
        self.text = delta.tokens  # tokens of the prompt in this pass

    def take_turn(self, riders: Riders, text: Tensor) -> None:
        self.text, given = text.shape[1], self.delta.tokens
        if given > self.text or (given < self.text and not self.delta.onward):
            raise Mismatch(
                f"The delta has directions for {given} text tokens and the prompt has "
                f"{self.text}. Make it from the embeddings that are used here."
            )
        delta = self.delta
        heard = turns(riders, delta.strength, delta.people) if riders.within(delta.window) else []
        heard = [turn for turn in heard if riders.speaking[turn[0]]]
        self.rows = [row for row, _, _ in heard]
        if heard:
            self._rows = index(self.rows, text.device)
            self._whose = index([whose for _, whose, _ in heard], text.device)
            self._strength = torch.tensor([float(s) for *_, s in heard], device=text.device)

    def turn(self, y: Tensor, block: int) -> Tensor:
        """y (B, K, D), with this delta's direction for each token where it speaks."""
        if not self.rows:
            return y
        there = direction(self.delta.shared, self.delta.each, block).to(y)[self._whose]
        there = _onward(there, y.shape[1])
        strength = self._strength.to(y)
        if len(self.rows) == len(y):
            return towards(y, there, strength)
        turned = y.clone()
        turned[self._rows] = towards(y[self._rows], there, strength)
        return turned


class _TextNorm:
    """Stands in for the forward of a norm; several deltas add up before the SiLU."""

    def __init__(self, norm: Any, forward: Any, turners: list[tuple[_Turner, int]]) -> None:
        self.norm, self.forward, self.turners = norm, forward, turners

    @classmethod
    def over(cls, norm: Any, turner: _Turner, block: int) -> _TextNorm:
        """Over the norm's own forward, or beside the deltas that are there already."""
        if isinstance(norm.forward, _TextNorm):
            return cls(norm, norm.forward.forward, [*norm.forward.turners, (turner, block)])
        return cls(norm, norm.forward, [(turner, block)])

    def __call__(self, x: Tensor, *, emb: Tensor) -> tuple[Any, ...]:
        heard = sorted({row for turner, _ in self.turners for row in turner.rows})
        if not heard:
            return self.forward(x, emb=emb)
        rows = index(heard, x.device)
        normed, *factors = self._turned(x[rows], emb[rows], self._directed(emb)[rows])
        if len(heard) < len(x):
            plain = self.forward(x, emb=emb)
            wide = [factor[:, None].expand_as(x) for factor in plain[1:]]
            normed = _put(plain[0], rows, normed)
            factors = [_put(w, rows, f) for w, f in zip(wide, factors, strict=True)]
        return (normed, *map(_PerToken, factors))

    def _directed(self, emb: Tensor) -> Tensor:
        """y (B, K, D) of the first tokens; that of the last holds for the text's others, too."""
        most = max(turner.delta.tokens for turner, _ in self.turners)
        y = emb[:, None].expand(-1, most, -1)
        for turner, block in self.turners:
            y = turner.turn(y, block)
        return y

    def _turned(self, x: Tensor, emb: Tensor, y: Tensor) -> list[Tensor]:
        """Text token by token; what follows it in a single-stream block by the stock norm."""
        text = self.turners[0][0].text  # text comes first in every block
        words = _each_token(self.norm, x[:, :text], y)
        if text == x.shape[1]:
            return words
        normed, *factors = self.forward(x[:, text:], emb=emb)
        image = [normed, *(factor[:, None].expand_as(normed) for factor in factors)]
        return [torch.cat(both, dim=1) for both in zip(words, image, strict=True)]


class _PerToken:
    """A factor that has a row for each token, where the block is about to make room for them."""

    def __init__(self, rows: Tensor) -> None:
        self.rows = rows

    def unsqueeze(self, _: int) -> Tensor:
        return self.rows

    def __getitem__(self, _: Any) -> Tensor:
        return self.rows


def _each_token(norm: Any, x: Tensor, y: Tensor) -> list[Tensor]:
    """The stock norm with a y for each token; the last one holds for all after it, too.

    norm(x) (1 + scale) + shift, then whatever other factors this norm has.
    """
    each = _onward(norm.linear(norm.silu(y)), x.shape[1])
    shift, scale, *factors = each.split(y.shape[-1], dim=-1)
    return [norm.norm(x) * (1 + scale) + shift, *factors]


def _onward(rows: Tensor, length: int) -> Tensor:
    """(B, K, D) as long as asked: the last one holds for all after it."""
    more = length - rows.shape[1]
    return torch.cat([rows, rows[:, -1:].expand(-1, more, -1)], dim=1) if more > 0 else rows


def _put(whole: Tensor, rows: slice | Tensor, part: Tensor) -> Tensor:
    """`whole` (B, L, D) with some rows replaced."""
    whole = whole.clone()
    whole[rows] = part
    return whole


def _check(delta: Delta, width: int, blocks: int) -> None:
    if delta.width != width:
        raise Mismatch(
            f"The delta is {delta.width} wide; this model's modulation is {width} wide. It was "
            "made for another model."
        )
    if delta.each is not None and delta.each.shape[2] != blocks:
        raise Mismatch(
            f"The delta has directions for {delta.each.shape[2]} blocks; blocks={delta.blocks!r} "
            f"modulates {blocks} of this model. Give one direction for each of them."
        )
