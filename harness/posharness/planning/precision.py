"""Whether training in bfloat16 would be faster on this processor."""

from __future__ import annotations

from pathlib import Path

from posharness.contracts.cell import ModelSettings, TrainerSettings

__all__ = ["remark_on_precision"]

_CPUINFO = Path("/proc/cpuinfo")
_FLAGS = ("avx512_bf16", "amx_bf16")
"""Instructions that multiply bfloat16 numbers faster than float32."""
_WIDTH = 256
"""Narrower models gain nothing: 0.6 times as fast at 64, as fast at 128 (docs/reference/performance.md)."""


def remark_on_precision(model: ModelSettings, trainer: TrainerSettings) -> str:
    """A sentence where bfloat16 would be faster; empty where it would not, or where it is used."""
    if trainer.precision != "32-true" or model.width < _WIDTH or not _multiplies_bf16():
        return ""
    return (
        f"This processor trains a model of width {model.width} faster in bfloat16: --set "
        "trainer.precision=bf16-mixed. Cells of both precisions are never averaged."
    )


def _multiplies_bf16() -> bool:
    """Whether Linux names such an instruction."""
    try:
        return any(flag in _CPUINFO.read_text().split() for flag in _FLAGS)
    except OSError:
        return False
