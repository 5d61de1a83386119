"""Tokenizers of the built-in models: every word of the drawn world is one token.

Whatever else is written is spelled letter by letter, so that nothing a person types is lost
without a word; only signs beyond these letters become <unk>.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise
from typing import Any

from palate.backbones.loading import library
from palate.sketchbook.vocabulary import RELATIONS, SUBJECTS
from palate.sketchbook.words import MOOD_PHRASES, PHRASES

LENGTH = 64  # tokens; a caption that names everything has some fifty
BEGIN, END, UNKNOWN = "<|startoftext|>", "<|endoftext|>", "<unk>"
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,:;!?'\"()-/+&"
# What `sketchbook.words.read` also understands, and what people write around it.
_COMMON = (
    "a an the one of to on in at with and no not is are stands sits over below under left right "
    "picture drawing image painting art style color colors mood very some"
)
# What the reader is asked with, and what it answers beside the drawn world's words.
_ASKED = (
    "user assistant prompt score for this image these images like do does yes it its what which "
    "describe show shows share artistic emotion atmosphere thematic visual elements theme look "
    "palette medium backdrop light framing ornament border outline shape texture contrast tilt "
    "pictures picture first second third fourth all both nothing none "
    "liked disliked likes dislike dislikes person people taste prefer preference good bad "
    "more less where there here most least"
)
READER_SIGNS = {"bos": "<s>", "eos": "</s>", "pad": "<pad>"}


@cache
def words() -> tuple[str, ...]:
    """All words of captions, prompts and moods, in alphabetical order; "close-up" is two."""
    texts = (*SUBJECTS, *RELATIONS, *PHRASES, *PHRASES.values(), *MOOD_PHRASES.values(), _COMMON)
    return tuple(sorted(set(re.findall(r"[a-z]{2,}", " ".join(texts)))))


def clip_tokenizer() -> Any:
    """A CLIPTokenizer, which takes no notice of capitals."""
    # vocab and merges, not vocab_file: transformers 5 takes the latter and knows two words.
    merges = _merges()
    tokens = [UNKNOWN, *_LETTERS, *(f"{letter}</w>" for letter in _LETTERS)]
    tokens += ["".join(pair) for pair in merges]
    vocabulary = {token: number for number, token in enumerate([*tokens, BEGIN, END])}
    kind = library("transformers").CLIPTokenizer
    return kind(vocab=vocabulary, merges=list(merges), unk_token=UNKNOWN, model_max_length=LENGTH)


@cache
def _merges() -> tuple[tuple[str, str], ...]:
    """Rules that put each word together, each added only where the ones before do not suffice.

    A later rule yields to all earlier ones, so it cannot break a word that is already whole.
    """
    ranks: dict[tuple[str, str], int] = {}
    for word in words():
        pieces = [*word[:-1], f"{word[-1]}</w>"]
        while len(pieces) > 1:
            pairs = list(pairwise(pieces))
            best = min(pairs, key=lambda pair: ranks.get(pair, len(ranks)))
            ranks.setdefault(best, len(ranks))
            pieces = _joined(pieces, best)
    return tuple(ranks)


def _joined(pieces: list[str], pair: tuple[str, str]) -> list[str]:
    joined: list[str] = []
    for piece in pieces:
        if joined and (joined[-1], piece) == pair:
            joined[-1] += piece
        else:
            joined.append(piece)
    return joined


def t5_tokenizer() -> Any:
    """A T5Tokenizer. It minds capitals, so each word is known with a capital as well."""
    ends = [("<pad>", 0.0), ("</s>", 0.0), (UNKNOWN, 0.0)]
    known = ["a", *words()]
    whole = [(f"▁{w}", -2.0) for w in known] + [(f"▁{w.capitalize()}", -2.0) for w in known]
    within = [(w, -3.0) for w in words()]  # "up" of "close-up"
    letters = [(letter, -8.0) for letter in ("▁", *_LETTERS, *_LETTERS[:26].upper())]
    kind = library("transformers").T5Tokenizer
    return kind(vocab=[*ends, *whole, *within, *letters], extra_ids=0, model_max_length=LENGTH)


def reader_tokenizer() -> Any:
    """Of the reader: whole words, letters for all others, and Idefics2's own signs."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

    known = sorted({"close-up", *words(), *re.findall(r"[a-z]{2,}", _ASKED)})
    tokens = [*READER_SIGNS.values(), UNKNOWN, *known, *_LETTERS, *(f"##{c}" for c in _LETTERS)]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    core = Tokenizer(models.WordPiece(vocabulary, unk_token=UNKNOWN, max_input_chars_per_word=1000))
    core.normalizer = normalizers.Lowercase()
    space, sign = Regex(r"\s+"), Regex(r"[^\w\s-]")  # "close-up" is one word
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(space, "removed"), pre_tokenizers.Split(sign, "isolated")]
    )
    core.decoder = decoders.WordPiece()
    kind = library("transformers").PreTrainedTokenizerFast
    signs = {f"{name}_token": sign for name, sign in READER_SIGNS.items()}
    found = kind(tokenizer_object=core, unk_token=UNKNOWN, **signs)
    marks = ["<fake_token_around_image>", "<image>", "<end_of_utterance>"]
    found.add_special_tokens({"additional_special_tokens": marks})
    return found
