"""A corpus that was moved is the same corpus: nothing is trained anew, and another text is another cell."""

from __future__ import annotations

from pathlib import Path

import pytest

from posharness.experiment import Experiment
from posharness.planning.plan import plan
from posharness.registry.registry import Registry


@pytest.mark.parametrize(
    "task",
    [
        "bert[vocabulary_size=300,evaluation_lengths=[64],corpus={}]",
        "bytes[evaluation_lengths=[128],corpus={}]",
    ],
)
def test_the_key_knows_the_text_and_not_the_path(task: str, tmp_path: Path) -> None:
    registry = Registry.load()
    documents = [
        "\n".join(f"The {word} number {i} is seen here again. It is {word}." for i in range(12))
        for word in ("cat", "dog", "house", "river", "mountain", "teacher", "engine", "letter")
    ]

    def key(name: str, text: str) -> tuple[str, str]:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
        experiment = Experiment(plugins=["relative"], tasks=[task.format(path)], seeds=1)
        (cell,) = plan(experiment, registry, tmp_path / "cache")
        assert str(path) in cell.task.params["corpus"]
        return cell.key, cell.data

    first = key("here/a.txt", "\n\n".join(documents))
    assert key("there/b.txt", "\n\n".join(documents)) == first
    other = key("here/a.txt", "\n\n".join(documents[::-1]))
    assert first[0] != other[0]
    assert first[1] != other[1]
