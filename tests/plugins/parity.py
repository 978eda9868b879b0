"""How far a plugin is from its reference, and the table in the documentation that says so."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

TOLERANCE = 1e-5
"""The largest difference, in float32, between a plugin and what it is checked against."""


PAGE = """# References of the encodings and attentions

Each row is a test in `tests/plugins`. The plugin and its reference get the same input, in float32, with
parameters far from their initial values, at prime sizes, causal and bidirectional where both are defined. The
reference is a module or function of another library, or the formula of the paper, written element by element
in the test. The last column is the largest difference between the two, over values and over gradients of
queries, keys, values, the layer's input and every parameter. Where the reference is outside ±1, the
difference is relative to it. A difference above 1e-5 fails the test.

Made by `pytest tests/plugins --parity-table docs/reference/parity.md`, with {made_with}.

| plugin | reference | compared | largest difference |
|---|---|---|---|
"""


def largest_difference(
    ours: Tensor, reference: Tensor, leaves: Sequence[Tensor], theirs: Sequence[Tensor] | None = None
) -> float:
    """Between the values, and between the gradients of a random mix of them.

    A difference counts relative to the reference where that is beyond ±1.

    Args:
        leaves: what the gradients are taken by; one that neither side reads has gradient zero.
        theirs: the reference's leaves, in the same order, where they are other tensors.
    """
    assert ours.shape == reference.shape
    probe = torch.randn(ours.shape, generator=torch.Generator().manual_seed(5))
    pairs = [(ours.detach(), reference.detach())]
    gradients = [
        torch.autograd.grad((out * probe).sum(), list(by), allow_unused=True, materialize_grads=True)
        for out, by in ((ours, leaves), (reference, leaves if theirs is None else theirs))
    ]
    pairs += zip(*gradients, strict=True)
    # Stacked, since Python's max would step over a NaN.
    return float(torch.stack([((a - b).abs() / b.abs().clamp(min=1)).max() for a, b in pairs]).max())


def plain(place: Any, bias: Tensor, *, scale: float | None = None) -> Tensor:
    """Attention written out, with a reference's bias."""
    s = place.q @ place.k.mT * (place.q.shape[-1] ** -0.5 if scale is None else scale) + bias
    if place.mask is not None:
        s = s.masked_fill(~place.mask, -torch.inf)
    mixed: Tensor = s.softmax(-1) @ place.v
    return mixed


class ParityTable:
    """Gathers what the tests noted, from every worker, and writes it as a page of the documentation."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: dict[tuple[str, str, str], float] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for key, value in report.user_properties if report.when == "call" and report.passed else ():
            if key == "parity":
                name, reference, what, difference = value
                self.rows[name, reference, what] = max(
                    difference, self.rows.get((name, reference, what), 0.0)
                )

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        if exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text(self.page())

    def page(self) -> str:
        rows = [
            f"| {name} | {reference} | {what} | {difference:.1e} |"
            for (name, reference, what), difference in sorted(self.rows.items())
        ]
        made_with = ", ".join(
            f"{name} {version(name)}" for name in ("torch", "transformers", "x-transformers")
        )
        return "\n".join([*PAGE.format(made_with=made_with).splitlines(), *rows, ""])
