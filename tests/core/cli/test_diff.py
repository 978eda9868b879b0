"""`harness diff`: two stores or reports, for readers, for programs and as a page."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from posharness.store import layout
from posharness.store.checksums import write_checksums
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
    assert "\nNot surely beyond noise\n" in done.out
    assert "ithin" not in done.out
    assert max(map(len, done.out.replace(str(page), "").splitlines())) <= 80
    assert "finished seeds" in page.read_text("utf-8")
    assert str(page) in done.out


def test_programs_get_json(stores: tuple[Path, Path]) -> None:
    found = json.loads(harness("diff", *stores, "--json").out)
    assert found["same"] is False
    assert found["ran"][0]["other"] == "0, 1, 2"
    assert set(found) == {"names", "ran", "numbers", "ranks", "verdicts", "compared", "notes", "same"}


def test_what_is_neither_is_a_mistake_with_advice(stores: tuple[Path, Path], tmp_path: Path) -> None:
    missing = harness("diff", stores[0], tmp_path / "missing")
    assert missing.status == 2
    assert "missing is neither a store nor a report; give the folder of one." in missing.err
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").touch()
    assert "other is neither a store nor a report" in harness("diff", stores[0], tmp_path / "other").err
    refused = harness("diff", stores[0], stores[0], "--html", tmp_path)
    assert refused.status == 2
    assert "Give a file" in refused.err


@pytest.fixture(scope="module")
def retrained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Three seeds of two encodings; and a store in which encoding1 has three other seeds."""
    folder = tmp_path_factory.mktemp("retrained")
    for name, seeds in (("before", {0, 1, 2}), ("after", {3, 4, 5})):
        write_store(folder / name, Size(labels=2, tasks=1, seeds=6, sequences=64))
        for home, label, seed in _cells(folder / name):
            if seed not in (seeds if label == "encoding1" else {0, 1, 2}):
                shutil.rmtree(home)
    return folder / "before", folder / "after"


def _cells(store: Path) -> list[tuple[Path, str, int]]:
    found = []
    for home in sorted((store / "cells").iterdir()):
        cell = json.loads((home / layout.CELL).read_text("utf-8"))
        found.append((home, cell["encoding"]["label"], cell["seed"]))
    return found


def test_an_encoding_with_other_seeds_differs_by_noise_only(retrained: tuple[Path, Path]) -> None:
    found = json.loads(harness("diff", *retrained, "--json").out)
    assert [(each["what"], each["one"], each["other"]) for each in found["ran"]] == [
        ("finished seeds of encoding1 on task0", "0, 1, 2", "3, 4, 5")
    ]
    changes = found["numbers"] + found["ranks"] + found["verdicts"]
    assert changes
    assert all("encoding1" in each["what"] for each in found["numbers"])
    assert not any(each["beyond_noise"] for each in changes)


def test_a_change_of_a_fifth_is_named(retrained: tuple[Path, Path], tmp_path: Path) -> None:
    shutil.copytree(retrained[1], tmp_path / "worse")
    for home, label, seed in _cells(tmp_path / "worse"):
        if label == "encoding1":
            rows = pd.read_parquet(home / layout.PREDICTIONS)
            # A quarter of four fifths is a fifth.
            kept = np.random.default_rng(seed).random(len(rows)) >= 0.25
            rows.assign(correct=rows["correct"] & kept).to_parquet(home / layout.PREDICTIONS, index=False)
            write_checksums(home, home.name)
    found = json.loads(harness("diff", retrained[0], tmp_path / "worse", "--json").out)
    beyond = [each for each in found["numbers"] if each["beyond_noise"]]
    assert beyond
    assert all(each["what"].startswith("encoding1 on task0") for each in beyond)
    assert min(each["difference"] for each in beyond) == pytest.approx(-0.2, abs=0.1)
    page = tmp_path / "page.html"
    text = harness("diff", retrained[0], tmp_path / "worse", "--html", page).out
    # The terminal, programs and the page say the same.
    for kind in ("numbers", "ranks", "verdicts"):
        every = found[kind]
        if not found["compared"][kind]:
            assert f"{kind.capitalize()}: nothing to compare" in text
            continue
        beyond = sum(each["beyond_noise"] is True for each in every)
        assert f"{kind.capitalize()}: {beyond} of {found['compared'][kind]} differ beyond noise" in text
        assert f"{len(every)} of {found['compared'][kind]} differ, {beyond} beyond noise" in page.read_text()


def test_stores_with_other_tasks_are_compared_over_those_of_both(tmp_path: Path) -> None:
    for name, tasks in (("whole", 3), ("part", 2)):
        write_store(tmp_path / name, Size(labels=2, tasks=tasks, seeds=2, sequences=16))
    done = harness("diff", tmp_path / "whole", tmp_path / "part")
    assert "Ranked again over what both have" in done.out
    assert "task2" in done.out
    assert "Ranks: 0 of" in done.out


def test_where_nothing_can_be_compared_nothing_is_said_not_to_differ(tmp_path: Path) -> None:
    for name, labels in (("one", 1), ("two", 2)):
        write_store(tmp_path / name, Size(labels=labels, tasks=1, seeds=2, sequences=16))
    said = harness("diff", tmp_path / "one", tmp_path / "two").out
    assert "\nRanks: nothing to compare\n" in said
    assert "nothing differs" not in said.partition("Ranks")[2].partition("Verdicts")[0]
