"""Fused attention with a bias that learns: its gradient is summed over the batch block by block."""

from __future__ import annotations

import math
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from posharness_plugins.attentions._blocks import block_sizes, hiding, of_sequences, parts


def fused_with_bias(
    q: Float[Tensor, "b h q d"],
    k: Float[Tensor, "b h k d"],
    v: Float[Tensor, "b h k d"],
    bias: Float[Tensor, "#b h q k"],
    mask: Bool[Tensor, "#b 1 q k"] | None,
    *,
    scale: float,
) -> Float[Tensor, "b h q d"]:
    """Σ_j softmax_j(scale·q_i·k_j + bias_ij)·v_j on a CPU.

    The fused kernel has no gradient of the bias, and the formula written out keeps weights of size b·h·q·k
    for it. Here the weights are computed again, a block of queries and sequences at a time, and the gradient
    of a bias that the sequences share never has more than the bias's own size.
    """
    out: Tensor = _FusedWithBias.apply(q, k, v, bias, mask, scale)  # type: ignore[no-untyped-call]
    return out


class _FusedWithBias(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, q: Tensor, k: Tensor, v: Tensor, bias: Tensor, mask: Tensor | None, scale: float
    ) -> Tensor:
        ctx.save_for_backward(q, k, v, bias, mask)
        ctx.scale = scale
        b, h, queries, d = q.shape
        out = q.new_empty(b, queries, h, d).transpose(1, 2)
        rows, sequences = block_sizes(torch.Size((*q.shape[:3], k.shape[2])))
        if len(bias) == 1 and (mask is None or len(mask) == 1):
            sequences = b
        for some in parts(queries, rows):
            for few in parts(b, sequences):
                out[few, :, some], _ = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
                    q[few, :, some], k[few], v[few], attn_mask=_added(bias, mask, few, some), scale=scale
                )
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, bias, mask = ctx.saved_tensors
        b, h, queries, d = q.shape
        keys = k.shape[2]
        rows, sequences = block_sizes(torch.Size((*q.shape[:3], k.shape[2])))
        d_q = q.new_empty(b, h, queries, d)
        d_k, d_v = k.new_zeros(b * h, keys, d), v.new_zeros(b * h, keys, d)
        # Sums over many sequences are not made in a short type.
        d_bias = bias.new_empty(bias.shape, dtype=torch.promote_types(bias.dtype, torch.float32))
        first, second = q.new_empty(2, sequences * h * rows * keys)  # made once: new memory is slow
        for some in parts(queries, rows):
            added = _added(bias, mask, slice(0, 1), some)
            for few in parts(b, sequences):
                if max(len(bias), 0 if mask is None else len(mask)) > 1:
                    added = _added(bias, mask, few, some)
                heads = slice(few.start * h, few.stop * h)
                asked, offered, values, passed = (
                    x.flatten(0, 1)
                    for x in (q[few, :, some] * ctx.scale, k[few], v[few], gradient[few, :, some])
                )
                shape = *asked.shape[:2], keys  # c·h r k
                s, weights = (memory[: math.prod(shape)].view(shape) for memory in (first, second))
                torch.bmm(asked, offered.mT, out=s).view(-1, h, *shape[1:]).add_(added)
                torch.softmax(s, -1, out=weights)
                d_v[heads].baddbmm_(weights.mT, passed)
                torch.bmm(passed, values.mT, out=s)
                torch.ops.aten._softmax_backward_data.out(s, weights, -1, s.dtype, grad_input=s)
                d_q[few, :, some] = (s @ offered).view(-1, h, *asked.shape[1:])
                d_k[heads].baddbmm_(s.mT, asked)
                by_sequence = s.view(-1, h, *shape[1:])
                if len(bias) > 1:
                    d_bias[few, :, some] = by_sequence
                elif few.start == 0:
                    torch.sum(by_sequence, 0, keepdim=True, dtype=d_bias.dtype, out=d_bias[:, :, some])
                else:
                    for one in by_sequence:
                        d_bias[0, :, some] += one
        return d_q.mul_(ctx.scale), d_k.view(k.shape), d_v.view(v.shape), d_bias.to(bias.dtype), None, None


def _added(
    bias: Float[Tensor, "#b h q k"], mask: Bool[Tensor, "#b 1 q k"] | None, few: slice, some: slice
) -> Float[Tensor, "#c h r k"]:
    """The bias of a block, −∞ where the mask hides a key."""
    part = of_sequences(bias, few)[:, :, some]
    return part if mask is None else part + hiding(of_sequences(mask, few)[:, :, some], bias.dtype)
