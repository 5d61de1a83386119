"""The page says what the answers say, and the committed one agrees with its files."""

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import ClassVar

import pytest
from claim_toys import answer

from palate.recipes.claims import page
from palate.recipes.claims.asking import answers_in
from palate.recipes.claims.intervals import chart, span
from palate.recipes.claims.lab import Lab

DOCS = Path("docs/claims")
VOID = ("meta", "br")


def test_markdown_has_a_row_and_a_section_for_each_answer():
    text = page.markdown([answer("open-drift", verdict="cannot be told"), answer()])
    assert text.index("## prefgen-who") < text.index("## open-drift")  # in the table's order
    assert "**2 claims: 1 holds, 1 cannot be told.**" in text
    assert "gap: 10.0 % (5.0 to 20.0)" in text and "| above 0.0 % | holds |" in text
    assert "3.14 (3 to 4)" in text and "`palate claims --only open-drift --budget small`" in text
    assert "12 s (9 s busy)" in text and "commit abc1234" in text


def test_html_is_well_formed_and_escapes_what_it_shows():
    class Tags(HTMLParser):
        open_: ClassVar[list[str]] = []

        def handle_starttag(self, tag, attrs):
            if tag not in VOID:
                self.open_.append(tag)

        def handle_endtag(self, tag):
            if tag not in VOID:
                assert self.open_.pop() == tag

    text = page.html([answer(), answer("open-drift", found=(), verdict="not testable here")])
    parser = Tags()
    parser.feed(text)
    assert parser.open_ == []
    assert "rate &lt;b&gt;" in text and "<script" not in text and "http" not in text


def test_intervals_share_an_axis_that_holds_their_bounds():
    gap = answer().found[0]
    assert span([gap]) == pytest.approx((-0.01, 0.21))
    drawn = chart([(gap, "10 %", "#123456")])
    # 0.1 lies half way between -0.01 and 0.21, on an axis from 385 to 775
    assert 'cx="580.0"' in drawn and chart([]) == ""


def test_the_page_that_is_committed_is_made_of_the_files_beside_it():
    if not DOCS.is_dir():
        pytest.skip("no full-budget answers are committed yet: palate claims --out docs/claims")
    answers = answers_in(DOCS)
    today = Lab().marks(page.needing(answers))
    assert (DOCS / "README.md").read_text() == page.markdown(answers, today)


def test_answers_of_other_weights_than_there_are_say_so():
    asked = {"weights": {"sketchbook-flux": "a", "sketchbook-judge": "b"}}
    answers = [replace(answer(), question=asked), answer("open-drift")]
    assert page.needing(answers) == ["sketchbook-flux", "sketchbook-judge"]
    for show in (page.markdown, page.html):
        assert "Asked of" not in show(answers, asked["weights"])
        text = show(answers, {"sketchbook-flux": "c", "sketchbook-judge": "b"})
        assert text.count("Asked of sketchbook-flux before the weights there are today") == 1
        assert "1 of the answers are of weights from before" in text
