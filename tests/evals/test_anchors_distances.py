"""Distances between sets against closed forms: Fréchet, CMMD, KID, and their moments."""

from math import exp, log

import numpy as np
import pytest
import torch

from palate.errors import BadInput, Mismatch
from palate.evals.frechet import (
    between,
    frechet,
    frechet_between,
    frechet_distance,
    name_for,
    trace_of_root,
)
from palate.evals.kernels import cmmd, cmmd_distance, cmmd_of_moments, kid, poly_mmd
from palate.evals.measures import Eye, Seen, check_comparable
from palate.evals.moments import Moments
from palate.seeds import noise_for
from palate.types import Mark


def cloud(seed: int, n: int, width: int) -> torch.Tensor:
    return noise_for([seed], (n, width))[0].double()


def unit(seed: int, n: int, width: int, towards: float = 1.0) -> torch.Tensor:
    """Points of length 1 with a mean cosine of about a half, as CLIP's have."""
    common = noise_for([99], (width,))[0] * towards
    return torch.nn.functional.normalize(noise_for([seed], (n, width))[0] + common, dim=1)


def with_moments(mean: list[float], covariance: list[list[float]]) -> Moments:
    """Two or more points have any moments: here they are just said."""
    found = Moments(len(mean))
    found.n, found.mean = 2, torch.tensor(mean, dtype=torch.float64)
    found.scatter = torch.tensor(covariance, dtype=torch.float64)
    return found


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        (([0.0], [[1.0]]), ([3.0], [[4.0]]), 10.0),  # 9 + (2 - 1)²
        (  # 1 + 4 + 4, and (1 - 2)² + (2 - 1)² + (3 - 4)²
            ([0.0] * 3, np.diag([1.0, 4, 9]).tolist()),
            ([1.0, 2, 2], np.diag([4.0, 1, 16]).tolist()),
            12.0,
        ),
        (  # they do not commute: tr P^½ = (tr P + 2 (det P)^½)^½ with P = S1 S2
            ([0.0] * 2, [[2.0, 1], [1, 2]]),
            ([0.0] * 2, [[3.0, 0], [0, 1]]),
            0.5166852264521,
        ),
    ],
)
def test_frechet_by_hand(x, y, expected) -> None:
    one, other = with_moments(*x), with_moments(*y)
    assert frechet(one, other) == pytest.approx(expected, abs=1e-11)
    assert frechet(other, one) == pytest.approx(expected, abs=1e-11)


def test_frechet_of_two_thousand_numbers() -> None:
    width = 2048
    one, other = Moments(width), Moments(width)
    for moments, mean, spread in ((one, 0.0, 1.0), (other, 0.1, 4.0)):
        moments.n, moments.mean = 2, moments.mean + mean
        moments.scatter = spread * torch.eye(width, dtype=torch.float64)
    # a diagonal costs the factor nothing, and the eigenvalues are all there at once
    assert frechet(one, other) == pytest.approx(2048 * 0.01 + 2048 * 1, abs=1e-7)


def test_frechet_is_what_the_root_of_the_product_says() -> None:
    """Against (A B)^½ by eigenvectors of the product itself, which need not be symmetric."""
    x, y = cloud(1, 400, 24), cloud(2, 300, 24) @ cloud(3, 24, 24)
    a, b = torch.cov(x.T), torch.cov(y.T)
    values = torch.linalg.eigvals(a @ b).sqrt().sum().real
    assert trace_of_root(a, b) == pytest.approx(float(values), rel=1e-10)
    gap = (x.mean(0) - y.mean(0)).square().sum() + a.trace() + b.trace() - 2 * values
    assert frechet(Moments.of(x), Moments.of(y)) == pytest.approx(float(gap), rel=1e-10)


def test_few_pictures_are_measured_right() -> None:
    """n below D: the covariance is singular, and rounding must not be taken for spread."""
    x, y = cloud(4, 60, 256), cloud(5, 80, 256)
    assert abs(frechet(Moments.of(x), Moments.of(x))) < 1e-8
    # the root's trace is the sum of singular values of the centred points' products
    cross = (x - x.mean(0)) @ (y - y.mean(0)).T / (59 * 79) ** 0.5
    a, b = torch.cov(x.T), torch.cov(y.T)
    expected = float(torch.linalg.svdvals(cross).sum())
    assert trace_of_root(a, b) == pytest.approx(expected, rel=1e-9)


def test_pictures_that_are_all_alike_are_no_error() -> None:
    alike = torch.ones(20, 4)
    assert between(Seen(points=alike), Seen(points=alike)) == 0
    assert between(Seen(points=alike), Seen(points=alike + 1)) == pytest.approx(4)


def test_few_pictures_at_hand_need_no_covariance() -> None:
    """The same number without a matrix of D by D; one side may be many."""
    x, y = cloud(4, 60, 256), cloud(5, 400, 256) + 0.3
    for one, other in ((x, y), (y, x)):
        whole = frechet(Moments.of(one), Moments.of(other))
        assert between(Seen(points=one), Seen(points=other)) == pytest.approx(whole, rel=1e-7)
    assert between(Seen(points=x), Seen(points=x)) < 1e-8
    told = frechet_between(Seen(points=x), Seen(points=y))
    assert (told.figure.n, told.name) == (60, "FD_points") and "400 real" in told.protocol
    assert told.notes == ("60 pictures leave a covariance of 256² singular",)
    with pytest.raises(BadInput, match="give at least 2"):
        between(Seen(points=x[:1]), Seen(points=y))


@pytest.mark.slow
def test_few_pictures_of_many_numbers() -> None:
    x, y = cloud(8, 1000, 2048), 0.5 * cloud(9, 1000, 2048) + 0.1
    whole = frechet(Moments.of(x), Moments.of(y))
    assert between(Seen(points=x), Seen(points=y)) == pytest.approx(whole, rel=1e-7)


def test_one_singular_covariance_is_enough_to_be_careful() -> None:
    x, y = cloud(6, 500, 32), cloud(7, 500, 32)
    x[:, 20:] = 0  # numbers that never change, as dead channels are
    a, b = torch.cov(x.T), torch.cov(y.T)
    part = torch.linalg.eigvals((a @ b)[:20, :20]).sqrt().sum().real
    for one, other in ((a, b), (b, a)):
        assert trace_of_root(one, other) == pytest.approx(float(part), rel=1e-7)
    assert trace_of_root(torch.zeros_like(a), b) == 0


def test_the_bias_of_frechet_is_what_theory_says() -> None:
    """Two draws of n from one normal distribution: 2 D/n + D (D + 1)/2n, here 16."""
    for n in (500, 2000, 8000):
        seen = [
            frechet(Moments.of(cloud(10 + 2 * i, n, 16)), Moments.of(cloud(11 + 2 * i, n, 16)))
            for i in range(60)
        ]
        assert np.mean(seen) == pytest.approx(2 * 16 / n + 16 * 17 / (2 * n), rel=0.02)


def test_moments_do_not_depend_on_how_they_are_gathered() -> None:
    x = cloud(8, 2500, 12) * 0.5 + 100  # a mean of two hundred times the spread
    whole, parts = Moments.of(x), Moments(12)
    for some in x.split([1, 700, 0, 1799]):
        parts.merge(Moments.of(some)) if len(some) != 700 else parts.update(some)
    assert parts.n == whole.n == 2500
    torch.testing.assert_close(parts.mean, whole.mean, rtol=1e-12, atol=0)
    torch.testing.assert_close(parts.covariance(), torch.cov(x.T), rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(whole.covariance(), torch.cov(x.T), rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(whole.second(), x.T @ x / 2500, rtol=1e-10, atol=0)


def test_single_precision_far_from_zero_loses_nothing_more() -> None:
    x = (cloud(9, 4000, 4) * 0.5 + 100).float()
    expected = torch.cov(x.double().T)
    torch.testing.assert_close(Moments.of(x).covariance(), expected, rtol=1e-9, atol=1e-9)


def test_moments_come_back_from_a_file(tmp_path) -> None:
    eye = Eye(encoder=Mark(name="tiny", fingerprint="ab"), preprocessing="none")
    kept = Moments.of(cloud(1, 30, 5), eye)
    kept.save(tmp_path / "real.safetensors")
    found = Moments.load(tmp_path / "real.safetensors")
    assert (found.n, found.eye) == (30, eye)
    assert torch.equal(found.scatter, kept.scatter)
    other = Eye(encoder=Mark(name="tiny", fingerprint="cd"), preprocessing="none")
    with pytest.raises(Mismatch, match=r"seen by tiny \(ab\) .* seen by tiny \(cd\)"):
        found.merge(Moments.of(cloud(2, 30, 5), other))


def _process(rank: int, folder: str) -> None:
    import torch.distributed as dist

    dist.init_process_group("gloo", init_method=f"file://{folder}/met", rank=rank, world_size=2)
    x = cloud(20, 90, 6) + 7
    torch.save(Moments.of(x[:25] if rank == 0 else x[25:]).across().scatter, f"{folder}/{rank}")
    dist.destroy_process_group()


@pytest.mark.slow
def test_two_processes_are_one(tmp_path) -> None:
    torch.multiprocessing.spawn(_process, (str(tmp_path),), nprocs=2)
    expected = Moments.of(cloud(20, 90, 6) + 7).scatter
    for rank in range(2):
        found = torch.load(tmp_path / str(rank), weights_only=True)
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)


def test_cmmd_of_two_points() -> None:
    """2000 (1 - e^(-d²/200)): 5 apart; opposite and at right angles on the unit sphere."""
    zero = torch.zeros(1, 2, dtype=torch.float64)
    one = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    assert cmmd(zero, zero + torch.tensor([[3.0, 4.0]])) == pytest.approx(235.0061948308, abs=1e-9)
    assert cmmd(one, -one) == pytest.approx(39.6026533865, abs=1e-9)
    assert cmmd(one, one.flip(1)) == pytest.approx(19.9003325017, abs=1e-9)
    assert cmmd(one, one) == 0
    single = cmmd(zero.float(), zero.float() + torch.tensor([[3.0, 4.0]]))
    assert single == pytest.approx(235.0061948308, rel=1e-6)


def naive(x: torch.Tensor, y: torch.Tensor) -> tuple[float, float]:
    """The formula as it is written, biased and unbiased, with whole matrices."""
    xx, yy, xy = (torch.exp(-(torch.cdist(a, b) ** 2) / 200) for a, b in ((x, x), (y, y), (x, y)))
    n, m = len(x), len(y)
    biased = xx.mean() + yy.mean() - 2 * xy.mean()
    apart = (xx.sum() - n) / (n * (n - 1)) + (yy.sum() - m) / (m * (m - 1))
    return 1000 * float(biased), 1000 * float(apart - 2 * xy.mean())


def test_cmmd_is_the_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = unit(1, 700, 48).double(), unit(2, 500, 48, towards=1.1).double()
    monkeypatch.setattr("palate.evals.kernels._BLOCK", 256)  # blocks that do not fit evenly
    biased, unbiased = naive(x, y)
    assert cmmd(x, y) == pytest.approx(biased, rel=1e-9)
    assert cmmd(x, y, unbiased=True) == pytest.approx(unbiased, rel=1e-9)
    assert cmmd(x, x.flip(0)) == pytest.approx(0, abs=1e-12)
    assert unbiased < biased


def test_cmmd_in_single_precision_does_not_cancel() -> None:
    x, y = unit(3, 1500, 64), unit(4, 1500, 64, towards=1.02)
    expected, _ = naive(x.double(), y.double())
    assert cmmd(x, y) == pytest.approx(expected, rel=1e-5)
    quantised, _ = naive(x, y)
    assert quantised != pytest.approx(expected, rel=1e-5)  # what summing ones costs


@pytest.mark.parametrize("width", [64, 768])
def test_cmmd_from_moments_alone(width) -> None:
    """Expanded about 0 never above the exact one and little below; about the mean, all but it."""
    x, y = unit(5, 500, width).double(), unit(6, 400, width, towards=1.1).double()
    one, other = (Moments.of(z[: len(z) // 3]).merge(Moments.of(z[len(z) // 3 :])) for z in (x, y))
    exact = cmmd(x, y)
    assert -5e-5 < cmmd_of_moments(one, other, about=0.0) / exact - 1 <= 0
    assert cmmd_of_moments(one, other) == pytest.approx(exact, rel=5e-6)
    found = cmmd_of_moments(one, other, unbiased=True)
    assert found == pytest.approx(cmmd(x, y, unbiased=True), rel=2e-5)


def test_cmmd_of_two_normal_distributions() -> None:
    """E k = (s²/(s² + v))^(D/2) e^(-|dm|²/2(s² + v)), v the sum of variances; here 74.9735."""

    def expected_kernel(v: float, gap: float) -> float:
        return (100 / (100 + v)) ** 4 * exp(-gap / (2 * (100 + v)))

    same, wide, apart = expected_kernel(2, 0), expected_kernel(8, 0), expected_kernel(5, 8)
    truth = 1000 * (same + wide - 2 * apart)
    assert truth == pytest.approx(74.973495824, abs=1e-8)
    n, biased, unbiased = 2000, [], []
    for rep in range(40):
        x, y = cloud(40 + 2 * rep, n, 8), 1 + 2 * cloud(41 + 2 * rep, n, 8)
        biased.append(cmmd(x, y))
        unbiased.append(cmmd(x, y, unbiased=True))
    assert np.mean(unbiased) == pytest.approx(truth, abs=0.83)
    bias = 1000 * ((1 - same) / n + (1 - wide) / n)
    assert np.mean(biased) - np.mean(unbiased) == pytest.approx(bias, rel=0.02)


def test_kid_is_its_formula() -> None:
    x, y = cloud(60, 90, 16), cloud(61, 70, 16) + 0.3
    (xx, yy, xy) = ((a @ b.T / 16 + 1) ** 3 for a, b in ((x, x), (y, y), (x, y)))
    apart = [(k.sum() - k.diagonal().sum()) / (len(k) * (len(k) - 1)) for k in (xx, yy)]
    expected = float(apart[0] + apart[1] - 2 * xy.mean())
    assert poly_mmd(x, y) == pytest.approx(expected, rel=1e-12)
    # two points each, by hand: x = 0 and 1, y = 1 and 2: k(0, 1) = 1, k(1, 2) = 27, and
    # across 1, 1, 8, 27
    line = lambda *at: torch.tensor(at, dtype=torch.float64)[:, None]  # noqa: E731
    assert poly_mmd(line(0.0, 1.0), line(1.0, 2.0)) == pytest.approx(1 + 27 - 2 * 37 / 4)


def test_kid_over_subsets_finds_what_there_is() -> None:
    x, y = Seen(points=cloud(62, 400, 8)), Seen(points=cloud(63, 300, 8) + 0.5)
    found = kid(x, y, subsets=30, size=100, seed=1)
    assert found.figure.value == pytest.approx(poly_mmd(x.points, y.points), rel=0.1)
    assert found.figure.low < found.figure.value < found.figure.high
    assert found == kid(x, y, subsets=30, size=100, seed=1)
    with pytest.raises(BadInput, match=r"subsets of 1000 .* 400 made and 300 real"):
        kid(x, y)


def test_names_say_who_looked() -> None:
    assert name_for(Mark(name="inception-v3")) == "FID"
    assert name_for(Mark(name="sketchbook-clip", fingerprint="ab")) == "FD_sketchbook-clip"
    eye = Eye(encoder=Mark(name="toy", fingerprint="ab"), preprocessing="resize 8")
    x, y = Seen(points=cloud(70, 20, 4), eye=eye), Seen(points=cloud(71, 30, 4), eye=eye)
    found = frechet_distance(Moments.of(x.points, eye), Moments.of(y.points, eye), seed=3)
    assert found.figure.value == between(x, y)
    assert found.facts() == {
        "name": "FD_toy",
        "value": between(x, y), "low": None, "high": None, "n": 20, "units": 20,
        "encoder": {"name": "toy", "fingerprint": "ab"}, "preprocessing": "resize 8", "seed": 3,
        "protocol": "Fréchet distance to 30 real pictures, covariances over n - 1", "notes": [],
    }  # fmt: skip
    assert cmmd_distance(x, y).name == "CMMD_toy"


def test_what_was_measured_otherwise_is_not_compared() -> None:
    x, y = Seen(points=cloud(72, 20, 4)), Seen(points=cloud(73, 30, 4))
    one, other = cmmd_distance(x, y), cmmd_distance(x[range(10)], y)
    check_comparable({"one": one, "again": one})
    with pytest.raises(Mismatch, match="one and other cannot be compared: n is 20 for one and 10"):
        check_comparable({"one": one, "other": other})
    with pytest.raises(Mismatch, match=r"protocol is .* biased, .* unbiased"):
        check_comparable({"one": one, "other": cmmd_distance(x, y, unbiased=True)})
    eye = Eye(encoder=Mark(name="toy"), preprocessing="none")
    with pytest.raises(Mismatch, match=r"Some pictures were seen by points .* by toy"):
        cmmd_distance(x, Seen(points=y.points, eye=eye))


def test_what_cannot_be_measured_is_said() -> None:
    with pytest.raises(Mismatch, match="Points of 3 and of 4 numbers cannot be compared"):
        cmmd(torch.zeros(2, 3), torch.zeros(2, 4))
    x = cloud(74, 20, 4)
    with pytest.raises(BadInput, match="Of 1 pictures there is no covariance; give at least 2"):
        frechet(Moments.of(x[:1]), Moments.of(x))
    with pytest.raises(BadInput, match="Between 1 and 20 points: give at least 2 of each"):
        cmmd(x[:1], x, unbiased=True)
    with pytest.raises(BadInput, match=r"mean squared length of .* points of length 1"):
        cmmd_of_moments(Moments.of(x), Moments.of(x))
    few = frechet_distance(Moments.of(x[:3]), Moments.of(x))
    assert few.notes == ("3 pictures leave a covariance of 4² singular",)
    spoilt = x.clone()
    spoilt[7, 1], spoilt[9, 0] = log(2) * torch.nan, torch.inf
    for measure in (
        lambda: Moments.of(spoilt),
        lambda: cmmd(x, spoilt),
        lambda: Seen(points=spoilt),
    ):
        with pytest.raises(BadInput, match=r"2 of 20 points .* not finite, the first in row 7"):
            measure()
