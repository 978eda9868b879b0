"""One training step of a small model, to be measured: forward, loss at every position, backward, AdamW."""

from __future__ import annotations

from collections.abc import Callable

from torch.nn.functional import cross_entropy

from posharness.conformance.bench import Echo
from posharness.contracts import Body, Direction, Incompatible, UserError
from posharness.contracts.cell import Cell, Choice, ModelSettings, OptimiserSettings
from posharness.model import build_model
from posharness.planning.plan import unknown
from posharness.registry.registry import Registry
from posharness.registry.selection import parse
from posharness.seeds import generator
from posharness.training.optimiser import adamw

__all__ = ["choices", "training_step"]

_PLAIN = parse("none")[0], parse("softmax")[0]


def choices(registry: Registry, plugin: str) -> tuple[Choice, Choice]:
    """The encoding and the attention of a selection; the one that it does not name is the plain one.

    Raises:
        UserError: there is no such plugin, its parameters do not fit, or it is a grid.
    """
    selection, *others = parse(plugin)
    if others:
        raise UserError(f"{plugin} is a grid: give each of its plugins by itself.")
    if not registry.encodings.has(selection.name):
        if not registry.attentions.has(selection.name):
            raise unknown(registry, selection.name)
        return registry.select(registry.encodings, _PLAIN[0]), registry.select(registry.attentions, selection)
    return registry.select(registry.encodings, selection), registry.select(registry.attentions, _PLAIN[1])


def training_step(
    registry: Registry, encoding: Choice, attention: Choice, *, length: int, batch: int, direction: Direction
) -> Callable[[], None]:
    """A step on random tokens; each call trains once more.

    Raises:
        Incompatible: the parts cannot work together in this direction, or at this length.
    """
    body: Body = "decoder" if direction == "causal" else "encoder"
    task = Echo(body, length=length)
    cell = Cell(
        encoding=encoding,
        attention=attention,
        body=body,
        task=Choice(name=task.name),
        model=ModelSettings(),
        seed=0,
    )
    model = build_model(cell, registry, task)
    if not model.body.defined(task, length):
        raise Incompatible(f"it is defined for up to {model.body.max_length} tokens")
    optimiser = adamw(model, OptimiserSettings())
    tokens = task.sample(generator("cost", "tokens"), batch, length, "train")

    def step() -> None:
        hidden = model(tokens, generator("cost", "positions"))
        loss = cross_entropy(model.logits(hidden.flatten(0, 1), 0), tokens.targets.flatten())
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    return step
