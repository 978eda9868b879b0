"""Encodings that are right, and ones that are wrong in one way each, to show the conformance kit."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from posharness.contracts import Geometry, Incompatible, PositionalEncoding, Slot, UserError


class Decay(PositionalEncoding):
    """A score bias that falls with distance at a learned rate; right in every way."""

    name = "decay-of-the-tests"
    shift_invariant = True

    def __init__(self, geometry: Geometry, *, rate: float = 0.1) -> None:
        super().__init__(geometry)
        if rate < 0:
            raise UserError("give a rate of 0 or more")
        self.rate = torch.nn.Parameter(torch.full((geometry.heads, 1, 1), rate))

    def bias(self, pos_q: Tensor, pos_k: Tensor, x: Tensor | None) -> Tensor:
        return -(self.rate * self.distance(pos_q, pos_k))[None]

    def distance(self, pos_q: Tensor, pos_k: Tensor) -> Tensor:
        return (pos_q[:, None] - pos_k).abs()


def waves(pos: Tensor, x: Tensor) -> Tensor:
    """Something different at each position, for each component of x."""
    return (pos[:, None] * torch.linspace(0.1, 1, x.shape[-1])).sin().to(x.dtype)


class Near(Decay):
    """Hides what is more than three tokens away; right in every way."""

    name = "near"

    def bias(self, pos_q: Tensor, pos_k: Tensor, x: Tensor | None) -> Tensor:
        return super().bias(pos_q, pos_k, x).masked_fill(self.distance(pos_q, pos_k) > 3, -torch.inf)


class Spoken(Decay):
    name = "Spoken Name"


class Raising(Decay):
    name = "raising"

    def __init__(self, geometry: Geometry) -> None:
        raise ValueError("no luck\ntoday")


class Short(Decay):
    name = "short"
    max_length = 5


class Nowhere(Decay):
    name = "nowhere"
    directions = frozenset()


class Refusing(Decay):
    name = "refusing"

    def __init__(self, geometry: Geometry, *, easy: bool = False) -> None:
        raise Incompatible("heads of this width are not served")


class Misshapen(Decay):
    name = "misshapen"

    def bias(self, pos_q: Tensor, pos_k: Tensor, x: Tensor | None) -> Tensor:
        return super().bias(pos_q, pos_k, x)[0]


class Square(Decay):
    name = "square"

    def bias(self, pos_q: Tensor, pos_k: Tensor, x: Tensor | None) -> Tensor:
        return super().bias(pos_k, pos_k, x)


class Lonely(Decay):
    name = "lonely"

    def rotate(self, q: Tensor, k: Tensor, pos_q: Tensor, pos_k: Tensor) -> Any:
        return q


class Descending(PositionalEncoding):
    name = "descending"

    def positions(self, length: int, generator: torch.Generator) -> Tensor:
        return torch.arange(length).flip(0)


class NotANumber(Decay):
    name = "nan"

    def distance(self, pos_q: Tensor, pos_k: Tensor) -> Tensor:
        return super().distance(pos_q, pos_k) / super().distance(pos_q, pos_k)


class Failing(Decay):
    name = "failing"

    def bias(self, pos_q: Tensor, pos_k: Tensor, x: Tensor | None) -> Tensor:
        raise RuntimeError("out of luck")


class Boasting(Decay):
    name = "boasting"

    @property
    def slots(self) -> frozenset[Slot]:
        return frozenset({"bias", "embed"})


class Idle(Decay):
    name = "idle"

    def rotate(self, q: Tensor, k: Tensor, pos_q: Tensor, pos_k: Tensor) -> tuple[Tensor, Tensor]:
        return q * 1, k * 1


class Peeking(Decay):
    name = "peeking"

    def bias(self, pos_q: Tensor, pos_k: Tensor, x: Tensor | None) -> Tensor:
        assert x is not None
        return super().bias(pos_q, pos_k, x) + x.mean((0, 1, 2))


class Blind(Decay):
    name = "blind"
    bias_reads_input = True

    def bias(self, pos_q: Tensor, pos_k: Tensor, x: Tensor | None) -> Tensor:
        assert x is not None
        return super().bias(pos_q, pos_k, x).expand(len(x), -1, -1, -1)


class Widening(PositionalEncoding):
    name = "widening"

    def embed(self, x: Tensor, pos: Tensor) -> Tensor:
        return x + waves(pos, x).float()


class Orderless(PositionalEncoding):
    name = "orderless"

    def embed(self, x: Tensor, pos: Tensor) -> Tensor:
        return 2 * x


class Modest(Decay):
    name = "modest"
    order_aware = False


class Counting(Decay):
    """Takes positions to be 0..n−1."""

    name = "counting"

    def distance(self, pos_q: Tensor, pos_k: Tensor) -> Tensor:
        keys = torch.arange(len(pos_k))
        return super().distance(keys[-len(pos_q) :], keys)


class Embedding(PositionalEncoding):
    """Sinusoids of where a token stands, instead of the position that it claims."""

    name = "embedding"

    def embed(self, x: Tensor, pos: Tensor) -> Tensor:
        return x + waves(torch.arange(x.shape[1]), x)


class Mixing(PositionalEncoding):
    """Adds values by where a key stands, instead of the position that it claims."""

    name = "mixing"

    def values(self, out: Tensor, weights: Tensor, v: Tensor, pos_q: Tensor, pos_k: Tensor) -> Tensor:
        return out + (weights * torch.arange(len(pos_k))).sum(-1, keepdim=True)


class Typed(Decay):
    name = "typed"

    def distance(self, pos_q: Tensor, pos_k: Tensor) -> Tensor:
        return super().distance(pos_q, pos_k) * (2 if pos_k.is_floating_point() else 1)


class Centred(Decay):
    """What a query gets depends on which others are asked."""

    name = "centred"

    def distance(self, pos_q: Tensor, pos_k: Tensor) -> Tensor:
        reach = pos_q.max() - pos_q.min() + 1
        return super().distance(pos_q, pos_k) / reach


class Anchored(Decay):
    """Claims that only differences count, and takes the absolute position too."""

    name = "anchored"

    def distance(self, pos_q: Tensor, pos_k: Tensor) -> Tensor:
        return super().distance(pos_q, pos_k) * (1 + 0.1 * pos_k)


class Brittle(Decay):
    """Does not hold out as long as it says."""

    name = "brittle"
    max_length = 20
    shift_invariant = False

    def distance(self, pos_q: Tensor, pos_k: Tensor) -> Tensor:
        if pos_k.max() > 16:
            raise IndexError("too far")
        return super().distance(pos_q, pos_k)


class Silent(Decay):
    """Garbage beyond its length, instead of an error."""

    name = "silent"
    max_length = 20

    def distance(self, pos_q: Tensor, pos_k: Tensor) -> Tensor:
        distance = super().distance(pos_q, pos_k).float()
        return distance.masked_fill(distance > 19, float("nan"))


class Foreseeing(Decay):
    name = "foreseeing"
    directions = frozenset({"causal"})

    def scores(self, s: Tensor, q: Tensor, k: Tensor, x: Tensor, *rest: Any) -> Tensor:
        return s * k.mean()


class Guessing(Foreseeing):
    """Reads the future where no gradient flows."""

    name = "guessing"

    def scores(self, s: Tensor, q: Tensor, k: Tensor, x: Tensor, *rest: Any) -> Tensor:
        return s * (1 + 9 * k.detach().mean())


class Stretching(Decay):
    """Scales distances by the whole sequence, later tokens and padding included, where it is long."""

    name = "stretching"
    directions = frozenset({"causal"})

    def distance(self, pos_q: Tensor, pos_k: Tensor) -> Tensor:
        span = pos_k.max() - pos_k.min() + 1
        return super().distance(pos_q, pos_k) / (span / self.geometry.length).clamp(min=1)


class StretchingPadding(Stretching):
    name = "stretching-padding"
    directions = frozenset({"bidirectional"})


class Careless(Decay):
    """Leaves out a slot that acts."""

    name = "careless"

    def slots_at(self, pos_q: Tensor, pos_k: Tensor) -> frozenset[Slot]:
        return frozenset()


class Averaging(PositionalEncoding):
    """Reads padding like any token."""

    name = "averaging"
    directions = frozenset({"bidirectional"})

    def embed(self, x: Tensor, pos: Tensor) -> Tensor:
        return x - x.mean(1, keepdim=True) + waves(pos, x)


class Long(PositionalEncoding):
    """Goes by the length of the sequence, padding included."""

    name = "long"

    def embed(self, x: Tensor, pos: Tensor) -> Tensor:
        return x.cumsum(1) / len(pos) + waves(pos, x)


class Sharing(PositionalEncoding):
    """Mixes the sequences of a batch."""

    name = "sharing"
    directions = frozenset({"bidirectional"})

    def embed(self, x: Tensor, pos: Tensor) -> Tensor:
        return x - 0.5 * x[:1] + waves(pos, x)


class Dividing(Decay):
    name = "dividing"

    def distance(self, pos_q: Tensor, pos_k: Tensor) -> Tensor:
        return super().distance(pos_q, pos_k) / pos_k.diff().clamp(1, 1).float().mean()


class Unlimited(PositionalEncoding):
    """A table for four training lengths, without a max_length."""

    name = "unlimited"
    per = "model"

    def __init__(self, geometry: Geometry) -> None:
        super().__init__(geometry)
        self.table = torch.nn.Parameter(torch.randn(4 * geometry.length, geometry.width))

    def embed(self, x: Tensor, pos: Tensor) -> Tensor:
        return x + self.table[pos]


class Exploding(Decay):
    name = "exploding"

    def distance(self, pos_q: Tensor, pos_k: Tensor) -> Tensor:
        return -super().distance(pos_q, pos_k).float().exp()


class Forgetful(Decay):
    """Random constants that are not among the weights."""

    name = "forgetful"

    def __init__(self, geometry: Geometry) -> None:
        super().__init__(geometry)
        self.register_buffer("constants", torch.rand(geometry.heads, 1, 1), persistent=False)

    def bias(self, pos_q: Tensor, pos_k: Tensor, x: Tensor | None) -> Tensor:
        return super().bias(pos_q, pos_k, x) * self.constants


class Precise(PositionalEncoding):
    """Leaves torch for a library that knows no bfloat16."""

    name = "precise"
    bias_reads_input = True

    def bias(self, pos_q: Tensor, pos_k: Tensor, x: Tensor | None) -> Tensor:
        assert x is not None
        norms = torch.from_numpy(x.detach().numpy()).norm(dim=-1)  # b k
        return -(pos_q[:, None] - pos_k).abs() * norms[:, None, None].expand(-1, self.geometry.heads, 1, -1)


class Unused(Decay):
    name = "unused"

    def __init__(self, geometry: Geometry) -> None:
        super().__init__(geometry)
        self.other = torch.nn.Parameter(torch.zeros(3))


class Rounding(Decay):
    name = "rounding"

    def bias(self, pos_q: Tensor, pos_k: Tensor, x: Tensor | None) -> Tensor:
        return -(self.rate * 9).round()[None] * self.distance(pos_q, pos_k)


class Tiring(Decay):
    name = "tiring"
    calls = 0

    def distance(self, pos_q: Tensor, pos_k: Tensor) -> Tensor:
        type(self).calls += 1
        return super().distance(pos_q, pos_k) / self.calls


class Rolling(Decay):
    """Draws from the global generator, in training only."""

    name = "rolling"

    def distance(self, pos_q: Tensor, pos_k: Tensor) -> Tensor:
        distance = super().distance(pos_q, pos_k)
        return distance + torch.rand(len(pos_k)) if self.training else distance


class Lavish(PositionalEncoding):
    """A vector for each pair of tokens."""

    name = "lavish"

    def __init__(self, geometry: Geometry) -> None:
        super().__init__(geometry)
        self.table = torch.nn.Parameter(torch.randn(33, geometry.head_width))

    def scores(
        self, s: Tensor, q: Tensor, k: Tensor, x: Tensor, pos_q: Tensor, pos_k: Tensor, mask: Tensor | None
    ) -> Tensor:
        between = (pos_k - pos_q[:, None]).round().long().clamp(-16, 16) + 16  # q k
        return s + torch.einsum("bhqd,qkd->bhqk", q, self.table[between])


class Candid(Lavish):
    name = "candid"
    quadratic_memory = False


class Cubic(Decay):
    """The shortest way over any third token."""

    name = "cubic"

    def distance(self, pos_q: Tensor, pos_k: Tensor) -> Tensor:
        there = (pos_q[:, None] - pos_k).abs()
        back = (pos_k[:, None] - pos_k).abs()
        return (there[:, None] + back).amin(-1)


class Keeping(Decay):
    """No large tensor, and a great many small ones."""

    name = "keeping"

    def scores(
        self, s: Tensor, q: Tensor, k: Tensor, x: Tensor, pos_q: Tensor, pos_k: Tensor, mask: Tensor | None
    ) -> Tensor:
        for one, other in zip(q.unbind(-1), k.unbind(-1), strict=True):
            s = s + 0.1 * (one[..., :, None] + other[..., None, :]).tanh()
        return s
