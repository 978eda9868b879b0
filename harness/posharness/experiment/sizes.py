"""The sizes of BERT by name, expanded to numbers before an experiment is validated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from posharness.errors import UserError, did_you_mean

__all__ = ["SIZE", "SIZES", "drop_overridden_sizes", "expand_sizes"]

SIZE = "size"
"""The key under `[model]`."""

SIZES: Mapping[str, Mapping[str, int]] = {
    name: {"layers": layers, "width": width, "heads": heads, "feedforward": 4}
    for name, layers, width, heads in (
        ("tiny", 2, 128, 2),
        ("mini", 4, 256, 4),
        ("small", 4, 512, 8),
        ("medium", 8, 512, 8),
        ("base", 12, 768, 12),
    )
}
"""Layers, width and heads by name (1908.08962, table 1); the feed-forward network is four times as wide."""


def expand_sizes(layer: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Settings in which each named size is replaced by its numbers; explicit numbers override it.

    Args:
        layer: the settings of a file or of options.
        source: the name of the layer in errors.

    Raises:
        UserError: there is no such size.
    """
    spelt = dict(layer)
    if isinstance(model := layer.get("model"), Mapping) and SIZE in model:
        rest = {name: value for name, value in model.items() if name != SIZE}
        spelt["model"] = {**_numbers(model[SIZE], source), **rest}
    if isinstance(tasks := layer.get("task"), Mapping):
        spelt["task"] = {
            name: expand_sizes(own, f"{source}: task.{name}") if isinstance(own, Mapping) else own
            for name, own in tasks.items()
        }
    return spelt


def drop_overridden_sizes(base: Mapping[str, Any], layer: Mapping[str, Any]) -> dict[str, Any]:
    """Settings without the sizes of single tasks, where `layer` names a size that replaces them.

    Args:
        base: the settings that `layer` overrides.
    """
    model, tasks = layer.get("model"), base.get("task")
    if not (isinstance(model, Mapping) and SIZE in model and isinstance(tasks, Mapping)):
        return dict(base)
    replaced = SIZES.get(str(model[SIZE]), {})
    return {**base, "task": {name: _without(own, replaced) for name, own in tasks.items()}}


def _without(own: Any, replaced: Mapping[str, int]) -> Any:
    if not (isinstance(own, Mapping) and isinstance(model := own.get("model"), Mapping)):
        return own
    return {**own, "model": {name: value for name, value in model.items() if name not in replaced}}


def _numbers(size: object, source: str) -> Mapping[str, int]:
    if not isinstance(size, str) or size not in SIZES:
        near = did_you_mean(size, SIZES) if isinstance(size, str) else f"known: {', '.join(SIZES)}."
        raise UserError(f"{source}: model.size {size!r} is not a size; {near}")
    return SIZES[size]
