"""PREFDISC: the reader, taught to tell liked from disliked after a history.

Two questions follow the same history, one about a liked picture and one about a disliked. Both ride
in one row: neither sees the other, and each takes up the positions right after the history.

    [history] [about a liked picture] [about a disliked picture]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from palate.backbones.reader import Reader
from palate.methods.prefgen.asking import Shown, Wording
from palate.methods.prefgen.loss import answered, score, told_apart

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

UNASKED = -100  # what cross_entropy leaves out


@dataclass(frozen=True)
class Question:
    """A history, and the prompts (if known) of a liked and a disliked picture asked about."""

    shown: Sequence[Shown]
    liked: str | None = None
    disliked: str | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Packed:
    """Some questions as the model takes them."""

    ids: Int[Tensor, "N L"]
    places: Int[Tensor, "N L"]
    sees: Bool[Tensor, "N 1 L L"]
    told: Int[Tensor, "N L"]  # the answer each place of a history is followed by, or UNASKED
    asked: Int[Tensor, "N 2"]  # where the answers about the liked and the disliked are open


def packed(questions: Sequence[Question], reader: Reader, wording: Wording) -> Packed:
    """Rows of history and two questions, padded on the right."""
    end = reader.processor.tokenizer.convert_tokens_to_ids("<end_of_utterance>")
    texts = [wording.query(q.shown, p) for q in questions for p in (q.liked, q.disliked)]
    found = [torch.tensor(ids) for ids in reader.tokens(texts)]
    rows = [_row(one, two, end) for one, two in zip(found[::2], found[1::2], strict=True)]
    length = max(len(row.ids) for row in rows)
    sees = [F.pad(row.sees, (0, length - len(row.ids)) * 2) for row in rows]
    return Packed(
        ids=pad_sequence([row.ids for row in rows], batch_first=True),
        places=pad_sequence([row.places for row in rows], batch_first=True),
        sees=torch.stack(sees)[:, None] | torch.eye(length, dtype=torch.bool),
        told=pad_sequence([r.told for r in rows], batch_first=True, padding_value=UNASKED),
        asked=torch.stack([row.asked for row in rows]),
    )


def _row(liked: Tensor, disliked: Tensor, end: int) -> Packed:
    """One row of `packed`, without the leading axes of a batch."""
    ends = (liked == end).nonzero().flatten().tolist()
    history = ends[-2] + 1 if len(ends) > 1 else 0  # ends come in twos: question, answer
    ids = torch.cat([liked, disliked[history:]])
    first, second = len(liked) - history, len(disliked) - history
    part = torch.tensor([0] * history + [1] * first + [2] * second)
    places = torch.cat([torch.arange(len(liked)), torch.arange(history, len(disliked))])
    told = torch.full_like(ids, UNASKED)
    for place in ends[1:-1:2]:
        told[place - 2] = ids[place - 1]  # an answer is one token, foretold at the one before
    mine = (part[:, None] == part) | (part == 0)
    return Packed(
        ids=ids,
        places=places,
        sees=mine & torch.ones_like(mine).tril(),
        told=told,
        asked=torch.tensor([len(liked) - 1, len(ids) - 1]),
    )


@dataclass(frozen=True, kw_only=True)
class Weights:
    """What counts how much in PREFDISC's loss."""

    answer: float = 1.0  # L_base
    pairwise: float = 1.0  # L_CP
    every: float = 1.0  # every answer within the history, foretold from those before it


def prefdisc_loss(
    reader: Reader,
    questions: Sequence[Question],
    seen: Sequence[Float[Tensor, "P T C"]],
    wording: Wording,
    weights: Weights,
) -> dict[str, Tensor]:
    """`seen` holds each row's pictures in the order of its text: history, liked, disliked."""
    rows = packed(questions, reader, wording)
    logits = _logits(reader.model, rows, seen)
    yes, no = reader.word(wording.yes), reader.word(wording.no)
    z_pos, z_neg = logits[torch.arange(len(questions))[:, None], rows.asked].float().unbind(1)
    answer, pairwise = answered(z_pos, z_neg, yes, no), told_apart(z_pos, z_neg, yes, no)
    whole = weights.answer * answer + weights.pairwise * pairwise
    if weights.every and (rows.told != UNASKED).any():
        told = rows.told.to(logits.device).flatten()
        every = F.cross_entropy(logits.flatten(0, 1).float(), told, ignore_index=UNASKED)
        whole = whole + weights.every * every
    right = (score(z_pos, yes, no) > score(z_neg, yes, no)).float().mean()
    return {"loss": whole, "answer": answer.detach(), "right": right}


def _logits(model: Any, rows: Packed, seen: Sequence[Tensor]) -> Float[Tensor, "N L V"]:
    words = model.get_input_embeddings()(rows.ids.to(model.device))
    pictures = torch.cat([tokens.flatten(0, 1) for tokens in seen]).to(words)
    places = (rows.ids == model.config.image_token_id).to(model.device)
    words = words.masked_scatter(places[..., None], pictures)
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
