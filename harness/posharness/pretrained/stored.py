"""Stored models: the masked language models that cells of a store have trained."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from posharness.contracts import Batch, Task
from posharness.contracts.cell import Cell
from posharness.errors import UserError
from posharness.model import Model, build_model
from posharness.model.stack import Stack
from posharness.pretrained.model import Pretrained, best_device, without_training
from posharness.registry.registry import Registry
from posharness.seeds import derive, generator

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["StoredModel", "open_stored", "trained"]

_SPECIAL = {"mask": "[MASK]", "cls": "[CLS]", "sep": "[SEP]", "pad": "[PAD]"}


def open_stored(cell: Cell, weights: Path, registry: Registry, cache: Path) -> StoredModel:
    """Load the model that a cell has trained.

    Args:
        weights: the cell's weights.safetensors.
        cache: the folder of prepared corpora.

    Raises:
        UserError: the cell trains no masked language model, or its corpus has changed.
    """
    model, task = trained(cell, weights, registry, cache)
    masked = _masked_objective(cell, task)
    return StoredModel(cell, registry, task, model, masked)


def trained(cell: Cell, weights: Path, registry: Registry, cache: Path) -> tuple[Model, Task]:
    """A cell's model with its trained weights, and its prepared task.

    Raises:
        UserError: the weights are missing, or the corpus has changed.
    """
    from safetensors.torch import load_model

    if not weights.is_file():
        raise UserError(f"The cell {cell.key[:12]} has no weights at {weights}; train it first.")
    task = registry.task(cell.task, cell.body)
    task.prepare(cache)
    if task.fingerprint() != cell.data:
        raise UserError(
            f"The data of the cell {cell.key[:12]} ({cell.task.label}) have changed since it was trained, so "
            "that its vocabulary is not known; run it again."
        )
    model = build_model(cell, registry, task)
    load_model(model, weights)
    return model, task


def _masked_objective(cell: Cell, task: Task) -> int:
    readouts = [objective.readout for objective in task.objectives]
    if cell.body != "encoder" or "mlm" not in readouts or task.tokenizer is None:
        raise UserError(
            f"The cell {cell.key[:12]} ({cell}) trains no masked language model; choose a cell of a task "
            "like bert, whose encoder predicts masked tokens."
        )
    return readouts.index("mlm")


class StoredModel(Pretrained):
    """The model of a cell. All tokens are in the first segment; every call draws the same position ids.

    Args:
        masked: index of the task's objective of masked language modelling.
    """

    def __init__(self, cell: Cell, registry: Registry, task: Task, model: Model, masked: int) -> None:
        assert task.tokenizer is not None
        self._cell = cell
        self._registry = registry
        self._task = task
        self._device = best_device()
        self._model = model.eval().to(self._device)
        self._masked = masked
        self._tokenizer = _read_tokenizer(task.tokenizer)
        self.label = cell.label
        self.identity = cell.key
        self.width = cell.model.width
        self.vocabulary = task.vocabulary
        self.max_length = model.body.max_length
        self.mask, self.cls, self.sep, self.pad = (
            _special_id(self._tokenizer, token) for token in _SPECIAL.values()
        )

    def pieces(self, sentences: Sequence[Sequence[str]]) -> list[list[list[int]]]:
        encode = self._tokenizer.encode
        return [[encode(word, add_special_tokens=False).ids for word in sentence] for sentence in sentences]

    @torch.inference_mode()
    def states(
        self, tokens: Int[Tensor, "b n"], padding: Bool[Tensor, "b n"] | None = None
    ) -> Float[Tensor, "b n width"]:
        batch = Batch(
            tokens,
            tokens,
            torch.zeros_like(tokens, dtype=torch.bool),
            torch.full_like(tokens, -1),
            padding=padding,
            segments=torch.zeros_like(tokens) if self._task.segments else None,
        ).to(self._device)
        states: Tensor = self._model(batch, generator("positions", "pretrained", self._cell.seed))
        return states.cpu()

    def layers(
        self, tokens: Int[Tensor, "b n"], padding: Bool[Tensor, "b n"] | None = None
    ) -> Float[Tensor, "l b n width"]:
        body = self._model.body
        assert isinstance(body, Stack)  # the body of an encoder
        with _outputs_of([body.embedding, *body.blocks]) as outputs:
            last = self.states(tokens, padding)
        return torch.stack([*(states.cpu() for states in outputs[:-1]), last])

    @torch.inference_mode()
    def logits(self, states: Float[Tensor, "m width"]) -> Float[Tensor, "m vocabulary"]:
        return self._model.logits(states.to(self._device), self._masked).cpu()

    def untrained(self, seed: int) -> StoredModel:
        cell = self._cell.model_copy(update={"seed": derive("untrained", seed)})
        model = build_model(cell, self._registry, self._task)
        control = StoredModel(self._cell, self._registry, self._task, model, self._masked)
        control.label, control.identity = without_training(self, seed)
        return control


@contextmanager
def _outputs_of(modules: Iterable[nn.Module]) -> Iterator[list[Tensor]]:
    """Collect the outputs of modules, in the order in which they are called."""
    outputs: list[Tensor] = []
    handles = [module.register_forward_hook(lambda *call: outputs.append(call[-1])) for module in modules]
    try:
        yield outputs
    finally:
        for handle in handles:
            handle.remove()


def _read_tokenizer(file: Path) -> Tokenizer:
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(file))


def _special_id(tokenizer: Tokenizer, token: str) -> int:
    token_id = tokenizer.token_to_id(token)
    assert token_id is not None, f"the task's tokenizer has no {token}"
    return int(token_id)
