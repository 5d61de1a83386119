"""What a comparison found, as people see it: tables from facts written by hand."""

from copy import deepcopy

from palate.recipes.comparison import report, tables


def figure(value, low=None, high=None):
    return {"value": value, "low": low, "high": high, "n": 4, "units": 2}


def way(name, against, **measures):
    return {"name": name, "method": against and {}, "against": against, "measures": measures}


def row(metric, name, other, value, p):
    found = figure(value, value - 0.1, value + 0.1)
    return {"metric": metric, "way": name, "other": other, "better": 0.75, "holm": p, **found}


LOUD = "<loud>@2"
FACTS = {
    "question": {"people": 2, "prompts": 2, "history": 8},
    "eyes": {"judge": {"name": "judge"}, "clip": {"name": "clip"}},
    "made": {"date": "2026-01-02", "software": "palate 9"},
    "time": {"generation": 95.0, "encoders": 3.0, "rest": 2.0, "share of rest": 0.02},
    "ways": [
        way("plain", None, taste=figure(0.5, 0.4, 0.6), style=figure(0.25, 0.2, 0.3), fd=figure(2)),
        way(
            LOUD, "plain", taste=figure(0.812, 0.75, 0.9), style=figure(0.5, 0.4, 0.6), fd=figure(2)
        ),
        way(
            "other", "plain", taste=figure(0.7, 0.6, 0.8), style=figure(0.2, 0.1, 0.3), fd=figure(2)
        ),
    ],
    "differences": [
        row("taste", LOUD, "plain", 0.312, 0.0004),
        row("taste", "other", "plain", 0.2, 0.2),
        row("taste", "other", LOUD, -0.112, 0.3),
    ],
}


def test_numbers_are_said_as_people_say_them():
    assert tables.interval("taste", figure(0.812, 0.75, 0.9)) == "81.2 % (75.0 to 90.0)"
    assert tables.interval("style", figure(0.25, 0.2, 0.3)) == "0.250 (0.200 to 0.300)"
    assert tables.interval("fd", figure(2.0)) == "2.00"
    assert tables.apart("taste", figure(0.1, 0.0, 0.2)) == "+10.0 points (0.0 to 20.0)"
    assert tables.apart("style", figure(-0.1, -0.2, 0.0)) == "-0.100 (-0.200 to 0.000)"
    assert (tables.chance(0.0004), tables.chance(0.2)) == ("< 0.001", "0.200")


def test_the_best_is_the_good_end_and_nobody_among_equals():
    best = [tables.best(FACTS, metric) for metric in ("taste", "style", "fd")]
    assert best == [0.812, 0.2, None]
    bold = tables.cells(FACTS, ["taste", "style", "fd"], "**{}**")
    assert [cell.startswith("**") for cell in bold[1]] == [False, True, False, False]
    assert [cell.startswith("**") for cell in bold[2]] == [False, False, True, False]


def test_differences_from_plain_leave_out_other_pairs():
    assert tables.gained(FACTS, "taste", "**{}**") == [
        [LOUD, "**+31.2 points (21.2 to 41.2)**", "< 0.001", "75 %"],
        ["other", "+20.0 points (10.0 to 30.0)", "0.200", "75 %"],
    ]


def test_the_terminal_s_table_stands_in_columns():
    lines = tables.text(FACTS).splitlines()
    assert lines[0].startswith("2 people nothing was trained on, 8 liked and 8 disliked pictures")
    plain = next(line for line in lines if line.startswith("plain"))
    loud = next(line for line in lines if line.startswith(LOUD))
    assert plain.index("(40.0") == loud.index("(75.0")
    assert lines[-1].endswith("2.0 s of anything else (2.0 %).")


def test_the_readme_s_table_says_what_there_is():
    page = tables.readme(FACTS)
    assert page.startswith(tables.BEGIN) and page.endswith(tables.END)
    assert "| way | taste ↑ | style loss ↓ |" in page
    assert f"| {LOUD} | 81.2 % (75.0 to 90.0) | 0.500 (0.400 to 0.600) |" in page


def test_names_cannot_write_the_page():
    html = report._gained(FACTS, "taste")
    assert "&lt;loud&gt;@2" in html and LOUD not in html
    assert "<td><b>+31.2 points (21.2 to 41.2)</b></td><td>&lt; 0.001</td>" in html
    assert report._short(FACTS | {"ways": FACTS["ways"][:1]}).startswith("Only base models")


def test_what_fits_best_is_said_with_its_price():
    facts = deepcopy(FACTS)
    for one, content in zip(facts["ways"], (0.9, 0.1, 0.8), strict=True):
        one["measures"]["content"] = figure(content)
    assert report._short(facts) == (
        f"Best by taste: {LOUD}, with taste 81.2 % against 50.0 % and content 10.0 % against "
        "90.0 % for plain (the difference in taste: p < 0.001 after Holm)."
    )
    facts["differences"][0]["holm"] = 0.04
    assert "p = 0.040 after Holm" in report._short(facts)
