"""Random damage to corpora, reports and stores: one message or a right answer, no traceback, no hang."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from posharness.contracts.cell import Cell
from posharness.experiment import load_experiment
from posharness.planning.plan import plan
from posharness.registry.registry import Registry
from posharness.results import load
from posharness.store import Store
from posharness.store.checksums import write_checksums
from posharness.verification import compare_files, read_made
from posharness_reports.publish.static_folder import publish
from posharness_tasks.bert.corpora.local_files import local_source
from tests.core.commands import harness
from tests.core.store.test_store import complete, make_cell
from tests.core.test_verification import write_report as write_made_report
from tests.faults.amount import amount, attempt
from tests.faults.hostile import as_json, json_value, mutated
from tests.reports.publish.small_reports import contents, linked, write_report
from tests.tasks import corpora

pytestmark = pytest.mark.faults


def read_documents(path: Path) -> list[list[str]]:
    """The documents of a corpus; what is no message of the reader is what the plan of a run makes of it."""
    try:
        return list(local_source(str(path)).documents())
    except ValueError:
        corpus = {"tasks": ["bert"], "plugins": ["rope"], "corpus": str(path)}
        plan(load_experiment(preset="smoke", overrides=corpus), Registry.load(), path.parent / "cache")
        raise


def differences(report: Path) -> list[str]:
    return list(compare_files(report, read_made(report)[1]))


def test_damaged_corpora_are_read_or_refused_by_name(tmp_path: Path) -> None:
    whole = {}
    lines = (corpora.as_text, corpora.as_json_lines, corpora.as_treebank)
    for write in (*lines, corpora.as_json, corpora.as_parquet):
        path = Path(write(tmp_path))
        whole[path.name] = path.read_bytes()
    read = 0
    for number in range(amount(1500, 150)):
        chance = random.Random(number)
        name = chance.choice([*whole])
        path = tmp_path / name
        content = whole[name]
        for _ in range(chance.choice([1, 1, 2, 5])):
            content = mutated(chance, content)
        path.write_bytes(content)
        message, documents = attempt(number, read_documents, path)
        assert not message or name in message, number
        assert "cache" not in message, number
        read += not message
        for document in documents or []:
            for sentence in document:
                sentence.encode()
    assert read


REPORT_FIELDS = ("format", "id", "title", "created", "headline", "cells", "tasks", "encodings", "x")


def test_damaged_reports_are_published_or_refused_whole(tmp_path: Path) -> None:
    site = tmp_path / "site"
    publish(write_report(tmp_path / "reports" / "other-report"), site)
    (tmp_path / "thesis").write_text("years")
    before, published = contents(site), 0
    for number in range(amount(800, 80)):
        chance = random.Random(number)
        report = write_report(tmp_path / "reports" / "this-report")
        about = report / "report.json"
        if chance.random() < 0.5:
            fields = {chance.choice(REPORT_FIELDS): json_value(chance) for _ in range(chance.choice([1, 2]))}
            about.write_text(as_json(json.loads(about.read_text()) | fields))
        else:
            about.write_bytes(mutated(chance, about.read_bytes()))
        message, _ = attempt(number, publish, report, site)
        assert len(message) < 2000, number
        if message:
            assert contents(site) == before, number
            continue
        published += 1
        name = json.loads(about.read_bytes())["id"]  # another one may be as right
        assert linked(site) == sorted(["other-report", name]), number
        shutil.rmtree(site / name)
        publish(tmp_path / "reports" / "other-report", site)
        assert contents(site) == before, number
    assert published
    assert (tmp_path / "thesis").read_text() == "years"


def test_damaged_reports_are_verified_or_refused(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "runs", create=True)
    complete(store, make_cell())
    number = 0
    for number in range(amount(700, 80)):
        chance = random.Random(number)
        shutil.rmtree(tmp_path / "report", ignore_errors=True)
        report = write_made_report(tmp_path / "report", store)
        path = chance.choice(sorted(path for path in report.rglob("*") if path.is_file()))
        content = path.read_bytes()
        changed = mutated(chance, content)
        path.write_bytes(changed)
        message, found = attempt(number, differences, report)
        assert message or found or changed == content, (number, path.name)
    assert number


COMMANDS = (("status", "--json"), ("status",), ("store", "check"))
RECORDS = ("store.json", "looks.json", "tuning.json")


def damage_cell(chance: random.Random, store: Store, cell: Cell) -> None:
    """Change a file of a cell; half of the time by someone who knows how to write the checksums."""
    home = store.home(cell.key)
    path = chance.choice(sorted(path for path in home.iterdir() if path.is_file()))
    content = None
    with suppress(ValueError):  # it is damaged already
        content = json.loads(path.read_bytes()) if path.suffix == ".json" else None
    if isinstance(content, dict) and path.name != "checksums.json" and chance.random() < 0.6:
        path.write_text(as_json(content | {chance.choice([*content, "x"]): json_value(chance)}))
    else:
        path.write_bytes(mutated(chance, path.read_bytes()))
    if chance.random() < 0.5:
        write_checksums(home, cell.key)


def damage_record(chance: random.Random, store: Store, cell: Cell) -> None:
    path = store.path / chance.choice(RECORDS)
    if chance.random() < 0.5:
        path.write_text(as_json(json_value(chance)))
    else:
        known = {"seeds": [3, 5], "look": 1, "trials": {cell.key: {"lr": 1}}, "final": {}, "format": 3}
        path.write_bytes(mutated(chance, json.dumps(known).encode()))


def damage_work(chance: random.Random, store: Store, cell: Cell) -> None:
    """Leave something in the folder of running cells."""
    work = store.path / "work" / cell.key
    work.mkdir(exist_ok=True)
    name = chance.choice(["live.json", "status.json", "cell.json", "checkpoint.ckpt"])
    (work / name).write_text(as_json(json_value(chance)))
    (store.path / "work" / f"{cell.key}.holder").write_text(as_json(json_value(chance)))


DAMAGES: tuple[Callable[[random.Random, Store, Cell], None], ...] = (damage_cell, damage_record, damage_work)


def test_damaged_stores_are_read_or_refused(tmp_path: Path) -> None:
    clean = tmp_path / "clean"
    cells = [make_cell(seed) for seed in range(2)]
    for cell in cells:
        complete(Store.open(clean, create=True), cell)
    for number in range(amount(500, 50)):
        chance = random.Random(number)
        path = tmp_path / "runs"
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(clean, path)
        store = Store.open(path, create=False)
        for _ in range(chance.choice([1, 1, 3])):
            chance.choice(DAMAGES)(chance, store, cells[0])
        for command in COMMANDS:
            _, ended = attempt(number, harness, *command, path)
            assert ended is not None
            assert ended.status in (0, 1, 2), number
            assert "Traceback" not in ended.out + ended.err, number
            assert "\x1b" not in ended.out, number
            assert ended.status != 2 or ended.err.count("\n") == 1, number
        attempt(number, load, path)
