"""The README's table of methods says what the committed results say."""

from pathlib import Path

from palate.recipes.comparison.question import results
from palate.recipes.comparison.tables import BEGIN, END, readme

KEPT = Path("bench/results/methods.json")


def test_the_table_of_methods_is_the_committed_results():
    page = Path("README.md").read_text()
    assert page.count(BEGIN) == page.count(END) == 1
    assert readme(results(KEPT)) in page, "run: python -m bench.methods FOLDER_OF_THE_RUN"


def test_another_figure_is_another_table():
    facts = results(KEPT)
    facts["ways"][0]["measures"]["taste"]["value"] += 0.05
    assert readme(facts) not in Path("README.md").read_text()
