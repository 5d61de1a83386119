"""What is kept of Pick-a-Pic, and an account in which every dropped row has its reason.

PrefGen names four stages and no number: drop low-quality or inconsistent entries, group by user,
merge choices into liked and disliked sets, keep users with enough pictures. The numbers are ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from palate.errors import BadInput

ROW_REASONS = {  # in the order in which they are looked for; a row is counted once
    "no_label": "has_label is false",
    "no_user": "nobody knows who chose",
    "no_caption": "the caption is missing or blank",
    "no_picture_id": "an image uid is missing or empty",
    "same_picture": "both sides show the same picture",
    "bad_labels": "the labels are not 1 and 0, 0 and 1, or both 0.5",
    "not_different": "are_different is false",
    "tie": "both labels are 0.5: neither liked nor disliked",
    "contradiction": "the same user chose the other of the same two pictures elsewhere",
    "duplicate": "the same user made the same choice in an earlier row",
    "user_dropped": "its user has too few pictures",
}
USER_REASONS = {
    "no_choice": "no row of theirs can be used",
    "too_few_liked": "fewer liked pictures than the rules ask for",
    "too_few_disliked": "enough liked ones, but fewer disliked than the rules ask for",
}
OPINION_REASONS = {  # for a user and a picture; only pictures that would be kept are looked at
    "undecided": "it won as often as it lost, give or take the margin",
    "no_bytes": "its file holds no picture",
    "not_a_picture": "what its file holds does not begin like a JPEG, PNG, WebP or GIF",
    "user_dropped": "its user has too few pictures",
}


@dataclass(frozen=True, kw_only=True)
class Rules:
    """How much it takes to be kept."""

    liked: int = 8  # PrefBench's people have 8 to 10, and learn-user-pref evaluates with 8 a side
    disliked: int = 8
    margin: int = 1  # wins less losses; 1 drops only pictures that won as often as they lost

    def __post_init__(self) -> None:
        for name, least in (("liked", 1), ("disliked", 0), ("margin", 1)):
            if getattr(self, name) < least:
                raise BadInput(f"{name} is {getattr(self, name)}; it must be at least {least}.")


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How many came in, how many stayed, and why the others did not."""

    given: int
    kept: int
    dropped: Mapping[str, int]

    def __post_init__(self) -> None:
        assert self.given == self.kept + sum(self.dropped.values()), self


@dataclass(frozen=True, kw_only=True)
class Report:
    """The account of a run."""

    files: int
    rows: Tally
    users: Tally
    opinions: Tally  # one for each user and picture, after all their choices are merged
    liked: int  # of the opinions kept
    disliked: int
    pictures: int  # different ones among them; people may share a picture
    pairs: int | None = None  # written as pairs, if asked for: both pictures must be there
