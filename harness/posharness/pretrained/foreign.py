"""Any masked language model of `transformers` as a pretrained model, and why one cannot be."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from posharness.errors import UserError
from posharness.pretrained.loading import hub_answers, load, needs_transformers, quiet_transformers
from posharness.pretrained.model import Pretrained, best_device, without_training
from posharness.seeds import seeded

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

__all__ = ["ForeignModel", "open_transformers"]

_TOLERANCE = 1e-5
_SPECIAL = {"mask": ("mask",), "cls": ("cls", "bos"), "sep": ("sep", "eos"), "pad": ("pad", "eos")}
"""The special tokens that readings need, and what a tokenizer may call them."""


def open_transformers(where: str | Path) -> ForeignModel:
    """The masked language model and the tokenizer of a directory or of the Hub.

    Nothing that comes with the model is executed. Without a network, an id stands for what was loaded before.

    Args:
        where: a directory that `save_pretrained` wrote, or an id of the Hub.

    Raises:
        UserError: `transformers` is not installed, there is no such model, or it is no masked language
            model that can be taken apart into states and a head.
    """
    needs_transformers(f"The model {where}")
    from transformers import AutoConfig, AutoModelForMaskedLM, AutoTokenizer

    given = str(where)
    if not Path(given).is_dir() and (Path(given).is_absolute() or given.startswith((".", "~"))):
        raise UserError(f"There is no directory {given}; give one that holds a model, or an id of the Hub.")
    with quiet_transformers():
        found: dict[str, Any] = {"local_files_only": Path(given).is_dir() or not hub_answers()}
        config = load(given, AutoConfig, **found)
        if type(config) not in AutoModelForMaskedLM._model_mapping or config.is_encoder_decoder:
            raise UserError(
                f"The model {given} is a {config.model_type}, which transformers knows no masked language "
                "model of; give an encoder like BERT, RoBERTa, DeBERTa or ModernBERT."
            )
        options = {"dtype": torch.float32, "output_loading_info": True, **found}
        model, told = load(given, AutoModelForMaskedLM, **options)
        if told["missing_keys"] and getattr(config, "legacy", False):
            # DeBERTa was published with another head than the one that its configuration stands for.
            config.legacy = False
            model, told = load(given, AutoModelForMaskedLM, config=config, **options)
        if missing := sorted(told["missing_keys"]):
            raise UserError(
                f"The model {given} has no trained {missing[0]}; give one that was saved with its head of "
                "masked language modelling."
            )
        tokenizer = load(given, AutoTokenizer, **found)
    opened = ForeignModel(given, model, tokenizer)
    opened.check()
    return opened


class ForeignModel(Pretrained):
    """A masked language model of `transformers`, taken apart into its base and its head.

    The head is whatever its `forward` makes of what the base gives, so that no architecture is named here.
    A word is encoded as it stands inside a sentence, after a space: its pieces do not depend on its place.
    """

    def __init__(self, where: str, model: Any, tokenizer: PreTrainedTokenizerBase) -> None:
        self._where = where
        self._device = best_device()
        self._model = model.eval().to(self._device)
        self._tokenizer = tokenizer
        if not tokenizer.is_fast:
            raise UserError(
                f"The tokenizer of {where} cannot tell the pieces of words apart; give a fast one."
            )
        self.label = Path(where).name if Path(where).is_dir() else where
        self.identity = _identity(model, tokenizer)
        self.width = int(model.config.hidden_size)
        self.vocabulary = int(model.config.vocab_size)
        self.max_length = _longest(model, tokenizer)
        self.mask, self.cls, self.sep, self.pad = (self._special(*names) for names in _SPECIAL.values())

    def pieces(self, sentences: Sequence[Sequence[str]]) -> list[list[list[int]]]:
        found: list[list[list[int]]] = [[[] for _ in sentence] for sentence in sentences]
        occupied = [index for index, sentence in enumerate(sentences) if sentence]
        if not occupied:
            return found
        encoded = self._tokenizer(
            [[f" {word}" for word in sentences[index]] for index in occupied],
            is_split_into_words=True,
            add_special_tokens=False,
            split_special_tokens=True,
        )
        for row, index in enumerate(occupied):
            for word, piece in zip(encoded.word_ids(row), encoded["input_ids"][row], strict=True):
                found[index][word].append(piece)
        return found

    @torch.inference_mode()
    def states(
        self, tokens: Int[Tensor, "b n"], padding: Bool[Tensor, "b n"] | None = None
    ) -> Float[Tensor, "b n width"]:
        states: Tensor = self._model.base_model(**self._inputs(tokens, padding)).last_hidden_state
        return states.cpu()

    @torch.inference_mode()
    def layers(
        self, tokens: Int[Tensor, "b n"], padding: Bool[Tensor, "b n"] | None = None
    ) -> Float[Tensor, "l b n width"]:
        given = self._model.base_model(**self._inputs(tokens, padding), output_hidden_states=True)
        # Of some architectures the last of them is not normalised yet.
        return torch.stack([*given.hidden_states[:-1], given.last_hidden_state]).cpu()

    @torch.inference_mode()
    def logits(self, states: Float[Tensor, "m width"]) -> Float[Tensor, "m vocabulary"]:
        from transformers.modeling_outputs import BaseModelOutput

        given = BaseModelOutput(last_hidden_state=states[None].to(self._device))
        unread = torch.full((1, len(states)), self.pad, device=self._device)
        with _answering(self._model.base_model, given):
            logits: Tensor = self._model(input_ids=unread).logits[0]
        return logits.cpu()

    def untrained(self, seed: int) -> ForeignModel:
        with quiet_transformers(), seeded("untrained", seed):
            drawn = type(self._model)(self._model.config)
        made = ForeignModel(self._where, drawn.float(), self._tokenizer)
        made.label, made.identity = without_training(self, seed)
        return made

    def check(self) -> None:
        """Make sure that states and head together are the model.

        Raises:
            UserError: they are not.
        """
        ids = torch.tensor([[self.cls, self.mask, self.sep], [self.cls, self.sep, self.pad]])
        padding = ids == self.pad
        with torch.inference_mode():
            whole = self._model(**self._inputs(ids, padding)).logits.cpu()
        try:
            same = torch.allclose(
                self.logits(self.states(ids, padding).flatten(0, 1)), whole.flatten(0, 1), atol=_TOLERANCE
            )
        except (AttributeError, RuntimeError, TypeError, ValueError):
            same = False
        if not same:
            raise UserError(
                f"The model {self._where}, a {type(self._model).__name__}, does not compute its logits from "
                "its last hidden states alone, so that its states cannot be read; give another model."
            )

    def _inputs(self, tokens: Int[Tensor, "b n"], padding: Bool[Tensor, "b n"] | None) -> dict[str, Tensor]:
        seen = torch.ones_like(tokens) if padding is None else (~padding).long()
        return {"input_ids": tokens.to(self._device), "attention_mask": seen.to(self._device)}

    def _special(self, *names: str) -> int:
        for name in names:
            found = getattr(self._tokenizer, f"{name}_token_id")
            if found is not None:
                return int(found)
        raise UserError(
            f"The tokenizer of {self._where} has no {names[0]} token, which readings need; give a model "
            "whose tokenizer has one."
        )


@contextmanager
def _answering(module: nn.Module, answer: object) -> Iterator[None]:
    """Let a module give an answer that is known already, whatever it is asked."""
    module.forward = lambda *_, **__: answer
    try:
        yield
    finally:
        del module.forward  # what its class defines is seen again


def _longest(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> int | None:
    """The longest sequence, by the table of positions and by what the tokenizer says; None for no limit."""
    limits = [int(tokenizer.model_max_length)] if tokenizer.model_max_length < 1e9 else []
    rows = getattr(model.config, "max_position_embeddings", None) or 0
    if rows > 0:
        tables = [m for name, m in model.named_modules() if name.endswith("position_embeddings")]
        # RoBERTa and its kin count positions from after the padding's.
        before = [m.padding_idx + 1 for m in tables if getattr(m, "padding_idx", None) is not None]
        limits.append(rows - max(before, default=0))
    return min(limits, default=None)


def _identity(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> str:
    config = model.config.to_dict()
    for incidental in ("_name_or_path", "transformers_version"):
        config.pop(incidental, None)
    digest = sha256(json.dumps(config, sort_keys=True, default=str).encode())
    for name, weight in sorted(model.state_dict().items()):
        digest.update(f"{name} {tuple(weight.shape)} {weight.dtype}".encode())
        digest.update(weight.detach().cpu().contiguous().numpy().data)
    digest.update(tokenizer.backend_tokenizer.to_str().encode())
    return digest.hexdigest()
