"""Who has enough liked and disliked pictures, and the account of all that was dropped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from palate.data.pickapic.columns import Source, sources
from palate.data.pickapic.rules import OPINION_REASONS, USER_REASONS, Report, Rules, Tally
from palate.data.pickapic.scanning import Choices, collect
from palate.data.pickapic.votes import Bools, Ints

_OPINION, _USER = list(OPINION_REASONS), list(USER_REASONS)
FINE, ENOUGH = len(_OPINION), len(_USER)  # one beyond the reasons: nothing speaks against it


@dataclass(frozen=True, kw_only=True)
class Kept:
    """The opinions of people who have enough of them."""

    sources: tuple[Source, ...]
    uids: pa.Array  # of picture 0, 1, …
    place: Ints  # (pictures, 3): file, row and side where it stands first
    user: Ints  # for each opinion: Pick-a-Pic's user number, the picture, liked or disliked
    picture: Ints
    liked: Bools
    choice_file: Ints  # for each choice behind the opinions: where it stands
    choice_row: Ints
    report: Report


def scan(files: Sequence[Path], rules: Rules) -> Kept:
    """Stages one to four by what the rows say; nobody has looked at the pictures yet."""
    choices = collect(sources(files))
    return settle(choices, rules, np.full(len(choices.uids), FINE))


def settle(choices: Choices, rules: Rules, pictures: Ints) -> Kept:
    """Who is kept, given for each picture a place in OPINION_REASONS, or FINE."""
    user, picture, net = choices.opinion
    verdict = np.where(np.abs(net) < rules.margin, _OPINION.index("undecided"), pictures[picture])
    lack = _lack(choices, rules, verdict == FINE)
    verdict[(verdict == FINE) & (lack != ENOUGH)[user]] = _OPINION.index("user_dropped")
    keep, behind = verdict == FINE, (lack == ENOUGH)[choices.user]
    return Kept(
        sources=choices.sources,
        uids=choices.uids,
        place=choices.place,
        user=choices.users[user[keep]],
        picture=picture[keep],
        liked=net[keep] > 0,
        choice_file=choices.file[behind],
        choice_row=choices.row[behind],
        report=_report(choices, lack, verdict),
    )


def _lack(choices: Choices, rules: Rules, usable: Bools) -> Ints:
    """What each user lacks: a place in USER_REASONS, or ENOUGH."""
    user, _, net = choices.opinion
    each = len(choices.users)
    lacking = [
        np.bincount(choices.user, minlength=each) == 0,
        np.bincount(user[usable & (net > 0)], minlength=each) < rules.liked,
        np.bincount(user[usable & (net < 0)], minlength=each) < rules.disliked,
    ]
    return np.select(lacking, range(ENOUGH), default=ENOUGH)


def _report(choices: Choices, lack: Ints, verdict: Ints) -> Report:
    _, picture, net = choices.opinion
    keep, enough = verdict == FINE, lack == ENOUGH
    behind = int(enough[choices.user].sum())
    rows = {**choices.dropped, "user_dropped": len(choices.user) - behind}
    users = _counted(lack, _USER)
    users["no_choice"] += choices.seen - len(choices.users)  # they did not even get a number
    return Report(  # what is kept is counted by itself: Tally checks that the sums meet
        files=len(choices.sources),
        rows=Tally(given=sum(s.rows for s in choices.sources), kept=behind, dropped=rows),
        users=Tally(given=choices.seen, kept=int(enough.sum()), dropped=users),
        opinions=Tally(
            given=len(verdict), kept=int(keep.sum()), dropped=_counted(verdict, _OPINION)
        ),
        liked=int((net[keep] > 0).sum()),
        disliked=int((net[keep] < 0).sum()),
        pictures=int((np.bincount(picture[keep]) > 0).sum()),  # np.unique is 30 times slower
    )


def _counted(places: Ints, reasons: Sequence[str]) -> dict[str, int]:
    counts = np.bincount(places, minlength=len(reasons))
    return dict(zip(reasons, counts.tolist(), strict=False))
