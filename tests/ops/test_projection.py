"""Projections by hand, and what each mode promises."""

import pytest
import torch
from torch.testing import assert_close

from palate.errors import UnknownName
from palate.ops.projection import guided, off_each, off_span, off_whole, residual

E = torch.tensor([[[3.0, 0.0], [0.0, 2.0]]])
P = torch.tensor([[[1.0, 5.0], [4.0, 6.0]]])


def drawn(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_each_token_loses_what_its_own_token_says() -> None:
    assert_close(off_each(P, E), torch.tensor([[[0.0, 5.0], [4.0, 0.0]]]))


def test_the_whole_loses_one_share_of_the_whole() -> None:
    # <P, E> = 3 + 12 = 15 and |E|^2 = 9 + 4 = 13.
    share = 15 / 13
    assert_close(off_whole(P, E), P - share * E)
    assert_close((off_whole(P, E) * E).sum(), torch.tensor(0.0))


def test_a_span_loses_every_direction_once() -> None:
    words = torch.tensor([[[0.0, 2.0, 0.0], [0.0, -7.0, 0.0]]])  # one direction, twice
    said = torch.tensor([[[3.0, 4.0, 5.0], [1.0, 1.0, 1.0]]])
    assert_close(off_span(said, words), torch.tensor([[[3.0, 0.0, 5.0], [1.0, 0.0, 1.0]]]))


def test_nearly_the_same_word_takes_no_second_direction() -> None:
    words = torch.tensor([[[1.0, 0.0, 0.0], [1.0, 1e-6, 0.0]]])
    assert_close(
        off_span(torch.tensor([[[2.0, 3.0, 4.0]]]), words), torch.tensor([[[0.0, 3.0, 4.0]]])
    )


@pytest.mark.parametrize("mode", ["token", "span", "global"])
def test_at_a_right_angle_and_twice_is_once(mode: str) -> None:
    e, p = drawn(2, 7, 40, seed=0), drawn(2, 7, 40, seed=1)
    once = residual(p, e, mode)
    products = {
        "token": (once * e).sum(-1),
        "span": once @ e.mT,
        "global": (once * e).sum((1, 2)),
    }[mode]
    assert products.abs().max() < 1e-3
    assert (once - p).abs().max() > 0.1
    assert_close(residual(once, e, mode), once, rtol=0, atol=1e-4)


def test_plain_addition_takes_nothing_away() -> None:
    assert_close(residual(P[0], E, "added"), P)


def test_a_span_protects_more_than_a_token_and_a_token_more_than_the_whole() -> None:
    e, p = drawn(1, 7, 40, seed=0), drawn(1, 7, 40, seed=1)
    left = [residual(p, e, mode).norm() for mode in ("span", "token", "global")]
    assert left == sorted(left)


def test_pooled_leaves_the_tokens_alone() -> None:
    assert torch.equal(residual(P, E, "pooled"), torch.zeros_like(E))


def test_the_same_first_token_says_nothing() -> None:
    """CLIP's first row is the same for every text."""
    same = drawn(1, 1, 40, seed=3)
    e, p = (torch.cat([same, drawn(1, 3, 40, seed=s)], 1) for s in (4, 5))
    assert_close(off_each(p, e)[:, 0], torch.zeros(1, 40), rtol=0, atol=1e-5)


def test_nothing_to_project_off_changes_nothing() -> None:
    for way in (off_each, off_whole, off_span):
        assert torch.equal(way(P, torch.zeros_like(E)), P)


def test_one_list_of_keywords_serves_many_components() -> None:
    e, p = drawn(3, 7, 40, seed=0), drawn(1, 7, 40, seed=1)
    for mode in ("token", "span", "global"):
        alone = torch.cat([residual(p, e[i : i + 1], mode) for i in range(3)])
        assert_close(residual(p, e, mode), alone)


def test_adding_by_hand_and_as_long_as_before() -> None:
    e, p = torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 8.0]])
    assert_close(guided(e, p, 0.5), torch.tensor([[3.0, 4.0]]))  # 5 long
    assert_close(guided(e, p, 0.5, keep_norm=True), torch.tensor([[1.8, 2.4]]))  # 3 long
    assert torch.equal(guided(e, p, 0.0), e)


def test_half_precision_is_projected_too() -> None:
    e, p = (drawn(1, 7, 40, seed=s).bfloat16() for s in (0, 1))
    for mode in ("token", "span", "global"):
        assert residual(p, e, mode).dtype == torch.bfloat16


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(
        UnknownName, match=r"No projection named 'row'\. Known: added, global, pooled, span"
    ):
        residual(P, E, "row")
