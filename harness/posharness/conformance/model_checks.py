"""What is asked of encodings and attentions alike, seen from the hidden states of a small model."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast

import torch
from safetensors.torch import load_model, save_model
from torch import Tensor

from posharness.conformance.bench import (
    CLOSE,
    LENGTH,
    VOCABULARY,
    Bench,
    at_positions,
    difference,
    draw,
    stack,
)
from posharness.conformance.finding import Check, raised
from posharness.conformance.randomness import drawn_since, global_states
from posharness.contracts import Batch, PositionalEncoding
from posharness.model import Model
from posharness.seeds import generator

__all__ = ["LONGER", "MODEL_CHECKS", "REPEATABLE", "not_finite", "runs", "weighed"]

LONGER = 8
"""How many times longer than in training sequences are evaluated."""
_REAL = 8
"""Tokens of a padded sequence that are no padding."""


def runs(bench: Bench) -> str:
    """A model with it gives finite hidden states."""
    hidden = bench.hidden()
    return "" if hidden.isfinite().all() else f"the hidden states of a model hold {not_finite(hidden)}"


def not_finite(x: Tensor) -> str:
    """The kind of number in a tensor that is not finite."""
    return "NaN" if x.isnan().any() else "infinite numbers"


def weighed(hidden: Tensor) -> Tensor:
    """One number for each token: a sum over LayerNorm's output would have no gradient."""
    return (hidden.float() * draw(hidden.shape[-1], purpose="weights")).sum(-1)  # b n


def _lengths(bench: Bench) -> list[int]:
    """One, two and four times the training length, as far as the encoding is defined."""
    limit = stack(bench.model).max_length
    return [factor * LENGTH for factor in (1, 2, 4) if limit is None or factor * LENGTH <= limit]


def causality(bench: Bench) -> str:
    """Under a causal mask no position reads a later one: neither by a gradient nor by a value."""
    for length in _lengths(bench):
        batch = bench.batch(length)
        middle = length // 2
        with _embedded(bench.model, batch) as embedded:
            outputs = weighed(bench.hidden(batch)).sum(0)  # n
            for i in range(length - 1) if length == LENGTH else (LENGTH - 1, LENGTH, middle, length - 2):
                (gradient,) = torch.autograd.grad(outputs[i], embedded, retain_graph=True)
                largest = float(gradient[:, : i + 1].abs().max())
                leaked = float(gradient[:, i + 1 :].abs().nan_to_num(nan=torch.inf).max())
                # Sums that cancel leave their rounding behind.
                if leaked > 1e-6 * max(largest, 1.0):
                    return (
                        f"position {i} reads the future: a later one of {length} tokens has a gradient of "
                        f"{leaked:.2g} there"
                    )
        later = _changed(batch, slice(None), slice(middle + 1, None))
        with torch.no_grad():
            apart = difference(bench.hidden(batch)[:, : middle + 1], bench.hidden(later)[:, : middle + 1])
        if apart > CLOSE:
            return (
                f"of {length} positions, those up to {middle} change by {apart:.2g} when later tokens "
                "change: they read the future"
            )
    return ""


def prefix(bench: Bench) -> str:
    """Under a causal mask, a whole sequence gives what decoding step by step gives, beyond training too."""
    length = _lengths(bench)[-1]
    batch = bench.batch(length)
    # Each step claims the positions that the whole sequence claims.
    encoding = cast("PositionalEncoding", stack(bench.model).encodings[0])
    pos = encoding.positions(length, generator("conformance", "positions"))
    with torch.no_grad():
        with at_positions(bench.model, pos):
            whole = bench.hidden(batch)
        for step in range(1, length):
            first = Batch(*(getattr(batch, name)[:, :step] for name in _REQUIRED))
            with at_positions(bench.model, pos[:step]):
                alone = bench.hidden(first)
            if (apart := difference(whole[:, step - 1], alone[:, -1])) > CLOSE:
                return (
                    f"trained on {LENGTH} tokens, the state of token {step} differs by {apart:.2g} between "
                    f"{length} tokens at once and decoding step by step"
                )
    return ""


def _not_causal(bench: Bench) -> str:
    return "" if bench.direction == "causal" else "a bidirectional body may read the future"


def padding(bench: Bench) -> str:
    """Neither padding nor its content changes the hidden state of a real token."""
    for length in _lengths(bench):
        # Few real tokens, and beyond training length more of them than training has.
        for real in sorted({_REAL, length - LENGTH + _REAL}):
            if wrong := _padded(bench, length, real):
                return f"{wrong} ({real} real tokens of {length}, trained on {LENGTH})"
    return ""


def _padded(bench: Bench, length: int, real: int) -> str:
    batch = bench.batch(length)
    hidden = torch.zeros_like(batch.scored)
    hidden[1, real:] = True
    padded = replace(batch, padding=hidden)
    with torch.no_grad():
        first = bench.hidden(padded)
        other = bench.hidden(_changed(padded, slice(1, 2), slice(real, None)))
        apart = difference(first[~hidden], other[~hidden])
        if apart > CLOSE:
            return f"real tokens change by {apart:.2g} with the content of the padding"
        if "positions" in bench.build_encoding().slots:
            return ""  # it may claim other positions for a sequence of another length
        alone = bench.hidden(Batch(*(getattr(batch, name)[1:, :real] for name in _REQUIRED)))
    apart = difference(first[1:, :real], alone)
    return f"real tokens change by {apart:.2g} when padding is added" if apart > CLOSE else ""


def batches(bench: Bench) -> str:
    """The sequences of a batch do not read each other."""
    batch = bench.batch()
    with torch.no_grad():
        usual = bench.hidden(batch)
        for one, other in ((0, 1), (1, 0)):
            mixed = bench.hidden(_changed(batch, slice(other, other + 1), slice(None)))
            if (apart := difference(usual[one], mixed[one])) > CLOSE:
                return f"a sequence changes by {apart:.2g} with another one of its batch"
    return ""


def length_one(bench: Bench) -> str:
    """A sequence of a single token works, forwards and backwards."""
    model = bench.build_model()
    hidden = bench.hidden(bench.batch(1), model)
    if not hidden.isfinite().all():
        return f"the hidden state of a single token is {not_finite(hidden)}"
    torch.autograd.backward(weighed(hidden).sum())
    bad = [name for name, p in model.named_parameters() if p.grad is not None and not p.grad.isfinite().all()]
    return f"a single token gives {bad[0]} a gradient that is not finite" if bad else ""


def extrapolation(bench: Bench) -> str:
    """Eight times the length of training, or as far as it is defined, gives finite hidden states."""
    limit = stack(bench.model).max_length
    length = LONGER * LENGTH if limit is None else min(LONGER * LENGTH, limit)
    try:
        with torch.no_grad():
            hidden = bench.hidden(bench.batch(length))
    except (IndexError, RuntimeError, ValueError) as error:
        advice = "; declare its max_length" if limit is None else ""
        return f"at {length} tokens, trained on {LENGTH}, it {raised(error)}{advice}"
    if hidden.isfinite().all():
        return ""
    return f"at {length} tokens, trained on {LENGTH}, the hidden states hold {not_finite(hidden)}"


def save_and_load(bench: Bench) -> str:
    """Its state, written and read as a cell's weights are, gives a fresh model the same outputs."""
    fresh = bench.build_model(seed=1)
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "weights.safetensors"))
        save_model(bench.model, path)
        load_model(fresh, path)
    with torch.no_grad():
        apart = difference(bench.hidden(), bench.hidden(model=fresh))
    return f"a model that loads its weights differs by {apart:.2g}" if apart > CLOSE / 10 else ""


def bf16(bench: Bench) -> str:
    """In bfloat16, whole or by autocast, hidden states and gradients are finite."""
    for way, model, automatic in (
        ("in bfloat16", bench.build_model().bfloat16(), False),
        ("under autocast to bfloat16", bench.build_model(), True),
    ):
        with torch.autocast("cpu", torch.bfloat16, enabled=automatic):
            hidden = bench.hidden(model=model)
        if not hidden.isfinite().all():
            return f"{way} the hidden states hold {not_finite(hidden)}"
        torch.autograd.backward(weighed(hidden).sum())
        for name, p in model.named_parameters():
            if p.grad is not None and not p.grad.isfinite().all():
                return f"{way} the gradient of {name} holds {not_finite(p.grad)}"
    return ""


def gradients(bench: Bench) -> str:
    """Each of its parameters gets a finite gradient, and one of 0 only where it changes nothing."""
    model = bench.build_model()
    torch.autograd.backward(weighed(bench.hidden(model=model)).pow(2).sum())
    for name, parameter in bench.parts(model).named_parameters():
        if not parameter.requires_grad:
            continue
        layer, _, name = name.partition(".")
        of = f"{name} of layer {layer}" if len(bench.parts(model)) > 1 else name
        if parameter.grad is None:
            return f"{of} gets no gradient: it is not used there, or cut off from the output"
        if not parameter.grad.isfinite().all():
            return f"the gradient of {of} holds {not_finite(parameter.grad)}"
        if parameter.grad.abs().max() == 0 and _matters(bench, model, parameter):
            return f"{of} changes the output and gets a gradient of 0"
    return ""


def _has_parameters(bench: Bench) -> str:
    trained = any(p.requires_grad for p in bench.parts(bench.model).parameters())
    return "" if trained else "it has no parameters"


def _matters(bench: Bench, model: Model, parameter: Tensor) -> bool:
    with torch.no_grad():
        before = bench.hidden(model=model)
        parameter.add_(draw(*parameter.shape, purpose="nudge"))
        return difference(before, bench.hidden(model=model)) > CLOSE


def deterministic(bench: Bench) -> str:
    """The same input and generator give the same output, whatever was computed in between."""
    with torch.no_grad():
        first = bench.hidden()
        bench.hidden(bench.batch(LENGTH // 2))
        second = bench.hidden()
        rebuilt = bench.hidden(model=bench.build_model())
    if not torch.equal(first, second):
        return f"the same input gives outputs that differ by {difference(first, second):.2g}"
    if not torch.equal(first, rebuilt):
        return f"built twice from one seed it differs by {difference(first, rebuilt):.2g}"
    return ""


def randomness(bench: Bench) -> str:
    """A forward pass of training draws nothing from a global generator."""
    model = bench.build_model().train()
    before = global_states()
    bench.hidden(model=model)
    return drawn_since(before)


_REQUIRED = ("tokens", "targets", "scored", "dependency_length")


def _changed(batch: Batch, sequences: slice, positions: slice) -> Batch:
    """The batch with other tokens in one part of it."""
    tokens = batch.tokens.clone()
    tokens[sequences, positions] = (tokens[sequences, positions] + 5) % VOCABULARY
    return replace(batch, tokens=tokens)


@contextmanager
def _embedded(model: Model, batch: Batch) -> Iterator[Tensor]:
    """The token embeddings (b, n, width) as a leaf, before the encoding has acted on them."""
    table = stack(model).embedding.tokens
    leaf = table(batch.tokens).detach().requires_grad_()
    hook = table.register_forward_hook(lambda *_: leaf)
    try:
        yield leaf
    finally:
        hook.remove()


REPEATABLE: tuple[Check[Bench], ...] = (
    Check("no global randomness", randomness, gate=True),
    Check("deterministic", deterministic, gate=True),
)
"""What the other checks rely on."""

MODEL_CHECKS: tuple[Check[Bench], ...] = (
    Check("causality", causality, _not_causal),
    Check("batch", batches),
    Check("padding", padding),
    Check("length one", length_one),
    Check("extrapolation", extrapolation),
    Check("prefix", prefix, _not_causal),
    Check("save and load", save_and_load),
    Check("bf16", bf16),
    Check("gradients", gradients, _has_parameters),
)
