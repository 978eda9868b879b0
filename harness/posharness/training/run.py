"""Train and test one cell, and write its files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from statistics import median

import torch
from pytorch_lightning.strategies import ModelParallelStrategy
from pytorch_lightning.utilities.exceptions import SIGTERMException
from safetensors.torch import save_model

from posharness.contracts import CellOutcome, Progress
from posharness.contracts.atomic_files import new_file, write_json
from posharness.contracts.cell import Cell
from posharness.errors import CellStopped
from posharness.model import build_model
from posharness.registry.registry import Registry
from posharness.training.batches import TrainingBatches
from posharness.training.checkpoint import Checkpoints, Interrupted, StopSignal, resumable
from posharness.training.environment import environment
from posharness.training.loggers import close, make_logger
from posharness.training.mechanism import mechanism
from posharness.training.place import Place
from posharness.training.processes import placed
from posharness.training.progress_reporter import ProgressReporter
from posharness.training.sharding import state_of
from posharness.training.testing import run_test, split_lengths, tested_sequences
from posharness.training.trainer import quiet, trainer
from posharness.training.training_step import Diverged, TrainingModule
from posharness.training.validation import ValidationCallback

__all__ = ["train_cell"]


def train_cell(
    cell: Cell,
    registry: Registry,
    folder: Path,
    *,
    cache: Path,
    observe: Callable[[Progress], None],
    logs: Path | None = None,
) -> CellOutcome:
    """Train and test a cell; resume from `folder`/checkpoint.ckpt if there is one of this cell.

    The checkpoint stays: whoever puts the files in their place removes it.

    The same cell gives the same predictions bit for bit on the same machine and number of threads,
    whether it was interrupted or not.

    Files, all in `folder`:
        curve.parquet: see `Curve`.
        predictions.parquet: see `CellTest`; only of a cell that is done.
        examples.parquet: see `CellTest`; only of a cell that is done.
        interventions.parquet: see `CellTest`; only of a cell that is done, for a task with interventions.
        mechanism.parquet: see `mechanism`; only of a cell that is done.
        weights.safetensors: the tested weights; only of a cell that is done.
        environment.json: versions, machine, threads, date and device.
        result.json: parameters, encoding_parameters, family, steps (made), seconds (of training steps, over
            all attempts), step_ms, step_wall_ms, train_length, max_length, distance, undefined_lengths,
            objectives, strata, score (the best on validation).

    Args:
        folder: an existing folder of this cell alone.
        cache: the folder of prepared corpora.
        observe: called with the progress, at most four times a second.
        logs: the folder of the logger that the cell's trainer names; None for no logger.

    Returns:
        "done", or "diverged" with the reason.

    Raises:
        CellStopped: on SIGINT or SIGTERM; a checkpoint is in `folder`.
        Incompatible, UserError: the cell's parts cannot work together, or its data are missing.
    """
    folders = (folder.absolute(), cache.absolute())
    others = placed(cell.trainer, _train_along, cell, registry.plugin_paths, *folders)
    with quiet(), torch.random.fork_rng(devices=[]), others as place:
        return _Attempt(cell, registry, folder, cache, observe, place, logs).run()


def _train_along(place: Place, cell: Cell, plugin_paths: Sequence[Path], folder: Path, cache: Path) -> None:
    """The work of the other processes of a cell: its training, and no file."""
    registry = Registry.load(plugin_paths)
    with quiet(), suppress(Diverged, Interrupted):
        _Attempt(cell, registry, folder, cache, lambda _: None, place).train()


class _Attempt:
    """One attempt at a cell, from the start or from a checkpoint."""

    def __init__(
        self,
        cell: Cell,
        registry: Registry,
        folder: Path,
        cache: Path,
        observe: Callable[[Progress], None],
        place: Place,
        logs: Path | None = None,
    ) -> None:
        self.cell = cell
        self.registry = registry
        self.task = registry.task(cell.task, cell.body)
        self.task.prepare(cache)
        self.model = build_model(cell, registry, self.task)
        self.folder = folder
        self.place = place
        self.checkpoint = folder / "checkpoint.ckpt"
        self.reporter = ProgressReporter(cell.key, cell.budget.steps, observe)
        self.validation = ValidationCallback(cell, self.task, self.reporter)
        self.stop = StopSignal()
        self.checkpoints = Checkpoints(self.checkpoint, self.stop, cell)
        logger = make_logger(cell, logs) if logs else False
        self.trainer = trainer(cell, folder, [self.validation, self.checkpoints], place, logger)

    def run(self) -> CellOutcome:
        try:
            with self.stop:
                self.train()
                self._test()
            outcome = CellOutcome("done")
        except Diverged as error:
            outcome = CellOutcome("diverged", str(error))
        except Interrupted:
            raise CellStopped from None
        self._record()
        return outcome

    def train(self) -> None:
        """Train the model, with the other processes of the cell; the tested weights are in it then."""
        module = TrainingModule(self.cell, self.model, self.task.objectives, self.place)
        batches = TrainingBatches(self.cell, self.task)
        try:
            self.trainer.fit(module, batches, ckpt_path=resumable(self.checkpoint, self.cell.key))
        except SIGTERMException:  # the signal came before the first step, while Lightning listened
            raise Interrupted from None
        if self.trainer.logger:
            close(self.trainer.logger)
        weights = self.validation.best_weights
        if isinstance(self.trainer.strategy, ModelParallelStrategy):
            weights = weights or state_of(self.model)
            self.model = build_model(self.cell, self.registry, self.task)
        if weights is not None:
            self.model.load_state_dict(weights)

    def _test(self) -> None:
        lengths, _ = split_lengths(self.model, self.task)
        total, scored = len(lengths) * tested_sequences(self.cell.budget, self.task), 0

        def tick(sequences: int) -> None:
            nonlocal scored
            scored += sequences
            self.reporter.evaluating(scored, total)
            if self.stop.requested:
                self.checkpoints.keep_in_test(self.trainer)
                raise Interrupted

        # Lightning leaves the model on the CPU.
        self.model.to(self.trainer.strategy.root_device)
        found = run_test(self.cell, self.model, self.task, tick=tick)
        found.predictions.to_parquet(self.folder / "predictions.parquet", index=False)
        found.examples.to_parquet(self.folder / "examples.parquet", index=False)
        if found.interventions is not None:
            found.interventions.to_parquet(self.folder / "interventions.parquet", index=False)
        looked = mechanism(self.cell, self.model, self.task)
        looked.to_parquet(self.folder / "mechanism.parquet", index=False)
        with new_file(self.folder / "weights.safetensors") as aside:
            save_model(self.model, str(aside))

    def _record(self) -> None:
        steps = self.trainer.global_step
        self.validation.curve.frame().to_parquet(self.folder / "curve.parquet", index=False)
        write_json(self.folder / "environment.json", environment(self.trainer.strategy.root_device))
        write_json(
            self.folder / "result.json",
            {
                "parameters": self.model.parameter_count,
                "encoding_parameters": self.model.encoding_parameter_count,
                "family": self.model.family,
                "steps": steps,
                "seconds": self.validation.seconds,
                **self._step_times(),
                "train_length": self.task.length,
                "max_length": self.model.body.max_length,
                "distance": self.task.distance,
                "undefined_lengths": split_lengths(self.model, self.task)[1],
                "objectives": [objective.name for objective in self.task.objectives],
                "strata": list(self.task.strata),
                "score": self.validation.best,
            },
        )

    def _step_times(self) -> dict[str, float | None]:
        """The median times of a step in milliseconds: of its own, whatever else runs, and by the clock."""
        wall, own = self.validation.step_times
        # Threads add up in processor time, and it does not count what others and accelerators do.
        settings = self.cell.trainer
        single = settings.threads == settings.processes == 1 and not settings.data_workers
        alone = single and self.trainer.strategy.root_device.type == "cpu"
        return {
            "step_ms": 1000 * median(own if alone else wall) if wall else None,
            "step_wall_ms": 1000 * median(wall) if wall else None,
        }
