"""A store keeps every cell whole, makes it once at a time, and never loses one that is done."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

import pytest
import torch
from safetensors.torch import save_file

from posharness.contracts import CellOutcome, Progress, Status
from posharness.contracts.cell import Cell, Choice
from posharness.errors import UserError
from posharness.store import Busy, CellWorkspace, Store

FILES = ("curve.parquet", "predictions.parquet", "weights.safetensors", "result.json", "environment.json")


def make_cell(seed: int = 0) -> Cell:
    choice = Choice(name="relative", params={"clip": 16}, digest="d", label="relative[clip=16]")
    return Cell(
        encoding=choice,
        attention=Choice(name="softmax"),
        body="encoder",
        task=Choice(name="copy", label="copy"),
        seed=seed,
    )


CELL = make_cell()


def begun(work: CellWorkspace | None) -> CellWorkspace:
    assert work is not None
    return work


def write_results(folder: Path, content: str = "{}") -> None:
    for name in FILES:
        (folder / name).write_text(content)


def complete(store: Store, cell: Cell = CELL, content: str = "{}") -> None:
    with store.begin(cell) as work:
        write_results(begun(work).folder, content)
        begun(work).finish(CellOutcome("done"))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "runs", create=True)


class TestCells:
    def test_a_cell_appears_whole_or_not_at_all(self, store: Store) -> None:
        with store.begin(CELL) as work:
            write_results(begun(work).folder)
            (begun(work).folder / "checkpoint.ckpt").write_text("x")
            begun(work).report(Progress(CELL.key, "training", 3, 10, loss=float("nan")))
            assert not store.home(CELL.key).exists()
            begun(work).finish(CellOutcome("done"))
        assert {entry.name for entry in store.home(CELL.key).iterdir()} == {
            *FILES,
            "cell.json",
            "status.json",
            "checksums.json",
        }
        assert store.done(CELL.key)
        assert store.cell(CELL.key) == CELL
        assert store.cell(CELL.key).key == CELL.key
        assert store.keys() == [CELL.key]

    def test_a_cell_keeps_its_record_whatever_code_did_beside_it(self, store: Store) -> None:
        for deed in (Path.unlink, Path.touch, lambda path: path.write_text("{}")):
            cell = make_cell(len(store.keys()))
            with store.begin(cell) as work:
                write_results(begun(work).folder)
                deed(begun(work).folder / "cell.json")
                begun(work).finish(CellOutcome("done"))
            assert store.done(cell.key)
            assert store.cell(cell.key) == cell

    @pytest.mark.parametrize("status", ["done", "crashed"])
    def test_output_after_its_end_is_no_damage(self, store: Store, status: Status) -> None:
        with store.begin(CELL) as work:
            folder = begun(work).folder
            write_results(folder)
            with (folder / "log.txt").open("a") as log:
                log.write("while it ran\n")
                log.flush()
                begun(work).finish(CellOutcome(status))
                log.write("after its end\n")
        assert store.log(CELL.key) == "while it ran\n"
        assert not store.damaged(CELL.key)

    def test_an_exception_in_between_leaves_an_interrupted_cell(self, store: Store) -> None:
        with pytest.raises(ZeroDivisionError), store.begin(CELL):
            raise ZeroDivisionError
        assert not store.home(CELL.key).exists()
        status = store.status(CELL.key)
        assert status is not None
        assert (status.status, status.finished) == ("interrupted", "")

    def test_a_done_cell_is_never_begun_again(self, store: Store) -> None:
        complete(store, content="first")
        with store.begin(CELL) as work:
            assert work is None
        with store.begin(CELL, keep=True) as work:
            assert work is None
        assert (store.home(CELL.key) / "result.json").read_text() == "first"

    def test_a_worse_result_gives_way_to_the_next(self, store: Store) -> None:
        for reason in ("first", "second"):
            with store.begin(CELL) as work:
                begun(work).finish(CellOutcome("failed", reason, "Traceback …"))
            status = store.status(CELL.key)
            assert status is not None
            assert (status.status, status.reason, status.traceback) == ("failed", reason, "Traceback …")
            assert status.seconds is not None
            assert status.started <= status.finished
        complete(store)
        assert store.done(CELL.key)
        assert [entry.name for entry in (store.path / "work").iterdir()] == [f"{CELL.key}.lock"]

    def test_a_cell_without_its_files_is_not_done(self, store: Store) -> None:
        complete(store)
        (store.home(CELL.key) / "predictions.parquet").unlink()
        assert not store.done(CELL.key)
        status = store.status(CELL.key)
        assert status is not None
        assert (status.status, status.reason) == (
            "failed",
            "its folder is damaged: predictions.parquet is missing",
        )
        complete(store)
        assert store.done(CELL.key)

    def test_a_checkpoint_is_gone_on_with(self, store: Store) -> None:
        with store.begin(CELL) as work:
            (begun(work).folder / "checkpoint.ckpt").write_text("half way")
            begun(work).finish(CellOutcome("interrupted", "stopped"))
        status = store.status(CELL.key)
        assert status is not None
        assert status.status == "interrupted"
        with store.begin(CELL) as work:
            assert (begun(work).folder / "checkpoint.ckpt").read_text() == "half way"

    @pytest.mark.parametrize("ended", ["crashed", "timeout", "failed"])
    def test_a_cell_that_died_is_resumed_and_its_checkpoint_goes_with_the_result(
        self, store: Store, ended: Status
    ) -> None:
        with store.begin(CELL) as work:
            (begun(work).folder / "checkpoint.ckpt").write_text("half way")
        with store.begin(CELL, keep=True) as work:  # by the harness, for a process that is dead
            begun(work).finish(CellOutcome(ended, "why"))
        status = store.status(CELL.key)
        assert status is not None
        assert (status.status, status.reason) == (ended, "why")
        assert not store.damage(CELL.key)
        with store.begin(CELL) as work:
            assert (begun(work).folder / "checkpoint.ckpt").read_text() == "half way"
            write_results(begun(work).folder)
            begun(work).finish(CellOutcome("done"))
        assert not list(store.path.rglob("*.ckpt"))

    @pytest.mark.parametrize("newer", [False, True])
    def test_a_resumed_cell_that_fails_is_resumed_again_only_if_it_trained(
        self, store: Store, newer: bool
    ) -> None:
        with store.begin(CELL) as work:
            (begun(work).folder / "checkpoint.ckpt").write_text("half way")
        with store.begin(CELL) as work:
            if newer:
                os.utime(begun(work).folder / "checkpoint.ckpt", (time.time() + 9, time.time() + 9))
            begun(work).finish(CellOutcome("failed", "why"))
        with store.begin(CELL) as work:
            assert (begun(work).folder / "checkpoint.ckpt").exists() == newer

    @pytest.mark.parametrize("number", [errno.EACCES, errno.EIO])
    def test_a_cell_that_cannot_be_read_is_neither_made_again_nor_deleted(
        self, store: Store, monkeypatch: pytest.MonkeyPatch, number: int
    ) -> None:
        complete(store)
        path = store.home(CELL.key) / "predictions.parquet"
        why = os.strerror(number).lower()

        def refuse(folder: Path) -> NoReturn:
            raise OSError(number, os.strerror(number), str(path))

        with monkeypatch.context() as patch:  # permissions do not bind the user root
            patch.setattr("posharness.store.store.files_of", refuse)
            status = store.status(CELL.key)
            with (
                pytest.raises(UserError, match=rf"predictions.parquet: {why}\); make .* readable"),
                store.begin(CELL),
            ):
                pass
        assert status is not None
        assert status.reason == (f"its folder cannot be read (predictions.parquet: {why}); make it readable")
        assert store.done(CELL.key)

    def test_a_pipe_in_the_place_of_a_file_holds_nobody_up(self, store: Store) -> None:
        with store.begin(CELL) as work:
            write_results(begun(work).folder)
            os.mkfifo(begun(work).folder / "log.txt")
            begun(work).finish(CellOutcome("done"))
        assert store.done(CELL.key)
        assert store.log(CELL.key) == ""

    @pytest.mark.parametrize("target", ["nowhere", "result.json"])
    def test_a_link_that_leads_nowhere_is_damage(self, store: Store, target: str) -> None:
        complete(store)
        link = store.home(CELL.key) / "result.json"
        link.unlink()
        link.symlink_to(target)
        assert store.damage(CELL.key) == "result.json has changed"
        complete(store)
        assert store.done(CELL.key)
        assert (store.path / "aside" / CELL.key / "result.json").is_symlink()

    def test_other_remnants_are_cleared_away(self, store: Store) -> None:
        for keep in (False, True, False):
            with store.begin(CELL, keep=keep) as work:
                assert (begun(work).folder / "curve.parquet").exists() == keep
                (begun(work).folder / "curve.parquet").write_text("old")

    def test_an_unknown_cell_has_no_status(self, store: Store) -> None:
        assert store.status(CELL.key) is None
        assert not store.done(CELL.key)

    def test_the_lock_holds_across_processes(self, store: Store) -> None:
        code = "import filelock, sys\nwith filelock.FileLock(sys.argv[1]):\n print(1, flush=True)\n input()"
        lock = store.path / "work" / f"{CELL.key}.lock"
        with subprocess.Popen(
            [sys.executable, "-c", code, lock], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as other:
            assert other.stdout is not None
            other.stdout.readline()
            assert store.busy(CELL.key)
            assert not store.busy(make_cell(1).key)
            with pytest.raises(Busy), store.begin(CELL):
                pass
            other.kill()
        assert not store.busy(CELL.key)
        with store.begin(CELL) as work:
            assert work is not None

    def test_a_cell_that_shows_life_is_running(self, store: Store) -> None:
        told = Progress(CELL.key, "training", 3, 10, loss=1.5)
        with store.begin(CELL) as work:
            assert store.live(CELL.key) is None
            begun(work).report(told)
            live = begun(work).folder / "live.json"
            status = store.status(CELL.key)
            assert status is not None
            assert status.status == "running"
            assert store.live(CELL.key) == told
            os.utime(live, (0, time.time() - 3600))
            assert store.live(CELL.key) is None
            status = store.status(CELL.key)
            assert status is not None
            assert status.status == "interrupted"
            begun(work).beat()
            assert store.live(CELL.key) == told


class TestReading:
    def test_finds_a_cell_by_the_beginning_of_its_key(self, store: Store) -> None:
        cells = [make_cell(seed) for seed in range(17)]  # two of them begin alike
        for cell in cells:
            with store.begin(cell):
                pass
        for cell in cells:
            assert store.find(cell.key) == cell.key
            assert store.find(cell.key[:12].upper()) == cell.key
        with pytest.raises(UserError, match=r"17 cells .* begin with ''; give more"):
            store.find("")
        with pytest.raises(UserError, match=r"No cell .* begins with 'xyz'.*harness status"):
            store.find("xyz")

    def test_reads_what_training_left(self, store: Store) -> None:
        weights = {"w": torch.arange(6.0).reshape(2, 3)}
        with store.begin(CELL) as work:
            folder = begun(work).folder
            write_results(folder, '{"parameters": 7}')
            save_file(weights, folder / "weights.safetensors")
            (folder / "log.txt").write_text("hello\n")
            assert store.results(CELL.key) == {"parameters": 7}
            begun(work).finish(CellOutcome("done"))
        assert store.results(CELL.key) == store.environment(CELL.key) == {"parameters": 7}
        assert store.log(CELL.key) == "hello\n"
        torch.testing.assert_close(store.weights(CELL.key), weights)

    def test_a_cell_that_did_not_get_there_has_nothing_to_read(self, store: Store) -> None:
        with store.begin(CELL) as work:
            begun(work).finish(CellOutcome("failed", "why"))
        assert store.results(CELL.key) == {}
        assert store.log(CELL.key) == ""
        with pytest.raises(UserError, match="has no weights"):
            store.weights(CELL.key)
