"""Softmax of scaled dot products, fused wherever the encoding lets it."""

from __future__ import annotations

from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from posharness.contracts import BoundSlots
from posharness_plugins.attentions._explicit import apply_mask, with_encoding
from posharness_plugins.attentions._learned_bias import fused_with_bias
from posharness_plugins.attentions._softmax_mix import softmax_mix


def dot_product(
    q: Float[Tensor, "b h q d"],
    k: Float[Tensor, "b h k d"],
    v: Float[Tensor, "b h k d"],
    mask: Bool[Tensor, "#b 1 q k"] | None,
    slots: BoundSlots,
    *,
    scale: float,
    temperature: float = 1.0,
) -> Float[Tensor, "b h q d"]:
    """out_i = Σ_j softmax_j(s_ij/temperature)·v_j, where s_ij = scale·q_i·k_j, changed by the encoding.

    Without `scores` and `values` the fused kernel is used, also where the bias learns; with them, the same
    formula is written out.
    """
    if slots.scores is None and slots.values is None:
        if slots.bias is None:
            return scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=scale / temperature)
        bias = _divided(slots.bias, temperature).to(q.dtype)
        if q.device.type == "cpu" and bias.requires_grad and q.shape[-1] == v.shape[-1]:
            return fused_with_bias(q, k, v, bias, mask, scale=scale / temperature)
        return scaled_dot_product_attention(
            q, k, v, attn_mask=apply_mask(bias, mask), scale=scale / temperature
        )
    s = with_encoding((q * scale) @ k.mT, slots)
    out, weights = softmax_mix(s, v, mask, temperature=temperature)
    return out if slots.values is None else slots.values(out, weights)


def _divided(s: Float[Tensor, "#b h q k"], by: float) -> Float[Tensor, "#b h q k"]:
    # A pass over all scores that changes none is worth sparing.
    return s if by == 1 else s / by
