"""Why parts of a model cannot work together: the plan skips such cells, and the model refuses to be built."""

from __future__ import annotations

from posharness.contracts.attention import Attention
from posharness.contracts.cell import ModelSettings
from posharness.contracts.encoding import PositionalEncoding
from posharness.contracts.plugin import Direction

__all__ = ["indivisible_width", "unsupported_cross_attention", "unsupported_direction", "unsupported_slots"]


def indivisible_width(model: ModelSettings) -> str:
    """Why the heads cannot share the model's width; "" when they can."""
    if model.width % model.heads:
        return f"width {model.width} is not divisible by {model.heads} heads"
    return ""


def unsupported_slots(encoding: PositionalEncoding, attention: Attention) -> str:
    """Why the attention cannot honour the slots of the encoding; "" when it can.

    If an attention ignored a slot silently, the result would be that of another encoding.
    """
    if ignored := sorted(encoding.slots - attention.slots):
        return f"{attention.name} attention does not honour {encoding.name}'s {' and '.join(ignored)}"
    return ""


def unsupported_direction(part: PositionalEncoding | Attention, label: str, direction: Direction) -> str:
    """Why an encoding or an attention cannot work in a direction; "" when it can.

    Args:
        label: the part's label, for the reason.
    """
    return "" if direction in part.directions else f"{label} is not defined for {direction} attention"


def unsupported_cross_attention(attention: Attention) -> str:
    """Why an attention cannot be the cross-attention of a decoder; "" when it can."""
    if attention.supports_cross_attention:
        return ""
    return f"{attention.name} attention cannot read one sequence from another"
