"""Simulated frames: shaped as a store gives them, with accuracies drawn from known curves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from typing import Any

import numpy as np
import pandas as pd
import pytest

from posharness.contracts import Frames
from tests.reports.browser import Browser

TASKS: dict[str, dict[str, Any]] = {
    "offset_recall": {"objectives": ("recall",), "lengths": (32, 64), "chance": {"recall": 1 / 16}},
    "copy": {"objectives": ("copy",), "lengths": (48, 96), "chance": {"copy": 1 / 16}},
    "bert": {"objectives": ("mlm", "nsp"), "lengths": (64,), "chance": {"mlm": 0.06, "nsp": 0.55}},
}
SETTINGS = {"width": 64, "layers": 2, "heads": 4, "steps": 800, "batch": 32, "lr": 0.003}
REACH = {"relative": 200.0, "absolute": 5.0, "learned": 9.0}
UNDEFINED = {"learned": (64, 96)}


def _distances(task: str, objective: str, length: int, n: int, rng: np.random.Generator) -> np.ndarray:
    if objective == "nsp":
        return np.full(n, -1)
    if task == "offset_recall":
        return rng.choice([1, 2, 4, 8, 12, 16], n)
    return np.exp(rng.uniform(0, np.log(length - 1), n)).astype(int)


def _predictions(cell: Mapping[str, Any], sequences: int, rng: np.random.Generator) -> list[pd.DataFrame]:
    parts = []
    skill = rng.normal(0, 0.25)
    for length in TASKS[cell["task"]]["lengths"]:
        if length in cell["undefined_lengths"]:
            continue
        for objective in TASKS[cell["task"]]["objectives"]:
            each = 1 if objective == "nsp" else 8
            n = sequences * each
            distance = _distances(cell["task"], objective, length, n, rng)
            chance = TASKS[cell["task"]]["chance"][objective]
            reach = REACH.get(cell["label"], 1 + 3 * cell["order"])
            ease = 1.2 if objective == "nsp" else 2.5 * np.log(reach / np.maximum(distance, 1)) + skill
            right = chance + (1 - chance) / (1 + np.exp(-ease))
            correct = rng.random(n) < right * (0.8 if objective == "mlm" else 1.0)
            parts.append(
                pd.DataFrame(
                    {
                        "split": "test",
                        "objective": objective,
                        "decoding": "teacher-forced",
                        "condition": "",
                        "length": np.int32(length),
                        "sequence": np.repeat(np.arange(sequences, dtype=np.int32), each),
                        "position": np.int32(0),
                        "dependency_length": distance.astype(np.int32),
                        "stratum": "",
                        "correct": correct,
                        "log_prob": np.log(np.where(correct, 0.8, 0.1)).astype(np.float32),
                        "chance": np.float32(chance),
                        "blind": np.float32(chance),
                    }
                )
            )
    return parts


def _curves(cell: Mapping[str, Any], upto: int, rng: np.random.Generator) -> pd.DataFrame:
    steps = np.arange(20, upto + 1, 20)
    parts = []
    for objective in TASKS[cell["task"]]["objectives"]:
        fall = np.exp(-steps / (150 + 40 * (cell["label"] == "absolute")))
        validated = steps % 100 == 0
        parts.append(
            pd.DataFrame(
                {
                    "step": steps,
                    "seconds": steps * 0.03,
                    "objective": objective,
                    "train_loss": 0.3 + 2.5 * fall + rng.normal(0, 0.04, len(steps)),
                    "validation_loss": np.where(validated, 0.35 + 2.5 * fall, np.nan),
                    "validation_score": np.where(validated, 0.95 * (1 - fall), np.nan),
                    "gradient_norm": 0.5,
                    "learning_rate": 1e-3,
                }
            )
        )
    return pd.concat(parts)


FAMILIES = {"relative": "relative", "rope": "relative", "absolute": "absolute", "learned": "absolute"}


def simulate(
    labels: tuple[str, ...] = ("relative", "absolute"),
    seeds: int = 2,
    statuses: Mapping[tuple[str, str, int], tuple[str, str]] | None = None,
    sequences: int = 64,
    default: str = "done",
    tasks: tuple[str, ...] = tuple(TASKS),
) -> Frames:
    """Frames of every label on every task, from a fixed generator.

    Args:
        statuses: (label, task, seed) to the status and reason of a cell that is not `default`.
    """
    rng = np.random.default_rng(7)
    cells, predictions, curves = [], [], []
    for task in tasks:
        about = TASKS[task]
        for order, label in enumerate(labels):
            for seed in range(seeds):
                status, reason = (statuses or {}).get((label, task, seed), (default, ""))
                identity = {
                    "cell": sha256(f"{task}-{label}-{seed}".encode()).hexdigest(),
                    "label": label,
                    "encoding": label.partition("[")[0],
                    "attention": "softmax",
                    "body": "encoder" if task != "copy" else "decoder",
                    "task": task,
                    "seed": seed,
                }
                began = status not in ("skipped", "waiting")
                undefined = tuple(x for x in UNDEFINED.get(label, ()) if x in about["lengths"])
                cells.append(
                    identity
                    | {
                        "status": status,
                        "reason": reason,
                        "parameters": 101_000 + 3_000 * order if began else None,
                        "encoding_parameters": 3_000 * order if began else None,
                        "family": FAMILIES.get(label.partition("[")[0]) if began else None,
                        "steps": 800 if status == "done" else None,
                        "seconds": 24.0 + order,
                        "step_ms": 30.0 + order,
                        "step_wall_ms": 31.0 + order,
                        "train_length": about["lengths"][0] if began else None,
                        "max_length": about["lengths"][-1] if began else None,
                        "distance": "dependency" if began else None,
                        "undefined_lengths": undefined,
                        "objectives": about["objectives"],
                        "score": 0.9 if status == "done" else None,
                        "torch": "2.13.0",
                        "python": "3.11.7",
                        "machine": "x86_64",
                        "cpu": "two cores",
                        "device": "cpu",
                        "results_version": 1,
                        "started": f"2026-01-05T10:{len(cells) // 60:02d}:{len(cells) % 60:02d}Z"
                        if began
                        else "",
                        "settings": {
                            "width": 64,
                            "layers": 2,
                            "heads": 4,
                            "steps": 800,
                            "batch": 32,
                            "lr": 0.003,
                        },
                    }
                )
                known = {**cells[-1], "order": order, "undefined_lengths": undefined}
                if status == "done":
                    predictions += [part.assign(**identity) for part in _predictions(known, sequences, rng)]
                if began:
                    curves.append(_curves(known, 800 if status == "done" else 260, rng).assign(**identity))

    def joined(parts: list[pd.DataFrame]) -> pd.DataFrame:
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()

    compact = joined(predictions)
    names = ("cell", "label", "encoding", "attention", "body", "task", "split", "objective", "stratum")
    compact = compact.astype({name: "category" for name in names if name in compact})
    return Frames(pd.DataFrame(cells), compact, joined(curves))


@pytest.fixture(scope="session")
def simulated() -> Callable[..., Frames]:
    """The function that simulates frames."""
    return simulate


@pytest.fixture(scope="session")
def frames() -> Frames:
    """Two encodings on three tasks with two seeds, of which one cell diverged and one was skipped."""
    return simulate(
        statuses={
            ("absolute", "copy", 1): ("diverged", "The loss was nan at step 260."),
            ("relative", "bert", 1): ("skipped", "relative is not defined for this body."),
        }
    )


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium, for the tests of pages."""
    with Browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened
