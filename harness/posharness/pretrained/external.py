"""External models: masked language models that `transformers` loads, and the reasons to refuse one."""

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

__all__ = ["ExternalModel", "open_transformers"]

_TOLERANCE = 1e-5
_ROUNDING = 1e-3
"""The most that states of a sequence asked alone and beside another may differ, in standard deviations."""
_SPECIAL = {"mask": ("mask",), "cls": ("cls", "bos"), "sep": ("sep", "eos"), "pad": ("pad", "eos")}
"""The special tokens that readings need, with their names in tokenizers."""


def open_transformers(where: str | Path) -> ExternalModel:
    """Load the masked language model and the tokenizer of a directory or of the Hub.

    Code that comes with the model is not executed. Without a network, an id of the Hub works if its model was
    loaded before.

    Args:
        where: a directory that `save_pretrained` wrote, or an id of the Hub.

    Raises:
        UserError: `transformers` is not installed, there is no such model, or it is not a masked language
            model whose logits follow from its last hidden states.
    """
    needs_transformers(f"The model {where}")
    from transformers import AutoConfig, AutoModelForMaskedLM, AutoTokenizer

    name = str(where)
    if not Path(name).is_dir() and (Path(name).is_absolute() or name.startswith((".", "~"))):
        raise UserError(f"There is no directory {name}; give one that holds a model, or an id of the Hub.")
    with quiet_transformers():
        offline: dict[str, Any] = {"local_files_only": Path(name).is_dir() or not hub_answers()}
        config = load(name, AutoConfig, **offline)
        if type(config) not in AutoModelForMaskedLM._model_mapping or config.is_encoder_decoder:
            raise UserError(
                f"The model {name} is a {config.model_type}, a type without a masked language model in "
                "transformers; give an encoder like BERT, RoBERTa, DeBERTa or ModernBERT."
            )
        options = {"dtype": torch.float32, "output_loading_info": True, **offline}
        model, loading = load(name, AutoModelForMaskedLM, **options)
        if loading["missing_keys"] and getattr(config, "legacy", False):
            # The published DeBERTa has another head than its configuration says.
            config.legacy = False
            model, loading = load(name, AutoModelForMaskedLM, config=config, **options)
        if missing := sorted(loading["missing_keys"]):
            raise UserError(
                f"The model {name} has no trained {missing[0]}; give one that was saved with its head of "
                "masked language modelling."
            )
        tokenizer = load(name, AutoTokenizer, **offline)
    external = ExternalModel(name, model, tokenizer)
    external.check()
    return external


class ExternalModel(Pretrained):
    """A masked language model of `transformers`, split into its base and its head.

    The head is the part of `forward` that follows the base, so that this class depends on no architecture.
    Every word is encoded as if it followed a space, so that its pieces do not depend on its position.
    Architectures that draw random numbers, such as the hashes of Reformer, draw the same ones in every call.
    """

    def __init__(self, where: str, model: Any, tokenizer: PreTrainedTokenizerBase) -> None:
        self._where = where
        self._device = best_device()
        self._model = model.eval().to(self._device)
        self._tokenizer = tokenizer
        if not tokenizer.is_fast:
            raise UserError(
                f"The tokenizer of {where} does not say which word a piece belongs to; give a fast tokenizer."
            )
        self.label = Path(where).name if Path(where).is_dir() else where
        self.identity = _identity(model, tokenizer)
        self.vocabulary = int(model.config.get_text_config().vocab_size)
        self.max_length = _longest(model, tokenizer)
        self.mask, self.cls, self.sep, self.pad = (self._special(*names) for names in _SPECIAL.values())
        output = self._first_output()
        self._output_type = type(output)
        # In some architectures, the states are wider than the configuration says.
        self.width = output.last_hidden_state.shape[-1]

    def pieces(self, sentences: Sequence[Sequence[str]]) -> list[list[list[int]]]:
        pieces: list[list[list[int]]] = [[[] for _ in sentence] for sentence in sentences]
        nonempty = [index for index, sentence in enumerate(sentences) if sentence]
        if not nonempty:
            return pieces
        encoded = self._tokenizer(
            [[f" {word}" for word in sentences[index]] for index in nonempty],
            is_split_into_words=True,
            add_special_tokens=False,
            split_special_tokens=True,
        )
        for row, index in enumerate(nonempty):
            for word, piece in zip(encoded.word_ids(row), encoded["input_ids"][row], strict=True):
                pieces[index][word].append(piece)
        return pieces

    @torch.inference_mode()
    def states(
        self, tokens: Int[Tensor, "b n"], padding: Bool[Tensor, "b n"] | None = None
    ) -> Float[Tensor, "b n width"]:
        states: Tensor = self._run_base(tokens, padding).last_hidden_state
        return states.cpu()

    @torch.inference_mode()
    def layers(
        self, tokens: Int[Tensor, "b n"], padding: Bool[Tensor, "b n"] | None = None
    ) -> Float[Tensor, "l b n width"]:
        outputs = self._run_base(tokens, padding, output_hidden_states=True)
        last = outputs.last_hidden_state
        # In some architectures the last of `hidden_states` is not yet normalised, sequences are padded (the
        # windows of Longformer), or some layers have another length or width (Funnel, Reformer).
        inner = [states[:, : tokens.shape[1]] for states in outputs.hidden_states[:-1]]
        return torch.stack([*(states for states in inner if states.shape == last.shape), last]).cpu()

    @torch.inference_mode()
    def logits(self, states: Float[Tensor, "m width"]) -> Float[Tensor, "m vocabulary"]:
        base_output = self._output_type(last_hidden_state=states[None].to(self._device))
        ignored_ids = torch.full((1, len(states)), self.pad, device=self._device)
        with _fixed_output(self._model.base_model, base_output):
            logits: Tensor = self._model(input_ids=ignored_ids).logits[0]
        return logits.cpu()

    def untrained(self, seed: int) -> ExternalModel:
        with quiet_transformers(), seeded("untrained", seed):
            model = type(self._model)(self._model.config)
        control = ExternalModel(self._where, model.float(), self._tokenizer)
        control.label, control.identity = without_training(self, seed)
        return control

    def check(self) -> None:
        """Check that the states are of the tokens alone, and that the head maps them to the model's logits.

        Raises:
            UserError: there is not one state a token, it depends on other sequences or not on its own, or the
                logits depend on more than the states.
        """
        rows = torch.cat([self._sequence_of(self.mask), self._sequence_of(self.sep)])
        states = self.layers(rows)[-1]
        if states.shape[:2] != rows.shape:
            counts = f"{states.shape[1]} for {rows.shape[1]} tokens"
            raise self._refused(f"has no hidden state for each token (it gives {counts})")
        apart = (self.states(rows[:1]) - states[:1]).abs().max()
        if apart > _ROUNDING * states.std():
            raise self._refused("answers a sequence differently when it is asked beside others, or twice")
        if torch.equal(*states[:, 0]):
            # So where transformers lacks a kernel of the architecture on this machine.
            raise self._refused("gives a token the same state whatever the others are")
        with torch.inference_mode(), seeded("forward"):
            logits = self._model(**self._inputs(rows)).logits.cpu()
        try:
            same = torch.allclose(self.logits(states.flatten(0, 1)), logits.flatten(0, 1), atol=_TOLERANCE)
        except (AttributeError, RuntimeError, TypeError, ValueError):
            same = False
        if not same:
            raise self._refused("does not compute its logits from its last hidden states alone")

    def _first_output(self) -> Any:
        try:
            return self._run_base(self._sequence_of(self.mask))
        # An architecture that needs more than tokens and their mask raises an error of any type.
        except Exception as error:
            message = " ".join(str(error).split()).rstrip(".")[:200]
            raise self._refused(f"does not run on the ids of tokens alone ({message})") from error

    def _refused(self, fault: str) -> UserError:
        return UserError(
            f"The model {self._where}, a {type(self._model).__name__}, {fault}, so that readings cannot "
            "evaluate it; give another model."
        )

    def _sequence_of(self, token: int) -> Int[Tensor, "1 n"]:
        return torch.tensor([[self.cls, *[token] * 5, self.sep]])

    @torch.inference_mode()
    def _run_base(
        self, tokens: Int[Tensor, "b n"], padding: Bool[Tensor, "b n"] | None = None, **options: bool
    ) -> Any:
        with seeded("forward"):
            return self._model.base_model(**self._inputs(tokens, padding), **options)

    def _inputs(
        self, tokens: Int[Tensor, "b n"], padding: Bool[Tensor, "b n"] | None = None
    ) -> dict[str, Tensor]:
        attended = torch.ones_like(tokens) if padding is None else (~padding).long()
        return {"input_ids": tokens.to(self._device), "attention_mask": attended.to(self._device)}

    def _special(self, *names: str) -> int:
        for name in names:
            token_id = getattr(self._tokenizer, f"{name}_token_id")
            if token_id is not None:
                return int(token_id)
        raise UserError(
            f"The tokenizer of {self._where} has no {names[0]} token, which readings need; give a model "
            "whose tokenizer has one."
        )


@contextmanager
def _fixed_output(module: nn.Module, output: object) -> Iterator[None]:
    """Let a module return this output, whatever its input."""
    module.forward = lambda *_, **__: output
    try:
        yield
    finally:
        del module.forward  # so that the method of its class is found again


def _longest(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> int | None:
    """The longest sequence that both the table of positions and the tokenizer admit; None for no limit."""
    limits = [int(tokenizer.model_max_length)] if tokenizer.model_max_length < 1e9 else []
    rows = getattr(model.config, "max_position_embeddings", None) or 0
    if rows > 0:
        tables = [m for name, m in model.named_modules() if name.endswith("position_embeddings")]
        # In RoBERTa and its relatives the first position is the one after that of padding.
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
