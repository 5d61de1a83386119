"""The README's table of methods, from the results of one run that are committed beside it.

palate eval methods words instant …          measures, into out/eval/methods
python -m bench.methods                      takes its results and writes the table
python -m bench.methods other/folder         the same, of another run
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from palate import store
from palate.recipes.comparison.question import Facts, results
from palate.recipes.comparison.run import RESULTS
from palate.recipes.comparison.tables import BEGIN, END, readme

KEPT, README = Path("bench/results/methods.json"), Path("README.md")


def main(run: Path = Path("out/eval/methods")) -> None:
    """Both files; nothing is changed unless both can be."""
    facts = results(run / RESULTS)
    page = replaced(README.read_text(), facts)
    store.write_json(KEPT, facts)
    store.write_bytes(README, page.encode())
    print(f"{KEPT} and the table in {README} now say what {run} found.")


def replaced(page: str, facts: Facts) -> str:
    """The page with the table between its marks made anew."""
    between = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    page, times = between.subn(lambda _: readme(facts), page)
    if times != 1:
        sys.exit(f"The table's place is marked {times} times in {README}; mark it once.")
    return page


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
