import pytest
import torch
from torch import nn

from palate.learn.ema import Ema, ramp


def test_the_average_by_hand():
    weight = nn.Parameter(torch.tensor([1.0]))
    ema = Ema({"w": weight}, 0.999)
    weight.data.fill_(2.0)
    ema.update(0)  # a tenth of it stays: 0.1 * 1 + 0.9 * 2
    assert ema.average["w"].item() == pytest.approx(1.9)
    weight.data.fill_(3.0)
    ema.update(1)  # 2/11 stay: 2/11 * 1.9 + 9/11 * 3
    assert ema.average["w"].item() == pytest.approx(2.8)


@pytest.mark.parametrize(("step", "stays"), [(0, 0.1), (8, 0.5), (1e6, 0.99)])
def test_early_steps_count_more(step, stays):
    assert ramp(0.99, step) == pytest.approx(stays)


def test_swap_lends_and_takes_back_bit_for_bit():
    weight = nn.Parameter(torch.tensor([0.1, 0.2]))
    ema = Ema({"w": weight}, 0.5)
    weight.data.fill_(7.0)
    with pytest.raises(KeyError), ema.swap():
        assert weight.tolist() == pytest.approx([0.1, 0.2])
        raise KeyError
    assert weight.tolist() == [7.0, 7.0]


def test_the_average_of_bf16_weights_is_kept_in_fp32():
    weight = nn.Parameter(torch.ones(1, dtype=torch.bfloat16))
    ema = Ema({"w": weight}, 0.999)
    weight.data.fill_(1.0078125)  # the next bf16; the average lies between the two
    ema.update(1)
    with ema.swap():
        assert weight.dtype == torch.bfloat16
    assert ema.average["w"].item() == pytest.approx(1 + 0.0078125 * 9 / 11)


def test_frozen_parameters_are_not_averaged():
    frozen = nn.Parameter(torch.ones(1), requires_grad=False)
    assert Ema({"frozen": frozen}, 0.9).average == {}
