"""The conformance kit on tasks and report sections: it passes what is right, and names what is broken."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import pytest
import torch

from posharness.conformance import assert_conforms, check_section, check_task
from posharness.conformance.sample_frames import FRAMES, empty_frames, sample_frames, unfinished_frames
from posharness.contracts import (
    Batch,
    Body,
    Change,
    Chart,
    Frames,
    Named,
    Objective,
    ReportSection,
    Section,
    Split,
    Task,
    UserError,
)
from posharness.registry.registry import Registry
from posharness.store import Store
from posharness.store.frames import read_frames


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.load()


class Back(Task):
    """Emit the token two back; right in every way."""

    name = "back-of-the-tests"
    bodies = ("decoder", "encoder")

    def __init__(self, body: Body, *, length: int = 11) -> None:
        super().__init__(body)
        self.length = length
        self.evaluation_lengths = (length, 2 * length)
        self.vocabulary = 7
        self.objectives = (Objective("back", classes=7, chance=1 / 7),)

    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        tokens = torch.randint(7, (n, length), generator=generator)
        scored = (torch.arange(length) >= 2).expand(n, length)
        source = (torch.arange(length) - 2).expand(n, length).where(scored, -1)
        return self.changed(
            Batch(tokens, tokens.roll(2, 1), scored, torch.where(scored, 2, -1), source=source[..., None])
        )

    def changed(self, batch: Batch) -> Batch:
        return batch

    def intervene(self, batch: Batch, generator: torch.Generator, what: Change) -> Batch | None:
        """Change all tokens but the last two, which nothing reads, or draw those again."""
        length = batch.tokens.shape[1]
        read = torch.arange(length) < length - 2
        shift = torch.randint(1, 7, batch.tokens.shape, generator=generator)
        tokens = (batch.tokens + shift * (read == (what == "source"))) % 7
        targets = tokens.roll(2, 1).where(batch.scored, batch.targets)
        return self.intervened(replace(batch, tokens=tokens, targets=targets), what)

    def intervened(self, batch: Batch, what: Change) -> Batch | None:
        return batch


def broken(name: str, **changes: Any) -> type[Task]:
    """The task with something else in its batches: functions of the batch, by field."""

    class Broken(Back):
        def changed(self, batch: Batch) -> Batch:
            wrong = replace(batch)
            for field, change in changes.items():
                # Past the constructor, which refuses wrong shapes while tests run.
                object.__setattr__(wrong, field, change(batch))
            return wrong

    Broken.name = name
    return Broken


def intervening(name: str, change: Callable[[Batch, Change], Batch]) -> type[Task]:
    """The task with something else in what its interventions give."""

    class Intervening(Back):
        def intervened(self, batch: Batch, what: Change) -> Batch:
            return change(batch, what)

    Intervening.name = name
    return Intervening


def declaring(name: str, **values: Any) -> type[Task]:
    """The task with other declarations."""

    class Declaring(Back):
        def __init__(self, body: Body) -> None:
            super().__init__(body)
            vars(self).update(values)

    Declaring.name = name
    return Declaring


class Global(Back):
    name = "global"

    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        random.random()
        return super().sample(generator, n, length, split)


class Drawing(Back):
    name = "drawing"

    def changed(self, batch: Batch) -> Batch:
        tokens = torch.randint(7, batch.tokens.shape)
        return replace(batch, tokens=tokens, targets=tokens.roll(2, 1))


class Frozen(Back):
    name = "frozen"

    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        return super().sample(torch.Generator().manual_seed(1), n, length, split)


class Careless(Back):
    """Intervenes with tokens from a global generator."""

    name = "careless"

    def intervened(self, batch: Batch, what: Change) -> Batch:
        torch.rand(1)
        return batch


class Writing(Back):
    """Writes its new tokens into the batch that it was given."""

    name = "writing"

    def intervene(self, batch: Batch, generator: torch.Generator, what: Change) -> Batch | None:
        changed = super().intervene(batch, generator, what)
        assert changed is not None
        batch.tokens.copy_(changed.tokens)
        return changed


class Wavering(Back):
    """Changes something else each time."""

    name = "wavering"
    calls = 0

    def intervene(self, batch: Batch, generator: torch.Generator, what: Change) -> Batch | None:
        type(self).calls += 1
        return super().intervene(batch, torch.Generator().manual_seed(self.calls), what)


def only_first(batch: Batch) -> Batch:
    """The first sequence alone."""
    return replace(
        batch, **{f.name: part[:1] for f in fields(batch) if (part := getattr(batch, f.name)) is not None}
    )


def first(batch: Batch, count: int) -> torch.Tensor:
    """Whether a token is among the first ones."""
    return torch.arange(batch.tokens.shape[1]) < count


class Across(Back):
    name = "across"
    bodies = ("encoder-decoder",)


class Emitting(Back):
    """Says that what it emits is read next, and it is not."""

    name = "emitting"
    bodies = ("decoder",)
    autoregressive = True


class Unposed(Back):
    name = "unposed"
    bodies = ()


class Broke(Back):
    name = "broke"

    def prepare(self, cache: Path) -> None:
        raise OSError("no corpus")


OBJECTIVE = Objective("back", classes=7, chance=1 / 7)


@pytest.mark.parametrize(
    ("task", "name", "said"),
    [
        (Unposed, "builds", "declares no body"),
        (Broke, "builds", "raises OSError: no corpus"),
        (declaring("wordless", vocabulary=0), "builds", "its vocabulary has 0 token ids"),
        (declaring("aimless", objectives=()), "builds", "no objectives"),
        (declaring("elsewhere", evaluation_lengths=(22,)), "builds", "lack the training length, 11"),
        (declaring("lucky", objectives=(replace(OBJECTIVE, chance=2.0),)), "chance", "chance of 'back' is 2"),
        (declaring("sure", objectives=(replace(OBJECTIVE, classes=1),)), "chance", "1 classes"),
        (broken("floating", tokens=lambda b: b.tokens.float()), "shapes", "tokens is of type torch.float32"),
        (broken("short", targets=lambda b: b.targets[:, 1:]), "shapes", "targets has shape (23, 10)"),
        (Across, "shapes", "there is no memory in a batch for the encoder-decoder"),
        (broken("wild", targets=lambda b: b.targets + 5), "ranges", "targets of 'back' run from"),
        (
            broken("foreign", tokens=lambda b: b.tokens - 1),
            "ranges",
            "tokens run from -1 to 5: expected 0 to 6",
        ),
        (broken("mute", scored=lambda b: b.scored & False), "scored", "nothing is scored"),
        (
            declaring("twofold", objectives=(OBJECTIVE, replace(OBJECTIVE, name="other"))),
            "scored",
            "the objective 'other' is never scored",
        ),
        (
            broken("left", padding=lambda b: torch.arange(b.tokens.shape[1]).expand_as(b.tokens) < 1),
            "padding",
            "padding is not on the right",
        ),
        (
            broken(
                "telling",
                padding=lambda b: torch.arange(b.tokens.shape[1]).expand_as(b.tokens) > 8,
                scored=lambda b: b.scored & (torch.arange(b.tokens.shape[1]) <= 8),
            ),
            "padding",
            "padding holds 7 token ids: expected one, which tells nothing",
        ),
        (
            broken("padded", padding=lambda b: torch.arange(b.tokens.shape[1]).expand_as(b.tokens) > 8),
            "scored",
            "padding is scored",
        ),
        (
            broken("near", dependency_length=lambda b: b.dependency_length - 1),
            "distances",
            "a dependency length of",
        ),
        (
            broken("far", dependency_length=lambda b: b.dependency_length + 40, source=lambda b: None),
            "distances",
            "a dependency length of 42 in 11 tokens",
        ),
        (
            broken("ahead", source=lambda b: (b.source + 3).clamp(max=10)),
            "distances",
            "decoder: train, 11 tokens: a decoder's prediction has its source in the future",
        ),
        (Emitting, "autoregressive", "a target is not the token of the next position"),
        (
            broken("seeing", blind=lambda b: torch.full(b.tokens.shape, 0.5)),
            "blind",
            "0.500 of the answers are right without the farthest source and 0.143 by chance",
        ),
        (
            broken("certain", chance=lambda b: torch.full(b.tokens.shape, 1.5)),
            "blind",
            "chance holds 1.500 to 1.500",
        ),
        (
            intervening("halved", lambda b, _: only_first(b)),
            "intervention shapes",
            "train, 11 tokens, 'source': tokens has shape (1, 11): expected (23, 11)",
        ),
        (
            intervening("stray", lambda b, _: replace(b, tokens=b.tokens + 1)),
            "intervention shapes",
            "tokens holds ids outside 0 to 6",
        ),
        (
            intervening("silent", lambda b, _: replace(b, scored=b.scored & False)),
            "intervention scored",
            "nothing is scored",
        ),
        (
            intervening("eager", lambda b, _: replace(b, scored=b.scored | True)),
            "intervention scored",
            "that is not scored in the batch",
        ),
        (
            intervening("stretched", lambda b, _: replace(b, dependency_length=b.dependency_length + 1)),
            "intervention scored",
            "a dependency length differs",
        ),
        (
            intervening("stubborn", lambda b, what: replace(b, targets=0 * b.targets)),
            "intervention answers",
            "right answers are still the old ones",
        ),
        (
            intervening("fickle", lambda b, what: replace(b, targets=(b.targets + (what == "others")) % 7)),
            "intervention answers",
            "'others': 207 of 207 right answers are others",
        ),
        (
            intervening(
                "partial",
                lambda b, what: replace(b, tokens=b.tokens.where(~first(b, 3), 0)) if what == "others" else b,
            ),
            "intervention places",
            "'others': a source of a prediction is changed",
        ),
        (
            intervening(
                "spilling",
                lambda b, what: replace(b, tokens=b.tokens.where(first(b, 9), 0)) if what == "source" else b,
            ),
            "intervention places",
            "'source': a token is changed that is no source of a prediction",
        ),
        (Careless, "intervention deterministic", "'source': it draws from the global generator of torch"),
        (Writing, "intervention deterministic", "'source': it writes into tokens of the batch"),
        (
            Wavering,
            "intervention deterministic",
            "changed twice from the same generator state, tokens differs",
        ),
        (Frozen, "deterministic", "does not draw from the generator"),
        (Drawing, "deterministic", "drawn twice from the same generator state, tokens differs"),
        (Global, "no global randomness", "draws from the global generator of random"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_the_first_check_to_fail_names_what_is_broken_in_a_task(
    task: type[Task], name: str, said: str, registry: Registry, tmp_path: Path
) -> None:
    findings = check_task(task, registry=registry, cache=tmp_path)
    finding = next(finding for finding in findings if finding.verdict == "fails")
    assert finding.check == name
    assert said in finding.why


def test_a_task_that_is_right_passes_every_check(registry: Registry, tmp_path: Path) -> None:
    findings = check_task(Back, {"length": "13"}, registry=registry, cache=tmp_path)
    assert {finding.check: finding.why for finding in findings if finding.verdict != "holds"} == {
        "autoregressive": "it is not autoregressive"
    }


def test_a_task_without_interventions_is_told_so(registry: Registry, tmp_path: Path) -> None:
    class Untried(Back):
        name = "untried"
        intervene = Task.intervene

    findings = check_task(Untried, registry=registry, cache=tmp_path)
    found = {finding.check: finding for finding in findings}["intervention answers"]
    assert found.verdict == "not applicable"
    assert found.why.startswith("it has no interventions, so nothing will show")


class Count(ReportSection):
    """How many cells there are; right in every way."""

    name = "count-of-the-tests"

    def build(self, frames: Frames) -> Section | None:
        counts = frames.cells.groupby("label").size().rename("cells").reset_index()
        return Section("Cells", "How many there are.", {"Cells of each encoding": counts})


class Hopeful(Count):
    name = "hopeful"

    def build(self, frames: Frames) -> Section | None:
        return Section(frames.predictions["label"].iloc[0])


class Confident(Count):
    name = "confident"

    def build(self, frames: Frames) -> Section | None:
        return Section(frames.cells["label"].iloc[0])


class Meddling(Count):
    name = "meddling"

    def build(self, frames: Frames) -> Section | None:
        frames.cells["extra"] = 1
        return super().build(frames)


class Wordy(Count):
    name = "wordy"

    def build(self, frames: Frames) -> Any:
        return "There are cells."


class Untitled(Count):
    name = "untitled"

    def build(self, frames: Frames) -> Section | None:
        return Section(" ")


class Listing(Count):
    name = "listing"

    def build(self, frames: Frames) -> Section | None:
        tables: dict[str, Any] = {"Cells": frames.cells["label"].tolist()}
        return Section("Cells", tables=tables)


class Moody(Count):
    name = "moody-of-the-tests"
    calls = 0

    def build(self, frames: Frames) -> Section | None:
        type(self).calls += 1
        return Section("Cells", tables={"Calls": pd.DataFrame({"calls": [self.calls]})})


class Open(Count):
    name = "open"

    def build(self, frames: Frames) -> Section | None:
        chart = Chart("nothing", plt.figure(), frames.cells, lambda _: "Nothing is drawn.")
        return Section("Cells", figures={"Nothing": chart})


@pytest.mark.parametrize(
    ("section", "name", "said"),
    [
        (Wordy, "results", "returns str: expected a Section or None"),
        (Untitled, "results", "its title is empty"),
        (Listing, "results", "the table 'Cells' is list: expected DataFrame"),
        (Hopeful, "nothing done", "raises IndexError"),
        (Confident, "empty store", "raises IndexError"),
        (Meddling, "frames unchanged", "it changes frames.cells"),
        (Moody, "deterministic", "different tables"),
        (Open, "figures closed", "leaves 1 figures open in pyplot"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_the_first_check_to_fail_names_what_is_broken_in_a_section(
    section: type[ReportSection], name: str, said: str
) -> None:
    finding = next(finding for finding in check_section(section) if finding.verdict == "fails")
    plt.close("all")
    assert finding.check == name
    assert said in finding.why


def test_a_section_that_is_right_passes_every_check() -> None:
    assert {finding.verdict for finding in check_section(Count)} == {"holds"}


@pytest.mark.parametrize("make", [sample_frames, unfinished_frames, empty_frames])
def test_sections_are_checked_with_what_a_store_gives(make: Callable[[], Frames], tmp_path: Path) -> None:
    real, sample = read_frames(Store.open(tmp_path / "store", create=True)), make()
    for name in FRAMES:
        columns = [list(getattr(frames, name).columns) for frames in (real, sample)]
        assert sorted(columns[0]) == sorted(columns[1])


def test_assert_conforms_says_all_that_is_wrong() -> None:
    assert_conforms(Count)
    with pytest.raises(AssertionError) as caught:
        assert_conforms(Hopeful)
    assert str(caught.value).startswith("hopeful does not conform:\n  nothing done: raises IndexError")
    assert "\n  empty store: raises IndexError" in str(caught.value)


def test_a_class_that_cannot_be_offered_fails_at_once(registry: Registry, tmp_path: Path) -> None:
    class Loose(Back):
        name = "loose"

        def __init__(self, body: Body, **anything: int) -> None:
            super().__init__(body)

    first, *others = check_task(Loose, registry=registry, cache=tmp_path)
    assert (first.check, first.verdict) == ("builds", "fails")
    assert "takes *anything: name its parameters instead" in first.why
    assert {other.verdict for other in others} == {"not applicable"}


def test_what_is_no_plugin_of_a_known_kind_is_a_mistake() -> None:
    class Elsewhere(Named):
        name = "elsewhere"

    with pytest.raises(UserError, match="Elsewhere is no plugin: expected a subclass of Positional"):
        assert_conforms(Elsewhere)
