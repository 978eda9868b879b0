"""AdamW, and which weights of a model decay."""

from __future__ import annotations

from torch import nn
from torch.optim import AdamW

from posharness.contracts.cell import OptimiserSettings

__all__ = ["adamw"]


def adamw(model: nn.Module, settings: OptimiserSettings) -> AdamW:
    """AdamW that decays the matrices of linear maps, and no bias, norm, embedding or table of an encoding."""
    tables = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    matrices = {id(m.weight) for m in model.modules() if isinstance(m, nn.Linear)} - tables
    decayed = [p for p in model.parameters() if id(p) in matrices]
    others = [p for p in model.parameters() if id(p) not in matrices]
    return AdamW(
        [
            {"params": decayed, "weight_decay": settings.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ],
        lr=settings.lr,
        betas=(settings.beta1, settings.beta2),
        fused=True,
    )
