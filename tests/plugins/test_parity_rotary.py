"""Rotary encodings equal those of other libraries, and their papers where these have none."""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import GPTNeoXConfig, LlamaConfig
from transformers.models.gpt_neox import modeling_gpt_neox as neox
from transformers.models.llama import modeling_llama as llama
from transformers.models.roformer import modeling_roformer as roformer
from x_transformers.x_transformers import RotaryEmbedding, apply_rotary_pos_emb

from posharness.contracts import Direction, Geometry, PositionalEncoding
from posharness_plugins.encodings._rotary import Rotary
from posharness_plugins.encodings._stretched import Stretched
from posharness_plugins.encodings.ntk import Ntk
from posharness_plugins.encodings.position_interpolation import PositionInterpolation
from posharness_plugins.encodings.rope import Rope
from posharness_plugins.encodings.xpos import Xpos
from posharness_plugins.encodings.yarn import Yarn

HEADS, WIDTH, BASE = 3, 14, 37.0
IDS = torch.tensor([0, 1, 4, 5, 11, 16, 40])
"""They span 41 positions, beyond the training lengths below."""
PAPERS = {PositionInterpolation: "2306.15595", Ntk: "2309.00071", Yarn: "2309.00071, ramp=turns"}


def geometry(length: int = 13, *, width: int = WIDTH, direction: Direction = "causal") -> Geometry:
    return Geometry(width=HEADS * width, heads=HEADS, length=length, direction=direction)


@pytest.fixture
def q_k() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(7)
    q, k = (torch.randn(2, HEADS, len(IDS), WIDTH, generator=generator).requires_grad_() for _ in range(2))
    return q, k


def turned(encoding: PositionalEncoding, q: Tensor, k: Tensor) -> Tensor:
    return torch.stack(encoding.rotate(q, k, IDS, IDS))


def halves(x: Tensor, fraction: float = 1.0) -> Tensor:
    """Components 0, 2, 4, … then 1, 3, 5, … of the fraction that turns: where Llama looks for its pairs."""
    r = int(fraction * x.shape[-1])
    return torch.cat([x[..., 0:r:2], x[..., 1:r:2], x[..., r:]], -1)


def pairs(x: Tensor, fraction: float = 1.0) -> Tensor:
    """The way back from `halves`."""
    r = int(fraction * x.shape[-1])
    return torch.cat([torch.stack(x[..., :r].chunk(2, -1), -1).flatten(-2), x[..., r:]], -1)


def scored(encoding: PositionalEncoding, q: Tensor, k: Tensor) -> Tensor:
    """The scores that queries give to keys; 0 where a causal query does not see the key."""
    visible = torch.ones(len(IDS), len(IDS), dtype=torch.bool)
    visible = visible.tril() if encoding.geometry.direction == "causal" else visible
    q, k = encoding.rotate(q, k, IDS, IDS)
    x = k.transpose(1, 2).flatten(2)
    s = encoding.scores(q @ k.mT / math.sqrt(WIDTH), q, k, x, IDS, IDS, visible[None, None])
    return s.masked_fill(~visible, 0)


def query_by_query(
    q: Tensor, k: Tensor, direction: Direction, turn: Callable[[Tensor, Tensor, Tensor, int], Tensor]
) -> Tensor:
    """The scores by a reference that is called for each query apart, with what the query sees.

    Args:
        turn: (q, k, ids, span) -> queries and keys, turned for a sequence that spans so many positions.
    """
    rows = []
    for i in range(len(IDS)):
        n = i + 1 if direction == "causal" else len(IDS)
        turned_q, turned_k = turn(q[:, :, :n], k[:, :, :n], IDS[:n], int(IDS[n - 1]) + 1)
        row = (turned_q[:, :, i, None] @ turned_k.mT)[:, :, 0]
        rows.append(torch.nn.functional.pad(row / math.sqrt(WIDTH), (0, len(IDS) - n)))
    return torch.stack(rows, 2)


def llama_turned(q: Tensor, k: Tensor, length: int, ids: Tensor = IDS, **rope_parameters: Any) -> Tensor:
    config = LlamaConfig(
        hidden_size=HEADS * WIDTH,
        num_attention_heads=HEADS,
        max_position_embeddings=length,
        rope_parameters={"rope_theta": BASE, **rope_parameters},
    )
    cos, sin = llama.LlamaRotaryEmbedding(config)(q, ids[None])
    return pairs(torch.stack(llama.apply_rotary_pos_emb(halves(q), halves(k), cos, sin)))


@pytest.mark.parametrize(
    ("ours", "rope_type", "settings"),
    [
        (Rope(geometry(), base=BASE), "default", {}),
        (Rope(geometry(), base=BASE, p=0.6), "proportional", {"partial_rotary_factor": 0.6}),
    ],
    ids=["rope", "p-rope"],
)
def test_llama(
    ours: Rotary,
    rope_type: str,
    settings: dict[str, float],
    q_k: tuple[Tensor, Tensor],
    parity: Callable[..., None],
    difference: Callable[..., float],
) -> None:
    reference = llama_turned(*q_k, ours.geometry.length, rope_type=rope_type, **settings)
    parity(
        ours.name,
        reference=f"transformers: LlamaRotaryEmbedding, {rope_type}",
        difference=difference(turned(ours, *q_k), reference, q_k),
    )


@pytest.mark.parametrize(
    ("cls", "length", "options", "rope_type", "settings"),
    [
        (PositionInterpolation, 13, {}, "linear", {}),
        (Ntk, 13, {}, "dynamic", {}),
        (
            Yarn,
            31,
            {"alpha": 0.5, "beta": 3.0},
            "yarn",
            {"beta_slow": 0.5, "beta_fast": 3.0, "original_max_position_embeddings": 31},
        ),
        (Yarn, 13, {}, "yarn", {"original_max_position_embeddings": 13}),
    ],
    ids=["pi", "ntk", "yarn", "yarn-defaults"],
)
def test_llama_scaled_by_what_a_query_sees(
    direction: Direction,
    cls: type[Stretched],
    length: int,
    options: dict[str, float],
    rope_type: str,
    settings: dict[str, float],
    q_k: tuple[Tensor, Tensor],
    parity: Callable[..., None],
    difference: Callable[..., float],
) -> None:
    def turn(q: Tensor, k: Tensor, ids: Tensor, span: int) -> Tensor:
        if span <= length:
            return llama_turned(q, k, length, ids, rope_type="default")
        # "dynamic" finds the span itself.
        factor = 1.0 if rope_type == "dynamic" else span / length
        return llama_turned(q, k, length, ids, rope_type=rope_type, factor=factor, **settings)

    ours = cls(geometry(length, direction=direction), base=BASE, **options)
    parity(
        ours.name,
        reference=f"transformers: LlamaRotaryEmbedding, {rope_type}",
        difference=difference(scored(ours, *q_k), query_by_query(*q_k, direction, turn), q_k),
    )


@pytest.mark.parametrize("fraction", [0.3, 0.75])
def test_gpt_neox_turns_a_fraction(
    q_k: tuple[Tensor, Tensor],
    parity: Callable[..., None],
    difference: Callable[..., float],
    fraction: float,
) -> None:
    config = GPTNeoXConfig(
        hidden_size=HEADS * WIDTH,
        num_attention_heads=HEADS,
        rope_parameters={"rope_type": "default", "rope_theta": BASE, "partial_rotary_factor": fraction},
    )
    q, k = q_k
    cos, sin = neox.GPTNeoXRotaryEmbedding(config)(q, IDS[None])
    theirs = neox.apply_rotary_pos_emb(halves(q, fraction), halves(k, fraction), cos, sin)
    parity(
        "rope",
        reference="transformers: GPTNeoXRotaryEmbedding, partial",
        difference=difference(
            turned(Rope(geometry(), base=BASE, fraction=fraction), q, k),
            pairs(torch.stack(theirs), fraction),
            q_k,
        ),
    )


def test_roformer(
    q_k: tuple[Tensor, Tensor], parity: Callable[..., None], difference: Callable[..., float]
) -> None:
    table = roformer.RoFormerSinusoidalPositionalEmbedding(int(IDS[-1]) + 1, WIDTH)
    table.weight.data = table.create_weight()
    sinusoids = table(IDS.shape, position_ids=IDS)[None, None]
    theirs = roformer.RoFormerSelfAttention.apply_rotary_position_embeddings(sinusoids, *q_k)
    parity(
        "rope",
        reference="transformers: RoFormerSelfAttention",
        difference=difference(turned(Rope(geometry()), *q_k), torch.stack(theirs), q_k),
    )


def test_x_transformers(
    q_k: tuple[Tensor, Tensor], parity: Callable[..., None], difference: Callable[..., float]
) -> None:
    angles, _ = RotaryEmbedding(WIDTH, base=BASE)(IDS)
    theirs = torch.stack([apply_rotary_pos_emb(x, angles) for x in q_k])
    parity(
        "rope",
        reference="x-transformers: RotaryEmbedding",
        difference=difference(turned(Rope(geometry(), base=BASE), *q_k), theirs, q_k),
    )


@pytest.mark.parametrize(
    ("cls", "factor"), [(PositionInterpolation, "interpolation_factor"), (Ntk, "base_rescale_factor")]
)
def test_x_transformers_scaled_by_what_a_query_sees(
    direction: Direction,
    cls: type[Stretched],
    factor: str,
    q_k: tuple[Tensor, Tensor],
    parity: Callable[..., None],
    difference: Callable[..., float],
) -> None:
    def turn(q: Tensor, k: Tensor, ids: Tensor, span: int) -> Tensor:
        angles, _ = RotaryEmbedding(WIDTH, base=BASE, **{factor: max(1.0, span / 13)})(ids)
        return torch.stack([apply_rotary_pos_emb(x, angles) for x in (q, k)])

    ours = cls(geometry(direction=direction), base=BASE)
    parity(
        ours.name,
        reference="x-transformers: RotaryEmbedding",
        difference=difference(scored(ours, *q_k), query_by_query(*q_k, direction, turn), q_k),
    )


@pytest.mark.parametrize("scale_base", [7.0, 512.0])
def test_x_transformers_xpos(
    place_of: Callable[..., Any],
    mixed_by: Callable[..., Tensor],
    parity: Callable[..., None],
    difference: Callable[..., float],
    scale_base: float,
) -> None:
    place = place_of("causal", head_width=WIDTH)
    angles, scale = RotaryEmbedding(WIDTH, base=BASE, use_xpos=True, scale_base=scale_base)(place.pos_k)
    q = apply_rotary_pos_emb(place.q, angles, scale)
    k = apply_rotary_pos_emb(place.k, angles, 1 / scale)
    s = (q @ k.mT / math.sqrt(WIDTH)).masked_fill(~place.mask, float("-inf"))
    parity(
        "xpos",
        reference="x-transformers: RotaryEmbedding, use_xpos",
        difference=difference(
            mixed_by(Xpos(place.geometry, base=BASE, scale_base=scale_base), place),
            s.softmax(-1) @ place.v,
            place.leaves,
        ),
    )


def frequencies(length: int, span: float) -> dict[str, list[float]]:
    """Each paper's θ_c for positions that span `span`, trained on `length`."""
    s = max(1.0, span / length)
    b, d = BASE, WIDTH
    theta = [b ** (-2 * c / d) for c in range(d // 2)]
    larger = b * s ** (d / (d - 2))
    kept = [min(1.0, max(0.0, (length * t / (2 * math.pi) - 1) / (32 - 1))) for t in theta]
    return {
        "position_interpolation": [t / s for t in theta],
        "ntk": [larger ** (-2 * c / d) for c in range(d // 2)],
        "yarn": [(1 - g) * t / s + g * t for t, g in zip(theta, kept, strict=True)],
        "xpos": theta,
    }


def literal(
    theta: list[float], *, sharpness: float = 1.0, scale_base: float = math.inf
) -> Callable[..., Tensor]:
    """Re Σ_c q_c·conj(k_c)·ζ_c^((i−j)/B)·e^(i(i−j)θ_c)·sharpness/√d, one pair at a time."""

    def score(h: int, q: Tensor, k: Tensor, i: float, j: float) -> Tensor:
        total = torch.zeros(())
        for c, t in enumerate(theta):
            decay = ((2 * c / len(q) + 0.4) / 1.4) ** ((i - j) / scale_base)
            product = torch.complex(*q[2 * c : 2 * c + 2]) * torch.complex(*k[2 * c : 2 * c + 2]).conj()
            total = total + (product * decay * cmath.exp(1j * (i - j) * t)).real
        return sharpness * total / math.sqrt(len(q))

    return score


@pytest.mark.parametrize(("length", "shift"), [(5, 0), (23, 0.5)])
@pytest.mark.parametrize("cls", PAPERS)
def test_the_papers_formulas(
    place_of: Callable[..., Any],
    direction: str,
    agrees: Callable[..., float],
    parity: Callable[..., None],
    cls: type[Rotary],
    length: int,
    shift: float,
) -> None:
    """At positions 3..31, gapped, of which the queries have the last five only."""
    place = place_of(direction, head_width=WIDTH)
    place = replace(place, pos_q=place.pos_q + shift, pos_k=place.pos_k + shift)
    options: dict[str, Any] = {"ramp": "turns"} if cls is Yarn else {}
    encoding = cls(replace(place.geometry, length=length), base=BASE, **options)

    def score(h: int, q: Tensor, k: Tensor, i: float, j: float) -> Tensor:
        span = i - 3 - shift + 1 if direction == "causal" else 29
        sharpness = (0.1 * math.log(max(1.0, span / length)) + 1) ** 2 if cls is Yarn else 1.0
        return literal(frequencies(length, span)[cls.name], sharpness=sharpness)(h, q, k, i, j)

    parity(cls.name, reference=f"its equations in {PAPERS[cls]}", difference=agrees(encoding, place, score))


def test_xpos_s_formula(
    place_of: Callable[..., Any], agrees: Callable[..., float], parity: Callable[..., None]
) -> None:
    place = place_of("causal", head_width=WIDTH)
    encoding = Xpos(place.geometry, base=BASE, scale_base=11.0)
    score = literal(frequencies(32, 29)["xpos"], scale_base=11.0)
    parity("xpos", reference="its equations in 2212.10554", difference=agrees(encoding, place, score))
