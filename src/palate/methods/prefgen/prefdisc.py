"""PREFDISC: the reader, taught to tell liked from disliked after a history.

Two questions follow the same history, one about a liked picture and one about a disliked; where it
is known, a third asks what the person likes, in words. All ride in one row: none sees the others,
and each takes up the positions right after the history.

    [history] [about a liked picture] [about a disliked picture] [what they like, in words]
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.utils.rnn import pad_sequence

from palate.backbones.reader import Reader
from palate.methods.prefgen.asking import Shown, Wording
from palate.methods.prefgen.loss import answered, score, told_apart

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

UNASKED = -100  # what cross_entropy leaves out
# Training on a CPU takes attention as plain products, which is right for rows of up to some 256
# tokens; at 450 the fused kernels take 0.65 of the time.
LONG = 256
FUSED = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]


@dataclass(frozen=True)
class Question:
    """A history, and the prompts (if known) of a liked and a disliked picture asked about."""

    shown: Sequence[Shown]
    liked: str | None = None
    disliked: str | None = None
    likes: str | None = None  # what the person likes, in words


@dataclass(frozen=True, kw_only=True, eq=False)
class Packed:
    """Some questions as the model takes them."""

    ids: Int[Tensor, "N L"]
    places: Int[Tensor, "N L"]
    sees: Bool[Tensor, "N 1 L L"]
    told: Int[Tensor, "N L"]  # the answer each place of a history is followed by, or UNASKED
    said: Int[Tensor, "N L"]  # the word each place of a portrait is followed by, or UNASKED
    asked: Int[Tensor, "N 2"]  # where the answers about the liked and the disliked are open


def packed(questions: Sequence[Question], reader: Reader, wording: Wording) -> Packed:
    """Rows of history and two questions, padded on the right."""
    texts = [wording.query(q.shown, p) for q in questions for p in (q.liked, q.disliked)]
    found = [torch.tensor(ids) for ids in reader.tokens(texts)]
    histories = reader.tokens([wording.history(q.shown) for q in questions])
    pairs = zip(found[::2], found[1::2], _portraits(questions, reader, wording), strict=True)
    rows = [_row(*pair, len(told)) for pair, told in zip(pairs, histories, strict=True)]
    _foretell(rows, histories, reader)
    length = max(len(row.ids) for row in rows)
    sees = [F.pad(row.sees, (0, length - len(row.ids)) * 2) for row in rows]
    blank: dict[str, Any] = {"batch_first": True, "padding_value": UNASKED}
    return Packed(
        ids=pad_sequence([row.ids for row in rows], batch_first=True),
        places=pad_sequence([row.places for row in rows], batch_first=True),
        sees=torch.stack(sees)[:, None] | torch.eye(length, dtype=torch.bool),
        told=pad_sequence([row.told for row in rows], **blank),
        said=pad_sequence([row.said for row in rows], **blank),
        asked=torch.stack([row.asked for row in rows]),
    )


def _portraits(
    questions: Sequence[Question], reader: Reader, wording: Wording
) -> list[tuple[Tensor, int]]:
    """Each person's history and portrait as tokens, and where the portrait's words begin."""
    texts = [wording.portrait(q.shown, q.likes) if q.likes else "" for q in questions]
    open_ = [wording.history(q.shown) + wording.closing if q.likes else "" for q in questions]
    whole, begun = reader.tokens(texts), reader.tokens(open_)
    pairs = zip(whole, begun, strict=True)
    return [(torch.tensor(ids, dtype=torch.long), len(start)) for ids, start in pairs]


def _row(liked: Tensor, disliked: Tensor, portrait: tuple[Tensor, int], history: int) -> Packed:
    """One row of `packed`, without the leading axes of a batch."""
    whole, begins = portrait
    branches = [liked[history:], disliked[history:], whole[history:]]
    ids = torch.cat([liked[:history], *branches])
    part = torch.tensor([0] * history + [n + 1 for n, own in enumerate(branches) for _ in own])
    places = torch.cat([torch.arange(history, history + len(own)) for own in branches])
    said, offset = torch.full_like(ids, UNASKED), len(ids) - len(whole)
    for place in range(begins, len(whole)):
        said[offset + place - 1] = whole[place]
    mine = (part[:, None] == part) | (part == 0)
    return Packed(
        ids=ids,
        places=torch.cat([torch.arange(history), places]),
        sees=mine & torch.ones_like(mine).tril(),
        told=torch.full_like(ids, UNASKED),
        said=said,
        asked=torch.tensor([len(liked) - 1, len(liked) + len(disliked) - history - 1]),
    )


def _foretell(rows: Sequence[Packed], histories: Sequence[Sequence[int]], reader: Reader) -> None:
    """Answers within histories: each is one token, foretold at the place before."""
    end = reader.processor.tokenizer.convert_tokens_to_ids("<end_of_utterance>")
    for row, history in zip(rows, histories, strict=True):
        ends = [place for place, token in enumerate(history) if token == end]
        for place in ends[1::2]:  # ends come in twos: question, answer
            row.told[place - 2] = row.ids[place - 1]


@dataclass(frozen=True, kw_only=True)
class Weights:
    """What counts how much in PREFDISC's loss."""

    answer: float = 1.0  # L_base
    pairwise: float = 1.0  # L_CP
    every: float = 1.0  # every answer within the history, foretold from those before it
    portrait: float = 0.5  # what the person likes, in words


def prefdisc_loss(
    reader: Reader,
    rows: Packed,
    seen: Sequence[Float[Tensor, "P T C"]],
    wording: Wording,
    weights: Weights,
) -> dict[str, Tensor]:
    """`seen` holds each row's pictures in the order of its text: history, liked, disliked."""
    logits = _logits(reader.model, rows, seen)
    yes, no = reader.word(wording.yes), reader.word(wording.no)
    z_pos, z_neg = logits[torch.arange(len(rows.ids))[:, None], rows.asked].float().unbind(1)
    answer, pairwise = answered(z_pos, z_neg, yes, no), told_apart(z_pos, z_neg, yes, no)
    whole = weights.answer * answer + weights.pairwise * pairwise
    found = {"answer": answer.detach()}
    for name, weight, words in (
        ("every", weights.every, rows.told),
        ("portrait", weights.portrait, rows.said),
    ):
        if weight and (words != UNASKED).any():
            off = _foretold(logits, words)
            whole, found[name] = whole + weight * off, off.detach()
    right = (score(z_pos, yes, no) > score(z_neg, yes, no)).float().mean()
    return {"loss": whole, **found, "right": right}


def _foretold(logits: Float[Tensor, "N L V"], words: Int[Tensor, "N L"]) -> Tensor:
    words = words.to(logits.device).flatten()
    return F.cross_entropy(logits.flatten(0, 1).float(), words, ignore_index=UNASKED)


def _logits(model: Any, rows: Packed, seen: Sequence[Tensor]) -> Float[Tensor, "N L V"]:
    words = model.get_input_embeddings()(rows.ids.to(model.device))
    pictures = torch.cat([tokens.flatten(0, 1) for tokens in seen]).to(words)
    places = (rows.ids == model.config.image_token_id).to(model.device)
    words = words.masked_scatter(places[..., None], pictures)
    with sdpa_kernel(FUSED) if words.shape[1] >= LONG else nullcontext():
        return model(
            inputs_embeds=words,
            attention_mask=rows.sees.to(model.device),
            position_ids=rows.places.to(model.device),
            use_cache=False,
        ).logits


def scores(
    reader: Reader,
    histories: Sequence[Sequence[Shown]],
    prompts: Sequence[str | None],
    seen: Sequence[Float[Tensor, "P T C"]],
    wording: Wording,
) -> Float[Tensor, " B"]:
    """How surely each asked picture is liked, after the history it is asked with."""
    texts = [wording.query(h, prompt) for h, prompt in zip(histories, prompts, strict=True)]
    logits = reader.logits(texts, seen)
    return score(logits, reader.word(wording.yes), reader.word(wording.no))
