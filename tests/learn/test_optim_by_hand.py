import math

import pytest
import torch
from torch import nn

from palate.errors import BadInput
from palate.learn import optim
from palate.learn.muon import all_orthogonal, orthogonal
from palate.learn.settings import Fit


def fit(**values) -> Fit:
    return Fit(**{"steps": 110, "batch": 1, "lr": 0.1, "warmup": 10} | values)


def parameter(value: float) -> nn.ParameterDict:
    return nn.ParameterDict({"w": nn.Parameter(torch.tensor([value]))})


# Step 4 is the fifth of ten of warmup; 60 is the middle of the hundred that follow.
@pytest.mark.parametrize(
    ("schedule", "middle", "last"),
    [
        ("constant", 1.0, 1.0),
        ("linear", 0.5, 0.01),
        ("cosine", 0.5, (1 - math.cos(math.pi / 100)) / 2),
    ],
)
def test_schedules_at_warmup_middle_and_end(schedule, middle, last):
    config = fit(schedule=schedule)
    found = [optim.factor(config, step) for step in (0, 4, 9, 10, 60, 109)]
    assert found == pytest.approx([0.1, 0.5, 1.0, 1.0, middle, last])


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_schedules_reach_zero_when_the_steps_are_done(schedule):
    assert optim.factor(fit(schedule=schedule), 110) == pytest.approx(0)


def test_an_adamw_step_by_hand():
    module = parameter(2.0)
    config = fit(weight_decay=0.5, schedule="constant", warmup=0)
    adamw = optim.build(config, {"m": module})
    optim.set_lr(adamw, config, 0)
    module["w"].grad = torch.tensor([3.0])
    adamw.step()
    # Decay: 2 (1 - 0.1 * 0.5) = 1.9. Moments, corrected: 3 and 9, so the step is 0.1 * 3 / 3.
    assert module["w"].item() == pytest.approx(1.8)


def test_each_module_learns_at_its_own_rate():
    config = fit(lr={"slow": 0.001, "fast": 0.1}, schedule="linear")
    adamw = optim.build(config, {"slow": parameter(1.0), "fast": parameter(1.0)})
    optim.set_lr(adamw, config, 60)
    assert optim.rates(adamw) == pytest.approx({"slow": 0.0005, "fast": 0.05})


def test_prodigy_shows_the_rate_it_found(capfd):
    module = parameter(1.0)
    config = fit(optimizer="prodigy", lr=1.0, options={"d0": 0.25}, schedule="constant", warmup=0)
    prodigy = optim.build(config, {"m": module})
    optim.set_lr(prodigy, config, 0)
    assert optim.rates(prodigy) == {"m": 0.25}
    assert capfd.readouterr().out == ""


def test_a_rate_for_a_module_that_is_not_there_is_refused():
    with pytest.raises(BadInput, match="lr names unet; the modules are net"):
        optim.build(fit(lr={"unet": 0.1}), {"net": parameter(1.0)})


def test_nothing_to_train_is_refused():
    with pytest.raises(BadInput, match="Nothing to train"):
        optim.build(fit(), {"net": parameter(1.0).requires_grad_(False)})


def blocks() -> nn.Module:
    """One matrix inside a block; its bias and the last layer are not for Muon to turn."""
    net = nn.ModuleDict({"blocks": nn.ModuleList([nn.Linear(2, 2)]), "last": nn.Linear(2, 2)})
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.fill_(1.0)
    return net


def test_muon_takes_matrices_inside_blocks_and_leaves_the_rest_to_adamw():
    net = blocks()
    turned, others = optim.build(fit(optimizer="muon"), {"m": net}).param_groups
    assert [p.data_ptr() for p in turned["params"]] == [net["blocks"][0].weight.data_ptr()]
    assert len(others["params"]) == 3
    assert not others["turned"]


def test_a_muon_step_by_hand():
    net = blocks()
    config = fit(optimizer="muon", weight_decay=0.5, schedule="constant", warmup=0)
    muon = optim.build(config, {"m": net})
    optim.set_lr(muon, config, 0)
    for parameter in net.parameters():
        slope = torch.tensor([3.0, 1.0])
        parameter.grad = slope.diag() if parameter.ndim == 2 else slope
    muon.step()
    # Decay: 1 (1 - 0.1 * 0.5) = 0.95. The gradient over its length is diag(0.949, 0.316); five
    # turns of 3.4445 x - 4.775 x^3 + 2.0315 x^5 make that diag(0.77, 1.14), to bf16's rounding.
    # A step is 0.1 * 0.2 * sqrt(2) of it.
    expected = 0.95 - 0.02 * math.sqrt(2) * torch.diag(torch.tensor([0.77, 1.14]))
    torch.testing.assert_close(net["blocks"][0].weight.data, expected, atol=4e-4, rtol=0)
    # AdamW: 0.95 - 0.1 wherever the gradient is not 0.
    assert net["last"].bias.tolist() == pytest.approx([0.85, 0.85])
    assert net["last"].weight.tolist() == [pytest.approx([0.85, 0.95]), pytest.approx([0.95, 0.85])]


def test_muon_turns_a_convolution_as_the_matrix_of_its_rows():
    flat, folded = nn.Linear(8, 2, bias=False), nn.Conv2d(2, 2, 2, bias=False)
    with torch.no_grad():
        folded.weight.copy_(flat.weight.view(2, 2, 2, 2))
    slope = torch.randn(2, 8, generator=torch.Generator().manual_seed(0))
    for layer in (flat, folded):
        config = fit(optimizer="muon", warmup=0)
        muon = optim.build(config, {"m": nn.ModuleDict({"blocks": nn.ModuleList([layer])})})
        optim.set_lr(muon, config, 0)
        layer.weight.grad = slope.view_as(layer.weight).clone()
        muon.step()
    torch.testing.assert_close(folded.weight.flatten(1), flat.weight, atol=0, rtol=0)


@pytest.mark.parametrize("shape", [(24, 24), (8, 40), (40, 8)])
def test_orthogonal_keeps_directions_and_evens_their_lengths(shape):
    rows, columns = shape
    left, _ = torch.linalg.qr(torch.randn(rows, 8, generator=torch.Generator().manual_seed(0)))
    right, _ = torch.linalg.qr(torch.randn(columns, 8, generator=torch.Generator().manual_seed(1)))
    lengths = torch.logspace(-1.5, 0, 8)
    found = left.T @ orthogonal(left @ torch.diag(lengths) @ right.T).float() @ right
    assert found.diagonal().min() > 0.6
    assert found.diagonal().max() < 1.25
    assert (found - torch.diag(found.diagonal())).abs().max() < 0.03


def test_together_each_is_made_orthogonal_as_alone():
    stream = torch.Generator().manual_seed(0)
    shapes = [(6, 6), (4, 10), (6, 6), (10, 4), (6, 6)]
    mixed = [n * torch.randn(shape, generator=stream) for n, shape in enumerate(shapes, 1)]
    for one, alone in zip(all_orthogonal(mixed), map(orthogonal, mixed), strict=True):
        torch.testing.assert_close(one, alone, atol=0.02, rtol=0)  # bf16's rounding


def test_nothing_to_turn_is_no_step():
    assert all_orthogonal([]) == []
