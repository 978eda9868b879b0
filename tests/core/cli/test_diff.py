"""`harness diff`: two stores or reports, for readers, for programs and as a page."""

import json
from pathlib import Path

import pytest

from tests.benchmarks.synthetic_store import Size, write_store
from tests.core.commands import harness


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A store of two encodings with two seeds, and one with three seeds."""
    folder = tmp_path_factory.mktemp("stores")
    for name, seeds in (("few", 2), ("more", 3)):
        write_store(folder / name, Size(labels=2, tasks=1, seeds=seeds, sequences=16))
    return folder / "few", folder / "more"


def test_a_store_does_not_differ_from_itself(stores: tuple[Path, Path]) -> None:
    done = harness("diff", stores[0], stores[0])
    assert done.status == 0
    assert done.out.startswith("Nothing differs: ")


def test_it_says_what_was_run_and_what_is_noise(
    stores: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    page = tmp_path / "new" / "diff.html"
    done = harness("diff", *stores, "--html", page)
    assert "finished seeds of encoding0 and encoding1 on task0" in done.out
    assert "0, 1 → 0, 1, 2" in done.out
    assert "differ beyond noise" in done.out
    assert max(map(len, done.out.replace(str(page), "").splitlines())) <= 80
    assert "finished seeds" in page.read_text("utf-8")
    assert str(page) in done.out


def test_programs_get_json(stores: tuple[Path, Path]) -> None:
    found = json.loads(harness("diff", *stores, "--json").out)
    assert found["same"] is False
    assert found["ran"][0]["other"] == "0, 1, 2"
    assert set(found) == {"names", "ran", "numbers", "ranks", "verdicts", "compared", "same"}


def test_what_is_neither_is_a_mistake_with_advice(stores: tuple[Path, Path], tmp_path: Path) -> None:
    missing = harness("diff", stores[0], tmp_path / "missing")
    assert missing.status == 2
    assert "missing" in missing.err
    refused = harness("diff", stores[0], stores[0], "--html", tmp_path)
    assert refused.status == 2
    assert "Give a file" in refused.err
