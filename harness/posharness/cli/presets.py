"""Shipped experiments as plain values, for `list` and `show`."""

from __future__ import annotations

from typing import Any

from posharness.experiment import load_experiment

__all__ = ["describe_preset"]


def describe_preset(name: str) -> dict[str, Any]:
    """A shipped experiment as JSON values."""
    return {"name": name, **load_experiment(preset=name).model_dump(mode="json", exclude_unset=True)}
