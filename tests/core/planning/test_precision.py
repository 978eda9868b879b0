"""The remark that bfloat16 would be faster: on processors that have it, for wide models in float32."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from posharness.contracts.cell import ModelSettings, TrainerSettings
from posharness.planning import precision
from posharness.planning.precision import remark_on_precision


@pytest.mark.parametrize(
    ("flags", "width", "trainer", "remarks"),
    [
        ("avx512f avx512_bf16", 256, {}, True),
        ("amx_bf16", 512, {}, True),
        ("avx512f", 256, {}, False),
        ("avx512_bf16", 128, {}, False),
        ("avx512_bf16", 256, {"precision": "bf16-mixed"}, False),
    ],
)
def test_it_is_made_where_bfloat16_gains(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    flags: str,
    width: int,
    trainer: dict[str, Any],
    remarks: bool,
) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor : 0\nflags : fpu {flags} sse\n")
    monkeypatch.setattr(precision, "_CPUINFO", cpuinfo)
    remark = remark_on_precision(ModelSettings(width=width), TrainerSettings(**trainer))
    assert ("trainer.precision=bf16-mixed" in remark) == remarks
    assert bool(remark) == remarks


def test_none_is_made_where_the_processor_is_unknown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(precision, "_CPUINFO", tmp_path / "none")
    assert remark_on_precision(ModelSettings(width=256), TrainerSettings()) == ""
