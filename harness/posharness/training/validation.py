"""Validation between two steps: the score, early stopping, the learning curve and the progress report."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

import pytorch_lightning as pl
from torch import Tensor

from posharness.contracts import Task
from posharness.contracts.cell import Cell
from posharness.training.batches import validation_batch
from posharness.training.curve import Curve
from posharness.training.loggers import log_rows
from posharness.training.progress_reporter import ProgressReporter
from posharness.training.scoring import Scored, score
from posharness.training.sharding import state_of
from posharness.training.training_step import Diverged, TrainingModule

__all__ = ["ValidationCallback"]

_TWICE = 2
"""Validations in a row that a task must be solved in: one may be luck."""


class ValidationCallback(pl.Callback):
    """Validates every `validate_every` steps and after the last one. A checkpoint holds its whole state.

    The score is the accuracy of the first objective on the validation sequences. With a patience p > 0,
    training stops after p validations in a row without a new best score, and the weights of the best
    validation are tested; with 0, the weights of the last step are tested. With a threshold `solved`,
    training stops once every objective has reached it in two validations in a row.

    Attributes:
        curve: the learning curve so far.
        seconds: time spent in training steps, with data and without validation.
        step_times: wall and processor time of each step in seconds; a list of each.
        best: the best score so far; NaN before the first validation.
        best_weights: the weights with the best score; None without patience.
    """

    def __init__(self, cell: Cell, task: Task, reporter: ProgressReporter) -> None:
        self.curve = Curve([objective.name for objective in task.objectives], cell.budget.steps)
        self.seconds = 0.0
        self.step_times: tuple[list[float], list[float]] = ([], [])
        self.best = math.nan
        self.best_weights: dict[str, Tensor] | None = None
        self._cell = cell
        self._reporter = reporter
        self._validation = validation_batch(cell, task)
        self._waited = 0
        self._solved = 0
        self._since = (0.0, 0.0)

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        # Not when training starts: where no step is left, it does not.
        self._reporter.resumed = checkpoint["global_step"]

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        # The cell may have been interrupted after the decision to stop.
        trainer.should_stop = self._ended
        if trainer.logger and self.curve.rows:
            log_rows(trainer.logger, self.curve.rows)  # a logger may begin anew
        self._since = _now()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        assert isinstance(pl_module, TrainingModule)
        if (batch_idx + 1) % self._cell.trainer.accumulate:
            return
        for times, now, since in zip(self.step_times, _now(), self._since, strict=True):
            times.append(now - since)
        self.seconds += self.step_times[0][-1]
        step, budget = trainer.global_step, self._cell.budget
        self.curve.add(pl_module.losses)
        due = step % budget.validate_every == 0 or step == budget.steps
        validation = self._validate(pl_module, step) if due else None
        rows = self.curve.log(
            step,
            seconds=self.seconds,
            gradient_norm=pl_module.gradient_norm,
            learning_rate=pl_module.learning_rate,
            validation=validation,
        )
        if trainer.logger and rows:
            log_rows(trainer.logger, rows)
        if validation is not None:
            self._judge(pl_module, validation)
            trainer.should_stop = trainer.strategy.broadcast(self._ended)
        self._reporter.training(step, sum(x for x in pl_module.losses if not math.isnan(x)))
        self._since = _now()

    def state_dict(self) -> dict[str, Any]:
        return {
            "curve": self.curve.state(),
            "seconds": self.seconds,
            "step_times": self.step_times,
            "best": self.best,
            "best_weights": self.best_weights,
            "waited": self._waited,
            "solved": self._solved,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.curve.restore(state_dict["curve"])
        self.seconds = state_dict["seconds"]
        self.step_times = state_dict["step_times"]
        self.best = state_dict["best"]
        self.best_weights = state_dict["best_weights"]
        self._waited = state_dict["waited"]
        self._solved = state_dict["solved"]

    @property
    def _ended(self) -> bool:
        """Whether patience has run out, or the task is solved."""
        patience = self._cell.budget.patience
        return 0 < patience <= self._waited or self._solved >= _TWICE

    def _validate(self, module: TrainingModule, step: int) -> list[Scored]:
        purpose = ("validation", self._cell.seed)
        scored = score(module.model, self._validation, len(module.objectives), purpose)
        for objective, part in zip(module.objectives, scored, strict=True):
            if len(part.log_prob) and not math.isfinite(part.loss):
                raise Diverged(f"the {objective.name} loss on validation was {part.loss} at step {step}")
        self._reporter.score = scored[0].accuracy
        return scored

    def _judge(self, module: TrainingModule, scored: Sequence[Scored]) -> None:
        threshold = self._cell.budget.solved
        reached = all(part.accuracy >= threshold for part in scored if len(part.log_prob))
        self._solved = self._solved + 1 if threshold and reached else 0
        score = scored[0].accuracy
        if math.isnan(self.best) or score > self.best:
            self.best, self._waited = score, 0
            if self._cell.budget.patience:
                self.best_weights = {
                    name: weight.detach().cpu().clone() for name, weight in state_of(module.model).items()
                }
        else:
            self._waited += 1


def _now() -> tuple[float, float]:
    """Wall time, and the processor time of this process, in seconds."""
    return time.perf_counter(), time.process_time()
