"""Pick-a-Pic v1 and v2, from files somebody has: people's likes and dislikes out of raw choices.

    rows ──scanning──▶ choices ──settling──▶ people with enough pictures ──building──▶ RATINGS
           no picture is read                                   only their pictures are read

rules     what is kept, and the account of everything that was not
columns   the files' own columns
votes     the arithmetic: contradictions, repeats, wins less losses
"""

from palate.data.pickapic.building import build as build
from palate.data.pickapic.rules import Report as Report
from palate.data.pickapic.rules import Rules as Rules
from palate.data.pickapic.rules import Tally as Tally
from palate.data.pickapic.settling import Kept as Kept
from palate.data.pickapic.settling import scan as scan
