import torch
from torch.testing import assert_close

from palate.ops.modulation import direction, towards


def test_each_token_gets_its_own_direction() -> None:
    y = torch.tensor([[1.0, 2.0]])
    delta = torch.tensor([[[10.0, 0.0], [0.0, 20.0]]])
    out = towards(y, delta, torch.tensor([0.5]))
    assert_close(out, torch.tensor([[[6.0, 2.0], [1.0, 12.0]]]))


def test_turning_twice_is_turning_by_the_sum() -> None:
    y, once = torch.tensor([[1.0]]), torch.ones(1)
    first, second = torch.tensor([[[2.0], [3.0]]]), torch.tensor([[[4.0], [5.0]]])
    twice = towards(towards(y, first, once), second, once)
    assert_close(twice, torch.tensor([[[7.0], [9.0]]]))


def test_shared_and_own_parts_add_up_block_by_block() -> None:
    shared = torch.tensor([[[1.0]]])
    each = torch.tensor([[[[10.0], [20.0]]]])  # one token, two blocks
    assert direction(shared, each, 1).item() == 21
    assert direction(None, each, 0).item() == 10
    assert direction(shared, None, 1).item() == 1
