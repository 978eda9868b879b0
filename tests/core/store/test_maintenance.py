"""What `harness store` does: it names every difference, copies cells whole, and removes what it says."""

from __future__ import annotations

import errno
import io
import json
import os
import tarfile
from pathlib import Path
from typing import Literal

import pytest

from posharness.cli.app import main
from posharness.contracts import CellOutcome
from posharness.store import Store, maintenance
from posharness.store.checksums import write_checksums
from posharness.store.exchange import unpacked
from tests.core.store.test_store import begun, complete, make_cell

CELLS = [make_cell(seed) for seed in range(4)]


def store_of(path: Path, content: dict[int, str], *, failed: tuple[int, ...] = ()) -> Store:
    """A store whose cells, by seed, hold some content."""
    store = Store.open(path, create=True)
    for seed, text in content.items():
        complete(store, CELLS[seed], text)
    for seed in failed:
        with store.begin(CELLS[seed]) as work:
            begun(work).finish(CellOutcome("failed", "why"))
    return store


def harness(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    status = main([*map(str, arguments)])
    read = capsys.readouterr()
    return status, read.out + read.err


def test_check_names_every_damaged_cell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = store_of(tmp_path / "a", {0: "x", 1: "y", 2: "z"}, failed=(3,))
    assert harness(capsys, "store", "check", store.path) == (
        0,
        f"{store.path}: 4 cells checked, each as it ended\n",
    )
    (store.home(CELLS[1].key) / "result.json").write_text("Y")
    (store.home(CELLS[3].key) / "status.json").unlink()
    (store.path / "cells" / "notes").touch()
    status, printed = harness(capsys, "store", "check", store.path, "--json")
    found = json.loads(printed)
    assert status == 1
    assert found["cells"] == 4
    assert {row["cell"] for row in found["problems"]} == {CELLS[1].key, CELLS[3].key, "notes"}


def test_merge_adds_what_is_missing_and_names_conflicts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    into = store_of(tmp_path / "a", {0: "x", 1: "ours"}, failed=(2,))
    other = store_of(tmp_path / "b", {0: "x", 1: "theirs", 2: "z", 3: "damaged"})
    (other.home(CELLS[3].key) / "result.json").write_text("!")
    status, printed = harness(capsys, "store", "merge", into.path, other.path)
    assert status == 1
    assert f"conflict {CELLS[1].key[:12]}" in printed
    assert f"damaged {CELLS[3].key[:12]}: result.json has changed" in printed
    assert "1 added, 1 there already" in printed
    contents = [(into.home(cell.key) / "result.json").read_text() for cell in CELLS[:3]]
    assert contents == ["x", "ours", "z"]
    assert all(into.done(cell.key) for cell in CELLS[:3])
    assert not into.home(CELLS[3].key).exists()
    assert harness(capsys, "store", "merge", into.path, into.path)[0] == 2


@pytest.mark.parametrize("name", ["\u202eepor", "x" * 2001, "a\nb", "\x1b[31mred"])
@pytest.mark.parametrize("part", ["label", "name"])
def test_a_cell_with_a_name_that_cannot_be_shown_is_damaged_and_not_merged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, part: str
) -> None:
    other = store_of(tmp_path / "b", {0: "x", 1: "y"})
    home = other.home(CELLS[0].key)
    content = json.loads((home / "cell.json").read_text())
    content["encoding"][part] = name
    (home / "cell.json").write_text(json.dumps(content))
    write_checksums(home, CELLS[0].key)
    assert other.done(CELLS[1].key)
    assert not other.done(CELLS[0].key)
    status, printed = harness(capsys, "store", "merge", tmp_path / "a", other.path)
    assert status == 1
    assert f"damaged {CELLS[0].key[:12]}: its cell.json holds a name that cannot be shown" in printed
    assert "1 added" in printed
    assert harness(capsys, "store", "check", other.path)[0] == 1


def test_a_packed_store_is_unpacked_cell_by_cell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = store_of(tmp_path / "a", {0: "x", 1: "y"}, failed=(2,))
    packed = tmp_path / "cells.tar.gz"
    assert harness(capsys, "store", "export", "--store", store.path, "--to", packed)[0] == 0
    assert harness(capsys, "store", "import", packed, "--store", tmp_path / "b")[0] == 0
    new = Store.open(tmp_path / "b", create=False)
    assert new.keys() == sorted(cell.key for cell in CELLS[:2])
    assert all(new.done(key) for key in new.keys())  # noqa: SIM118
    assert {path.name for path in new.path.iterdir()} <= {"cells", "checked", "store.json", "work"}


def test_an_imported_file_writes_nothing_outside_of_cells(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = store_of(tmp_path / "a", {0: "x"})
    packed = tmp_path / "evil.tar"
    with tarfile.open(packed, "w") as archive:
        archive.add(store.path / "store.json", "store.json")
        for name in ("../../evil", "/tmp/evil", "evil", f"cells/{CELLS[0].key}/../../../evil"):
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
        link = tarfile.TarInfo(f"cells/{CELLS[0].key}")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
        archive.addfile(link)
    before = {path for path in tmp_path.rglob("*") if "checked" not in path.parts}
    status, _ = harness(capsys, "store", "import", packed, "--store", tmp_path / "a")
    assert status in (0, 2)
    assert {path for path in tmp_path.rglob("*") if "checked" not in path.parts} == before
    packed.write_bytes(b"no tar")
    assert harness(capsys, "store", "import", packed, "--store", tmp_path / "a")[0] == 2


def test_gc_removes_leftovers_and_no_checkpoint_that_is_needed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = store_of(tmp_path / "a", {0: "x"}, failed=(1,))
    with store.begin(CELLS[2]) as work:
        (begun(work).folder / "checkpoint.ckpt").write_text("half way")
    with store.begin(CELLS[3]):
        pass
    work_folder = store.path / "work"
    (work_folder / f"{CELLS[0].key}.ckpt").touch()
    (work_folder / f"{CELLS[1].key}.ckpt").touch()
    (store.path / "checked").mkdir(exist_ok=True)
    (store.path / "checked" / ("0" * 64)).touch()
    assert "would go" in harness(capsys, "store", "gc", store.path, "--dry-run")[1]
    assert (work_folder / f"{CELLS[0].key}.ckpt").exists()
    assert harness(capsys, "store", "gc", store.path)[0] == 0
    kept = {path.name for path in work_folder.iterdir() if not path.name.endswith(".lock")}
    assert kept == {CELLS[2].key, f"{CELLS[1].key}.ckpt"}
    assert not (store.path / "checked" / ("0" * 64)).exists()
    assert store.home(CELLS[1].key).exists()
    harness(capsys, "store", "gc", store.path, "--failed")
    assert store.keys() == sorted([CELLS[0].key, CELLS[2].key])


def test_rm_removes_a_cell_and_refuses_a_running_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = store_of(tmp_path / "a", {0: "x", 1: "y"})
    with store.begin(CELLS[2]):
        status, printed = harness(capsys, "store", "rm", CELLS[2].key, "--store", store.path)
        assert (status, "is running" in printed) == (2, True)
    assert harness(capsys, "store", "rm", CELLS[0].key[:12], "--store", store.path)[0] == 0
    assert store.status(CELLS[0].key) is None
    assert not (store.path / "checked" / CELLS[0].key).exists()
    assert store.done(CELLS[1].key)


def test_what_is_made_while_gc_looks_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed cell is done and one that left nothing is begun, between the search and the removal."""
    store = store_of(tmp_path / "a", {0: "x"}, failed=(1,))
    with store.begin(CELLS[2]):
        pass
    found = list(maintenance.unneeded(store, ["leftovers", "failed"]))
    assert {each.key for each in found} == {CELLS[1].key, CELLS[2].key}
    complete(store, CELLS[1], "done meanwhile")
    monkeypatch.setattr(maintenance, "unneeded", lambda *_: found)
    with store.begin(CELLS[2]) as work:
        assert maintenance.remove_unneeded(store, ["leftovers", "failed"]) == []
        assert begun(work).folder.is_dir()
    assert store.done(CELLS[1].key)


def test_gc_and_check_leave_an_import_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = store_of(tmp_path / "a", {0: "x"})
    assert harness(capsys, "store", "export", "--store", store.path, "--to", tmp_path / "new" / "x")[0] == 0
    into = Store.open(tmp_path / "b", create=True)
    with unpacked(tmp_path / "new" / "x", into) as cells:
        assert harness(capsys, "store", "gc", into.path)[0] == 0
        assert harness(capsys, "store", "check", into.path)[0] == 0
        assert cells.done(CELLS[0].key)
        (left,) = into.path.glob(".import.*")
        os.utime(left, (0, 0))
        assert harness(capsys, "store", "check", into.path)[0] == 1
    assert not left.exists()


def test_merging_sets_a_damaged_cell_aside(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    into, other = (store_of(tmp_path / name, {0: "x"}) for name in "ab")
    result = into.home(CELLS[0].key) / "result.json"
    result.write_text("valuable")
    assert harness(capsys, "store", "merge", into.path, other.path)[0] == 0
    assert into.done(CELLS[0].key)
    assert (into.path / "aside" / CELLS[0].key / "result.json").read_text() == "valuable"


@pytest.mark.parametrize(
    "command", [("rm", "0"), ("rerun", "0"), ("gc", "--store"), ("gc", "--dry-run", "--store")]
)
def test_a_misspelt_store_is_named_and_not_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    given = command if command[-1] == "--store" else (*command, "--store")
    status, printed = harness(capsys, "store", *given, tmp_path / "misspelt")
    assert (status, "There is no store at" in printed) == (2, True)
    assert not (tmp_path / "misspelt").exists()


@pytest.mark.parametrize("mode", ["w:gz", "w:xz", "w:bz2", "w"])
def test_a_damaged_archive_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], mode: Literal["w:gz", "w:xz", "w:bz2", "w"]
) -> None:
    store = store_of(tmp_path / "a", {0: "x" * 5000})
    packed = tmp_path / "cells.tar"
    with tarfile.open(packed, mode) as archive:
        archive.add(store.path, "runs")
    whole = packed.read_bytes()
    for content in (b"", whole, whole[:200], whole[:150] + b"\xff" * 30 + whole[180:]):
        packed.write_bytes(content)
        status, printed = harness(capsys, "store", "import", packed, "--store", tmp_path / "b")
        assert (status, printed.count("\n")) == (2, 1), printed
        assert "give a file that `harness store export` wrote" in printed


def test_an_export_replaces_files_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = store_of(tmp_path / "a", {0: "x"})
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path, tmp_path / "pipe"):
        status, printed = harness(capsys, "store", "export", "--store", store.path, "--to", place)
        assert (status, "give the path of a new file" in printed) == (2, True)
    assert (tmp_path / "pipe").is_fifo()


def test_a_merge_that_fills_the_disk_leaves_nothing_half_copied(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    into, other = store_of(tmp_path / "a", {0: "x"}), store_of(tmp_path / "b", {1: "y"})
    (other.home(CELLS[1].key) / "plugins").mkdir()
    (other.home(CELLS[1].key) / "plugins" / "mine.py").touch()
    write_checksums(other.home(CELLS[1].key), CELLS[1].key)

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("posharness.store.exchange.sync_tree", fail)
        status, printed = harness(capsys, "store", "merge", into.path, other.path)
    assert (status, "No space left on device" in printed) == (2, True)
    assert os.listdir(into.path / "cells") == [CELLS[0].key]
    assert harness(capsys, "store", "merge", into.path, other.path)[0] == 0
    assert into.done(CELLS[1].key)
    assert (into.home(CELLS[1].key) / "plugins" / "mine.py").exists()
