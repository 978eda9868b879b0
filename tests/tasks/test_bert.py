"""BERT pretraining on the embedded corpus and, where it lies beside the project, on English web text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer

from posharness.contracts import Batch, Split, UserError
from posharness_tasks.bert import BertPretraining, cached
from posharness_tasks.bert.corpora.corpus import Corpus, prepare_corpus
from posharness_tasks.bert.vocabulary import CLS, FIRST_PIECE, MASK, PAD, SEP, UNK
from posharness_tasks.text.treebank import read_treebank

MLM, NSP = 0, 1
FREQUENT, RARE, IN_SIGHT, TRUE_PAIR, RANDOM_PAIR, SWAPPED_PAIR = range(6)
TREEBANK = Path(__file__).resolve().parents[3] / "shared" / "data" / "ud_english_ewt"


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def task(cache: Path) -> BertPretraining:
    task = BertPretraining("encoder")
    task.prepare(cache)
    return task


@pytest.fixture(scope="module")
def corpus(task: BertPretraining, cache: Path) -> Corpus:
    return prepare_corpus("python-docs", cache / "bert")


@pytest.fixture(scope="module")
def batch(task: BertPretraining) -> Batch:
    return task.sample(seeded(0), 600, 64, "train")


def predictions(batch: Batch, objective: int) -> torch.Tensor:
    return batch.scored if batch.objective is None else batch.scored & (batch.objective == objective)


def blind(task: BertPretraining) -> float:
    """The accuracy of the best constant answer."""
    batch = task.sample(seeded(1), 4000, 64, "test")
    asked = batch.targets[predictions(batch, MLM)]
    return float((asked == asked.mode().values).double().mean())


def test_the_embedded_corpus_is_large(corpus: Corpus) -> None:
    assert corpus.words >= 200_000
    assert corpus.documents >= 300
    assert 8 < corpus.words / corpus.sentences < 30


def test_the_embedded_corpus_is_prose(corpus: Corpus) -> None:
    sentences = [line for line in corpus.text.read_text("utf-8").splitlines() if line]
    for sign in (">>>", "::", "``", "**", "==", "->", "://", ":param", "===", "----", "|", "{", "\\", "$"):
        assert not [sentence for sentence in sentences if sign in sentence], sign
    assert all(sentence.isascii() and sentence.isprintable() for sentence in sentences)
    assert all(len(sentence.split()) >= 4 for sentence in sentences)
    # As often as in any English: "the" is one word in 20 or so, letters make up the text.
    words = re.findall(r"[a-z]+", " ".join(sentences).lower())
    assert 0.04 < words.count("the") / len(words) < 0.12
    letters = sum(character.isalpha() or character == " " for s in sentences for character in s)
    assert letters / sum(map(len, sentences)) > 0.93
    # Paragraphs that are quoted elsewhere are kept once; what recurs are short stock sentences.
    assert len(set(sentences)) / len(sentences) > 0.9


def test_the_second_preparation_makes_nothing_and_gives_the_same(
    task: BertPretraining, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cached, "FileLock", None)  # what makes a folder needs its lock
    again = BertPretraining("encoder")
    again.prepare(cache)
    assert again.fingerprint() == task.fingerprint()
    assert again.objectives == task.objectives
    for split in ("train", "validation", "test"):
        first, second = (one.sample(seeded(3), 8, 64, split) for one in (task, again))
        assert (first.tokens == second.tokens).all()
        assert (first.targets == second.targets).all()


def test_the_fingerprint_is_that_of_text_and_tokens(
    task: BertPretraining, corpus: Corpus, cache: Path
) -> None:
    assert corpus.sha256 in task.fingerprint()
    smaller = BertPretraining("encoder", vocabulary_size=1000)
    assert smaller.fingerprint() == ""
    smaller.prepare(cache)
    assert corpus.sha256 in smaller.fingerprint()
    assert smaller.fingerprint() != task.fingerprint()
    assert smaller.vocabulary == 1000


def test_a_batch_keeps_the_contract(task: BertPretraining, batch: Batch) -> None:
    n, length = batch.tokens.shape
    assert (n, length) == (600, 64)
    assert task.segments == 2
    assert batch.segments is not None
    assert batch.padding is not None
    assert batch.stratum is not None
    assert batch.objective is not None
    for value in (batch.targets, batch.scored, batch.dependency_length, batch.stratum, batch.segments):
        assert value.shape == (n, length)
    assert 0 <= int(batch.tokens.min()) <= int(batch.tokens.max()) < task.vocabulary == 2048
    for index, objective in enumerate(task.objectives):
        targets = batch.targets[predictions(batch, index)]
        assert 0 <= int(targets.min()) <= int(targets.max()) < objective.classes
    assert (batch.tokens[batch.padding] == PAD).all()
    assert not (batch.scored & batch.padding).any()
    # Padding stands on the right.
    assert (batch.padding.int().diff() >= 0).all()
    assert (batch.dependency_length[~batch.scored] == -1).all()


def test_nsp_is_scored_at_cls_alone(batch: Batch) -> None:
    nsp = predictions(batch, NSP)
    assert nsp[:, 0].all()
    assert not nsp[:, 1:].any()
    assert (batch.tokens[:, 0] == CLS).all()
    assert (batch.dependency_length[:, 0] == -1).all()
    assert batch.stratum is not None
    answers = batch.targets[:, 0]
    assert set(answers.tolist()) == {0, 1}
    assert (batch.stratum[:, 0] == torch.where(answers == 1, RANDOM_PAIR, TRUE_PAIR)).all()


def test_mlm_is_scored_on_its_share_of_the_words(batch: Batch) -> None:
    mlm = predictions(batch, MLM)
    assert batch.padding is not None
    restored = torch.where(mlm, batch.targets, batch.tokens)
    words = (~torch.isin(restored, torch.tensor([CLS, SEP, PAD]))).sum(1)
    assert mlm.sum(1).tolist() == [max(1, round(0.15 * n)) for n in words.tolist()]
    assert (batch.targets[mlm] >= UNK).all()
    assert not torch.isin(batch.targets[mlm], torch.tensor([CLS, SEP, MASK, PAD])).any()
    # Two separators each, and one between two documents: none is ever hidden.
    assert ((batch.tokens == SEP).sum(1) >= 2).all()
    assert ((restored == SEP) == (batch.tokens == SEP)).all()


def test_distances_point_to_the_nearest_copy_in_sight(batch: Batch) -> None:
    assert batch.stratum is not None
    for row in range(60):
        tokens = batch.tokens[row].tolist()
        for position in predictions(batch, MLM)[row].nonzero().flatten().tolist():
            target = int(batch.targets[row, position])
            copies = [abs(position - other) for other, token in enumerate(tokens) if token == target != MASK]
            hidden = tokens[position] == MASK
            assert batch.dependency_length[row, position] == (min(copies, default=-1) if hidden else -1)
            assert (int(batch.stratum[row, position]) == IN_SIGHT) == (not hidden)


def test_strata_halve_the_hidden_tokens_by_frequency(task: BertPretraining, batch: Batch) -> None:
    assert batch.stratum is not None
    stratum = batch.stratum[predictions(batch, MLM)]
    frequent, rare = (int((stratum == index).sum()) for index in (FREQUENT, RARE))
    assert frequent / (frequent + rare) == pytest.approx(0.5, abs=0.04)
    assert float((stratum == IN_SIGHT).double().mean()) == pytest.approx(0.2, abs=0.03)
    kinds = set(batch.targets[predictions(batch, MLM) & (batch.stratum == FREQUENT)].tolist())
    assert len(kinds) < 0.05 * task.vocabulary


def test_chance_is_what_the_best_constant_answer_scores(task: BertPretraining) -> None:
    drawn = task.sample(seeded(1), 4000, 64, "test")
    mlm, nsp = task.objectives
    assert (mlm.name, mlm.readout, mlm.classes) == ("mlm", "mlm", 2048)
    assert (nsp.name, nsp.readout, nsp.classes) == ("nsp", "pooled", 2)
    assert blind(task) == pytest.approx(mlm.chance, abs=0.01)
    # Other lengths have other shares of wrong pairs, and each row of the test has that of its own.
    for length in (64, 128):
        batch = task.sample(seeded(2), 4000, length, "test")
        assert batch.chance is not None
        wrong = float(batch.targets[:, 0].double().mean())
        assert wrong == pytest.approx(float(batch.chance[0, 0]), abs=4 * 0.5 / 4000**0.5)
        assert batch.chance[:, 1:].unique().tolist() == pytest.approx([mlm.chance])
    assert float((drawn.targets[:, 0] == 1).double().mean()) == pytest.approx(nsp.chance, abs=0.03)


def test_the_same_generator_draws_the_same_and_another_does_not(task: BertPretraining) -> None:
    one, same, other = (task.sample(seeded(seed), 8, 64, "train") for seed in (5, 5, 6))
    for name in ("tokens", "targets", "scored", "dependency_length", "stratum", "padding", "segments"):
        assert (getattr(one, name) == getattr(same, name)).all()
    assert (one.tokens != other.tokens).any()
    torch.manual_seed(0)
    state = torch.get_rng_state()
    task.sample(seeded(5), 8, 64, "train")
    assert (torch.get_rng_state() == state).all()


def test_a_batch_reads_as_text(task: BertPretraining, corpus: Corpus, cache: Path) -> None:
    """What is drawn, its targets put back, stands in the corpus word for word."""
    (folder,) = (path for path in (cache / "bert" / "tokens").iterdir() if has_pieces(path, 2048))
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    text = "".join(corpus.text.read_text("utf-8").lower().split())
    drawn = task.sample(seeded(7), 20, 64, "validation")
    mlm = predictions(drawn, MLM)
    restored = torch.where(mlm, drawn.targets, drawn.tokens)
    for row in restored.tolist():
        ends = [place for place, token in enumerate(row) if token == SEP]
        for start, end in zip([0, *ends], ends, strict=False):
            pieces = [str(tokenizer.id_to_token(token)).removeprefix("##") for token in row[start + 1 : end]]
            assert UNK in row or "".join(pieces) in text


def has_pieces(folder: Path, count: int) -> bool:
    path = folder / "tokenizer.json"
    return path.exists() and Tokenizer.from_file(str(path)).get_vocab_size() == count


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"length": 4}, "too short for a pair"),
        ({"evaluation_lengths": (64, 3)}, "too short for a pair"),
        ({"mask_rate": 0.0}, "mask_rate"),
        ({"mask_rate": 1.5}, "mask_rate"),
        ({"least_real": 80.0}, "least_real must be from 0 to 1; got 80"),
    ],
)
def test_parameters_that_make_no_sense(parameters: dict[str, object], said: str) -> None:
    with pytest.raises(UserError, match=said):
        BertPretraining("encoder", **parameters)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def decoder(cache: Path, task: BertPretraining) -> BertPretraining:
    decoder = BertPretraining("decoder")
    decoder.prepare(cache)
    assert decoder.fingerprint() == task.fingerprint()
    return decoder


@pytest.mark.parametrize("whole_words", [False, True])
@pytest.mark.parametrize("split", ["validation", "test"])
def test_a_decoder_is_scored_on_the_very_tokens_that_an_encoder_is(
    task: BertPretraining, decoder: BertPretraining, split: Split, whole_words: bool
) -> None:
    for each in (task, decoder):
        each.whole_words = whole_words
    encoded, decoded = (each.sample(seeded(4), 300, 64, split) for each in (task, decoder))
    for each in (task, decoder):
        each.whole_words = False
    mlm = predictions(encoded, MLM)
    assert decoded.objective is None
    assert encoded.stratum is not None
    assert decoded.stratum is not None
    # What the decoder is asked for stands one position later, and there the encoder is asked for it.
    assert (mlm[:, 1:] == decoded.scored[:, :-1]).all()
    assert not decoded.scored[:, -1].any()
    for name in ("targets", "stratum"):
        asked, answered = getattr(encoded, name)[mlm], getattr(decoded, name)[decoded.scored]
        assert (asked == answered).all()
    sequence, position = decoded.scored.nonzero(as_tuple=True)
    # How far it looks back is told from where it predicts, to a copy that it sees.
    distance = decoded.dependency_length[decoded.scored]
    found = distance >= 0
    copied = decoded.tokens[sequence[found], (position - distance)[found]]
    assert (copied == decoded.targets[decoded.scored][found]).all()
    assert 0.15 < float(found.double().mean()) < 0.7
    assert (decoded.tokens[sequence, position + 1] == decoded.targets[decoded.scored]).all()
    # It sees the text as it is, and that text is the encoder's with its targets put back.
    assert (decoded.tokens == torch.where(mlm, encoded.targets, encoded.tokens)).all()
    for name in ("segments", "padding"):
        assert (getattr(encoded, name) == getattr(decoded, name)).all()


def test_a_decoder_learns_from_every_token_of_the_text(decoder: BertPretraining) -> None:
    batch = decoder.sample(seeded(4), 300, 64, "train")
    assert batch.padding is not None
    word = ~torch.isin(batch.tokens, torch.tensor([CLS, SEP, PAD]))
    assert (batch.scored[:, :-1] == word[:, 1:]).all()
    assert not batch.scored[:, -1].any()
    assert (batch.targets[:, :-1] == batch.tokens[:, 1:])[batch.scored[:, :-1]].all()
    assert not (batch.tokens == MASK).any()
    assert [objective.name for objective in decoder.objectives] == ["mlm"]


def test_an_encoder_and_a_decoder_have_one_chance_and_one_readout(
    task: BertPretraining, decoder: BertPretraining
) -> None:
    assert decoder.objectives == task.objectives[:1]
    assert decoder.strata == task.strata
    assert blind(decoder) == pytest.approx(decoder.objectives[0].chance, abs=0.01)


def test_whole_words_are_masked_whole(cache: Path) -> None:
    task = BertPretraining("encoder", whole_words=True)
    task.prepare(cache)
    (folder,) = (path for path in (cache / "bert" / "tokens").iterdir() if has_pieces(path, 2048))
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    drawn = task.sample(seeded(8), 200, 64, "train")
    mlm = predictions(drawn, MLM)
    restored = torch.where(mlm, drawn.targets, drawn.tokens)
    pieces = [[str(tokenizer.id_to_token(token)) for token in row] for row in restored.tolist()]
    together = 0
    for row, words in enumerate(pieces):
        for place in range(2, 64):
            if words[place].startswith("##") and words[place - 1] not in ("[CLS]", "[SEP]"):
                assert mlm[row, place] == mlm[row, place - 1]
                together += int(mlm[row, place])
    assert together > 100


def test_swapped_pairs_have_a_stratum_of_their_own(cache: Path) -> None:
    task = BertPretraining("encoder", negatives="both")
    task.prepare(cache)
    drawn = task.sample(seeded(9), 4000, 64, "test")
    assert drawn.stratum is not None
    kinds, answers = drawn.stratum[:, 0], drawn.targets[:, 0]
    assert set(kinds.tolist()) == {TRUE_PAIR, RANDOM_PAIR, SWAPPED_PAIR}
    assert ((kinds == TRUE_PAIR) == (answers == 0)).all()
    assert float((answers == 1).double().mean()) == pytest.approx(task.objectives[NSP].chance, abs=0.03)
    assert task.strata[SWAPPED_PAIR] == "swapped pair"


@pytest.mark.skipif(not TREEBANK.is_dir(), reason=f"the UD English EWT treebank is not at {TREEBANK}")
def test_english_web_text_of_a_treebank(tmp_path: Path) -> None:
    name = str(TREEBANK / "en_ewt-ud-dev.conllu")
    corpus = prepare_corpus(name, tmp_path / "cache" / "bert")
    assert (corpus.documents, corpus.sentences) == (318, 2001)
    documents = [d.splitlines() for d in corpus.text.read_text("utf-8").removesuffix("\n\n").split("\n\n")]
    told: list[list[str]] = []
    for line in Path(name).read_text("utf-8").splitlines():
        if line.startswith("# newdoc"):
            told.append([])
        elif line.startswith("# text = "):
            told[-1].append(" ".join(line.removeprefix("# text = ").split()))
    assert documents == told

    task = BertPretraining("encoder", corpus=name, vocabulary_size=2000, length=48)
    task.prepare(tmp_path / "cache")
    drawn = task.sample(seeded(0), 500, 48, "train")
    mlm = predictions(drawn, MLM)
    assert float((drawn.targets[mlm] == UNK).double().mean()) < 0.01
    assert (drawn.targets[mlm] >= FIRST_PIECE).double().mean() > 0.99
    assert 0.5 < task.objectives[NSP].chance < 0.8
    assert 0.02 < task.objectives[MLM].chance < 0.08
    distance = drawn.dependency_length[mlm]
    assert 0.15 < float((distance > 0).double().mean()) < 0.6
    assert int(distance.max()) < 48


@pytest.mark.skipif(not TREEBANK.is_dir(), reason=f"the UD English EWT treebank is not at {TREEBANK}")
def test_the_same_text_without_its_bounds_is_split_by_punctuation(tmp_path: Path) -> None:
    documents: list[list[str]] = []
    for sentence in read_treebank(TREEBANK / "en_ewt-ud-dev.conllu"):
        if sentence.start_of_document:
            documents.append([])
        documents[-1].append(sentence.text)
    name = tmp_path / "ewt.txt"
    name.write_text("\n\n".join("\n".join(document) for document in documents), "utf-8")
    corpus = prepare_corpus(str(name), tmp_path / "cache" / "bert")
    assert corpus.documents == len(documents)
    words = sum(len(sentence.split()) for document in documents for sentence in document)
    assert corpus.words == pytest.approx(words, rel=0.001)  # a few sentences have other signs than ASCII
    # The splitter goes by punctuation alone; many of the treebank's 2,001 sentences have none.
    assert 0.65 < corpus.sentences / sum(map(len, documents)) < 1.1
