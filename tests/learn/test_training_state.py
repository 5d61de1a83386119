import json

import pytest
import torch
from torch import nn

from palate.learn.optim import build
from palate.learn.settings import Fit
from palate.learn.state import flatten, put, restore_optimizer, unflatten


def test_anything_an_optimizer_keeps_survives_json():
    kept = {
        "state": {0: {"step": torch.tensor(3.0), "k": 7}, 1: {}},
        "param_groups": [
            {"betas": (0.9, 0.999), "growth": float("inf"), "beta3": None, "on": True}
        ],
    }
    structure, tensors = flatten(kept, "optimizer")
    assert list(tensors) == ["optimizer.state.0.step"]
    assert unflatten(json.loads(json.dumps(structure)), tensors) == kept


def test_what_only_pickle_could_hold_is_refused_by_name():
    with pytest.raises(TypeError, match=r"optimizer\.hook is a function"):
        flatten({"hook": flatten}, "optimizer")


def test_put_keeps_strides():
    target = torch.empty(2, 3, 4, 5).to(memory_format=torch.channels_last)
    value = torch.arange(120.0).reshape(2, 3, 4, 5)
    put(target, value)
    assert torch.equal(target, value)
    assert target.is_contiguous(memory_format=torch.channels_last)


def strides(optimizer: torch.optim.Optimizer, parameter: nn.Parameter) -> dict[str, tuple]:
    kept = optimizer.state[parameter].items()
    return {name: value.stride() for name, value in kept if isinstance(value, torch.Tensor)}


@pytest.mark.parametrize("name", ["adamw", "prodigy", "sgd"])
def test_an_optimizer_goes_on_as_if_never_stopped(name):
    def make() -> tuple[nn.Module, torch.optim.Optimizer]:
        module = nn.Conv2d(2, 3, 3).to(memory_format=torch.channels_last)
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.fill_(0.5)
        options = {"sgd": {"momentum": 0.9}, "prodigy": {"slice_p": 2}}.get(name, {})
        config = Fit(steps=9, batch=1, lr=1.0, optimizer=name, options=options)
        return module, build(config, {"m": module})

    def step(module: nn.Module, optimizer: torch.optim.Optimizer, count: int) -> None:
        for number, parameter in enumerate(module.parameters()):
            wave = torch.sin(torch.arange(parameter.numel()) + number + count)
            parameter.grad = torch.empty_like(parameter).copy_(wave.reshape(parameter.shape))
        optimizer.step()

    module, optimizer = make()
    for count in range(3):
        step(module, optimizer, count)
    structure, tensors = flatten(optimizer.state_dict())
    again, other = make()
    again.load_state_dict(module.state_dict())
    restore_optimizer(other, unflatten(structure, {n: t.clone() for n, t in tensors.items()}))
    for count in range(3, 6):
        step(module, optimizer, count)
        step(again, other, count)
    for one, two in zip(module.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, two)
        assert strides(optimizer, one) == strides(other, two)
