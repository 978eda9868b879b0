"""Exports a trained cell as a folder that `transformers` loads, if it has the same architecture."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor

from posharness.contracts import Batch, PositionalEncoding, Task
from posharness.contracts.atomic_files import new_folder
from posharness.contracts.cell import Cell
from posharness.errors import UserError
from posharness.model import Model
from posharness.pretrained.bert_names import to_bert
from posharness.pretrained.loading import needs_transformers, quiet_transformers
from posharness.pretrained.stored import trained
from posharness.registry.registry import Registry

__all__ = ["export_model"]

_READOUTS = (["mlm"], ["mlm", "pooled"])
_TOLERANCE = 1e-4


def export_model(cell: Cell, weights: Path, to: Path, *, registry: Registry, cache: Path) -> None:
    """Write config.json, model.safetensors and the tokenizer of a cell.

    The result is a `BertForPreTraining`, or a `BertForMaskedLM` for a cell without next-sentence prediction.
    Before the folder appears, the model is loaded from it and compared with that of the cell.

    Args:
        weights: the cell's weights.safetensors.
        to: a new or empty folder.
        cache: the folder of prepared corpora.

    Raises:
        UserError: `transformers` is not installed or has no such architecture, the folder is not empty,
            or the cell's corpus has changed.
    """
    needs_transformers("Exporting a model")
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise UserError(f"--to {to} is not empty; give a new or empty folder.")
    if part := _shape_without_counterpart(cell):
        raise _no_counterpart(cell, part)
    model, task = trained(cell, weights, registry, cache)
    if part := _part_without_counterpart(model, task):
        raise _no_counterpart(cell, part)
    with quiet_transformers(), new_folder(to) as aside:
        exported = _bert(cell, task, model)
        exported.save_pretrained(aside)
        _tokenizer(task, exported.config.max_position_embeddings).save_pretrained(aside)
        reloaded = type(exported).from_pretrained(aside, dtype=torch.float32).eval()
        if not _alike(model.eval(), task, reloaded):
            raise _no_counterpart(cell, f"{cell.encoding.name} with {cell.attention.name} attention")


def _shape_without_counterpart(cell: Cell) -> str:
    """The part of a cell's settings that differs from BERT's; "" for none."""
    if cell.body != "encoder":
        return f"the body {cell.body}"
    if cell.model.norm != "post":
        return "an encoder with LayerNorm before each sub-layer"
    if cell.model.scale_embedding:
        return "scaled token embeddings"
    return ""


def _part_without_counterpart(model: Model, task: Task) -> str:
    """The part of a built model that differs from BERT's; "" for none."""
    encoding = _encoding(model)
    if other_slots := sorted(encoding.slots - {"embed"}):
        return f"an encoding that acts on {' and '.join(other_slots)}"
    if [objective.readout for objective in task.objectives] not in _READOUTS or task.tokenizer is None:
        return f"the objectives of the task {task.name}"
    return "" if task.segments else "a model without segments"


def _encoding(model: Model) -> PositionalEncoding:
    return cast("PositionalEncoding", model.body.encodings[0])


def _no_counterpart(cell: Cell, part: str) -> UserError:
    return UserError(
        f"The cell {cell.key[:12]} ({cell}) cannot be exported, because transformers has no exact "
        f"counterpart of {part}; export one of the body bert with an encoding that only adds to the "
        "embeddings, like learned."
    )


def _bert(cell: Cell, task: Task, model: Model) -> Any:
    transformers: Any = import_module("transformers")
    settings = cell.model
    table = _table(_encoding(model), max(task.evaluation_lengths), settings.width)
    config = transformers.BertConfig(
        vocab_size=task.vocabulary,
        hidden_size=settings.width,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        intermediate_size=settings.feedforward * settings.width,
        max_position_embeddings=len(table),
        type_vocab_size=task.segments,
        hidden_dropout_prob=settings.dropout,
        attention_probs_dropout_prob=0.0,
    )
    next_sentences = len(task.objectives) > 1
    cls = transformers.BertForPreTraining if next_sentences else transformers.BertForMaskedLM
    bert = cls(config).eval()
    weights = {**model.state_dict(), "body.encodings.0.table": table}
    bert.load_state_dict(to_bert(weights, settings.layers))
    return bert


def _table(encoding: PositionalEncoding, length: int, width: int) -> Float[Tensor, "n width"]:
    """The vectors that the encoding adds at each position, up to its own limit or to `length`."""
    rows = encoding.max_length or length
    with torch.no_grad():
        return encoding.embed(torch.zeros(1, rows, width), torch.arange(rows))[0]


def _tokenizer(task: Task, longest: int) -> Any:
    from tokenizers import Tokenizer, processors

    transformers: Any = import_module("transformers")
    tokenizer: Tokenizer = Tokenizer.from_file(str(task.tokenizer))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")],
    )
    special = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=longest,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
        **special,
    )


@torch.inference_mode()
def _alike(model: Model, task: Task, exported: Any) -> bool:
    """Whether both give the same logits for random tokens in two segments, with padding in one row."""
    n = exported.config.max_position_embeddings
    tokens = torch.randint(task.vocabulary, (2, n), generator=torch.Generator().manual_seed(0))
    segments = (torch.arange(n) > n // 2).long().expand(2, n)
    padding = torch.stack([torch.zeros(n, dtype=torch.bool), torch.arange(n) > 2 * n // 3])
    batch = Batch(tokens, tokens, ~padding, torch.full_like(tokens, -1), padding=padding, segments=segments)
    hidden = model(batch, torch.Generator())
    outputs = exported(input_ids=tokens, token_type_ids=segments, attention_mask=(~padding).long())
    logits = outputs.prediction_logits if len(task.objectives) > 1 else outputs.logits
    return torch.allclose(
        model.logits(hidden[~padding], 0), logits[~padding], rtol=_TOLERANCE, atol=_TOLERANCE
    )
