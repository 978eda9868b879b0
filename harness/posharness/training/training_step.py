"""The training of a model as Lightning sees it: one step's loss, its optimiser and its schedule."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from jaxtyping import Float
from pytorch_lightning.strategies import ModelParallelStrategy
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils import clip_grad_norm_
from torch.optim.lr_scheduler import LambdaLR

from posharness.contracts import Batch, Objective
from posharness.contracts.cell import Cell
from posharness.model import Model
from posharness.seeds import derive, generator
from posharness.training.batches import predicted, share
from posharness.training.optimiser import adamw
from posharness.training.place import ALONE, Place
from posharness.training.schedule import factor
from posharness.training.sharding import shard, whole

__all__ = ["Diverged", "TrainingModule"]


class Diverged(Exception):
    """The loss or the gradient is not finite; the message says which, and at which step."""


class TrainingModule(pl.LightningModule):
    """Trains on the sum over objectives of the mean cross-entropy of each objective's predictions.

    Attributes:
        place: of this process among those that train the cell.
        losses: of the last step, one for each objective; NaN where the batch has no prediction of it.
        gradient_norm: of the last step, before clipping.
        learning_rate: of the last step.
    """

    def __init__(
        self, cell: Cell, model: Model, objectives: Sequence[Objective], place: Place = ALONE
    ) -> None:
        super().__init__()
        self.cell = cell
        self.model = model
        self.objectives = objectives
        self.place = place
        self.losses: list[float] = []
        self.gradient_norm = math.nan
        self.learning_rate = math.nan
        self._parts = place.processes * cell.trainer.accumulate
        self._weights: list[nn.Parameter] = []

    def configure_model(self) -> None:
        if isinstance(self.trainer.strategy, ModelParallelStrategy):
            assert self.device_mesh is not None
            shard(self.model, self.device_mesh)
        if self.cell.trainer.compile:
            self.model.body.compile()
        self._weights = list(self.model.parameters())

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        try:
            return self._step(batch, batch_idx)
        except StopIteration as error:  # which Lightning would take for the end of the data, and begin again
            raise RuntimeError("StopIteration was raised in a training step") from error

    def _step(self, batch: Batch, batch_idx: int) -> Tensor:
        step, turn = self.global_step, batch_idx % self.cell.trainer.accumulate
        part = self.place.processes * turn + self.place.rank
        self._seed_dropout(derive("dropout", self.cell.seed, step, *([part] if part else [])))
        own = batch if self._parts == 1 else share(batch, part, self._parts)
        hidden = self.model.scored(own, generator("positions", "train", self.cell.seed, step))  # m width
        losses = [self._loss(hidden, own, batch, index) for index in range(len(self.objectives))]
        self._add([loss.item() for loss in losses], first=turn == 0)
        if turn == self.cell.trainer.accumulate - 1:
            self._sum_up([loss.requires_grad for loss in losses], step)
        # An objective without a scored position in the batch is left out of the sum; the curve shows NaN.
        return torch.stack([loss for loss in losses if loss.requires_grad] or [0 * hidden.sum()]).sum()

    def _seed_dropout(self, seed: int) -> None:
        # Dropout reads the global generator; seeded by the step, it does not know of interruptions.
        # `torch.manual_seed` would remember a stack trace for each absent kind of device, at each call.
        torch.default_generator.manual_seed(seed)
        if self.device.type != "cpu":
            torch.get_device_module(self.device).manual_seed(seed)

    def _loss(
        self, hidden: Float[Tensor, "m width"], own: Batch, whole: Batch, index: int
    ) -> Float[Tensor, ""]:
        """The loss of an objective on a part of a batch.

        The mean of all parts, which the devices and Lightning take, is the loss of the whole batch.
        """
        mine = predicted(own, index)[own.scored].nonzero().squeeze(1)
        every = len(mine) if self._parts == 1 else int(predicted(whole, index).sum())
        if not every:
            return hidden.new_tensor(math.nan)
        logits = self.model.logits(hidden.index_select(0, mine), index)  # mine classes
        targets = own.targets[own.scored][mine]
        if self._parts == 1:
            return cross_entropy(logits, targets)
        # A part without a prediction still takes part, with gradients of 0: devices wait for each other.
        return cross_entropy(logits, targets, reduction="sum") * (self._parts / every)

    def _add(self, losses: list[float], *, first: bool) -> None:
        before = [0.0] * len(losses) if first else self.losses
        self.losses = [sum_ + loss / self._parts for sum_, loss in zip(before, losses, strict=True)]

    def _sum_up(self, counted: list[bool], step: int) -> None:
        """Add the losses of all processes, and check them."""
        if self.place.processes > 1:
            sums = torch.tensor(self.losses, device=self.device, dtype=torch.float64)
            self.losses = self.trainer.strategy.reduce(sums, reduce_op="sum").tolist()
        for objective, value, counts in zip(self.objectives, self.losses, counted, strict=True):
            if counts and not math.isfinite(value):
                raise Diverged(f"the {objective.name} loss was {value} at step {step + 1}")

    def configure_gradient_clipping(self, optimizer: Any, *_: Any, **__: Any) -> None:
        largest = self.cell.optimiser.clip or math.inf
        self.learning_rate = optimizer.param_groups[0]["lr"]
        self.gradient_norm = whole(clip_grad_norm_(self._weights, largest)).item()
        if not math.isfinite(self.gradient_norm):
            raise Diverged(f"the gradient's norm was {self.gradient_norm} at step {self.global_step + 1}")

    def configure_optimizers(self) -> Any:
        optimiser = adamw(self.model, self.cell.optimiser)
        steps = self.cell.budget.steps
        schedule = LambdaLR(optimiser, lambda step: factor(step, steps, self.cell.optimiser))
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        return batch.to(device)
