"""The results of a store as tidy frames: what report sections and claims are given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Frames"]


def _no_rows() -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame()


@dataclass(frozen=True, slots=True)
class Frames:
    """Everything a store holds, as tidy frames joined by `cell` (the key).

    Attributes:
        cells: one row for each cell, of any status. Columns: cell, label (the encoding as typed, and the
            attention where it is not softmax), encoding, attention, body, task, seed, status, reason,
            parameters, encoding_parameters, steps, seconds, step_ms, train_length, max_length, distance,
            undefined_lengths, objectives (names, parted by "; "), score (best validation score),
            torch, python, machine, results_version, started, settings (what else is in the key, as
            `name=value` words: model, budget, optimiser, digest of the data; cells that differ in it are
            never averaged), source (digest of the plugins' code), pretrained (of a reading, what was read:
            the `cell` that trained it, or the digest of a model from elsewhere; "" of a training run).
        predictions: one row for each scored prediction of a done cell. Columns: cell, label, encoding,
            attention, body, task, seed, split, objective, length, sequence, position,
            dependency_length (-1 for none), stratum, correct, log_prob, chance.
        curves: one row for each logged step and objective of any cell that trained. Columns: cell,
            label, encoding, attention, body, task, seed, step, seconds, objective, train_loss,
            validation_loss, validation_score, gradient_norm, learning_rate; NaN where not measured.
        mechanism: what positions do in the done cells, one row for each layer, head and signed distance
            (key − query). Columns: cell, label, encoding, attention, body, task, seed, stack, layer,
            head, distance, effect (mean of what the encoding adds to a score; NaN where it acts on
            none), weight (mean attention weight; NaN where the attention has none).
    """

    cells: pd.DataFrame
    predictions: pd.DataFrame
    curves: pd.DataFrame
    mechanism: pd.DataFrame = field(default_factory=_no_rows)
