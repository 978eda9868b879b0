"""Any masked language model of transformers is read alike: pieces of words, states, and its own logits."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, NoReturn

import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from posharness.errors import UserError
from posharness.pretrained import loading, open_transformers

transformers = pytest.importorskip("transformers", reason="transformers is not installed")

TEXT = ["the cat sat on the mats .", "a dog saw its cats running by for 1 000 miles .", "nobody had asked"]
BERT_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
ROBERTA_TOKENS = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
SIZE = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 35}
LENGTH = 17


def wordpiece() -> Tokenizer:
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = list(BERT_TOKENS)
    made.train_from_iterator(
        TEXT, trainers.WordPieceTrainer(vocab_size=60, special_tokens=special, show_progress=False)
    )
    return made


def byte_pairs(special: tuple[str, ...]) -> Tokenizer:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=330, initial_alphabet=alphabet, special_tokens=list(special), show_progress=False
    )
    made.train_from_iterator(TEXT, trainer)
    return made


def unigrams() -> Tokenizer:
    made = Tokenizer(models.Unigram())
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    trainer = trainers.UnigramTrainer(
        vocab_size=45, special_tokens=list(BERT_TOKENS), unk_token="[UNK]", show_progress=False
    )
    made.train_from_iterator(TEXT, trainer)
    return made


def wrapped(tokenizer: Tokenizer, special: tuple[str, ...] = BERT_TOKENS) -> Any:
    names = ("cls", "pad", "sep", "unk", "mask") if "<s>" in special else ("pad", "unk", "cls", "sep", "mask")
    given = {f"{name}_token": token for name, token in zip(names, special, strict=True)}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **given)


def bert() -> tuple[Any, Any]:
    tokenizer = wrapped(wordpiece())
    config = transformers.BertConfig(**SIZE, vocab_size=len(tokenizer), max_position_embeddings=LENGTH)
    return transformers.BertForMaskedLM(config), tokenizer


def roberta() -> tuple[Any, Any]:
    tokenizer = wrapped(byte_pairs(ROBERTA_TOKENS), ROBERTA_TOKENS)
    config = transformers.RobertaConfig(
        **SIZE, vocab_size=len(tokenizer), max_position_embeddings=LENGTH + 2, pad_token_id=1
    )
    return transformers.RobertaForMaskedLM(config), tokenizer


def deberta(legacy: bool = True) -> tuple[Any, Any]:
    tokenizer = wrapped(unigrams())
    config = transformers.DebertaV2Config(
        **SIZE,
        vocab_size=len(tokenizer),
        max_position_embeddings=LENGTH,
        relative_attention=True,
        position_buckets=5,
        pos_att_type=["c2p", "p2c"],
        position_biased_input=False,
        legacy=legacy,
    )
    return transformers.DebertaV2ForMaskedLM(config), tokenizer


def modern() -> tuple[Any, Any]:
    tokenizer = wrapped(byte_pairs(BERT_TOKENS))
    config = transformers.ModernBertConfig(
        **SIZE,
        vocab_size=len(tokenizer),
        max_position_embeddings=LENGTH,
        pad_token_id=0,
        cls_token_id=2,
        sep_token_id=3,
        local_attention=4,
    )
    return transformers.ModernBertForMaskedLM(config), tokenizer


KINDS: dict[str, Callable[[], tuple[Any, Any]]] = {
    "bert": bert,
    "roberta": roberta,
    "deberta": deberta,
    "deberta-v3": lambda: deberta(legacy=False),
    "modernbert": modern,
}


@pytest.fixture(scope="module", params=KINDS)
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / request.param
    save(*KINDS[request.param](), folder)
    return folder


def save(model: Any, tokenizer: Any, folder: Path) -> None:
    for parameter in model.parameters():  # as if trained: no bias is 0 and no gain 1
        torch.nn.init.normal_(parameter, std=0.3, generator=torch.Generator().manual_seed(3))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def batch(vocabulary: int, pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    tokens = torch.randint(5, vocabulary, (3, LENGTH), generator=torch.Generator().manual_seed(1))
    padding = torch.zeros(3, LENGTH, dtype=torch.bool)
    padding[1, 11:] = True
    return tokens.masked_fill(padding, pad), padding


def test_states_and_head_together_are_the_model(saved: Path) -> None:
    opened = open_transformers(saved)
    tokens, padding = batch(opened.vocabulary, opened.pad)
    reference = transformers.AutoModelForMaskedLM.from_pretrained(saved, dtype=torch.float32).eval()
    with torch.inference_mode():
        whole = reference(input_ids=tokens, attention_mask=(~padding).long())
    states = opened.states(tokens, padding)
    assert states.shape == (3, LENGTH, opened.width)
    layers = opened.layers(tokens, padding)
    assert layers.shape == (1 + SIZE["num_hidden_layers"], *states.shape)
    assert torch.equal(layers[-1], states)
    assert len(layers.flatten(1).unique(dim=0)) == len(layers)
    assert opened.width == SIZE["hidden_size"]
    torch.testing.assert_close(opened.logits(states[~padding]), whole.logits[~padding], rtol=1e-5, atol=1e-5)
    assert whole.logits.std() > 0.1


def test_padding_changes_no_state_beside_it(saved: Path) -> None:
    opened = open_transformers(saved)
    tokens, padding = batch(opened.vocabulary, opened.pad)
    alone = opened.states(tokens[1:2, :11])
    torch.testing.assert_close(opened.states(tokens, padding)[1:2, :11], alone, rtol=1e-4, atol=1e-4)


def test_the_longest_sequence_is_known(saved: Path) -> None:
    opened = open_transformers(saved)
    assert opened.max_length == LENGTH


def test_special_tokens_are_those_of_the_tokenizer(saved: Path) -> None:
    opened = open_transformers(saved)
    special = ROBERTA_TOKENS if saved.name == "roberta" else BERT_TOKENS
    named = transformers.AutoTokenizer.from_pretrained(saved).convert_ids_to_tokens(
        [opened.mask, opened.cls, opened.sep, opened.pad]
    )
    order = (4, 0, 2, 1) if saved.name == "roberta" else (4, 2, 3, 0)
    assert named == [special[index] for index in order]


def test_a_word_has_the_same_pieces_wherever_it_stands(saved: Path) -> None:
    opened = open_transformers(saved)
    sentences = [["cats", "saw", "the", "cats"], [], ["the"]]
    first, empty, third = opened.pieces(sentences)
    assert [len(first), empty, len(third)] == [4, [], 1]
    assert first[0] == first[3]
    assert first[2] == third[0]
    tokenizer = transformers.AutoTokenizer.from_pretrained(saved)
    # Inside a sentence, a word is encoded as the tokenizer itself encodes running text.
    running = tokenizer("the cats saw the cats", add_special_tokens=False)["input_ids"]
    assert running[-len(first[0]) :] == first[0]
    assert running[1:] == [piece for word in first for piece in word] or saved.name.startswith("deberta")


@pytest.mark.parametrize(
    ("kind", "mask"), [("bert", "[MASK]"), ("roberta", "<mask>"), ("modernbert", "[MASK]")]
)
def test_a_mask_in_the_text_is_no_mask(kind: str, mask: str, tmp_path: Path) -> None:
    save(*KINDS[kind](), tmp_path)
    opened = open_transformers(tmp_path)
    assert opened.mask not in opened.pieces([[mask]])[0][0]


def test_the_head_that_deberta_was_published_with_is_found(tmp_path: Path) -> None:
    save(*deberta(legacy=False), tmp_path)
    expected = open_transformers(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    del config["legacy"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    found = open_transformers(tmp_path)
    states = expected.states(torch.arange(5, 16)[None])[0]
    assert torch.equal(found.logits(states), expected.logits(states))


def test_of_a_word_that_the_tokenizer_drops_nothing_is_left(tmp_path: Path) -> None:
    save(*bert(), tmp_path)
    assert open_transformers(tmp_path).pieces([["the", "\x07", "the"]])[0][1] == []


def test_the_control_has_other_weights_and_the_same_ones_for_a_seed(saved: Path) -> None:
    opened = open_transformers(saved)
    before = torch.get_rng_state()
    first, again, other = opened.untrained(7), opened.untrained(7), opened.untrained(8)
    assert torch.equal(torch.get_rng_state(), before)
    tokens, padding = batch(opened.vocabulary, opened.pad)
    states = [model.states(tokens, padding) for model in (opened, first, again, other)]
    assert torch.equal(states[1], states[2])
    assert not torch.allclose(states[0], states[1])
    assert not torch.allclose(states[1], states[3])
    assert first.identity == again.identity
    assert len({opened.identity, first.identity, other.identity}) == 3
    assert first.label == f"{saved.name} (untrained)"
    assert first.pieces([["cats"]]) == opened.pieces([["cats"]])


def test_the_identity_is_of_what_is_computed_and_not_of_the_place(tmp_path: Path) -> None:
    model, tokenizer = bert()
    save(model, tokenizer, tmp_path / "one")
    save(model, tokenizer, tmp_path / "two")
    with torch.no_grad():
        model.bert.embeddings.word_embeddings.weight[7, 3] += 1e-3
    model.save_pretrained(tmp_path / "three")
    tokenizer.save_pretrained(tmp_path / "three")
    one, two, three = (open_transformers(tmp_path / name) for name in ("one", "two", "three"))
    assert one.identity == two.identity != three.identity
    assert len(one.identity) == 64


class TestWhatIsRefused:
    def test_a_missing_library(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(loading.importlib.util, "find_spec", lambda _: None)
        with pytest.raises(UserError, match=r"pip install 'posharness\[transformers\]'"):
            open_transformers("somebody/model")

    @pytest.mark.parametrize("given", ["/nowhere/model", "./nowhere"])
    def test_a_missing_directory(self, given: str) -> None:
        with pytest.raises(UserError, match=f"There is no directory {given}"):
            open_transformers(given)

    def test_an_id_without_a_network(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import huggingface_hub.constants

        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
        with pytest.raises(UserError, match=r"^The model somebody/model cannot be loaded .*network\.$"):
            open_transformers("somebody/model")

    def test_an_id_where_no_hub_answers_is_told_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import huggingface_hub

        class Unreachable:
            asked: ClassVar[list[str]] = []

            def head(self, url: str, timeout: float) -> NoReturn:
                self.asked.append(url)
                raise ConnectionError("no route")

        monkeypatch.setattr(huggingface_hub, "get_session", Unreachable)
        with pytest.raises(UserError, match=r"^The model somebody/model cannot be loaded"):
            open_transformers("somebody/model")
        assert Unreachable.asked == [huggingface_hub.constants.ENDPOINT]

    def test_a_directory_without_a_model(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match="cannot be loaded"):
            open_transformers(tmp_path)

    def test_a_broken_file(self, tmp_path: Path) -> None:
        save(*bert(), tmp_path)
        (tmp_path / "model.safetensors").write_bytes(b"no weights")
        with pytest.raises(UserError, match="cannot be loaded"):
            open_transformers(tmp_path)

    def test_a_model_without_its_head(self, tmp_path: Path) -> None:
        model, tokenizer = bert()
        save(model.bert, tokenizer, tmp_path)
        with pytest.raises(UserError, match=r"has no trained cls\.predictions"):
            open_transformers(tmp_path)

    def test_another_kind_of_model(self, tmp_path: Path) -> None:
        config = transformers.GPT2Config(n_embd=12, n_layer=1, n_head=2, vocab_size=30)
        save(transformers.GPT2LMHeadModel(config), wrapped(wordpiece()), tmp_path)
        with pytest.raises(UserError, match="is a gpt2, a type without a masked language model"):
            open_transformers(tmp_path)

    def test_a_tokenizer_without_a_mask(self, tmp_path: Path) -> None:
        model, _ = bert()
        tokenizer = transformers.PreTrainedTokenizerFast(
            tokenizer_object=wordpiece(), cls_token="[CLS]", sep_token="[SEP]", pad_token="[PAD]"
        )
        save(model, tokenizer, tmp_path)
        with pytest.raises(UserError, match="has no mask token"):
            open_transformers(tmp_path)

    def test_a_head_that_reads_more_than_the_states(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        save(*bert(), tmp_path)
        forward = transformers.BertForMaskedLM.forward

        def biased(self: Any, input_ids: torch.Tensor, **rest: Any) -> Any:
            found = forward(self, input_ids, **rest)
            found.logits = found.logits + input_ids[..., None]
            return found

        monkeypatch.setattr(transformers.BertForMaskedLM, "forward", biased)
        with pytest.raises(UserError, match="does not compute its logits from its last hidden states alone"):
            open_transformers(tmp_path)

    def test_a_model_that_brings_code_of_its_own_is_not_executed(self, tmp_path: Path) -> None:
        save(*bert(), tmp_path)
        config = json.loads((tmp_path / "config.json").read_text())
        config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Config"}}
        (tmp_path / "config.json").write_text(json.dumps(config))
        (tmp_path / "own.py").write_text("raise SystemExit('executed')\n")
        with pytest.raises(UserError, match="cannot be loaded"):
            open_transformers(tmp_path)
