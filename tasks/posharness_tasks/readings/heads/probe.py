"""A biaffine probe that finds syntactic heads in frozen states, and its training."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from posharness_tasks.readings.batching import Progress
from posharness_tasks.readings.heads.parses import ParseBatch

__all__ = ["EPOCHS", "Biaffine", "train_probe"]

EPOCHS = 60
_PATIENCE = 4
_WIDTH = 128
_RATE = 2e-3
_DROPOUT = 0.33  # of the inputs, as in the paper


class Biaffine(nn.Module):
    """The arc scorer of Dozat & Manning (1611.01734, equations 4 to 6), on the layers of a frozen model.

    The probe learns how to mix the layers (1802.05365, equation 1). A word is

        x = γ Σ_l softmax(s)_l x_l

    where the states x_l of each layer are standardised by mean and standard deviation of the training words,
    so that their scale does not matter. With d = ReLU(W_d x + b_d) for a dependent, h = ReLU(W_h x + b_h) for
    a head, and a learned vector h for the root,

        s(dependent i, head j) = d_iᵀ U h_j + uᵀ h_j

    The paper scores the states of an LSTM. The probe knows the order of the words only from the states.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, words: Float[Tensor, "m l width"], generator: torch.Generator) -> None:
        super().__init__()

        def drawn(rows: int, gain: float) -> nn.Parameter:
            return nn.Parameter(torch.randn(rows, _WIDTH, generator=generator) * gain / rows**0.5)

        self.register_buffer("mean", words.mean(0))
        self.register_buffer("deviation", words.std(0).clamp(min=1e-6))
        self.layers = nn.Parameter(torch.zeros(words.shape[1]))
        self.scale = nn.Parameter(torch.ones(()))
        self.dependent = drawn(words.shape[2], 2**0.5)
        self.dependent_bias = nn.Parameter(torch.zeros(_WIDTH))
        self.head = drawn(words.shape[2], 2**0.5)
        self.head_bias = nn.Parameter(torch.zeros(_WIDTH))
        self.root = drawn(1, 1.0)
        self.bilinear = drawn(_WIDTH, _WIDTH**-0.5)
        self.prior = nn.Parameter(torch.zeros(_WIDTH))

    def forward(
        self,
        states: Float[Tensor, "b w l width"],
        words: Bool[Tensor, "b w"],
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, "b w heads"]:
        """Log-probabilities of each word's heads: the root, then every word but itself.

        Args:
            words: False on padding.
            generator: generator of the dropout; None for no dropout.
        """
        standardised = (states - self.mean) / self.deviation
        x = self.scale * torch.einsum("bwld,l->bwd", standardised, self.layers.softmax(0))
        if generator:
            x = x * (torch.rand(x.shape, generator=generator) >= _DROPOUT) / (1 - _DROPOUT)
        dependent = (x @ self.dependent + self.dependent_bias).relu()
        head = (x @ self.head + self.head_bias).relu()
        head = torch.cat([self.root.expand(len(x), 1, -1), head], 1)
        scores = dependent @ self.bilinear @ head.transpose(1, 2) + (head @ self.prior)[:, None]
        impossible = torch.eye(words.shape[1], dtype=torch.bool) | ~words[:, None]
        return scores.masked_fill(nn.functional.pad(impossible, (1, 0)), -torch.inf).log_softmax(-1)


def train_probe(
    train: Sequence[ParseBatch],
    validation: Sequence[ParseBatch],
    generator: torch.Generator,
    report_progress: Progress,
) -> Biaffine:
    """Train a probe, and keep the weights of the epoch with the lowest validation loss.

    Adam and cross-entropy, at most `EPOCHS` epochs; training stops after four epochs without improvement.

    Args:
        generator: generator of the initial weights, the order of the batches and the dropout.
    """
    with torch.enable_grad():
        probe = Biaffine(torch.cat([batch.states[batch.words] for batch in train]), generator)
        optimiser = torch.optim.Adam(probe.parameters(), lr=_RATE, betas=(0.9, 0.9))
        best, waited = torch.inf, 0
        for epoch in range(EPOCHS):
            for index in torch.randperm(len(train), generator=generator).tolist():
                optimiser.zero_grad()
                torch.autograd.backward(_negative_log_prob(probe, train[index], generator).mean())
                optimiser.step()
            with torch.no_grad():
                loss = float(torch.cat([_negative_log_prob(probe, batch) for batch in validation]).mean())
            if loss < best:
                best, waited = loss, 0
                kept = {name: value.clone() for name, value in probe.state_dict().items()}
            elif (waited := waited + 1) == _PATIENCE:
                break
            report_progress(epoch + 1, EPOCHS)
    probe.load_state_dict(kept)
    report_progress(EPOCHS, EPOCHS)
    return probe


def _negative_log_prob(
    probe: Biaffine, batch: ParseBatch, generator: torch.Generator | None = None
) -> Float[Tensor, " m"]:
    """Minus the log-probability of the head of each scored word."""
    expected: Tensor = probe(batch.states, batch.words, generator)[batch.scored]
    return -expected.gather(1, batch.heads[batch.scored][:, None])[:, 0]
