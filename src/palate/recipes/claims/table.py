"""All claims by name, each with what its paper says and at what two sizes it is tested here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from palate.errors import unknown
from palate.recipes.claims import beyond, instant, prefgen, premier
from palate.recipes.claims.claim import Claim

CLAIMS: tuple[Claim, ...] = (*prefgen.CLAIMS, *premier.CLAIMS, *instant.CLAIMS, *beyond.CLAIMS)


def chosen(names: Sequence[str] = ()) -> list[Claim]:
    """Those of these names, in the table's order; all, if none is named."""
    known = [claim.name for claim in CLAIMS]
    for name in names:
        if name not in known:
            raise unknown("claim", name, known)
    return [claim for claim in CLAIMS if not names or claim.name in names]


def listed(claims: Sequence[Claim]) -> Iterator[str]:
    """A line for each."""
    for claim in claims:
        yield f"{claim.name:28}{claim.source:16}{claim.says}"
