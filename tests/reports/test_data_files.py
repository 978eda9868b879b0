"""The data of a report holds what its p-values are computed from, and settings as numbers."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from posharness.contracts import Claim, Frames, defined_in
from posharness_reports import claims
from posharness_reports.compile.data_files import data_files, data_frames
from posharness_reports.study import Study, study

Simulate = Callable[..., Frames]
CLAIMS = [claim() for claim in defined_in(claims, Claim)]


def _csv(ready: Study) -> dict[str, pd.DataFrame]:
    return {
        path.removeprefix("data/").removesuffix(".csv"): pd.read_csv(io.BytesIO(content))
        for path, content in data_files(data_frames(ready)).items()
        if path.endswith(".csv")
    }


def _two_sided(distance: pd.Series[float], rows: pd.DataFrame, prefix: str = "tested") -> pd.Series[float]:
    return 2 * stats.t.sf(distance / rows[f"{prefix}_error"], rows[f"{prefix}_freedom"])


def _holm(p: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Each p by the share that is left to it, and never less than the one before."""
    corrected, least, left = np.empty(len(p)), 0.0, weights.sum()
    for i in np.argsort(p / weights, kind="stable"):
        least = max(least, p[i] * left / weights[i])
        corrected[i], left = least, left - weights[i]
    return np.minimum(corrected, 1)


@pytest.mark.parametrize(("seeds", "rate"), [(2, 0.05), (4, 0.05), (4, 0.02)])
def test_each_p_of_the_rankings_follows_from_its_columns(
    simulated: Simulate, seeds: int, rate: float
) -> None:
    ready = study(simulated(labels=("relative", "absolute", "rope"), seeds=seeds), alpha=rate)
    rows = _csv(ready)["pairs"]
    assert len(rows) > 10
    alone = np.maximum(_two_sided(rows["difference"].abs(), rows), rows["least_p"]).clip(upper=1)
    assert alone.to_numpy() == pytest.approx(rows["p_alone"].to_numpy(), rel=1e-6)
    assert (rows["least_p"] > 0).all() == (seeds == 2)
    family = rows["task"].isna().to_numpy()
    weights = np.where(family, 1 / max(family.sum(), 1), 1 / max((~family).sum(), 1))
    p = np.minimum(_holm(rows["p_alone"].to_numpy(), weights) * 0.05 / rows["rate"], 1)
    assert p.to_numpy() == pytest.approx(rows["p"].to_numpy(), rel=1e-6)
    # A test that takes no variance of others has the error of the interval.
    own = rows[rows["means_pooled"] == 0]
    assert np.allclose(own["error"], own["tested_error"])
    assert (rows["tested_error"] >= rows["error"] - 1e-12).all()


@pytest.mark.parametrize("seeds", [2, 4])
def test_each_p_of_the_verdicts_follows_from_its_columns(simulated: Simulate, seeds: int) -> None:
    frames = simulated(labels=("relative", "absolute", "rope"), seeds=seeds)
    data = _csv(study(frames, CLAIMS))
    rows = data["verdicts"]
    rows = rows[rows["p"].notna()]
    assert {"above", "inside"} <= set(rows["surest"])
    smallest = rows["smallest_effect"]
    distance = {"above": rows["effect"] - smallest, "below": -rows["effect"] - smallest}
    inside = smallest - rows["effect"].abs()
    p = _two_sided(pd.concat(distance, axis=1).max(axis=1).where(rows["surest"] != "inside", inside), rows)
    alike = _two_sided(smallest - rows["alike_effect"].abs(), rows, "alike")
    alone = np.fmax(np.fmax(p, alike), rows["least_p"]).clip(upper=1)
    exact = rows["alike_effect"].isna() | (rows["alike_effect"].abs() < smallest)
    assert exact.any()
    assert alone[exact].to_numpy() == pytest.approx(rows["p_alone"][exact].to_numpy(), rel=1e-6)
    p = _holm(rows["p_alone"].to_numpy(), np.ones(len(rows))) * 0.05 / rows["rate"]
    assert np.minimum(p, 1).to_numpy() == pytest.approx(rows["p"].to_numpy(), rel=1e-6)
    _check_mixed(rows, data["effects"])


def _check_mixed(rows: pd.DataFrame, effects: pd.DataFrame) -> None:
    """The p that no two tasks have opposite effects follows from the effects by task."""
    where = ["claim", "better", "other", "decoding"]
    for row in rows.to_dict("records"):
        own = effects[(effects[where] == pd.Series(row)[where]).all(axis=1)]
        assert own["effect"].mean() == pytest.approx(row["effect"])
        tests = [
            stats.t.sf(
                (sign * own["effect"] - row["smallest_effect"]) / own["tested_error"], own["tested_freedom"]
            )
            for sign in (1, -1)
        ]
        mixed = 2 * len(own) * max(np.nanmin(p) for p in tests) if len(own) > 1 else 1.0
        assert min(max(mixed, row["least_p_mixed"]), 1) == pytest.approx(row["p_mixed_alone"], rel=1e-6)
        corrected = row["p_mixed_alone"] * len(rows) * 0.05 / row["rate"]
        assert min(corrected, 1) == pytest.approx(row["p_mixed"], rel=1e-6)


def test_each_setting_has_a_column_of_its_own(simulated: Simulate) -> None:
    frames = simulated(seeds=2, tasks=("copy",))
    frames.cells["settings"] = [{"width": 64, "lr": 0.003, "solved": False, "schedule": "cosine"}, None] * 2
    ready = study(frames)
    cells = data_frames(ready)["cells"]
    assert list(cells["settings.width"].dropna()) == [64, 64]
    assert str(cells["settings.width"].dtype) == "Int64"
    assert str(cells["settings.lr"].dtype) == "Float64"
    assert str(cells["settings.solved"].dtype) == "boolean"
    assert list(cells["settings.schedule"].dropna()) == ["cosine", "cosine"]
    assert "settings" not in cells
    assert _csv(ready)["cells"]["settings.lr"].tolist() == pytest.approx([0.003, np.nan] * 2, nan_ok=True)


def test_what_is_open_says_how_many_seeds_are_missing(simulated: Simulate) -> None:
    data = _csv(study(simulated(seeds=2), CLAIMS))
    for name in ("pairs", "verdicts"):
        missing = data[name]["seeds_to_decide"].dropna()
        assert len(missing)
        assert (missing > 0).all()
        assert (missing <= 100).all()
    assert data["pairs"].loc[data["pairs"]["p"] <= 0.05, "seeds_to_decide"].isna().all()
    assert data["verdicts"].loc[data["verdicts"]["verdict"] != "undecided", "seeds_to_decide"].isna().all()
