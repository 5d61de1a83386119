import torch
from torch.testing import assert_close

from palate.ops.attention import attend, change, split_heads


def test_heads_are_neighbouring_channels() -> None:
    x = torch.arange(8.0).reshape(1, 2, 4)  # two tokens, two heads of two channels
    assert split_heads(x, 2).tolist() == [[[[0, 1], [4, 5]], [[2, 3], [6, 7]]]]


def test_attention_by_hand() -> None:
    # One head of width 1, so sqrt(D) = 1. q k = 0 and log 3: weights 1/4 and 3/4.
    q, k = torch.ones(1, 1, 1, 1), torch.tensor([0.0, 3.0]).clamp(min=1).log().view(1, 1, 2, 1)
    v = torch.tensor([4.0, 8.0]).view(1, 1, 2, 1)
    assert_close(attend(q, k, v), torch.tensor([[[7.0]]]))  # 4/4 + 8 * 3/4


def test_attention_joins_the_heads_again() -> None:
    x = torch.arange(8.0).reshape(1, 2, 4)
    nobody = torch.zeros(1, 2, 1, 2)  # one token: its value is the answer everywhere
    value = torch.tensor([[[5.0, 6.0, 7.0, 8.0]]])
    out = attend(split_heads(x, 2), nobody, split_heads(value, 2))
    assert_close(out, value.expand(1, 2, 4))


def test_a_voice_beside_the_text_adds() -> None:
    z, voice = torch.tensor([[[10.0]]]), torch.tensor([[[4.0]]])
    assert_close(z + change(z, voice, torch.tensor(0.5)), torch.tensor([[[12.0]]]))


def test_voices_instead_of_the_text_take_their_share() -> None:
    # Base ratio 0.4; at this place region 1 has 3/4 and region 2 a quarter.
    z, one, two = (torch.tensor([[[value]]]) for value in (10.0, 4.0, 2.0))
    shares = [(one, 0.6 * 0.75), (two, 0.6 * 0.25)]
    out = z + sum(change(z, v, torch.tensor(w), instead=True) for v, w in shares)
    assert_close(out, torch.tensor([[[0.4 * 10 + 0.6 * (0.75 * 4 + 0.25 * 2)]]]))  # 6.1


def test_nothing_changes_at_weight_zero_or_where_all_say_the_same() -> None:
    z = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0))
    other = z.flip(0)
    assert torch.equal(z + change(z, other, torch.zeros(2, 1, 1), instead=True), z)
    assert torch.equal(z + change(z, z.clone(), torch.ones(1), instead=True), z)
