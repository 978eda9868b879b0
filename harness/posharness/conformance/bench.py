"""The bench on which encodings and attentions are checked: small, of prime sizes, in one direction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeVar, cast

import torch
from jaxtyping import Shaped
from torch import Tensor, nn

from posharness.contracts import (
    Attention,
    Batch,
    Body,
    Direction,
    Geometry,
    Incompatible,
    Objective,
    PositionalEncoding,
    Split,
    Task,
    UserError,
)
from posharness.contracts.cell import Cell, Choice, ModelSettings
from posharness.contracts.geometry import geometry
from posharness.model import Model, build_model
from posharness.model.block import Block
from posharness.model.stack import Stack
from posharness.registry.registry import Registry
from posharness.seeds import generator, seeded

__all__ = [
    "BATCH",
    "CLOSE",
    "LENGTH",
    "QUERIES",
    "VOCABULARY",
    "Bench",
    "Sizes",
    "at_positions",
    "benches",
    "difference",
    "draw",
    "stack",
]

BATCH, LENGTH, QUERIES, LAYERS, VOCABULARY = 2, 13, 5, 2, 17
"""Sequences, tokens of a training sequence, queries where they are fewer than keys, layers, token ids."""

CLOSE = 1e-4
"""Numbers of order one that differ by less are equal: float32 with some room."""

M = TypeVar("M", bound=nn.Module)

_STIR = 0.3
"""How far parameters are moved from their initial values, so that one that starts at 0 shows."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """The heads of a bench."""

    heads: int
    head_width: int

    @property
    def width(self) -> int:
        """Model width."""
        return self.heads * self.head_width


SIZES = (Sizes(3, 7), Sizes(3, 8), Sizes(4, 8))
"""Tried in this order: the first that the plugin does not refuse is used."""


class Echo(Task):
    """Emit the token itself; here for its sizes."""

    name = "conformance"
    bodies = ("encoder", "decoder")

    def __init__(self, body: Body, *, length: int = LENGTH) -> None:
        super().__init__(body)
        self.length = length
        self.evaluation_lengths = (length,)
        self.vocabulary = VOCABULARY
        self.objectives = (Objective("echo", VOCABULARY, 1 / VOCABULARY),)

    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        tokens = torch.randint(VOCABULARY, (n, length), generator=generator)
        return Batch(tokens, tokens, torch.ones_like(tokens, dtype=torch.bool), torch.zeros_like(tokens))


@dataclass(frozen=True)
class Bench:
    """A plugin in one direction of attention: what it is built for, and the model around it.

    Attributes:
        checked: which of the two is checked; the other one is the default.
    """

    registry: Registry
    checked: Literal["encoding", "attention"]
    encoding: Choice
    attention: Choice
    direction: Direction
    sizes: Sizes

    def place(self, *, layer: int = 0, length: int = LENGTH) -> Geometry:
        """The geometry of a layer of the model."""
        return geometry(self._settings(self.sizes), self._body, length, layer)

    def build_encoding(self, *, length: int = LENGTH) -> PositionalEncoding:
        """The encoding, its parameters moved from their initial values."""
        with seeded("conformance", "encoding"):
            built = self.registry.encoding(self.encoding, self.place(length=length))
        return _stirred(built)

    def build_attention(self) -> Attention:
        """The attention, its parameters moved from their initial values."""
        with seeded("conformance", "attention"):
            built = self.registry.attention(self.attention, self.place())
        return _stirred(built)

    def build_model(
        self, *, seed: int = 0, length: int = LENGTH, layers: int = LAYERS, sizes: Sizes | None = None
    ) -> Model:
        """A model with both; the parameters of the checked one are moved from their initial values."""
        cell = Cell(
            encoding=self.encoding,
            attention=self.attention,
            body=self._body,
            task=Choice(name=Echo.name),
            model=self._settings(sizes or self.sizes, layers),
            seed=seed,
        )
        model = build_model(cell, self.registry, Echo(self._body, length=length))
        _stirred(self.parts(model), seed)
        return model.eval()

    @cached_property
    def model(self) -> Model:
        """The model that most checks share; none of them changes it."""
        return self.build_model()

    def parts(self, model: Model) -> nn.ModuleList:
        """What is checked, layer by layer."""
        if self.checked == "encoding":
            return stack(model).encodings
        return nn.ModuleList(
            block.attention.attention for block in cast("Sequence[Block]", stack(model).blocks)
        )

    def batch(self, length: int = LENGTH) -> Batch:
        """Random tokens, the same each time."""
        return Echo(self._body).sample(generator("conformance", "tokens"), BATCH, length, "test")

    def hidden(self, batch: Batch | None = None, model: Model | None = None) -> Tensor:
        """Hidden states (b, n, width); position ids are drawn from the same generator each time."""
        found: Tensor = (model or self.model)(batch or self.batch(), generator("conformance", "positions"))
        return found

    @property
    def _body(self) -> Body:
        return "decoder" if self.direction == "causal" else "encoder"

    @staticmethod
    def _settings(sizes: Sizes, layers: int = LAYERS) -> ModelSettings:
        return ModelSettings(width=sizes.width, heads=sizes.heads, layers=layers, feedforward=1)


def benches(
    registry: Registry, checked: Literal["encoding", "attention"], *, encoding: Choice, attention: Choice
) -> dict[str, Bench] | str:
    """A bench for each direction in which the plugin can be built; if there is none, why.

    Where it raises anything else there is a bench too: it is then a check that fails.

    Raises:
        UserError: its parameters do not fit.
    """
    found: dict[str, Bench] = {}
    reason = "it declares no direction"
    for direction in ("bidirectional", "causal"):
        for sizes in SIZES:
            bench = Bench(registry, checked, encoding, attention, direction, sizes)
            try:
                part = bench.build_encoding() if checked == "encoding" else bench.build_attention()
            except Incompatible as refusal:
                reason = str(refusal)
                continue
            except UserError:
                raise
            except Exception:  # noqa: BLE001
                found[direction] = bench
                break
            if direction in part.directions:
                found[direction] = bench
            break
    return found or reason


def stack(model: Model) -> Stack:
    """The one stack of a bench's model."""
    assert isinstance(model.body, Stack)
    return model.body


@contextmanager
def at_positions(model: Model, pos: Shaped[Tensor, " n"]) -> Iterator[None]:
    """Tokens claim these positions, whatever the encoding would choose."""
    # An attribute of the instance hides the method, and says nothing of which slots are overridden.
    own = vars(stack(model).encodings[0])
    own["positions"] = lambda length, generator: pos
    try:
        yield
    finally:
        del own["positions"]


def draw(*shape: int, purpose: str = "") -> Tensor:
    """Numbers from the standard normal distribution, the same for the same purpose."""
    return torch.randn(shape, generator=generator("conformance", "numbers", purpose))


def difference(one: Tensor, other: Tensor) -> float:
    """The largest difference between two tensors; infinite where either is NaN, 0 where both are −∞."""
    one, other = one.float(), other.float()
    apart = (one - other).abs().masked_fill(one == other, 0)
    return float(apart.nan_to_num(nan=torch.inf).max()) if apart.numel() else 0.0


def _stirred(module: M, seed: int = 0) -> M:
    draws = generator("conformance", "stir", seed)
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.requires_grad:
                parameter.add_(_STIR * torch.randn(parameter.shape, generator=draws))
    return module.eval()
