"""What a reader says of pictures, phrase by phrase, and which phrases tell liked from disliked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime

from palate.backbones.reader import Reader, asked
from palate.images import open_picture
from palate.types import Example, Mark, Profile, Taste, Word

DESCRIBE = "Describe the picture."


def told(taste: Taste, reader: Reader, method: Mark, backbone: Mark) -> Profile:
    """A person in every phrase that tells liked from disliked pictures, strongest first."""
    liked, disliked = (described(side, reader) for side in (taste.liked, taste.disliked))
    return Profile(
        method=method,
        backbone=backbone,
        reader=reader.mark,
        words=tuple(weighed(liked, disliked)),
        liked=len(taste.liked),
        disliked=len(taste.disliked),
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def described(side: Sequence[Example], reader: Reader) -> list[list[str]]:
    """The phrases of each picture after the first, which says what is in it."""
    questions = [asked(DESCRIBE, open_picture(example.image)) for example in side]
    said = reader.answer(questions) if questions else []
    return [[phrase.strip() for phrase in text.split(",")[1:]] for text in said]


def weighed(liked: Sequence[Sequence[str]], disliked: Sequence[Sequence[str]]) -> list[Word]:
    """Share of liked pictures that have a phrase, minus share of disliked; 0 is left out."""
    shares: dict[str, float] = defaultdict(float)
    for side, sign in ((liked, 1), (disliked, -1)):
        for phrase in (phrase for phrases in side for phrase in set(phrases)):
            shares[phrase] += sign / len(side)
    rounded = {phrase: round(share, 6) for phrase, share in shares.items()}
    ranked = sorted(rounded.items(), key=lambda item: (-abs(item[1]), item[0]))
    return [Word(text=phrase, weight=share) for phrase, share in ranked if share]
