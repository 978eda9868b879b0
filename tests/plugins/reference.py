"""What it takes to have another library's attention read a test's queries, keys, values and weights."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def joined(heads: Tensor) -> Tensor:
    """b h n d to b n h·d, as other libraries' projections have it."""
    return heads.transpose(1, 2).flatten(2)


def parted(out: Tensor, place: Any) -> Tensor:
    """The way back from `joined`."""
    heads: Tensor = out.view(len(out), -1, *place.q.shape[1::2]).transpose(1, 2)
    return heads


def project_to(projection: nn.Module, heads: Tensor) -> None:
    """Have a projection give these, whatever it is given."""
    projection.register_forward_hook(lambda *_: joined(heads))


def with_weights(encoding: Any, **weights: Tensor) -> Any:
    """The encoding with a reference's weights in the place of its own, so that both have one gradient."""
    for name, weight in weights.items():
        assert getattr(encoding, name).shape == weight.shape
        delattr(encoding, name)
        setattr(encoding, name, weight)
    return encoding


@torch.no_grad()
def as_projections(*weights: Tensor, width: int) -> None:
    """Bring weights to the scale of maps from that width, so that scores of order one come out."""
    for weight in weights:
        weight.mul_(width**-0.5)


def added_mask(place: Any) -> Tensor:
    """What other libraries add to the scores: −∞ where a query may not see a key, else 0."""
    n = place.k.shape[2]
    mask = torch.zeros(1, 1, n, n)
    return mask if place.mask is None else mask.masked_fill(~place.mask, -torch.inf)
