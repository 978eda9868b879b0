"""What `harness store` does: it names every difference, copies cells whole, and removes what it says."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from posharness.cli.app import main
from posharness.contracts import CellOutcome
from posharness.store import Store
from posharness.store.checksums import write_checksums
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
