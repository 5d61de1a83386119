import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from palate.errors import BadInput
from palate.ops.regions import blur, grid_of, on_grid, owners, partition

LEFT, MIDDLE = (0.0, 0.0, 0.5, 1.0), (0.25, 0.0, 0.75, 1.0)
SIDES = st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted).filter(lambda s: s[0] < s[1])
BOXES = st.tuples(SIDES, SIDES).map(lambda s: (s[0][0], s[1][0], s[0][1], s[1][1]))


def test_later_boxes_lie_in_front() -> None:
    assert owners([LEFT, MIDDLE], 1, 4).tolist() == [[0, 1, 1, 2]]  # 2 is the background
    assert owners([MIDDLE, LEFT], 1, 4).tolist() == [[1, 1, 0, 2]]


def test_feathering_by_hand() -> None:
    # A sharp edge in the middle, blurred over 3 places: 1 1 0 0 becomes 1 2/3 1/3 0.
    sharp = torch.tensor([[[1.0, 1.0, 0.0, 0.0]]])
    assert_close(blur(sharp, 1), torch.tensor([[[1.0, 2 / 3, 1 / 3, 0.0]]]))


def test_neighbours_share_their_seam_and_leave_the_background_nothing() -> None:
    left, right, background = partition([LEFT, (0.5, 0, 1, 1)], 8, 8, feather=0.125)
    assert_close(left[0], torch.tensor([1, 1, 1, 2 / 3, 1 / 3, 0, 0, 0]))
    assert_close(left + right, torch.ones(8, 8))
    assert background.abs().max() == 0


@settings(deadline=None, max_examples=30)
@given(boxes=st.lists(BOXES, max_size=4), feather=st.floats(0, 0.3))
def test_shares_sum_to_one_on_every_grid(boxes: list, feather: float) -> None:
    shares = partition(boxes, 24, 36, feather=feather)
    assert shares.min() >= 0
    assert_close(shares.sum(0), torch.ones(24, 36))
    for rows, columns in ((12, 18), (6, 9), (5, 7)):
        summed = on_grid(shares, rows, columns).sum(0)
        assert_close(summed, torch.ones(rows * columns, 1))


def test_a_coarser_grid_is_the_mean_of_the_finer_one() -> None:
    mask = torch.tensor([[[1.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0]]])
    assert on_grid(mask, 1, 2).flatten().tolist() == [0.25, 1.0]


def test_grids_of_a_picture_that_is_not_square() -> None:
    # SDXL at 1216 x 832: latents 152 x 104, cross-attention at 76 x 52 and 38 x 26.
    assert grid_of(104, 152, 52 * 76) == (52, 76)
    assert grid_of(104, 152, 26 * 38) == (26, 38)
    assert grid_of(9, 13, 5 * 7) == (5, 7)  # odd sides round up, as a strided convolution does


@pytest.mark.parametrize("box", [(0.5, 0, 0.5, 1), (0, 0.9, 1, 0.1), (-0.1, 0, 1, 1), (0, 0, 2, 1)])
def test_a_box_that_is_none_is_refused(box: tuple) -> None:
    with pytest.raises(BadInput, match="left before right"):
        partition([box], 8, 8)
