"""One process or many: started by accelerate, and the same loop on all of them.

python train.py                                   one process
accelerate launch train.py · torchrun train.py    DDP, or FSDP2 with Fit(shard=True)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import nn

from palate.errors import BadInput
from palate.learn.extras import extra
from palate.learn.settings import Fit

_WORTH_A_SHARD = 1_000_000  # numbers; gathering smaller blocks one by one costs more than it saves


class Machines:
    """This process among those that train together."""

    def __init__(self) -> None:
        # Precision is ours (see Learner): accelerate's is a global that cannot change in a process.
        self._accelerator = extra("accelerate").Accelerator(
            cpu=not torch.accelerator.is_available(), mixed_precision="no"
        )
        self.device: torch.device = self._accelerator.device
        self.processes: int = self._accelerator.num_processes
        self.rank: int = self._accelerator.process_index
        self.first = self.rank == 0  # the one that writes and shows

    def spread(self, learner: nn.Module, config: Fit) -> nn.Module:
        """What to call in place of the learner, so that gradients are shared."""
        if self.processes == 1:
            return learner
        if not (config.shard or str(self._accelerator.distributed_type).endswith("FSDP")):
            return self._accelerator.prepare(learner)
        if config.optimizer == "prodigy":
            raise BadInput("Prodigy measures whole gradients and cannot be sharded: shard=False.")
        self._share_weights(learner)
        _shard(learner, self.device, self.processes)
        return learner

    def _share_weights(self, learner: nn.Module) -> None:
        """Begin from rank 0's weights, as DDP does by itself."""
        with torch.no_grad():
            for tensor in learner.state_dict().values():
                torch.distributed.broadcast(tensor, src=0)

    def holding(self, model: nn.Module, hold: bool) -> AbstractContextManager[Any]:
        """With DDP, gradients are shared once a step and not once a part."""
        return self._accelerator.no_sync(model) if hold else nullcontext()

    def take(self, batch: Any) -> Any:
        """A batch on this process's device."""
        return extra("accelerate.utils").send_to_device(batch, self.device, non_blocking=True)

    def mean(self, tensor: torch.Tensor) -> torch.Tensor:
        """The mean over all processes."""
        return self._accelerator.reduce(tensor, reduction="mean")

    def agree(self, *flags: bool) -> tuple[bool, ...]:
        """What any process wants, all do: clocks differ, and ctrl-C may reach only some."""
        if self.processes == 1:
            return flags
        wanted = torch.tensor(flags, dtype=torch.float32, device=self.device)
        return tuple(share > 0 for share in self.mean(wanted).tolist())

    def wait(self) -> None:
        """Until all processes are here."""
        self._accelerator.wait_for_everyone()


def _shard(learner: nn.Module, device: torch.device, processes: int) -> None:
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh(device.type, (processes,))
    for block in _blocks(learner):
        fully_shard(block, mesh=mesh)
    fully_shard(learner, mesh=mesh)


def _blocks(learner: nn.Module) -> Iterator[nn.Module]:
    """Blocks worth a shard of their own: large members of lists, which models call one by one."""
    for module in reversed(list(learner.modules())):  # inner ones first, as fully_shard wants
        if isinstance(module, nn.ModuleList):
            yield from (
                b for b in module if sum(p.numel() for p in b.parameters()) > _WORTH_A_SHARD
            )
