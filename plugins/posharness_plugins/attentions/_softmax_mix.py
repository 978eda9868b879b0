"""Softmax of written-out scores and the mix of values, in one step whose parts stay in a core's cache."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from posharness_plugins.attentions._blocks import block_sizes, hiding, of_sequences, parts


def softmax_mix(
    s: Float[Tensor, "b h q k"],
    v: Float[Tensor, "b h k d"],
    mask: Bool[Tensor, "#b 1 q k"] | None,
    *,
    temperature: float = 1.0,
) -> tuple[Float[Tensor, "b h q d"], Float[Tensor, "b h q k"]]:
    """The mix Σ_j w_ij·v_j and the weights w_ij = softmax_j(s_ij/temperature) over the keys that are seen.

    Autograd alone would make, for each step, a tensor of the scores' size in the forward and in the backward
    pass.
    """
    out, weights = _SoftmaxMix.apply(s, v, mask, temperature)  # type: ignore[no-untyped-call]
    return out, weights


class _SoftmaxMix(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, s: Tensor, v: Tensor, mask: Tensor | None, temperature: float
    ) -> tuple[Tensor, Tensor]:
        b, h, queries, _ = s.shape
        weights = s.new_empty(s.shape, dtype=v.dtype)
        out = v.new_empty(b, queries, h, v.shape[-1]).transpose(1, 2)
        for few in parts(len(s), block_sizes(s.shape)[1]):
            part = s[few] if temperature == 1 else s[few] / temperature
            part = part if mask is None else part + hiding(of_sequences(mask, few), s.dtype)
            if s.dtype == v.dtype:
                torch.softmax(part, -1, out=weights[few])
            else:
                weights[few] = torch.softmax(part, -1)
            out[few] = weights[few] @ v[few]
        ctx.save_for_backward(weights, v)
        ctx.temperature, ctx.dtype = temperature, s.dtype
        ctx.set_materialize_grads(False)
        return out, weights

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_out: Tensor | None, d_weights: Tensor | None) -> tuple[Tensor | None, ...]:
        weights, v = ctx.saved_tensors
        d_s, d_v = weights.new_empty(weights.shape, dtype=ctx.dtype), torch.zeros_like(v)
        for few in parts(len(weights), block_sizes(weights.shape)[1]):
            passed = d_weights[few] if d_weights is not None else weights.new_zeros(weights[few].shape)
            if d_out is not None:
                mixed = d_out[few] @ v[few].mT
                passed = mixed if d_weights is None else mixed.add_(d_weights[few])
                d_v[few] = weights[few].mT @ d_out[few]
            torch.ops.aten._softmax_backward_data.out(
                passed, weights[few], -1, weights.dtype, grad_input=d_s[few]
            )
            if ctx.temperature != 1:
                d_s[few] /= ctx.temperature
        return d_s, d_v, None, None
