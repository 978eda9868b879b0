"""The training of a model as Lightning sees it: one step's loss, its optimiser and its schedule."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.nn.utils import clip_grad_norm_
from torch.optim.lr_scheduler import LambdaLR

from posharness.contracts import Batch, Objective
from posharness.contracts.cell import Cell
from posharness.model import Model
from posharness.seeds import derive, generator
from posharness.training.batches import predicted
from posharness.training.optimiser import adamw
from posharness.training.schedule import factor

__all__ = ["Diverged", "TrainingModule"]


class Diverged(Exception):
    """The loss or the gradient is not finite; the message says which, and at which step."""


class TrainingModule(pl.LightningModule):
    """Trains on the sum over objectives of the mean cross-entropy of each objective's predictions.

    Attributes:
        losses: of the last step, one for each objective; NaN where the batch has no prediction of it.
        gradient_norm: of the last step, before clipping.
        learning_rate: of the last step.
    """

    def __init__(self, cell: Cell, model: Model, objectives: Sequence[Objective]) -> None:
        super().__init__()
        self.cell = cell
        self.model = model
        self.objectives = objectives
        self._weights = list(model.parameters())
        self.losses: list[float] = []
        self.gradient_norm = math.nan
        self.learning_rate = math.nan

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        step = self.global_step
        self._seed_dropout(derive("dropout", self.cell.seed, step))
        hidden = self.model.scored(batch, generator("positions", "train", self.cell.seed, step))  # m width
        losses = [self._loss(hidden, batch, index) for index in range(len(self.objectives))]
        self.losses = [loss.item() for loss in losses]
        for objective, loss, value in zip(self.objectives, losses, self.losses, strict=True):
            if loss.requires_grad and not math.isfinite(value):
                raise Diverged(f"the {objective.name} loss was {value} at step {step + 1}")
        # An objective without a scored position in the batch is left out of the sum; the curve shows NaN.
        return torch.stack([loss for loss in losses if loss.requires_grad] or [0 * hidden.sum()]).sum()

    def _seed_dropout(self, seed: int) -> None:
        # Dropout reads the global generator; seeded by the step, it does not know of interruptions.
        # `torch.manual_seed` would remember a stack trace for each absent kind of device, at each call.
        torch.default_generator.manual_seed(seed)
        if self.device.type != "cpu":
            torch.get_device_module(self.device).manual_seed(seed)

    def _loss(self, hidden: Float[Tensor, "m width"], batch: Batch, index: int) -> Float[Tensor, ""]:
        own = predicted(batch, index)[batch.scored].nonzero().squeeze(1)
        if not len(own):
            return hidden.new_tensor(math.nan)
        logits = self.model.logits(hidden.index_select(0, own), index)  # own classes
        return cross_entropy(logits, batch.targets[batch.scored][own])

    def configure_gradient_clipping(self, optimizer: Any, *_: Any, **__: Any) -> None:
        largest = self.cell.optimiser.clip or math.inf
        self.learning_rate = optimizer.param_groups[0]["lr"]
        self.gradient_norm = clip_grad_norm_(self._weights, largest).item()
        if not math.isfinite(self.gradient_norm):
            raise Diverged(f"the gradient's norm was {self.gradient_norm} at step {self.global_step + 1}")

    def configure_optimizers(self) -> Any:
        optimiser = adamw(self.model, self.cell.optimiser)
        steps = self.cell.budget.steps
        schedule = LambdaLR(optimiser, lambda step: factor(step, steps, self.cell.optimiser))
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        return batch.to(device)
