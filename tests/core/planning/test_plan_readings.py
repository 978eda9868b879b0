"""Readings become cells: of which models, under which key, and what is said of a slip."""

from pathlib import Path
from typing import Any

import pytest

from posharness.contracts.cell import Cell, Choice
from posharness.errors import UserError
from posharness.experiment import load_experiment
from posharness.planning.plan import _tasks, plan
from posharness.planning.plan_readings import choose_readings, external_model, trained_model
from posharness.registry.registry import Registry

ASKER = Path(__file__).parents[1] / "asker.py"
TASKS = """
import torch
from posharness.contracts import Batch, Objective, PositionalEncoding, Task, hookimpl

class Causal(PositionalEncoding):
    name = "causal-only"
    directions = frozenset({"causal"})

class Echo(Task):
    name = "echo"
    bodies = ("encoder", "decoder")
    readout = "linear"
    def __init__(self, body):
        super().__init__(body)
        self.length, self.evaluation_lengths, self.vocabulary = 5, (5,), 3
        self.objectives = (Objective("echo", 3, 1 / 3, self.readout),)
    def sample(self, generator, n, length, split):
        tokens = torch.randint(3, (n, length), generator=generator)
        return Batch(tokens, tokens, tokens >= 0, torch.zeros_like(tokens))

class Fill(Echo):
    name = "fill"
    readout = "mlm"

@hookimpl
def posharness_encodings():
    return [Causal]

@hookimpl
def posharness_tasks():
    return [Echo, Fill]
"""


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    path = tmp_path / "fill.py"
    path.write_text(TASKS)
    return Registry.load([path, ASKER])


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.conllu"
    path.write_text("a b c\nb c d e\n")
    return path


def cells(registry: Registry, tmp_path: Path, **overrides: Any) -> list[Cell]:
    given = {"tasks": ["fill"], "plugins": ["rope"], "seeds": 1, **overrides}
    return plan(load_experiment(preset="smoke", overrides=given), registry, tmp_path)


def test_readings_follow_and_are_posed_to_encoders_that_fill_masks(
    registry: Registry, tmp_path: Path, text: Path
) -> None:
    found = cells(
        registry,
        tmp_path,
        plugins=["rope,alibi"],
        tasks=["echo", "fill"],
        bodies=["encoder", "decoder"],
        seeds=[3, 4],
        readings=["ask", "asking[most=1]"],
        treebank=str(text),
    )
    trained = [cell for cell in found if not cell.pretrained]
    readings = found[len(trained) :]
    assert len(trained) == 2 * 2 * 2 * 2
    assert len(readings) == len({cell.key for cell in readings}) == 2 * 2 * 2
    filled = [cell for cell in trained if (cell.task.name, cell.body) == ("fill", "encoder")]
    assert [cell.pretrained for cell in readings] == [cell.key for cell in filled for _ in range(2)]
    parents = {cell.key: cell for cell in filled}
    for cell in readings:
        assert cell.label == parents[cell.pretrained].label
        assert cell.seed == parents[cell.pretrained].seed
        assert cell.task.params["corpus"] == str(text)
        assert cell.data
    assert [cell.task.label for cell in readings[:2]] == ["asking reading", "asking[most=1] reading"]


def test_all_stands_for_every_reading(registry: Registry, text: Path) -> None:
    given = {"readings": ["all"], "treebank": str(text), "reading": {"asking": {"params": {"most": 2}}}}
    found = choose_readings(load_experiment(preset="smoke", overrides=given), registry)
    assert {reading.choice.name for reading in found} == set(registry.readings)
    assert [r.choice.params["most"] for r in found if r.choice.name == "asking"] == [2]
    assert not any(reading.named for reading in found)


def test_all_leaves_out_what_does_not_fit_the_text(registry: Registry, tmp_path: Path, text: Path) -> None:
    found = cells(registry, tmp_path, readings=["all"], treebank=str(text))
    reasons = {cell.task.name: cell.skip for cell in found if cell.pretrained}
    assert set(reasons) == set(registry.readings)
    assert reasons.pop("asking") == ""
    for reason in reasons.values():
        assert reason.startswith("not named by itself, and does not fit: the treebank")
        assert "is not CoNLL-U: line 1" in reason


@pytest.mark.parametrize("readings", [["heads"], ["all", "heads"], ["asking", "heads"]])
def test_a_reading_that_was_named_must_fit_the_text(
    registry: Registry, tmp_path: Path, text: Path, readings: list[str]
) -> None:
    with pytest.raises(UserError, match="is not CoNLL-U: line 1"):
        cells(registry, tmp_path, readings=readings, treebank=str(text))


def test_where_no_reading_fits_the_first_fault_is_told(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there is no file 'none\.conllu'|'none\.conllu' cannot be read"):
        cells(registry, tmp_path, readings=["all"], treebank="none.conllu")


def test_the_corpus_is_a_key_of_an_experiment(tmp_path: Path) -> None:
    def corpora(**changes: Any) -> list[Any]:
        given = {"plugins": ["rope"], "tasks": ["copy", "bert"], "corpus": "one.txt", "seeds": 1, **changes}
        choices = _tasks(load_experiment(preset="smoke", overrides=given), Registry.load([]))
        return [choice.params.get("corpus") for choice, _, _ in choices]

    assert corpora() == [None, "one.txt"]
    assert corpora(task={"bert": {"params": {"corpus": "two.txt"}}}) == [None, "two.txt"]
    with pytest.raises(
        UserError, match=r"The corpus one\.txt is given, but none of the tasks copy reads one"
    ):
        corpora(tasks=["copy"])


def test_a_reading_is_skipped_with_what_it_would_read(registry: Registry, tmp_path: Path, text: Path) -> None:
    trained, reading = cells(
        registry, tmp_path, plugins=["causal-only"], readings=["asking"], treebank=str(text)
    )
    assert trained.skip == "causal-only is not defined for bidirectional attention"
    assert reading.skip == f"its model is skipped: {trained.skip}"


def reading_of(trained: Cell, **changes: Any) -> Cell:
    asked = {"task": Choice(name="asking", params={"corpus": "a", "most": 3}, digest="5"), "data": "text"}
    return trained_model(trained).model_copy(update={**asked, **changes})


TRAINED = Cell(
    encoding=Choice(name="e", params={"clip": 3}, digest="1", label="e"),
    attention=Choice(name="a", digest="2"),
    body="encoder",
    task=Choice(name="t", digest="3", label="t"),
)


@pytest.mark.parametrize(
    "change",
    [
        {"pretrained": "another"},
        {"seed": 1},
        {"data": "another text"},
        {"results_version": 0},
        {"task": Choice(name="asking", params={"corpus": "a", "most": 4}, digest="5")},
        {"task": Choice(name="asking", params={"corpus": "a", "most": 3}, digest="edited")},
    ],
)
def test_what_changes_an_answer_changes_the_key(change: dict[str, Any]) -> None:
    assert reading_of(TRAINED, **change).key != reading_of(TRAINED).key


@pytest.mark.parametrize(
    "change",
    [
        {"skip": "a reason"},
        {"where": "elsewhere"},
        {"encoding": Choice(name="e", digest="1")},
        {"budget": TRAINED.budget.model_copy(update={"steps": 3})},
        {"task": Choice(name="asking", params={"corpus": "moved", "most": 3}, digest="5", label="x")},
    ],
)
def test_what_does_not_change_it_does_not(change: dict[str, Any]) -> None:
    assert reading_of(TRAINED, **change).key == reading_of(TRAINED).key


def test_a_reading_is_another_cell_than_its_model_and_survives_json() -> None:
    reading = reading_of(TRAINED)
    assert reading.pretrained == TRAINED.key != reading.key
    assert Cell.model_validate_json(reading.model_dump_json()) == reading
    longer = TRAINED.model_copy(update={"budget": TRAINED.budget.model_copy(update={"steps": 3})})
    assert reading_of(longer).settings == reading.settings
    assert reading_of(longer).key != reading.key


def test_a_model_from_elsewhere_is_called_by_its_name() -> None:
    model = external_model("tiny", "digest", "somewhere/tiny", 2)
    asked = model.model_copy(update={"task": Choice(name="asking", label="asking reading"), "data": "text"})
    assert str(asked) == "tiny on asking reading, encoder, seed 2"
    assert (asked.pretrained, asked.where) == ("digest", "somewhere/tiny")


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ({"readings": ["askin"]}, "--readings: unknown reading 'askin'; did you mean 'asking'"),
        ({"readings": ["asking"], "treebank": ""}, "needs a text to read: give --treebank"),
        ({"readings": ["asking[mots=1]"]}, "asking has no parameter 'mots'; did you mean 'most'"),
        ({"readings": ["asking"], "treebank": "none.conllu"}, "the text 'none.conllu' cannot be read"),
        ({"readings": []}, "is given, but no reading: give --readings all"),
        ({"readings": ["asking"], "tasks": ["echo"]}, "need a masked language model, and the tasks echo"),
        ({"reading": {"askin": {}}, "readings": ["asking"]}, r"\[reading.askin\]: unknown reading; did you"),
    ],
)
def test_a_slip_is_one_sentence(
    registry: Registry, tmp_path: Path, text: Path, overrides: dict[str, Any], says: str
) -> None:
    with pytest.raises(UserError, match=says):
        cells(registry, tmp_path, **{"treebank": str(text), **overrides})


def test_a_slip_in_the_readings_is_told_before_a_corpus_is_prepared(
    registry: Registry, tmp_path: Path
) -> None:
    told: list[str] = []
    given = {"tasks": ["fill"], "plugins": ["rope"], "readings": ["askin"]}
    with pytest.raises(UserError):
        plan(load_experiment(preset="smoke", overrides=given), registry, tmp_path, told.append)
    assert told == []


def test_an_unknown_key_of_a_reading_is_named() -> None:
    with pytest.raises(
        UserError, match=r"unknown key 'reading\.asking\.parms'; did you mean 'reading\.asking\.params'"
    ):
        load_experiment(overrides={"reading": {"asking": {"parms": {}}}})
