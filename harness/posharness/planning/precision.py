"""Whether training in bfloat16 would be faster on this processor."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from posharness.contracts.cell import ModelSettings, TrainerSettings
from posharness.gpus import visible_gpus

__all__ = ["remark_on_precision"]

_CPUINFO = Path("/proc/cpuinfo")
_FLAGS = ("avx512_bf16", "amx_bf16")
"""Instructions that multiply bfloat16 numbers faster than float32."""
_WIDTH = 256
"""Narrower models gain nothing: 0.6 times as fast at 64, as fast at 128 (docs/reference/performance.md)."""


def remark_on_precision(settings: Iterable[tuple[ModelSettings, TrainerSettings]]) -> str:
    """A sentence where bfloat16 would be faster; empty where it would not, or where it is used.

    Args:
        settings: of the model and the trainer of each task.
    """
    widths = {
        model.width
        for model, trainer in settings
        if trainer.precision == "32-true" and model.width >= _WIDTH and _on_processor(trainer)
    }
    if not widths or not _multiplies_bf16():
        return ""
    return (
        f"This processor trains a model of width {', '.join(map(str, sorted(widths)))} faster in bfloat16: "
        "--set trainer.precision=bf16-mixed. Cells of both precisions are never averaged."
    )


def _on_processor(trainer: TrainerSettings) -> bool:
    return trainer.accelerator == "cpu" or not visible_gpus()


def _multiplies_bf16() -> bool:
    """Whether Linux names such an instruction."""
    try:
        return any(flag in _CPUINFO.read_text().split() for flag in _FLAGS)
    except OSError:
        return False
