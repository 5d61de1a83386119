import numpy as np

from palate.sheets import GAP, Row, sheet


def _square(value: int) -> np.ndarray:
    return np.full((8, 8, 3), value, np.uint8)


def test_pictures_lie_in_their_rows_and_columns():
    page = sheet([Row(pictures=[_square(10), _square(20)]), Row(pictures=[_square(30)])])
    assert page.shape == (2 * (8 + GAP) + GAP, 2 * (8 + GAP) + GAP, 3)
    assert page[GAP, GAP].tolist() == [10, 10, 10]
    assert page[GAP, GAP + 8 + GAP].tolist() == [20, 20, 20]
    assert page[GAP + 8 + GAP, GAP].tolist() == [30, 30, 30]
    assert page[GAP + 8 + GAP, GAP + 8 + GAP].tolist() == [255, 255, 255]


def test_a_title_stands_in_the_margin():
    row = Row(pictures=[_square(10)], title="likes", note="one two three four five six")
    page = sheet([row] * 12, margin=60)
    assert (page[:, :60] < 200).any()
    assert sheet([Row(pictures=[_square(10)])], margin=60)[:, :60].min() == 255


def test_no_pictures_make_an_empty_page():
    assert sheet([Row(title="nothing yet")], margin=100).shape == (36 + GAP, 100 + GAP, 3)
