"""Verdicts follow from runs as the unit, each in its place, and too little is never called a finding."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import combinations
from typing import Any, ClassVar

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_ind

from posharness.contracts import Claim, Frames, Group, Twins, defined_in
from posharness.contracts.columns import DECODINGS
from posharness_reports import claims
from posharness_reports.claims.both_directions import BothDirections
from posharness_reports.figures.readable import ReadableFigure
from posharness_reports.figures.theme import RC
from posharness_reports.measures.comparison import Arm
from posharness_reports.measures.statistics import CLAIMS_SHARE, Estimate
from posharness_reports.sections.claims import Claims
from posharness_reports.sections.claims import content as judged
from posharness_reports.sections.claims.figure import claim_figure, row_labels
from posharness_reports.sections.claims.verdicts import ClaimContrast, judge_claims, region
from posharness_reports.study import Study, study

Simulate = Callable[..., Frames]
NOISE = (-0.02, 0.0, 0.02)
WIDE = (-0.3, 0.0, 0.3)


class Given(Claim):
    """Values that a test gives."""

    name = "given"
    statement = "One is better than *two*."
    contrasts: ClassVar[Any] = (("one", "two"),)
    metric = "what the test says"

    def __init__(self, values: Mapping[tuple[str, str, int], float], reasons: Mapping[Any, str] = {}) -> None:
        self.rows = [(*key, value, "") for key, value in values.items()]
        self.rows += [(*key, -1, np.nan, why) for key, why in reasons.items()]

    def measure(self, frames: Frames) -> pd.DataFrame:
        return pd.DataFrame(self.rows, columns=["task", "label", "seed", "value", "reason"])


def setting(
    claim: Claim,
    labels: tuple[str, ...] = ("one", "two"),
    tasks: Mapping[str, tuple[str, ...]] | None = None,
    failed: tuple[tuple[str, str, int], ...] = (),
) -> Study:
    """A study whose claim is judged.

    Args:
        tasks: the objectives of each task.
        failed: task, label and seed of runs that diverged.
    """
    places = [("t", label, 0, "done") for label in labels]
    places += [(task, label, 0, "done") for task in tasks or {} for label in labels]
    places += [(task, label, seed, "diverged") for task, label, seed in failed]
    cells = pd.DataFrame(
        [
            {
                "cell": f"{task} {label} {seed}",
                "label": label,
                "encoding": label.partition(" · ")[0].partition("[")[0],
                "attention": "additive" if "·" in label else "softmax",
                "task": task,
                "objectives": (tasks or {}).get(task, ("o",)),
                "seed": seed,
                "status": status,
            }
            for task, label, seed, status in places
        ]
    )
    return study(Frames(cells, pd.DataFrame(), pd.DataFrame()), (claim,))


def values(
    by_task: Mapping[str, tuple[float, float]], noise: tuple[float, ...] = NOISE
) -> dict[tuple[str, str, int], float]:
    """Values of one and of two around these means, a seed for each noise."""
    return {
        (task, label, seed): mean + each
        for task, means in by_task.items()
        for label, mean in zip(("one", "two"), means, strict=True)
        for seed, each in enumerate(noise)
    }


def verdict(given: Mapping[tuple[str, str, int], float]) -> ClaimContrast:
    (found,) = judge_claims(setting(Given(given)))
    return found


CLEAR = {"a": (0.8, 0.4), "b": (0.7, 0.4)}


@pytest.mark.parametrize(
    ("given", "outcome"),
    [
        (values(CLEAR), "borne out"),
        (values({"a": (0.4, 0.8), "b": (0.4, 0.7)}), "contradicted"),
        (values(dict.fromkeys("abc", (0.7, 0.7))), "no difference that matters"),
        # At the smallest effect that matters, neither side of it is said.
        (values(dict.fromkeys("abc", (0.75, 0.7))), "undecided"),
        (values(CLEAR, noise=WIDE), "undecided"),
        # One run of each has no variance.
        (values(dict.fromkeys("abcdefgh", (0.8, 0.4)), noise=(0.0,)), "undecided"),
        # Nobody has learned anything, or both are at the ceiling.
        (values(dict.fromkeys("abc", (0.01, 0.0))), "undecided"),
        (values(dict.fromkeys("abc", (0.98, 0.98))), "undecided"),
        # A mean of 0 over tasks that say the opposite.
        (
            values({"a": (0.9, 0.5), "b": (0.5, 0.9), "c": (0.9, 0.5), "d": (0.5, 0.9)}),
            "differs between tasks",
        ),
        ({}, "not measured"),
    ],
)
def test_each_outcome(given: Mapping[tuple[str, str, int], float], outcome: str) -> None:
    assert verdict(given).outcome == outcome


def test_a_task_counts_once_and_its_effect_is_welchs() -> None:
    given = values({"a": (0.8, 0.4)}) | values({"b": (0.5, 0.5)}, noise=(-0.1, 0.05, 0.0, 0.01))
    found = verdict(given | {("c", "two", 0): 0.9})
    assert found.by_task.to_dict() == pytest.approx({"a": 0.4, "b": 0.0})
    assert found.overall.mean == pytest.approx(0.2)
    assert found.left_out == {"c": "one not measured"}
    assert found.runs == (7, 7)
    one, two = (
        [v for (_, label, _), v in values(CLEAR).items() if label == name][:3] for name in ("one", "two")
    )
    alone = verdict({key: value for key, value in values(CLEAR).items() if key[0] == "a"})
    expected = ttest_ind(one, two, equal_var=False)
    assert alone.overall.interval() == pytest.approx(tuple(expected.confidence_interval(0.95)))


def test_objectives_and_settings_of_a_run_are_not_further_runs() -> None:
    objectives = ("x", "y", "z")
    given = values({f"a ({name})": (0.8, 0.4) for name in objectives}, noise=WIDE)
    (several,) = judge_claims(setting(Given(given), tasks={"a": objectives}))
    alone = verdict(values({"a": (0.8, 0.4)}, noise=WIDE))
    assert several.runs == alone.runs == (3, 3)
    assert several.overall.interval() == pytest.approx(alone.overall.interval())


def test_free_running_is_a_contrast_of_its_own_and_said_where_it_disagrees(simulated: Simulate) -> None:
    frames = simulated(tasks=("copy",), seeds=5)
    forced = frames.predictions.astype({"objective": str})
    better = forced["label"].astype(str) == "absolute"
    free = forced.assign(decoding="free-running", correct=better)
    both = replace(frames, predictions=pd.concat([forced, free], ignore_index=True))
    by_task = {"copy": (0.8, 0.3), "copy, free-running": (0.3, 0.8)}
    claim = Given(
        {
            (task, {"one": "relative", "two": "absolute"}[label], seed): value
            for (task, label, seed), value in values(by_task, (-0.01, -0.005, 0.0, 0.005, 0.01)).items()
        }
    )
    claim.contrasts = (("relative", "absolute"),)
    found = judge_claims(study(both, (claim,)))
    assert [(each.decoding, each.outcome) for each in found] == [
        ("teacher-forced", "borne out"),
        ("free-running", "contradicted"),
    ]
    text = judged.prose((claim,), found)
    assert "; free-running decoding says the opposite: −0.50 [" in text


@pytest.mark.parametrize("free", [(0.5, 0.52), (0.6, 0.64)])
def test_an_undecided_decoding_does_not_say_the_opposite(
    simulated: Simulate, free: tuple[float, float]
) -> None:
    frames = simulated(tasks=("copy",), seeds=5)
    forced = frames.predictions.astype({"objective": str})
    both = replace(
        frames,
        predictions=pd.concat([forced, forced.assign(decoding="free-running")], ignore_index=True),
    )
    by_task = {"copy": (0.8, 0.3), "copy, free-running": free}
    claim = Given(
        {
            (task, {"one": "relative", "two": "absolute"}[label], seed): value
            for (task, label, seed), value in values(by_task, (-0.01, -0.005, 0.0, 0.005, 0.01)).items()
        }
    )
    claim.contrasts = (("relative", "absolute"),)
    ready = study(both, (claim,))
    found = judge_claims(ready)
    assert found[1].overall.mean < 0
    assert "the opposite" not in judged.prose((claim,), found)


def test_failed_runs_are_counted_and_what_they_would_change_is_said() -> None:
    failed = (("a", "one", 7), ("a", "one", 8))
    claim = Given(values(CLEAR))
    (found,) = judge_claims(setting(claim, failed=failed))
    assert (found.outcome, found.failed) == ("borne out", (2, 0))
    text = judged.prose((claim,), [found])
    assert "; with 2 and 0 failed runs counted as at chance: undecided, +0.19 [" in text


def test_a_task_on_which_all_runs_of_a_side_failed_counts_as_at_chance_too() -> None:
    failed = tuple(("c", "one", seed) for seed in range(3))
    alone = {("c", "two", seed): 0.9 + noise for seed, noise in enumerate(NOISE)}
    claim = Given(values(CLEAR) | alone)
    (found,) = judge_claims(setting(claim, failed=failed))
    assert (found.outcome, found.failed, found.runs) == ("borne out", (3, 0), (6, 6))
    assert found.sensitivity is not None
    assert found.sensitivity.effect.by_block["c"].mean == pytest.approx(-0.9)
    says = "; with 3 and 0 failed runs counted as at chance: differs between tasks, −0.07 ["
    assert says in judged.outlook(found)  # which the first screen shows too
    assert says in judged.prose((claim,), [found])


def test_a_seed_that_failed_with_one_preset_of_a_task_keeps_its_value_with_the_other() -> None:
    given = values({"a": (0.8, 0.4), "b": (0.7, 0.4)})
    lost = {key: value for key, value in given.items() if key[:2] != ("b", "one")}
    failed = (("b", "one", 0), ("b", "one", 1), ("a", "one", 1))
    ready = setting(Given(lost), failed=failed)
    presets = ready.cells["posed"].astype(str).replace({"b": "a"})
    (found,) = judge_claims(replace(ready, cells=ready.cells.assign(posed=presets)))
    assert found.failed == (3, 0)
    assert found.sensitivity is not None
    arm = found.sensitivity.effect.sides[0]["a"]
    assert isinstance(arm, Arm)
    both, failed_in_one = arm.values  # noqa: PD011
    assert both == pytest.approx([given["a", "one", seed] for seed in range(3)])
    assert failed_in_one[:2] == pytest.approx([0.0, 0.0])


def test_failed_runs_without_a_value_at_chance_are_counted_and_no_more() -> None:
    claim = Given(values(CLEAR))
    claim.scaled = False
    (found,) = judge_claims(setting(claim, failed=(("a", "two", 7),)))
    assert (found.failed, found.sensitivity) == ((0, 1), None)
    assert judged.outlook(found).startswith("; without 0 and 1 failed runs; ")


@pytest.mark.parametrize(
    ("reach", "outcome"),
    [(1e-4, "undecided"), (1e9, "undecided"), (20.0, "no difference that matters")],
)
def test_no_difference_of_another_metric_needs_tasks_that_are_learned_and_have_room(
    simulated: Simulate, reach: float, outcome: str
) -> None:
    """Two copies of one encoding, whose accuracy falls at this distance."""
    frames = simulated(tasks=("offset_recall",), seeds=6)
    place = frames.predictions["dependency_length"].astype(float)
    rng = np.random.default_rng(3)
    right = 1 / (1 + (place / reach) ** 2)
    frames = replace(frames, predictions=frames.predictions.assign(correct=rng.random(len(place)) < right))
    claim = Given(
        {("offset_recall", label, seed): noise / 1e3 for label in ("relative", "absolute")
         for seed, noise in enumerate(NOISE + NOISE)}
    )  # fmt: skip
    claim.contrasts, claim.scaled = (("relative", "absolute"),), False
    (found,) = judge_claims(study(frames, (claim,)))
    assert found.outcome == outcome
    if reach > 20:
        claim.needs_room = False
        (found,) = judge_claims(study(frames, (claim,)))
        assert found.outcome == "no difference that matters"


def test_runs_that_agree_more_closely_than_they_were_measured_are_not_certain() -> None:
    class Coarse(Given):
        def measure(self, frames: Frames) -> pd.DataFrame:
            return super().measure(frames).assign(precision=0.3)

    given = values({"a": (0.7, 0.2), "b": (0.7, 0.2)}, noise=(0.0, 0.0, 0.0))
    (sharp,) = judge_claims(setting(Given(given)))
    (coarse,) = judge_claims(setting(Coarse(given)))
    assert (sharp.outcome, coarse.outcome) == ("borne out", "undecided")
    assert coarse.overall.error == pytest.approx(0.3 * (1 / 3) ** 0.5)


def test_a_contrast_without_runs_is_said_beside_those_that_have_some() -> None:
    claim = Given(values(CLEAR))
    claim.contrasts = (Twins("trained"), ("one", "two"))
    text = judged.prose((claim,), judge_claims(setting(claim)))
    assert "- one against two: **borne out**" in text
    assert (
        "- not measured: there are no runs of twins that differ in trained (trained, kept at the start)"
        in text
    )


def test_a_contrast_names_an_encoding_or_one_of_its_labels() -> None:
    labels = ("one", "one[k=2]", "two", "two · additive", "three")
    given = {("a", label, seed): 0.5 for label in labels for seed in range(2)}

    def compared(*names: str) -> list[tuple[str, str]]:
        claim = Given(given)
        claim.contrasts = (names,)
        return [(each.better, each.other) for each in judge_claims(setting(claim, labels))]

    assert compared("one", "two") == [("one", "two"), ("one[k=2]", "two")]
    assert compared("one", "one[k=2]") == [("one", "one[k=2]")]
    assert compared("three", "three") == []


def grouped(
    contrast: Any, means: Mapping[str, float], about: Mapping[str, Mapping[str, Any]], noise: Any = NOISE
) -> list[ClaimContrast]:
    """The verdicts on a contrast of groups or twins, on one task with these means and facts of labels."""
    claim = Given({("t", label, seed): means[label] + e for label in means for seed, e in enumerate(noise)})
    claim.contrasts = (contrast,)
    ready = setting(claim, tuple(means))
    facts = {name: [about[label].get(name) for label in ready.cells["label"]] for name in
             ("family", "encoding_parameters", "params")}  # fmt: skip
    return judge_claims(replace(ready, cells=ready.cells.assign(**facts)))


ABOUT = {
    "shaw": {"family": "relative", "encoding_parameters": 9.0, "params": {"trained": True, "clip": 3}},
    "shaw[trained=false]": {
        "family": "relative",
        "encoding_parameters": 0.0,
        "params": {"trained": False, "clip": 3},
    },
    "rotary": {"family": "relative", "encoding_parameters": 0.0, "params": {}},
    "waves": {"family": "absolute", "encoding_parameters": 0.0, "params": {}},
    "none": {"family": "", "encoding_parameters": 0.0, "params": {}},
}
MEANS = {"shaw": 0.9, "shaw[trained=false]": 0.3, "rotary": 0.7, "waves": 0.4, "none": 0.1}


def test_a_family_counts_each_of_its_encodings_once() -> None:
    (found,) = grouped((Group("relative"), Group("absolute")), MEANS, ABOUT)
    assert found.better == "relative encodings (rotary, shaw)"
    assert found.overall.mean == pytest.approx((0.9 + 0.7) / 2 - 0.4)
    assert set(found.labels) == {"rotary", "shaw", "waves"}
    assert {label: effect.overall.mean for label, effect in found.by_label.items()} == pytest.approx(
        {"rotary": 0.3, "shaw": 0.5, "waves": -0.4}
    )
    # Two means of three runs have half of the variance of one.
    alone = grouped(("shaw", "waves"), MEANS, ABOUT)[0]
    ratio = found.overall.error**2 / alone.overall.error**2
    assert ratio == pytest.approx((1 / 2 + 1) / 2)
    assert found.outcome == "borne out"


def test_a_group_is_named_by_the_encodings_that_have_a_value() -> None:
    means = {"shaw": 0.9, "rotary": 0.7, "waves": 0.4, "table": np.nan}
    about = ABOUT | {"table": {"family": "absolute", "encoding_parameters": 9.0, "params": {}}}
    (found,) = grouped((Group("relative"), Group("absolute")), means, about)
    assert found.other == "waves"  # a group of one is that one
    (nothing,) = grouped((Group("relative"), Group("absolute")), means | {"waves": np.nan}, about)
    assert nothing.evidence is None
    assert nothing.other == "absolute encodings (table, waves)"


@pytest.mark.parametrize(
    ("turned", "clause"),
    [(False, ""), (True, "; encodings differ: shaw −0.30, rotary +0.30")],
)
def test_a_verdict_that_one_encoding_of_a_family_makes_names_it(turned: bool, clause: str) -> None:
    means = {"shaw": 0.1 if turned else 0.7, "rotary": 0.7, "waves": 0.4}
    (found,) = grouped((Group("relative"), "waves"), means, ABOUT, NOISE * 2)
    text = judged.prose((found.claim,), [found])
    assert ("encodings differ" in text) == turned
    assert clause in text
    (table,) = judged.tables([found])["Verdicts"].to_dict("records")
    assert (table["p of equal encodings"] <= 0.05) == turned
    # Seen from the other side, the same encodings are the second members.
    (found,) = grouped(("waves", Group("relative")), means, ABOUT, NOISE * 2)
    text = judged.prose((found.claim,), [found])
    assert ("; encodings differ: against rotary −0.30, against shaw +0.30" in text) == turned


def test_encodings_of_a_family_do_not_differ_by_the_tasks_that_one_lacks() -> None:
    level = {"a": 0.9, "b": 0.2}
    given = {
        (task, label, seed): level[task] * (label != "waves") + noise
        for task in level
        for label in ("shaw", "rotary", "waves")
        for seed, noise in enumerate(NOISE * 2)
        if (task, label) != ("b", "shaw")
    }
    claim = Given(given)
    claim.contrasts = ((Group("relative"), "waves"),)
    ready = setting(claim, ("shaw", "rotary", "waves"))
    facts = {"family": [ABOUT[label]["family"] for label in ready.cells["label"]]}
    (found,) = judge_claims(replace(ready, cells=ready.cells.assign(**facts)))
    assert len(found.by_task) == 2
    (members,) = found.members
    assert {len(each.by_block) for each in members.effects.values()} == {1}
    assert members.p > 0.05


def test_more_seeds_of_one_encoding_do_not_outweigh_another_of_its_family() -> None:
    claim = Given(
        {("t", label, seed): MEANS[label] + e for label in ("shaw", "rotary", "waves")
         for seed, e in enumerate(NOISE * (4 if label == "shaw" else 1))}
    )  # fmt: skip
    claim.contrasts = ((Group("relative"), "waves"),)
    ready = setting(claim, ("shaw", "rotary", "waves"))
    facts = {"family": [ABOUT[label]["family"] for label in ready.cells["label"]]}
    (found,) = judge_claims(replace(ready, cells=ready.cells.assign(**facts)))
    assert found.overall.mean == pytest.approx(0.4)


def test_trained_is_compared_with_fixed_and_with_what_is_kept_at_its_start() -> None:
    (found,) = grouped((Group("relative", "trained"), Group("relative", "fixed")), MEANS, ABOUT)
    assert (found.better, found.other) == ("shaw", "rotary")
    (found,) = grouped(Twins("trained"), MEANS, ABOUT)
    assert (found.better, found.other) == ("trained (shaw)", "kept at the start")
    assert found.overall.mean == pytest.approx(0.6)
    alone = {name: MEANS[name] for name in ("shaw", "waves")}
    assert grouped(Twins("trained"), alone, ABOUT) == []


def test_a_label_is_compared_with_itself_in_another_attention_or_body(simulated: Simulate) -> None:
    labels = ("one", "two", "one · additive")
    claim = Given({("a", label, seed): 0.5 + 0.1 * len(label) for label in labels for seed in range(2)})
    claim.contrasts = (Twins("attention", "softmax", "additive"),)
    (found,) = judge_claims(setting(claim, labels))
    assert found.labels == ("one", "one · additive")
    frames = simulated(tasks=("offset_recall",), seeds=3)
    other = replace(
        frames,
        cells=frames.cells.assign(body="decoder", cell="d" + frames.cells["cell"].str[1:]),
        predictions=frames.predictions.assign(
            body="decoder", cell="d" + frames.predictions["cell"].astype(str).str[1:], correct=False
        ),
    )
    names = ("cells", "predictions")
    both = replace(
        frames,
        **{
            name: pd.concat([getattr(frames, name), getattr(other, name)], ignore_index=True)
            for name in names
        },
    )
    (found,) = judge_claims(study(both, (BothDirections(),)))
    assert (found.better, found.other) == ("encoder (absolute, relative)", "decoder")
    assert list(found.by_task.index) == ["offset_recall"]
    assert found.overall.mean > 0.4
    assert found.runs == (6, 6)


def test_p_is_corrected_for_the_contrasts_of_all_claims() -> None:
    alone = setting(Given(values(CLEAR)))
    (one,) = judge_claims(alone)
    evidence = one.evidence
    assert evidence is not None
    assert one.p == pytest.approx(evidence.p / CLAIMS_SHARE)
    three = judge_claims(replace(alone, claims=(Given(values(CLEAR)),) * 3))
    assert [each.p for each in three] == pytest.approx([3 * one.p] * 3)


@pytest.mark.parametrize("true", [-0.05, 0.0, 0.05])
def test_no_side_of_the_smallest_effect_is_said_too_often(true: float) -> None:
    rng = np.random.default_rng(4)
    wrong = 0
    for _ in range(2000):
        draws = rng.normal(true, 0.05, 6)
        side, p = region(Estimate(draws.mean(), draws.std(ddof=1) / 6**0.5, 5.0), 0.05)
        wrong += p <= 0.05 and not (side == "inside" and abs(true) < 0.05)
    assert wrong / 2000 <= 0.06


def test_an_undecided_contrast_says_how_many_seeds_are_missing() -> None:
    found = verdict(values({"a": (0.8, 0.5)}, noise=(-0.1, 0.0, 0.1)))
    assert found.outcome == "undecided"
    assert found.seeds_to_decide is not None
    more = 3 + found.seeds_to_decide
    rng = np.random.default_rng(6)
    noise = [tuple(rng.normal(0, 0.1, more)) for _ in range(60)]
    decided = [verdict(values({"a": (0.8, 0.5)}, noise=each)).outcome == "borne out" for each in noise]
    assert 0.6 <= np.mean(decided) <= 1
    assert f"; likely to be decided by {found.seeds_to_decide} more seeds of each" in judged.prose(
        (found.claim,), [found]
    )


@pytest.mark.parametrize(
    ("means", "says"),
    [
        (dict.fromkeys("abc", (0.01, 0.0)), "nobody has learned it, or both are at the ceiling"),
        # Effects of +.04 and -.04 differ for sure, and none of them matters.
        ({"a": (0.74, 0.7), "b": (0.7, 0.74)}, "effects differ between tasks: more seeds do not decide it"),
    ],
)
def test_what_no_number_of_seeds_decides_is_not_asked_for(
    means: dict[str, tuple[float, float]], says: str
) -> None:
    found = verdict(values(means, noise=(-0.002, 0.0, 0.002)))
    assert (found.outcome, found.seeds_to_decide) == ("undecided", None)
    assert says in judged.outlook(found)
    (row,) = judged.tables([found])["Verdicts"].to_dict("records")
    assert row["more seeds"] == "more seeds do not decide it"


def _alike(spread: float, seeds: int) -> tuple[float, ...]:
    """Noise of exactly this standard deviation, and a mean of 0."""
    unit = np.linspace(-1.0, 1.0, seeds)
    return tuple(spread * unit / unit.std(ddof=1))


@st.composite
def _over_tasks(draw: st.DrawFn) -> dict[str, tuple[float, float]]:
    """Means of one and of two on some tasks, one of which nobody may have learned."""
    effects = draw(
        st.lists(st.sampled_from([-0.1, -0.04, 0.0, 0.01, 0.04, 0.06, 0.1]), min_size=1, max_size=3)
    )
    bases = [draw(st.sampled_from([0.7, 0.7, 0.02])) for _ in effects]
    return {
        task: (base + effect * (base > 0.5), base)
        for task, base, effect in zip("abc", bases, effects, strict=False)
    }


@given(_over_tasks(), st.sampled_from([0.005, 0.02, 0.05]), st.integers(2, 5))
@settings(max_examples=40, deadline=None)
def test_what_is_said_of_more_seeds_is_so_where_means_and_spreads_stay(
    means: dict[str, tuple[float, float]], spread: float, seeds: int
) -> None:
    """Over tasks too, whichever verdict it comes to."""

    def with_seeds(number: int) -> ClaimContrast:
        return verdict(values(means, noise=_alike(spread, number)))

    found = with_seeds(seeds)
    if found.outcome != "undecided":
        return
    if found.seeds_to_decide is not None:
        assert with_seeds(seeds + found.seeds_to_decide).outcome != "undecided"
    elif found.obstacle:
        assert {with_seeds(seeds + more).outcome for more in (5, 30, 100, 2000)} == {"undecided"}
    else:
        assert {with_seeds(number).outcome for number in (seeds + 5, 50)} == {"undecided"}


@pytest.mark.parametrize(
    ("means", "spread", "outcomes"),
    [
        # Effects that matter in opposite directions, with a mean of 0.
        ({"a": (0.8, 0.7), "b": (0.7, 0.8)}, 0.03, {"differs between tasks"}),
        ({"a": (0.7, 0.7)}, 0.03, {"no difference that matters"}),
        (dict.fromkeys("ab", (0.7, 0.7)), 0.05, {"no difference that matters"}),
    ],
)
def test_so_many_seeds_decide_with_the_probability_that_is_told(
    means: dict[str, tuple[float, float]], spread: float, outcomes: set[str]
) -> None:
    found = verdict(values(means, noise=_alike(spread, 4)))
    assert found.outcome == "undecided"
    assert found.seeds_to_decide is not None
    rng = np.random.default_rng(5)
    drawn = [
        verdict(
            {
                (task, label, seed): mean + rng.normal(0, spread)
                for task, both in means.items()
                for label, mean in zip(("one", "two"), both, strict=True)
                for seed in range(4 + found.seeds_to_decide)
            }
        ).outcome
        for _ in range(80)
    ]
    assert 0.65 <= np.mean([outcome in outcomes for outcome in drawn]) <= 0.97


@pytest.mark.parametrize(
    ("means", "spread", "says"),
    [
        ({"a": (0.77, 0.7), "b": (0.01, 0.01)}, 0.03,
         "the mean is small only because no difference can show on some tasks: more seeds do not decide it"),
        ({"a": (0.73, 0.7), "b": (0.7, 0.73)}, 0.04,
         "more seeds decide it only if effects differ less between tasks than so far"),
    ],
)  # fmt: skip
def test_why_no_number_of_seeds_is_told(
    means: dict[str, tuple[float, float]], spread: float, says: str
) -> None:
    found = verdict(values(means, noise=_alike(spread, 3)))
    assert (found.outcome, found.seeds_to_decide) == ("undecided", None)
    assert judged.outlook(found).endswith(says)
    assert "seeds" not in judged.in_short(found)


def test_what_a_hundred_seeds_would_not_decide_is_said_to_need_more() -> None:
    found = verdict(values({"a": (0.8, 0.748)}, noise=(-0.1, 0.0, 0.1)))
    assert (found.outcome, found.seeds_to_decide) == ("undecided", None)
    assert judged.outlook(found).endswith("; needs more than 100 seeds of each")


@pytest.mark.parametrize(
    ("means", "against"),
    [
        ((0.8, 0.4), "at most 0.05"),
        ((0.4, 0.8), "at least −0.05"),
        ((0.7, 0.7), "0.05 or more in either direction"),
    ],
)
def test_a_p_is_said_with_the_effects_that_it_speaks_against(
    means: tuple[float, float], against: str
) -> None:
    claim = Given(values({"a": means}, noise=(-0.1, 0.0, 0.1)))
    found = judge_claims(setting(claim))
    assert f" against an effect of {against}" in judged.prose((claim,), found)
    (row,) = judged.tables(found)["Verdicts"].to_dict("records")
    assert row["against an effect of"] == against


@pytest.mark.parametrize(
    ("means", "noise", "says"),
    [
        ((0.77, 0.7), (-0.01, 0.0, 0.01), "; perhaps by less than the 0.05 that matters; likely"),
        (
            (0.77, 0.7),
            (-0.0075, 0.0, 0.0075),
            "; by more than the 0.05 that matters, by its runs alone, which are few and may agree by chance",
        ),
        (
            (0.7, 0.77),
            (-0.01, 0.0, 0.01),
            "; against the claim, perhaps by less than the 0.05 that matters; likely",
        ),
        ((0.7, 0.5), (-0.1, 0.0, 0.1), "; likely to be decided"),
    ],
)
def test_an_undecided_effect_that_is_not_0_says_why(
    means: tuple[float, float], noise: tuple[float, ...], says: str
) -> None:
    found = verdict(values({"a": means}, noise=noise))
    assert found.outcome == "undecided"
    assert judged.outlook(found).startswith(says)


@pytest.mark.parametrize(("sides", "outcome"), [(1, "borne out"), (-1, "contradicted")])
def test_a_sure_effect_says_what_it_surely_exceeds(sides: int, outcome: str) -> None:
    found = verdict(values({task: means[::sides] for task, means in CLEAR.items()}))
    assert found.outcome == outcome
    assert judged.outlook(found) == "; surely by more than the 0.05 that matters"


def test_words_and_tables_say_what_was_found_and_what_was_left_out() -> None:
    claim = Given(values(CLEAR), {("c", "two"): "undefined"})
    found = judge_claims(setting(claim))
    text = judged.prose((claim,), found)
    assert "**One is better than \\*two\\*.** Metric: what the test says" in text
    assert "- one against two: **borne out**, +0.35 [+0.3" in text
    assert "] in 2 tasks (one is better in 2), 6 and 6 runs, p = " in text
    assert "without c (see the tables)" in text
    tables = judged.tables(found)
    (row,) = tables["Verdicts"].to_dict("records")
    assert (row["verdict"], row["better in"], row["runs"]) == ("borne out", "2 of 2 tasks", "6 and 6")
    assert tables["Effects by task"]["effect"].tolist() == pytest.approx([0.4, 0.3])
    (left,) = tables["Tasks left out"].to_dict("records")
    assert (left["task"], left["reason"]) == ("c", "one not measured, two undefined")


def test_what_cannot_be_judged_is_said() -> None:
    unlike = Given({})
    other = Given(values({"a": (0.6, 0.5)}, noise=(0.0,)))
    unlike.contrasts = (("one", "four"),)
    found = judge_claims(replace(setting(other), claims=(unlike, other)))
    text = judged.prose((unlike, other), found)
    assert "- not measured: there are no runs of both one and four" in text
    assert "**undecided**, +0.10 in 1 task (one is better in 1), 1 and 1 runs" in text
    assert "needs two seeds of each encoding on a task" in text
    silent = Given({}, {("c", "two"): "undefined", ("d", "two"): "undefined"})
    text = judged.prose((silent,), judge_claims(setting(silent)))
    assert "- one against two: not measured (2 tasks: one not measured, two undefined)" in text


def test_a_claim_that_raises_is_named_and_takes_no_other_verdict_away() -> None:
    class Broken(Given):
        name = "broken"

        def measure(self, frames: Frames) -> pd.DataFrame:
            raise KeyError("column")

    claims = (Broken({}), Given(values(CLEAR)))
    found = judge_claims(replace(setting(claims[1]), claims=claims))
    assert [each.outcome for each in found] == ["not measured", "borne out"]
    assert "failed with KeyError" in judged.prose(claims, found)


def test_claims_are_judged_before_anything_is_done(simulated: Simulate) -> None:
    every = tuple(claim() for claim in defined_in(claims, Claim))
    judged = judge_claims(study(simulated(default="waiting"), every))
    assert {each.outcome for each in judged} <= {"not measured"}


def test_the_section_is_there_when_something_was_judged(simulated: Simulate) -> None:
    assert Claims().build(setting(Given({}))) is None
    assert Claims().build(simulated()) is None
    section = Claims().build(setting(Given(values(CLEAR))))
    assert section is not None
    assert list(section.tables) == ["Verdicts", "Effects by task"]
    (chart,) = section.figures.values()
    (axes,) = chart.figure.axes
    texts = [text.get_text() for text in axes.texts]
    assert texts == ["One is better than *two*.", "borne out", "one − two, 2 tasks"]


class OfMany(Given):
    """A claim with more contrasts than names of sides that fit on a line."""

    contrasts: ClassVar[Any] = tuple((f"{'an_encoding_with_a_name_' * 3}{i}", "two") for i in range(3))


def test_each_row_of_the_figure_has_a_label_of_its_own_that_is_whole() -> None:
    labels = (*(str(better) for better, _ in OfMany.contrasts), "two")
    given = {
        (task, label, seed): 0.5 + each + 0.1 * (label == "two")
        for task in ("a (o)", "a (o, free-running)")
        for label in labels
        for seed, each in enumerate(NOISE)
    }
    found = judge_claims(setting(OfMany(given), labels))
    one = [replace(contrast, decoding=name) for contrast in found for name in DECODINGS]
    names = row_labels(one)
    assert len(set(names)) == len(names) == 6
    for name, contrast in zip(names, one, strict=True):
        assert name.startswith(f"{contrast.better} − {contrast.other}, {contrast.decoding}, ")
    (chart,) = claim_figure(one).values()
    figure = chart.figure
    figure.canvas.draw()
    written = "".join(text.get_text() for text in figure.axes[0].texts).replace(" ", "")
    assert all(name.replace(" ", "") in written for name in names)
    # A telephone shows the figure 348 pixels wide.
    least = min(text.get_fontsize() for text in figure.axes[0].texts)
    assert least * 348 / (72 * figure.get_size_inches()[0]) >= 8
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert all(box.x0 >= 0 and box.x1 <= figure.bbox.x1 for box in boxes)
    assert not [1 for a, b in combinations(boxes, 2) if a.overlaps(b)]


@pytest.mark.parametrize("effect", [0.018, 0.092, 0.2, 0.273, 0.46, 0.8])
def test_the_numbers_of_the_axis_are_whole(effect: float) -> None:
    given = {
        ("a (o)", label, seed): 0.1 + effect * (label == "one") for label in ("one", "two") for seed in (0, 1)
    }
    with mpl.rc_context(RC):
        (chart,) = claim_figure(judge_claims(setting(Given(given), ("one", "two")))).values()
        figure = chart.figure
        figure.canvas.draw()
    axes = figure.axes[0]
    low, high = axes.get_xlim()
    drawn = [number for number in axes.get_xticklabels() if low <= number.get_position()[0] <= high]
    assert len(drawn) >= 3
    boxes = [number.get_window_extent() for number in drawn]
    # The minus sign of a page is wider than that of the figure.
    assert all(box.x0 >= 2 and box.x1 <= figure.bbox.x1 - 2 for box in boxes)


def test_every_effect_of_the_figure_can_be_read() -> None:
    found = verdict(values(CLEAR))
    (chart,) = claim_figure([found]).values()
    figure = chart.figure
    assert isinstance(figure, ReadableFigure)
    (panel,) = figure.panels
    assert found.evidence is not None
    effects = {f"{len(CLEAR)} tasks, on average: {found.outcome}": found.overall}
    effects |= found.evidence.effect.by_block
    read = {panel["ticks"][column]: numbers for _, column, *numbers in panel["points"]}
    assert read == {
        name: pytest.approx([each.mean, *each.interval()], abs=1e-4) for name, each in effects.items()
    }
    # Each is where its dot is drawn.
    (axes,) = figure.axes
    drawn = {x for line in axes.lines if line.get_marker() in ("o", "D") for x in line.get_xdata()}
    height = 72 * figure.get_size_inches()[1]
    for _, column, value, *_ in panel["points"]:
        (x,) = (each for each in drawn if each == pytest.approx(value, abs=1e-4))
        across, up = axes.transData.transform((x, 0)) * 72 / figure.dpi
        assert panel["xs"][column] == pytest.approx(across, abs=0.1)
    (line,) = (line for line in axes.lines if line.get_marker() == "D")
    _, up = axes.transData.transform((0, line.get_ydata()[0])) * 72 / figure.dpi
    ((top, bottom),) = panel["rows"].values()
    assert top < height - up < bottom


def test_the_caption_of_effects_names_only_what_is_drawn() -> None:
    for noise, interval in ((NOISE, True), ((0.0,), False)):
        ((caption, chart),) = claim_figure([verdict(values(CLEAR, noise))]).items()
        drawn = [
            line
            for line in chart.figure.axes[0].lines
            if line.get_linewidth() == 2 and len(line.get_xdata()) == 2
        ]
        drawn = [line for line in drawn if line.get_marker() == "None"]
        assert ("interval" in caption) == bool(drawn) == interval


def test_why_it_is_undecided_is_said_in_a_few_words() -> None:
    clear = verdict(values(CLEAR))
    assert clear.outcome != "undecided"
    assert judged.in_short(clear) == ""
    one = verdict(values({"a": (0.8, 0.4)}, noise=(0.0,)))
    assert judged.in_short(one) == "one seed of each"
    some = {key: value for key, value in values(CLEAR).items() if key[1] == "one" or key[2] == 0}
    assert judged.in_short(verdict(some)) == "two has one seed"
    more = (("a", "one"), ("b", "two"))
    mixed = {key: value for key, value in values(CLEAR).items() if key[2] == 0 or key[:2] in more}
    assert judged.in_short(verdict(mixed)) == "one seed of some encoding on each task"
    near = verdict(values({"a": (0.8, 0.5)}, noise=(-0.1, 0.0, 0.1)))
    assert judged.in_short(near) == f"too few seeds ({near.seeds_to_decide} more)"
    at = verdict(values({"a": (0.8, 0.748)}, noise=(-0.1, 0.0, 0.1)))
    assert judged.in_short(at) == "too few seeds (over 100 needed)"
    assert clear.evidence is not None

    def open_with(overall: Estimate, **changes: Any) -> ClaimContrast:
        assert clear.evidence is not None
        found = replace(clear.evidence.effect, overall=overall, tested=overall, **changes)
        return replace(clear, p=1.0, mixed=1.0, evidence=replace(clear.evidence, effect=found, alike=None))

    assert judged.in_short(open_with(Estimate(0.01, 0.06, 4.0))) == "no task can tell"
    differ = open_with(Estimate(0.01, 0.06, 4.0), spread=0.001)
    assert differ.evidence is not None
    differ = replace(differ, evidence=replace(differ.evidence, alike=clear.evidence.alike))
    assert judged.in_short(differ) == "effects differ by task"


def test_what_the_correction_alone_leaves_undecided_says_so() -> None:
    found = verdict(values({"a": (0.77, 0.7)}, noise=(-0.0075, 0.0, 0.0075)))
    assert found.evidence is not None
    many = replace(found, evidence=replace(found.evidence, p=0.01), p=0.14, tests=8)
    assert "but not surely once corrected for the 8 contrasts and the rankings of this report" in (
        judged.outlook(many)
    )


def test_runs_are_called_few_only_where_their_number_leaves_it_undecided() -> None:
    rng = np.random.default_rng(2)
    given = {
        (task, label, seed): mean + rng.normal(0, 0.4 if task == "wide" else 0.01)
        for task, means in {"a": (0.8, 0.6), "wide": (0.5, 0.5)}.items()
        for label, mean in zip(("one", "two"), means, strict=True)
        for seed in range(12)
    }
    telling = {key: value for key, value in given.items() if key[0] == "a"}
    claim = Given(telling)
    (alone,) = judge_claims(setting(claim))
    assert alone.outcome == "borne out"
    # A third label beside the two, on the same task, whose runs fall apart.
    beside = {("a", "three", seed): float(seed % 2) for seed in range(12)}
    (found,) = judge_claims(setting(Given({**telling, **beside}), labels=("one", "two", "three")))
    assert found.outcome == "undecided"
    assert found.runs == (12, 12)
    said = judged.outlook(found)
    assert "few" not in said
    assert said.startswith(
        "; by more than the 0.05 that matters, by its runs alone, but runs beside them vary more; "
    )


def test_claims_ask_for_no_fewer_seeds_than_their_correction_leaves() -> None:
    """Where all runs agree, the seeds that are asked for are those that decide."""
    for number, seeds in ((1, 2), (1, 3), (8, 2), (8, 3), (8, 5), (40, 3)):

        def judged_with(seeds: int, number: int = number) -> list[ClaimContrast]:
            claim = Given(values({"a": (1.0, 0.0)}, noise=(0.0,) * seeds))
            return judge_claims(replace(setting(claim), claims=(claim,) * number))

        (missing,) = {found.seeds_to_decide for found in judged_with(seeds)}
        assert missing is not None
        assert {found.outcome for found in judged_with(seeds + missing)} == {"borne out"}
        if missing > 1:
            assert {found.outcome for found in judged_with(seeds + missing - 1)} == {"undecided"}
            assert {found.seeds_to_decide for found in judged_with(seeds + missing - 1)} == {1}


def test_no_difference_takes_as_many_seeds_as_the_tasks_on_which_one_could_show() -> None:
    noise = (-0.06, 0.0, 0.06)
    telling = values({"a": (0.7, 0.7)}, noise=noise)
    rest = values({"b": (0.01, 0.0), "c": (0.0, 0.01)}, noise=(0.0, 0.01, -0.01))
    one, all_of_them = verdict(telling), verdict({**telling, **rest})
    assert (one.outcome, all_of_them.outcome) == ("undecided", "undecided")
    assert one.seeds_to_decide is not None
    assert all_of_them.seeds_to_decide is not None
    assert all_of_them.evidence is not None
    assert all_of_them.evidence.alike is not None
    assert all_of_them.seeds_to_decide >= 0.9 * one.seeds_to_decide


def test_one_seed_has_no_p() -> None:
    claim = Given(values({"a": (0.8, 0.4)}, noise=(0.0,)))
    found = judge_claims(setting(claim))
    assert "p = " not in judged.prose((claim,), found)
    (row,) = judged.tables(found)["Verdicts"].to_dict("records")
    assert row["p (Holm)"] != row["p (Holm)"]
    assert row["against an effect of"] == "–"
