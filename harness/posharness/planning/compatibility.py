"""Which parts of a cell can work together: each pair of encoding and attention is built once and tried."""

from __future__ import annotations

from collections.abc import Callable

from posharness.contracts import Geometry, Incompatible, Task
from posharness.contracts.cell import Cell, Choice
from posharness.contracts.geometry import geometry
from posharness.contracts.incompatibilities import (
    indivisible_width,
    unsupported_cross_attention,
    unsupported_direction,
    unsupported_slots,
)
from posharness.errors import UserError
from posharness.registry.registry import Registry

__all__ = ["Compatibility"]


class Compatibility:
    """Whether an encoding and an attention can work in a place; each pair is tried once."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._reasons: dict[str, str] = {}

    def reason(self, cell: Cell, task: Task) -> str:
        """Why the parts of a cell cannot work together; "" when they can."""
        model = cell.model
        if reason := indivisible_width(model):
            return reason
        if cell.body != "encoder-decoder":
            return self._self_attention(
                cell.encoding, cell.attention, geometry(model, cell.body, task.length)
            )
        inner = cell.self_attention or cell.attention
        encoder = geometry(model, "encoder", task.length)
        decoder = geometry(model, "decoder", task.decoder_length(task.length))
        return (
            self._self_attention(cell.encoding, inner, encoder)
            or self._self_attention(cell.encoding, inner, decoder)
            or self._cross_attention(cell.attention, encoder)
        )

    def _self_attention(self, encoding: Choice, attention: Choice, place: Geometry) -> str:
        return self._once(
            f"{encoding.identity()}{attention.identity()}{place}",
            lambda: self._try_self_attention(encoding, attention, place),
        )

    def _cross_attention(self, attention: Choice, place: Geometry) -> str:
        return self._once(
            f"across {attention.identity()}{place}", lambda: self._try_cross_attention(attention, place)
        )

    def _once(self, pair: str, attempt: Callable[[], str]) -> str:
        if pair not in self._reasons:
            try:
                self._reasons[pair] = attempt()
            except Incompatible as reason:
                self._reasons[pair] = str(reason)
            except UserError:
                raise
            except Exception:  # noqa: BLE001
                # A constructor that breaks is a failed cell with its traceback, not an incompatible pair.
                self._reasons[pair] = ""
        return self._reasons[pair]

    def _try_self_attention(self, encoding: Choice, attention: Choice, place: Geometry) -> str:
        built = self._registry.encoding(encoding, place)
        kernel = self._registry.attention(attention, place)
        return (
            unsupported_direction(built, encoding.label or encoding.name, place.direction)
            or unsupported_direction(kernel, attention.label or attention.name, place.direction)
            or unsupported_slots(built, kernel)
        )

    def _try_cross_attention(self, attention: Choice, place: Geometry) -> str:
        kernel = self._registry.attention(attention, place)
        return unsupported_cross_attention(kernel) or unsupported_direction(
            kernel, attention.label or attention.name, place.direction
        )
