"""The remark that bfloat16 would be faster: on processors that have it, for wide models in float32."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from posharness.cli.app import main
from posharness.contracts.cell import ModelSettings, TrainerSettings
from posharness.planning import precision
from posharness.planning.precision import remark_on_precision


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


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
    narrow = ModelSettings(width=64), TrainerSettings()
    remark = remark_on_precision([narrow, (ModelSettings(width=width), TrainerSettings(**trainer))])
    assert ("trainer.precision=bf16-mixed" in remark) == remarks
    assert bool(remark) == remarks


def test_none_is_made_where_the_processor_is_unknown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(precision, "_CPUINFO", tmp_path / "none")
    assert remark_on_precision([(ModelSettings(width=256), TrainerSettings())]) == ""


def test_none_is_made_where_a_gpu_trains(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("flags : amx_bf16\n")
    monkeypatch.setattr(precision, "_CPUINFO", cpuinfo)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert remark_on_precision([(ModelSettings(width=256), TrainerSettings())]) == ""
    assert remark_on_precision([(ModelSettings(width=256), TrainerSettings(accelerator="cpu"))])


def test_it_is_made_for_the_settings_of_a_task(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("flags : amx_bf16\n")
    monkeypatch.setattr(precision, "_CPUINFO", cpuinfo)
    command = ["run", "--plugins", "none", "--tasks", "copy,recall", "--preset", "smoke", "--dry-run"]
    command += ["--store", str(tmp_path / "runs")]
    assert main([*command, "--set", "task.copy.model.width=256"]) == 0
    assert "a model of width 256 faster in bfloat16" in capsys.readouterr().err
    assert (
        main(
            [
                *command,
                "--set",
                "model.width=256",
                "--set",
                "task.copy.model.width=64",
                "--set",
                "task.recall.model.width=64",
            ]
        )
        == 0
    )
    assert "bfloat16" not in capsys.readouterr().err
