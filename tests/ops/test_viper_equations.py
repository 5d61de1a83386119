"""ViPer's two forms by hand."""

import torch
from torch.testing import assert_close

from palate.ops.viper import conditions, published, towards

ONE = torch.ones(1, 1, 1)


def test_the_published_form_by_hand() -> None:
    # 10 + 0.5 (4 - 2) = 11
    assert_close(published(10 * ONE, 4 * ONE, 2 * ONE, 0.5), 11 * ONE)


def test_the_codes_form_puts_dislikes_into_the_other_half() -> None:
    prompted, other = conditions(10 * ONE, 3 * ONE, 4 * ONE, 2 * ONE, 0.5, 0.25)
    assert_close(prompted, 12 * ONE)  # 10 + 0.5 * 4
    assert_close(other, 3.5 * ONE)  # 3 + 0.25 * 2


def test_guidance_of_the_folded_pass_is_the_codes_formula() -> None:
    e_u, e_t, v_minus, v_plus = (torch.tensor([[[[x]]]]) for x in (1.0, 3.0, 0.5, 2.0))
    w, degree, away = 5.0, 0.85, 0.8
    folded = towards(e_t, v_plus, v_minus, degree, away)
    code = e_u + w * (e_t + degree * v_plus - e_u - away * v_minus)
    assert_close(e_u + w * (folded - e_u), code)
