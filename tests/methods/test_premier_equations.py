"""Premier's losses and its placing of newcomers, by hand."""

import math

import pytest
import torch
from premier_toy import numbers
from torch.testing import assert_close

from palate.errors import BadInput, BadPicture, BadTaste, UnknownName
from palate.methods.premier.loss import apart, barrier, dispersion, flow, on_the_way
from palate.methods.premier.model import Sizes
from palate.methods.premier.newcomers import coefficients, combined
from palate.methods.premier.users import Known, Users, steady

# ---- losses


def test_flow_by_hand():
    x, n = torch.full((2, 1, 1, 1), 2.0), torch.full((2, 1, 1, 1), 6.0)
    there, target = on_the_way(x, n, torch.tensor([0.25, 1.0]))
    assert there.flatten().tolist() == [3, 6] and target.flatten().tolist() == [4, 4]
    assert flow(torch.tensor([[[[5.0]]], [[[1.0]]]]), target).item() == (1 + 9) / 2


PEOPLE = torch.tensor([[[0.0, 0.0]], [[3.0, 4.0]], [[0.0, 8.0]]])  # 5, 8 and 5 apart


def test_dispersion_by_hand():
    torch.testing.assert_close(
        apart(PEOPLE), torch.tensor([[0.0, 5, 8], [5, 0, 5], [8, 5, 0]]), atol=1e-6, rtol=0
    )
    e = math.exp

    def by_hand(five: float, eight: float) -> float:
        first, second = (e(-five) + e(-eight)) / 2, (e(-five) + e(-five)) / 2
        return (2 * math.log(first) + math.log(second)) / 3

    assert dispersion(PEOPLE).item() == pytest.approx(by_hand(5, 8))
    assert dispersion(PEOPLE, temperature=2.0).item() == pytest.approx(by_hand(2.5, 4))
    root = math.sqrt(2)
    assert dispersion(PEOPLE, "rms").item() == pytest.approx(by_hand(5 / root, 8 / root))
    assert dispersion(PEOPLE, "msq").item() == pytest.approx(by_hand(12.5, 32))
    pairs = math.log((2 * e(-25) * 2 + 2 * e(-64)) / 6 + 1e-10)
    assert dispersion(PEOPLE, "barrier").item() == pytest.approx(pairs)


def pull(kind: str, distance: float) -> float:
    """dL/dD of two people at a distance."""
    away = torch.tensor(distance, requires_grad=True)
    both = torch.stack([torch.zeros(1), away[None]])
    dispersion(both, kind).backward()  # type: ignore[arg-type]
    assert away.grad is not None
    return away.grad.item()


@pytest.mark.parametrize(("squared", "pulled"), [(16, -8.0), (23, -4.9), (30, -0.01), (124, 0.0)])
def test_what_was_released_saturates_and_ours_does_not(squared, pulled):
    """The released loss lets go beyond D = 5; the paper's pulls by 1 at any distance."""
    distance = math.sqrt(squared)
    assert pull("barrier", distance) == pytest.approx(pulled, abs=0.05)
    assert pull("l2", distance) == pytest.approx(-1.0)
    assert pull("rms", distance) == pytest.approx(-1.0)  # of one number


def test_at_the_released_start_the_released_loss_is_dead():
    """A deviation of 0.01 in 512 times 3072 numbers: D² is some 300, and exp(-D²) nothing."""
    delta = (0.01 * numbers(0, 4, 512, 3072)).requires_grad_()
    barrier(delta).backward()
    assert delta.grad is not None and not delta.grad.any()
    dispersion(delta).backward()
    assert delta.grad.norm() > 0.5


def test_rms_means_the_same_at_any_width():
    one, wide = numbers(0, 3, 4, 8), numbers(0, 3, 4, 8).repeat(1, 5, 1)
    assert_close(dispersion(one, "rms"), dispersion(wide, "rms"))
    assert dispersion(wide).item() < dispersion(one).item()


def test_people_who_are_the_same_have_a_gradient_that_is_a_number():
    same = torch.ones(3, 4, requires_grad=True)
    dispersion(same).backward()
    assert same.grad is not None and same.grad.isfinite().all()
    with pytest.raises(BadInput, match="two people at least"):
        dispersion(torch.ones(1, 4))
    with pytest.raises(UnknownName, match="No distance named 'l3'"):
        dispersion(torch.ones(2, 4), "l3")  # type: ignore[arg-type]


# ---- newcomers


TWO = Known(
    likes=torch.tensor([[1.0], [-1.0]]),
    dislikes=torch.tensor([[-1.0], [1.0]]),
    noise=torch.tensor([[1.0]]),
)
TABLE = torch.tensor([[[1.0, 10.0]], [[-1.0, 30.0]]])  # two people of one token


@pytest.mark.parametrize(("pictures", "way"), [(1, 1 / 2), (3, 3 / 4), (99, 99 / 100)])
def test_a_newcomer_by_hand(pictures, way):
    """Tastes spread by 1, a picture's noise is 1: n pictures at 1 go n/(n+1) of the way there."""
    found = coefficients(TWO, torch.ones(pictures, 1), ridge=0)
    assert_close(found, torch.tensor([(1 + way) / 2, (1 - way) / 2]))
    assert_close(combined(TABLE, found), torch.tensor([[way, 20 - 10 * way]]))


def test_dislikes_take_part():
    """x = 1 - (-1) = 2 among people at 2 and -2: B = 4, U = 1 + 1, so way = 2 · 2 / 6."""
    found = coefficients(TWO, torch.ones(1, 1), -torch.ones(1, 1), ridge=0)
    assert_close(found, torch.tensor([(1 + 2 / 3) / 2, (1 - 2 / 3) / 2]))
    against = coefficients(TWO, torch.ones(1, 1), torch.ones(1, 1), ridge=0)
    assert_close(against, torch.tensor([0.5, 0.5]))  # liked and disliked alike
    assert_close(coefficients(TWO, torch.ones(1, 1), torch.ones(0, 1), ridge=0)[0].item(), 0.75)


def test_the_better_something_is_seen_the_more_it_counts():
    """Two features tell alike, one of them four times as noisy: it is trusted less."""
    known = Known(
        likes=torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]),
        dislikes=torch.zeros(4, 2),
        noise=torch.tensor([[0.5, 0.0], [0.0, 2.0]]),
    )
    found = coefficients(known, torch.ones(1, 2), ridge=0)
    assert_close(found - 0.25, torch.tensor([0.25, -0.25, 0.1, -0.1]))


def test_one_of_those_who_were_trained_is_found_again():
    people = numbers(1, 6, 9)
    known = Known(likes=people, dislikes=numbers(2, 6, 9), noise=1e-6 * torch.eye(9))
    sides = people[3:4], known.dislikes[3:4]
    found = coefficients(known, *sides, ridge=1e-6)
    assert_close(found, torch.eye(6)[3], atol=1e-3, rtol=0)
    table = numbers(3, 6, 2, 4)
    assert_close(combined(table, torch.eye(6)[3]), table[3])


def test_noise_is_how_one_persons_pictures_differ():
    liked = [torch.tensor([[0.0, 1.0], [2.0, 1.0]]), torch.tensor([[5.0, 0.0], [5.0, 4.0]])]
    known = Known.of(liked, [torch.ones(2, 2)] * 2)
    assert known.likes.tolist() == [[1, 1], [5, 2]]
    assert known.noise.tolist() == [[0.5, 0], [0, 2]]  # a quarter of 2, 0, 0, 0 and of 0, 8, 0, 0


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_features_that_are_no_numbers_are_refused(bad):
    points = torch.tensor([[1.0], [bad]])
    with pytest.raises(BadPicture, match=r"seen in liked picture 2 is no number .* Leave it out"):
        coefficients(TWO, points)
    with pytest.raises(BadPicture, match="in disliked picture 2"):
        coefficients(TWO, torch.ones(1, 1), points)


def test_a_training_person_with_one_picture_is_refused():
    several, one = torch.ones(3, 2), torch.ones(1, 2)
    with pytest.raises(BadTaste, match="Person 1 of the training set has 1 liked pictures"):
        Known.of([several, one], [several, several])
    with pytest.raises(BadTaste, match=r"Person 0 .* has 1 disliked pictures"):
        Known.of([several, several], [one, several])


# ---- the table


def test_users_are_drawn_as_released():
    table = Users.drawn(50, Sizes(tokens=3, user=7)).table
    assert table.shape == (50, 3, 7)
    assert -0.1 <= table.min() < -0.09 and 0.09 < table.max() <= 0.1


def test_users_are_placed_by_their_pictures():
    """Whoever looks alike begins alike; differences count in units of the noise."""
    points = numbers(1, 4, 3)
    points[3] = points[0]
    zeros = torch.zeros(4, 3)
    noise = torch.diag(torch.tensor([1.0, 1.0, 10_000.0]))
    points[2] = points[1] + torch.tensor([0.0, 0.0, 1.0])  # differs where everything does
    table = Users.placed(Known(likes=points, dislikes=zeros, noise=noise), Sizes(tokens=2, user=5))
    away = apart(table.table.detach())
    assert away[0, 3] == 0 and away[0, 1] > 5 * away[1, 2] > 0
    assert table.table.std().item() == pytest.approx(1, abs=1e-4)


def test_a_covariance_of_nothing_can_be_inverted():
    assert torch.linalg.cholesky(steady(torch.zeros(3, 3))).isfinite().all()
    assert_close(
        steady(torch.diag(torch.tensor([1.0, 3.0])), 0.5).diagonal(), torch.tensor([2.0, 4.0])
    )
