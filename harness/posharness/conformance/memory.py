"""How the memory of a forward and a backward pass grows with the size of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from posharness.conformance.bench import BATCH, Bench, Sizes
from posharness.conformance.finding import Check
from posharness.conformance.model_checks import weighed

__all__ = ["MEMORY"]

_LENGTH, _HEAD_WIDTH = 128, 8
_ROOM = 1.15
"""Growth above the allowed one that terms of a lower order explain."""
_BESIDE = 48
"""Sets of hidden states that a layer keeps for its gradients, whatever its attention does."""


class Largest(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Watches every tensor that torch makes.

    Attributes:
        bytes: memory of the largest one.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.bytes = 0

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(made):
            if isinstance(leaf, Tensor):
                self.bytes = max(self.bytes, leaf.untyped_storage().nbytes())
        return made


def memory(bench: Bench) -> str:
    """No tensor grows faster than the scores, nor does all that is kept for the gradients."""
    heads = bench.sizes.heads
    small = Sizes(heads, _HEAD_WIDTH)
    usual = footprint(bench, small, _LENGTH)
    for what, sizes, length, growth in (
        ("twice the head width", Sizes(heads, 2 * _HEAD_WIDTH), _LENGTH, 1),
        ("twice the heads", Sizes(2 * heads, _HEAD_WIDTH), _LENGTH, 2),
        ("twice the length", small, 2 * _LENGTH, 4),
    ):
        scores, hidden = 4 * BATCH * sizes.heads * length**2, 4 * BATCH * length * sizes.width
        # What is smaller than this is not what a model's memory is spent on.
        least = (2 * scores, 2 * scores + _BESIDE * hidden)
        found = footprint(bench, sizes, length)
        for part, was, now, floor in zip(
            ("its largest tensor", "what it keeps for gradients"), usual, found, least, strict=True
        ):
            if now > max(_ROOM * growth * was, floor):
                return (
                    f"{what} makes {part} {now / was:.2g} times as large, the scores {growth} times; "
                    "declare quadratic_memory = False if that is the method"
                )
    return ""


def footprint(bench: Bench, sizes: Sizes, length: int) -> tuple[int, int]:
    """Bytes of the largest tensor of a pass through one layer, and of all that is kept for its gradients."""
    model = bench.build_model(length=length, layers=1, sizes=sizes)
    batch = bench.batch(length)
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with Largest() as watch:
        with saved_tensors_hooks(keep, lambda tensor: tensor):
            total = weighed(bench.hidden(batch, model)).sum()
        torch.autograd.backward(total)
    return watch.bytes, sum(kept.values())


def _declared(bench: Bench) -> str:
    part = bench.parts(bench.model)[0]
    return "" if part.quadratic_memory else "it declares that it needs more"


MEMORY: Check[Bench] = Check("memory", memory, _declared)
