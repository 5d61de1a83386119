import math

import pytest
import torch

from palate.ops.mmd import mmd

A = torch.tensor([[0.0], [1.0]])
B = torch.tensor([[1.0], [3.0]])
KERNELS = ("rbf", "imq", "linear")


def test_linear_is_the_distance_of_the_means() -> None:
    # means 0.5 and 2: (0.5 - 2)^2
    assert mmd(A, B, kernel="linear").item() == pytest.approx(2.25)
    # off the diagonal: 0 * 1 = 0 and 1 * 3 = 3; across: the mean of 0, 0, 1, 3
    assert mmd(A, B, kernel="linear", unbiased=True).item() == pytest.approx(0 + 3 - 2)


def test_rbf_by_hand() -> None:
    # six distances of 0 1 1 3: 1 1 3 0 2 2, whose lower median is 1
    k = [math.exp(-d * d / 2) for d in range(4)]
    biased = (2 + 2 * k[1]) / 4 + (2 + 2 * k[2]) / 4 - 2 * (k[1] + k[3] + 1 + k[2]) / 4
    unbiased = k[1] + k[2] - 2 * (k[1] + k[3] + 1 + k[2]) / 4
    assert mmd(A, B, factors=(1.0,)).item() == pytest.approx(biased, abs=1e-6)
    assert mmd(A, B, factors=(1.0,), unbiased=True).item() == pytest.approx(unbiased, abs=1e-6)


def test_imq_by_hand() -> None:
    k = [(1 + d * d / 4) ** -0.5 for d in range(4)]
    biased = (2 + 2 * k[1]) / 4 + (2 + 2 * k[2]) / 4 - 2 * (k[1] + k[3] + 1 + k[2]) / 4
    assert mmd(A, B, kernel="imq", factors=(2.0,)).item() == pytest.approx(biased, abs=1e-6)


def test_several_bandwidths_are_averaged() -> None:
    one, two = (mmd(A, B, factors=(f,)) for f in (0.5, 2.0))
    torch.testing.assert_close(mmd(A, B, factors=(0.5, 2.0)), (one + two) / 2)


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_cloud_is_at_no_distance_from_itself_in_any_order(kernel) -> None:
    x = torch.randn(20, 4, generator=torch.Generator().manual_seed(0))
    assert mmd(x, x.flip(0), kernel=kernel).item() == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("kernel", KERNELS)
def test_going_down_the_gradient_brings_clouds_together(kernel) -> None:
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(40, 3, generator=draw).requires_grad_(True)
    y = torch.randn(40, 3, generator=draw) + 1.5
    before = mmd(x, y, kernel=kernel)
    optimizer = torch.optim.Adam([x], lr=0.1)
    for _ in range(60):
        optimizer.zero_grad()
        mmd(x, y, kernel=kernel).backward()
        optimizer.step()
    assert mmd(x, y, kernel=kernel) < 0.2 * before
    assert (x.mean(0) - y.mean(0)).norm() < 0.5


def test_equal_points_have_finite_gradients() -> None:
    x = torch.ones(4, 2, requires_grad=True)
    mmd(x, torch.ones(4, 2)).backward()
    assert x.grad is not None and x.grad.isfinite().all()
