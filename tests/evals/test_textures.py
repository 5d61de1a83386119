"""LPIPS and Gram matrices, by hand."""

import pytest
import torch

from palate.errors import Mismatch
from palate.evals.textures import gram, lpips, signature, style_cosine, style_loss
from palate.seeds import noise_for


def maps(seed: int, *shape: int) -> torch.Tensor:
    return noise_for([seed], shape)[0]


def test_gram_by_hand() -> None:
    """Channels of 1 and 3 everywhere: [[1, 3], [3, 9]]; its squares sum to 100, a mean of 25."""
    flat = torch.tensor([1.0, 3.0])[None, :, None, None].expand(1, 2, 4, 5)
    assert gram(flat)[0].tolist() == [[1, 3], [3, 9]]
    assert style_loss([flat], [0 * flat]).item() == 25
    assert style_loss([flat], [0 * flat], per="number").item() == 6.25
    assert style_loss([flat] * 2, [0 * flat] * 2).item() == 50


def test_gram_does_not_know_where_things_are() -> None:
    x = maps(1, 1, 5, 6, 7).double()
    order = torch.randperm(42, generator=torch.Generator().manual_seed(2))
    mixed = x.flatten(2)[..., order].reshape(x.shape)
    assert float((gram(x) - gram(mixed)).abs().max()) < 1e-14
    assert style_cosine([x], [3 * mixed]).item() == pytest.approx(0, abs=1e-12)  # nor how strong


def test_style_losses_are_distances_between_signatures() -> None:
    x, y = ([maps(seed, 3, 4, 5, 6), maps(seed + 1, 3, 2, 3, 3)] for seed in (1, 3))
    apart = (signature(x) - signature(y)).square().sum(1)
    torch.testing.assert_close(apart, style_loss(x, y))


def test_lpips_by_hand() -> None:
    """Directions (1, 0) against (0, 1) in half of the places: 1/2 (w1 + w2)."""
    x, y = torch.zeros(2, 1, 2, 1, 2)
    x[0, 0], y[0, 0, 0, 0], y[0, 1, 0, 1] = 5.0, 2.0, 7.0
    weights = torch.tensor([0.3, 0.5])
    assert lpips([x], [y], [weights]).item() == pytest.approx(0.4)
    assert lpips([x, x], [y, y], [weights, 2 * weights]).item() == pytest.approx(1.2)
    assert lpips([x], [x], [weights]).item() == 0
    assert lpips([x], [0.1 * x], [weights]).item() == pytest.approx(0, abs=1e-12)


def test_each_picture_has_its_own_distance() -> None:
    x, y = maps(1, 3, 4, 5, 5), maps(2, 3, 4, 5, 5)
    weights = [torch.rand(4, generator=torch.Generator().manual_seed(0))]
    whole = lpips([x], [y], weights)
    for i in range(3):
        one = slice(i, i + 1)
        torch.testing.assert_close(whole[one], lpips([x[one]], [y[one]], weights))
        torch.testing.assert_close(style_loss([x], [y])[one], style_loss([x[one]], [y[one]]))


def test_pictures_of_other_sizes_are_refused() -> None:
    with pytest.raises(Mismatch, match=r"one side are \[\(1, 2, 4, 4\)\], of the other"):
        style_loss([maps(1, 1, 2, 4, 4)], [maps(1, 1, 2, 4, 5)])
