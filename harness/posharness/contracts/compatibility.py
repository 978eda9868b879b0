"""Why parts of a model do not go together, in one sentence for the plan and for the model that is built."""

from __future__ import annotations

from posharness.contracts import Attention, PositionalEncoding
from posharness.contracts.cell import ModelSettings

__all__ = ["no_crossing", "uneven_heads", "unheard_slots"]


def uneven_heads(model: ModelSettings) -> str:
    """Why the heads cannot share the width; "" when they can."""
    if model.width % model.heads:
        return f"width {model.width} cannot be shared by {model.heads} heads"
    return ""


def unheard_slots(encoding: PositionalEncoding, attention: Attention) -> str:
    """Which slots of the encoding the attention would ignore; "" for none.

    An attention that ignored a slot in silence would measure another encoding than the one named.
    """
    if lacking := sorted(encoding.slots - attention.slots):
        return f"{attention.name} attention does not honour {encoding.name}'s {' and '.join(lacking)}"
    return ""


def no_crossing(attention: Attention) -> str:
    """Why an attention cannot stand between a decoder and its encoder; "" when it can."""
    return "" if attention.crosses else f"{attention.name} attention cannot read one sequence from another"
