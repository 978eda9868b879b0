"""Each cell gets the GPUs that the fewest others use."""

from __future__ import annotations

from pathlib import Path

import pytest

from posharness.contracts.cell import Cell, Choice, TrainerSettings
from posharness.executors.gpu_shares import GpuShares, at_once
from posharness.executors.local import LocalExecutor
from posharness.gpus import visible_gpus


def make_cell(devices: int = 1, accelerator: str = "auto") -> Cell:
    return Cell(
        encoding=Choice(name="e"),
        attention=Choice(name="a"),
        body="encoder",
        task=Choice(name="t"),
        trainer=TrainerSettings.model_validate({"devices": devices, "accelerator": accelerator}),
    )


def test_one_each_then_two_to_one() -> None:
    shares = GpuShares(["0", "1"], workers=4)
    taken = [shares.take(make_cell()) for _ in range(5)]
    assert taken == [("0",), ("1",), ("0",), ("1",), None]
    shares.give_back(("1",))
    assert shares.take(make_cell()) == ("1",)


def test_a_cell_of_several_devices_waits_until_they_are_free() -> None:
    shares = GpuShares(["0", "1", "2"], workers=3)
    assert shares.take(make_cell()) == ("0",)
    assert shares.take(make_cell(devices=2)) == ("1", "2")
    assert shares.take(make_cell(devices=2)) is None
    shares.give_back(("0",))
    shares.give_back(("1", "2"))
    assert shares.take(make_cell(devices=3)) == ("0", "1", "2")


def test_without_gpus_or_on_a_cpu_there_is_nothing_to_share() -> None:
    assert GpuShares([], workers=2).take(make_cell()) == ()
    assert GpuShares(["0"], workers=2).take(make_cell(accelerator="cpu")) == ()


@pytest.mark.parametrize(
    ("devices", "workers", "gpus", "number"),
    [(8, 8, 8, 1), (1, 8, 8, 6), (4, 8, 8, 2), (2, 4, 2, 2), (9, 8, 8, 1), (1, 4, 2, 4), (4, 4, 0, 4)],
)
def test_as_many_run_at_a_time_as_are_given_gpus(devices: int, workers: int, gpus: int, number: int) -> None:
    cells = [make_cell(devices)] * 6
    assert at_once(cells, workers, [str(gpu) for gpu in range(gpus)]) == number


def test_the_local_executor_counts_the_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")
    assert LocalExecutor(workers=4).at_once([make_cell(devices=4)] * 4) == 1
    assert LocalExecutor(workers=4).at_once([make_cell(devices=4, accelerator="cpu")] * 4) == 4
    assert LocalExecutor(workers=4).at_once([]) == 1


@pytest.mark.parametrize(
    ("named", "found"), [("0,2", ["0", "2"]), ("", []), ("-1", []), ("GPU-8f", ["GPU-8f"])]
)
def test_the_variable_names_the_gpus(monkeypatch: pytest.MonkeyPatch, named: str, found: list[str]) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    assert visible_gpus() == found


def test_else_the_driver_does(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert visible_gpus(tmp_path) == []
    for name in ("0000:01", "0000:02"):
        (tmp_path / "proc/driver/nvidia/gpus" / name).mkdir(parents=True)
    assert visible_gpus(tmp_path) == ["0", "1"]
