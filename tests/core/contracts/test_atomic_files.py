"""Files and folders appear whole or not at all, readable as the umask says, and leave nothing behind."""

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from posharness.contracts import atomic_files
from posharness.contracts.atomic_files import (
    exchange,
    new_file,
    new_folder,
    read_json,
    write_bytes,
    write_folder,
    write_json,
)


@pytest.fixture(params=[0o022, 0o027, 0o077], ids=oct)
def permissions(request: pytest.FixtureRequest) -> Iterator[int]:
    """What a new file may, under this umask."""
    umask: int = request.param
    before = os.umask(umask)
    yield 0o666 & ~umask
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def save_weights(path: Path) -> None:
    save_file({"w": torch.zeros(3)}, path)
    path.chmod(0o600)  # as newer releases of safetensors leave it


def test_a_file_is_readable_as_the_umask_says_whoever_writes_it(tmp_path: Path, permissions: int) -> None:
    with new_file(tmp_path / "weights.safetensors") as aside:
        save_weights(aside)
    write_bytes(tmp_path / "plain", b"")
    assert mode(tmp_path / "weights.safetensors") == mode(tmp_path / "plain") == permissions


def test_a_folder_is_readable_as_the_umask_says_whoever_writes_it(tmp_path: Path, permissions: int) -> None:
    with new_folder(tmp_path / "model") as aside:
        save_weights(aside / "weights.safetensors")
        (aside / "deep").mkdir()
        (aside / "deep" / "config.json").touch()
    assert {mode(path) for path in (tmp_path / "model").rglob("*") if path.is_file()} == {permissions}
    (tmp_path / "plain").mkdir()
    assert mode(tmp_path / "model") == mode(tmp_path / "model" / "deep") == mode(tmp_path / "plain")


def write_file(path: Path) -> None:
    with new_file(path) as aside:
        assert aside.parent == path.parent
        aside.write_text("half")
        assert not path.exists() or path.read_text() == "old"
        raise KeyboardInterrupt


def write_whole_folder(path: Path) -> None:
    with new_folder(path, replace=True) as aside:
        assert aside.parent == path.parent
        (aside / "part").write_text("half")
        raise KeyboardInterrupt


@pytest.mark.parametrize("write", [write_file, write_whole_folder])
def test_an_interrupted_write_changes_nothing(tmp_path: Path, write: Callable[[Path], None]) -> None:
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "new")
    assert not list(tmp_path.iterdir())


def test_an_interrupted_write_leaves_the_earlier_content(tmp_path: Path) -> None:
    write_bytes(tmp_path / "file", b"old")
    write_folder(tmp_path / "folder", {"part": b"old"})
    with pytest.raises(KeyboardInterrupt):
        write_file(tmp_path / "file")
    with pytest.raises(KeyboardInterrupt):
        write_whole_folder(tmp_path / "folder")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]
    assert (tmp_path / "file").read_bytes() == (tmp_path / "folder" / "part").read_bytes() == b"old"


def test_a_folder_is_replaced_as_a_whole_and_only_when_asked(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    write_folder(folder, {"a/b": b"1", "c": b"2"})
    with pytest.raises(OSError, match="not empty"):
        write_folder(folder, {"d": b"3"})
    assert (folder / "a" / "b").read_bytes() == b"1"
    write_folder(folder, {"d": b"3"}, replace=True)
    assert [path.name for path in folder.iterdir()] == ["d"]
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_json_is_strict(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"x": float("nan"), "y": [1.5, float("inf")]}, durable=True)
    assert read_json(tmp_path / "a.json") == {"x": None, "y": [1.5, None]}


def test_two_folders_are_swapped_in_one_step(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_folder(tmp_path / name, {"name": name.encode()})
    exchange(tmp_path / "one", tmp_path / "two")
    assert [(tmp_path / name / "name").read_text() for name in ("one", "two")] == ["two", "one"]
    with pytest.raises(FileNotFoundError):
        exchange(tmp_path / "one", tmp_path / "absent")


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOSYS, errno.ENOTSUP])
def test_a_folder_is_replaced_where_two_cannot_be_swapped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def unsupported(first: Path, second: Path) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(atomic_files, "exchange", unsupported)
    for content in (b"old", b"new"):
        write_folder(tmp_path / "folder", {"part": content}, replace=True)
    assert (tmp_path / "folder" / "part").read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
