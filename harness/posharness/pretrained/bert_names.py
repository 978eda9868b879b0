"""The names of BERT's weights in posharness and in `transformers`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

__all__ = ["from_bert", "to_bert"]

_EMBEDDINGS = {
    "body.embedding.tokens.weight": "bert.embeddings.word_embeddings.weight",
    "body.embedding.segments.weight": "bert.embeddings.token_type_embeddings.weight",
    "body.encodings.0.table": "bert.embeddings.position_embeddings.weight",
    "body.embedding.norm": "bert.embeddings.LayerNorm",
}
_LAYER = {
    "attention.out_proj": "attention.output.dense",
    "attention_norm": "attention.output.LayerNorm",
    "feedforward.up": "intermediate.dense",
    "feedforward.down": "output.dense",
    "feedforward_norm": "output.LayerNorm",
}
_QUERY_KEY_VALUE = tuple(f"attention.self.{part}" for part in ("query", "key", "value"))
_MLM = {
    "dense": "cls.predictions.transform.dense",
    "norm": "cls.predictions.transform.LayerNorm",
    "decoder.bias": "cls.predictions.bias",
}
_NSP = {"pooler": "bert.pooler.dense", "map": "cls.seq_relationship"}


def to_bert(weights: Mapping[str, Tensor], layers: int) -> dict[str, Tensor]:
    """Rename a model's weights to the names of BERT in `transformers`.

    Args:
        weights: the weights of a post-LayerNorm encoder with a table of positions. Its first readout
            predicts masked tokens; the second, if it has one, the next sentence.
    """
    renamed: dict[str, Tensor] = {}
    for ours, theirs in _pairs(layers):
        if ours in weights:
            renamed |= zip(theirs, weights[ours].chunk(len(theirs)), strict=True)
    renamed["cls.predictions.decoder.weight"] = renamed["bert.embeddings.word_embeddings.weight"]
    renamed["cls.predictions.decoder.bias"] = renamed["cls.predictions.bias"]
    return renamed


def from_bert(weights: Mapping[str, Tensor], layers: int) -> dict[str, Tensor]:
    """The inverse of `to_bert`."""
    renamed = {
        ours: torch.cat([weights[name] for name in theirs])
        for ours, theirs in _pairs(layers)
        if theirs[0] in weights
    }
    renamed["readouts.0.decoder.weight"] = renamed["body.embedding.tokens.weight"]
    return renamed


def _pairs(layers: int) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each name in posharness, with the names in `transformers` of the weights that it concatenates."""
    for ours, theirs in _EMBEDDINGS.items():
        yield from _maps(ours, theirs)
    for layer in range(layers):
        here, there = f"body.blocks.{layer}", f"bert.encoder.layer.{layer}"
        yield from _maps(f"{here}.attention.qkv", *(f"{there}.{part}" for part in _QUERY_KEY_VALUE))
        for ours, theirs in _LAYER.items():
            yield from _maps(f"{here}.{ours}", f"{there}.{theirs}")
    for index, readout in enumerate((_MLM, _NSP)):
        for ours, theirs in readout.items():
            yield from _maps(f"readouts.{index}.{ours}", theirs)


def _maps(ours: str, *theirs: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The pair of one weight; for a linear map or a norm, the pairs of its weight and its bias."""
    if ours.endswith((".weight", ".bias", ".table")):
        yield ours, theirs
        return
    for kind in ("weight", "bias"):
        yield f"{ours}.{kind}", tuple(f"{name}.{kind}" for name in theirs)
