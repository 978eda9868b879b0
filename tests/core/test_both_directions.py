"""The gain of the right context, taken from cells that were really trained: an encoder's and a decoder's."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import posharness
from posharness.api import execute
from posharness.contracts import Frames
from posharness.execution import Execution
from posharness.experiment import load_experiment
from posharness_reports.sections.both_directions.content import describe_task, pairs_of_cells
from posharness_reports.study import study

TINY: dict[str, Any] = {
    "plugins": ["rope,alibi"],
    "tasks": ["bert[vocabulary_size=300,length=24,evaluation_lengths=[24]]"],
    "bodies": ["encoder", "decoder"],
    "seeds": 1,
    "model": {"width": 16, "heads": 2, "layers": 1},
    "task": {"bert": {"budget": {"steps": 2, "batch": 8, "test_sequences": 16, "validation_sequences": 8}}},
}
PLACE = ["label", "length", "sequence", "position"]


@pytest.fixture(scope="module")
def frames(warm_server: None, tmp_path_factory: pytest.TempPathFactory) -> Frames:
    folder = tmp_path_factory.mktemp("directions")
    documents = (
        f"The {n} cats of house {n} sleep. They wake at {n % 24}. Then {n} dogs bark.\n\n" for n in range(99)
    )
    (folder / "text.txt").write_text("".join(documents))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POSHARNESS_CACHE", str(folder / "cache"))
        given = {
            **TINY,
            "task": {"bert": {**TINY["task"]["bert"], "params": {"corpus": str(folder / "text.txt")}}},
        }
        execute(load_experiment(preset="smoke", overrides=given), Execution(folder / "runs", workers=1))
    return posharness.load(folder / "runs")


def test_both_bodies_are_scored_on_the_same_tokens(frames: Frames) -> None:
    assert set(frames.cells["status"]) == {"done"}
    rows = frames.predictions.query("objective == 'mlm'").astype({"body": str, "label": str})
    places = {
        body: set(own.assign(position=own["position"] + (body == "decoder"))[PLACE].itertuples(index=False))
        for body, own in rows.groupby("body")
    }
    assert places["encoder"] == places["decoder"]
    assert len(places["encoder"]) == len(rows) / 2


def test_the_gain_is_the_mean_of_what_each_token_gains(frames: Frames) -> None:
    ready = study(frames).trained
    ((task, cells),) = pairs_of_cells(ready)
    assert sorted(cells["label"]) == ["alibi", "rope"]
    section = describe_task(ready, task, cells)
    assert section is not None
    rows = frames.predictions.query("objective == 'mlm' and split == 'test' and stratum != 'token in sight'")
    rows = rows.astype({"body": str, "label": str})
    encoder, decoder = (rows[rows["body"] == body] for body in ("encoder", "decoder"))
    both = encoder.merge(decoder.assign(position=decoder["position"] + 1), on=PLACE)
    prose = section.prose.replace("\\", "")
    for label, own in both.groupby("label"):
        gain = (own["log_prob_x"] - own["log_prob_y"]).mean()
        assert f"**{label}**" in prose
        assert f"{gain:.3g}".replace("-", "−") in prose, (label, gain)
        assert f"{len(own)} tokens" in prose
    points = section.tables["gains by distance, all values"]
    assert set(points["gain_in"]) == {"accuracy", "log p"}
    assert isinstance(points, pd.DataFrame)
