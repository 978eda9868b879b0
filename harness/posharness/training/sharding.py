"""Dividing a model among devices (FSDP), and putting its tensors together again."""

from __future__ import annotations

from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method
from torch.distributed.tensor import DTensor

from posharness.model import Model
from posharness.model.block import Block

__all__ = ["shard", "state_of", "whole"]


def shard(model: Model, mesh: DeviceMesh) -> None:
    """Divide the weights of a model among the devices: each block by itself, then the rest.

    Source: arXiv 2304.11277 (PyTorch FSDP), as `torch.distributed.fsdp.fully_shard`.

    Args:
        mesh: of all devices; its first dimension is that of data.
    """
    for block in model.modules():
        if isinstance(block, Block):
            fully_shard(block, mesh=mesh["data_parallel"])
    fully_shard(model, mesh=mesh["data_parallel"])
    for method in ("scored", "logits"):
        register_fsdp_forward_method(model, method)


def whole(tensor: Tensor) -> Tensor:
    """A tensor that may be divided, put together; every process must ask for it."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def state_of(model: nn.Module) -> dict[str, Tensor]:
    """The weights of a model that may be divided, by name; every process must ask for them."""
    return {name: whole(weight) for name, weight in model.state_dict().items()}
