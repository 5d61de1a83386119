"""The modules and their loss as one module, because DDP and FSDP2 act when a module is called."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from palate import seeds
from palate.errors import BadInput
from palate.learn.sampler import draw
from palate.learn.settings import Fit

# A batch, and the generator for whatever the loss draws. A dict holds the number to minimise under
# "loss"; its other entries are only reported.
Loss = Callable[[Any, torch.Generator], "torch.Tensor | Mapping[str, torch.Tensor]"]


class Learner(nn.Module):
    """What is trained. The loss goes on using the modules it knows: they are the same objects."""

    def __init__(
        self, modules: Mapping[str, nn.Module], loss: Loss, config: Fit, device: torch.device
    ) -> None:
        super().__init__()
        for name, module in modules.items():
            _make_ready(name, module, config)
        self.trained = nn.ModuleDict(dict(modules))
        self._loss = (loss,)  # in a tuple, lest a loss that is a module become a part of this one
        self._config, self._device = config, device
        self.to(device).train()

    def forward(self, batch: Any, start: int) -> dict[str, torch.Tensor]:
        """The losses of the part of the stream that begins at `start`."""
        key = draw(self._config.seed, start)
        self._reseed(key)
        precision = torch.autocast(self._device.type, torch.bfloat16, enabled=self._config.bf16)
        with precision, _attention(self._device):
            losses = self._loss[0](batch, seeds.generator(key))
        if isinstance(losses, torch.Tensor):
            return {"loss": losses.float()}
        if "loss" not in losses:
            raise BadInput(f'The loss gives {", ".join(losses)}, and no "loss" to minimise.')
        return {name: value.float() for name, value in losses.items()}

    def _reseed(self, key: int) -> None:
        """Dropout draws from the global generator: make that a function of the step, too."""
        torch.default_generator.manual_seed(key)
        if self._device.type != "cpu":
            torch.get_device_module(self._device).manual_seed(key)

    def each(self) -> dict[str, nn.Module]:
        """The modules by name."""
        return dict(self.trained.items())

    def named_trained(self) -> dict[str, nn.Parameter]:
        """Every parameter as "module.its.name"."""
        return dict(self.trained.named_parameters())

    def weights(self) -> dict[str, torch.Tensor]:
        """Every parameter and buffer as "module.its.name"; they share memory with the modules."""
        state = self.state_dict()
        return {name.removeprefix("trained."): tensor for name, tensor in state.items()}

    def shapes(self) -> dict[str, str]:
        """Of each module, how many numbers it holds and a mark of their names and shapes."""
        return {name: _shape(module) for name, module in self.trained.items()}


@contextmanager
def _attention(device: torch.device) -> Iterator[None]:
    """On a CPU, attention as plain products: the way back through torch's fused kernel takes 40 %
    of a step at 64 to 256 tokens. Without it steps are 1.3 (U-Net) to 1.9 (CLIP) times as fast.
    """
    if device.type != "cpu":
        yield
        return
    kept = torch.backends.cuda.fp16_bf16_reduction_math_sdp_allowed()  # a CPU minds it, too
    torch.backends.cuda.allow_fp16_bf16_reduction_math_sdp(True)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.cuda.allow_fp16_bf16_reduction_math_sdp(kept)


def _shape(module: nn.Module) -> str:
    table = [(name, tuple(tensor.shape)) for name, tensor in module.state_dict().items()]
    numbers = sum(tensor.numel() for tensor in module.state_dict().values())
    return f"{numbers:,} numbers ({sha256(repr(table).encode()).hexdigest()[:8]})"


def _make_ready(name: str, module: nn.Module, config: Fit) -> None:
    if config.channels_last:
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if config.gradient_checkpointing:
        _spare_memory(name, module)
    if config.compile:
        module.compile()  # in place: names and identity stay


def _spare_memory(name: str, module: nn.Module) -> None:
    # diffusers' name, then transformers'
    for switch in ("enable_gradient_checkpointing", "gradient_checkpointing_enable"):
        if callable(turn_on := getattr(module, switch, None)):
            turn_on()
            return
    raise BadInput(
        f"{name} ({type(module).__name__}) cannot recompute its activations: it has no "
        "enable_gradient_checkpointing(). Train with gradient_checkpointing=False."
    )
