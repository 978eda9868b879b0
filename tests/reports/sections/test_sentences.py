"""No sentence of a report contradicts the table that it rests on, whatever the runs are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, note, settings
from hypothesis import strategies as st

from posharness.contracts import Chart, Claim, Frames, defined_in
from posharness_reports import claims
from posharness_reports.compile.first_screen import Verdict, first_screen
from posharness_reports.compile.headline import headline
from posharness_reports.compile.section_files import RenderedFigure
from posharness_reports.data.prepare import title
from posharness_reports.formatting import fraction, show, with_interval
from posharness_reports.formatting import reach as in_tokens
from posharness_reports.measures.accuracy import SCOPES
from posharness_reports.measures.ranking import Ranking
from posharness_reports.measures.scores import NO_DISTANCES
from posharness_reports.measures.statistics import ALPHA
from posharness_reports.sections.claims import content as verdicts
from posharness_reports.sections.claims.verdicts import ClaimContrast, judge_claims
from posharness_reports.sections.overview.findings import by_task, measured
from posharness_reports.sections.ranking import content as ranking
from posharness_reports.study import Study, study
from posharness_reports.tables.accuracy import summary

FAMILIES = {"absolute": "absolute", "learned": "absolute", "relative": "relative", "rope": "relative"}
COPIES = ("rope", "twin")
"""Two names of one encoding: what is true of one is true of the other."""
DISTANCE = {"copy": "dependency", "needle": "dependency", "listops": "span", "states": "span"}
DISTANCES = (1, 4, 16)
_SCORE = r"(−?\d[\d.]*(?:e−\d+)?(?: \[[^\]]*\])?)"


@dataclass(frozen=True)
class Skill:
    """How well runs of a label do a task: log odds at distance 1, their fall, and their spread over seeds."""

    level: float
    fall: float
    spread: float


SKILLS = st.builds(
    Skill,
    st.sampled_from([-6.0, 0.0, 2.0, 6.0]),
    st.sampled_from([0.0, 0.7, 2.5]),
    st.sampled_from([0.1, 3.0]),
)


@st.composite
def stores(draw: st.DrawFn) -> Frames:
    """Frames of some labels on some tasks, with seeds that can differ and runs that can fail."""
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    seeds = draw(st.sampled_from([1, 3, 6]))
    labels = draw(st.lists(st.sampled_from(list(FAMILIES)), min_size=1, max_size=4, unique=True))
    cells, parts = [], []
    for task in list(DISTANCE)[draw(st.integers(0, 1)) : draw(st.integers(2, 4))]:
        free_running = draw(st.booleans())
        blind = draw(st.sampled_from([0.1, 0.3]))
        skills_of = {label: [draw(SKILLS) for _ in range(1 + free_running)] for label in labels}
        skills_of |= {COPIES[1]: skills_of[COPIES[0]]} if COPIES[0] in labels else {}
        for label, skills in skills_of.items():
            undefined = (64,) if label == "learned" else ()
            family = FAMILIES.get(label, FAMILIES[COPIES[0]])
            for seed in range(seeds):
                status = draw(st.sampled_from(["done"] * 7 + ["diverged"]))
                identity = {"cell": f"{task} {label} {seed}", "label": label, "encoding": label, "task": task}
                identity |= {"attention": "softmax", "body": "decoder", "seed": seed}
                about = {"status": status, "reason": "", "train_length": 32, "distance": DISTANCE[task]}
                about |= {"parameters": 1000, "step_ms": 1.0, "steps": 10, "undefined_lengths": undefined}
                about |= {"family": family, "encoding_parameters": 0, "body": "decoder"}
                cells.append(identity | about | {"objectives": (task,)})
                if status == "done":
                    for decoding, skill in zip(("teacher-forced", "free-running"), skills, strict=False):
                        rows = _predictions(skill, rng)
                        rows = rows[~rows["length"].isin(undefined)].assign(blind=blind)
                        parts.append(rows.assign(**identity, objective=task, decoding=decoding))
    predictions = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    return Frames(pd.DataFrame(cells), predictions, pd.DataFrame())


def _predictions(skill: Skill, rng: np.random.Generator) -> pd.DataFrame:
    shift = skill.spread * rng.standard_normal()
    n = 60
    frames = []
    for length in (32, 64):
        distance = np.tile(DISTANCES, n)
        odds = skill.level + shift - skill.fall * np.log(distance)
        right = rng.random(len(distance)) < 0.1 + 0.9 / (1 + np.exp(-odds))
        frames.append(
            pd.DataFrame({"length": length, "sequence": np.repeat(np.arange(n), len(DISTANCES)),
                          "dependency_length": distance, "correct": right})
        )  # fmt: skip
    rows = pd.concat(frames, ignore_index=True)
    return rows.assign(split="test", condition="", position=0, stratum="", log_prob=-1.0, chance=0.1)


def _examples(number: int) -> settings:
    # Shrinking an example would take minutes.
    return settings(max_examples=number, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])


@given(stores())
@_examples(8)
def test_no_sentence_contradicts_its_table(frames: Frames) -> None:
    _check_sentences(_study(frames))


@given(stores())
@_examples(3)
def test_no_sentence_of_the_first_screen_contradicts_its_table(frames: Frames) -> None:
    _check_first_screen(_study(frames))


@pytest.mark.proofs
@given(stores())
@_examples(200)
def test_no_sentence_of_many_reports_contradicts_its_table(frames: Frames) -> None:
    ready = _study(frames)
    _check_sentences(ready)
    _check_first_screen(ready)


def _study(frames: Frames) -> Study:
    return study(frames, [claim() for claim in defined_in(claims, Claim)])


def _check_sentences(ready: Study) -> None:
    first = headline(ready)
    note(first)
    _check_headline(first, ready)
    sentence = re.search(r"On .*? seeds?\)\.", first)  # the finding in it
    for text in (*([sentence[0]] if sentence else []), *by_task(ready)):
        note(text)
        _check_finding(text, ready)
    _check_rankings(ready)
    _check_verdicts(ready)
    _check_same_runs(ready)
    _check_summary(ready)


def _check_headline(text: str, ready: Study) -> None:
    """The headline's second and last sentences say what the tables of their scope say."""
    each = [ready.rankings.each[key] for key in measured(ready) if key in ready.rankings.each]
    if text.startswith("Over "):
        assert not any(found.separated(ALPHA) for found in each)
        assert "without dependency lengths" not in text
        _check_finding(text, ready)
        return
    if match := re.match(r"No encodings are told apart [^.]*\. (.*)$", text):
        assert not any(found.separated(ALPHA) for found in each)
        assert ("with dependency lengths" in text) == (len(each) < len(ready.rankings.each))
        text = match[1]
    text, _, other = text.partition(" seeds). ") if " seeds). " in text else text.partition(" seed). ")
    if other:
        place, scope, found = _place(text, ready)
        assert found is not None
        far = next(each for each in SCOPES if each != scope)
        assert other.lower().startswith(far)
        there = ready.rankings.each[(*place, far)]
        if "no encodings are told apart" in other:
            assert not there.separated(ALPHA)
        else:
            match = re.search(r", (\w+) is ahead of (.*)\.$", other)
            assert match is not None
            named = _names(match[2])
            assert named
            assert all((match[1], label) in there.separated(ALPHA) for label in named)


def _names(text: str) -> list[str]:
    """The labels that a clause names."""
    return [word for word in re.findall(r"\w+", text) if word in {*FAMILIES, *COPIES}]


def _place(text: str, ready: Study) -> tuple[tuple[str, str], str, Ranking | None]:
    """The task and objective, the scope and the ranking that a finding is about."""
    names = {title(task, objective, ready.cells): (task, objective) for task, objective, _ in _scored(ready)}
    name = max((name for name in names if re.match(rf"On {re.escape(name)}(,| beyond the)", text)), key=len)
    scope = SCOPES[text.startswith(f"On {name} {SCOPES[1]}")]
    return names[name], scope, ready.rankings.each.get((*names[name], scope))


def _scored(ready: Study) -> set[tuple[str, str, str]]:
    return set(ready.scores[["task", "objective", "scope"]].itertuples(index=False, name=None))


def _check_finding(text: str, ready: Study) -> None:
    """The labels that a finding names are in the relation of the tables, and its numbers are theirs."""
    if text.startswith("No result yet"):
        return
    if text.startswith("Over "):
        _check_over_tasks(text, ready)
        return
    (task, objective), scope, found = _place(text, ready)
    if found is None:
        assert re.match(r"On [^;]*, \w+ has ", text)  # a single label
        return
    table = ranking.pairs_table({"": found})
    apart = {(row["better"], row["other"]) for row in table.to_dict("records") if row["told apart"]}
    means = found.means.set_index("label")
    clause, *ends = re.split(r"; (?:not yet )?learned at the training length", text, maxsplit=1)
    end = "".join(ends)
    clause, _, tied = clause.partition("; not told apart from ")
    farther = "information carries farther"
    if match := re.match(rf"On .*?, ({farther}|the score is higher) with (\w+) than with ([^:]+): ", clause):
        best, behind = match[2], _names(match[3])
        assert (match[1] == farther) == (scope == SCOPES[0] and _learned(ready, task, objective, best))
        assert behind
        for label in behind:
            assert (best, label) in apart
            assert means.loc[best, "mean"] > means.loc[label, "mean"]
    else:
        assert "no encodings are told apart" in clause
        assert not apart
        _check_reason(clause, found)
    if tied:
        first, _, rest = tied.partition(": ")
        rest, _, why = rest.partition("; ")
        _check_reason(f"; {why}", found, (first, *_names(rest)))
        for label in _names(rest):
            assert re.search(rf"\b{label} \({re.escape(fraction(means.loc[label, 'mean']))}\)", rest)
            assert not {(first, label), (label, first)} & apart
    _check_numbers(clause, ready, (task, objective), scope, found)
    _check_remark(end, ready, (task, objective), clause)


_REASONS = (
    r"; (?P<two>these two|\w+ and \w+) can differ like this by chance, "
    r"(?:(?P<few>with so few seeds)|for runs beside (?P<beside>\w+) vary more)",
    rf"; p is (?P<p>\S+) for (?P<pair>these two|\w+ and \w+) alone(?P<why>.*?) above {ALPHA} corrected",
    r"; (?P<single>[\w ,]+) (?:has|have) one seed, which tests nothing",
    r"; (?P<each>one seed of each) tests nothing",
)


def _check_reason(text: str, found: Ranking, among: tuple[str, ...] | None = None) -> None:
    """Why two labels are not told apart is so of these two.

    Args:
        among: the labels that the sentence names as ties, the one that they tie with first.
    """
    ends = found.labels[0], found.labels[-1]
    for match in (match for pattern in _REASONS for match in re.finditer(pattern, text)):
        given = match.groupdict()
        if given.get("each"):
            assert all(np.isnan(pair.effect.tested.error) for pair in found.pairs)
            assert (found.means["runs"] == len(found.blocks)).all()
        elif single := given.get("single"):
            named = _names(single)
            assert named
            for label in named:
                own = [pair for pair in found.pairs if label in (pair.better, pair.other)]
                assert all(np.isnan(pair.effect.tested.error) for pair in own)
        else:
            named = _names(given.get("two") or given["pair"]) or list(ends)
            assert among is None or (named[0] == among[0] and named[1] in among[1:])
            (pair,) = (pair for pair in found.pairs if {pair.better, pair.other} == set(named))
            low, _ = pair.effect.overall.interval()
            own_p = 2 * pair.effect.overall.p_below(0.0), 2 * pair.effect.overall.p_above(0.0)
            assert low > 0
            assert pair.p > ALPHA
            assert ("pair" in given) == (pair.alone <= ALPHA)
            if "pair" in given:
                assert given["p"] == show(pair.alone)
                assert given["why"] == ", but" or min(own_p) < pair.alone
                assert ("so few seeds" in given["why"]) <= (pair.alone == pair.least)
            else:
                assert bool(given["few"]) == (pair.alone == pair.least)
                assert given["few"] or pair.effect.tested.error > pair.effect.overall.error


def _check_over_tasks(text: str, ready: Study) -> None:
    match = re.match(
        r"Over \d tasks, ([-a-z]+(?:, without [a-z ]+)?), ([a-z ]+), (.*): mean score (.*)\.$", text
    )
    assert match is not None
    found = ready.rankings.overall[match[1], match[2]]
    apart = found.separated(ALPHA)
    if ahead := re.match(r"(\w+) is ahead of (.*)$", match[3]):
        named = _names(ahead[2])
        assert named
        assert all((ahead[1], label) in apart for label in named)
    else:
        assert match[3] == "no encodings are told apart"
        assert not apart
        _check_reason(text, found)
    means = found.means.set_index("label")
    quoted = re.findall(_SCORE + r" with (\w+)", match[4])
    assert len(quoted) == 2
    for score, label in quoted:
        assert score == with_interval(*means.loc[label, ["mean", "low", "high"]])


def _check_numbers(clause: str, ready: Study, place: tuple[str, str], scope: str, found: Ranking) -> None:
    if scope == SCOPES[1]:
        quoted = re.findall(_SCORE + r" with (\w+)", clause)
        means = found.means.set_index("label")
        assert len(quoted) == 2
        for score, label in quoted:
            assert score == with_interval(*means.loc[label, ["mean", "low", "high"]])
        return
    reach = ready.by_distance.reach
    reach = reach[(reach["task"] == place[0]) & (reach["objective"] == place[1]) & (reach["scope"] == scope)]
    quoted = re.findall(_SCORE + r", reach (not known|[^a-z]+) with (\w+)", clause)
    assert len(quoted) == 2
    for area, tokens, label in quoted:
        row = reach.set_index("label").loc[label]
        assert area == with_interval(row["area"], row["area_low"], row["area_high"])
        assert tokens == in_tokens(*row[["reach", "low", "high", "shortest", "longest"]])


def _learned(ready: Study, task: str, objective: str, label: str) -> bool:
    """Whether a run of the label is .9 of the way from blind to perfect at the training length."""
    _, runs = ready.by_length
    own = runs[(runs["task"] == task) & (runs["objective"] == objective) & (runs["label"] == label)]
    return bool((own.loc[own["length"] == 32, "normalised"] >= 0.9 - 1e-9).any())


def _check_remark(text: str, ready: Study, place: tuple[str, str], clause: str) -> None:
    """The quoted labels that have not learned the task at the training length are named, and no others."""
    quoted = set(re.findall(r"(?:\]|known) with (\w+)|\d with (\w+)", clause))
    labels = {label for pair in quoted for label in pair if label}
    _, runs = ready.by_length
    inside = runs[(runs["length"] == 32) & (runs["task"] == place[0]) & (runs["objective"] == place[1])]
    weak = {
        str(label)
        for label, own in inside.groupby("label")
        if label in labels and (own["normalised"] < 0.9).any()
    }
    named = set(re.findall(r"(\w+) \(−?\d|runs of (\w+)", text.rpartition(" (")[0]))
    named = {one or other for one, other in named}
    assert named == weak


def _check_rankings(ready: Study) -> None:
    for place, found in [*ready.rankings.overall.items(), *ready.rankings.each.items()]:
        table = ranking.ranking_table(found).set_index("encoding")
        pairs = ranking.pairs_table({str(place): found})
        text = ranking.sentence(str(place), found)
        best = re.search(r": (\w+) has the highest mean score", text)
        assert best is not None
        assert best[1] == table.index[0]
        for row in pairs.rename(columns={"told apart": "apart"}).itertuples():
            better, other = table.loc[row.better], table.loc[row.other]
            share = set(better["group"]) & set(other["group"])
            assert bool(share) != row.apart
            if row.apart:
                assert _worst(better["rank"]) < len(table)
                assert _first(other["rank"]) > 1
                assert found.labels.index(row.better) < found.labels.index(row.other)
        tied = re.search(r"not told apart from it: ", text)
        _check_reason(text, found, (*found.labels,) if tied else None)
        named = re.search(r"it is told apart from ([^;]*?)[.;]", text)
        for label in _names(named[1]) if named else []:
            assert pairs[(pairs["better"] == best[1]) & (pairs["other"] == label)]["told apart"].all()


def _first(ranks: str) -> int:
    return int(ranks.split("–")[0])


def _worst(ranks: str) -> int:
    return int(ranks.split("–")[-1])


def _check_verdicts(ready: Study) -> None:
    judged = judge_claims(ready)
    text = verdicts.prose(ready.claims, judged)
    rows = verdicts.tables(judged)["Verdicts"] if judged else pd.DataFrame()
    for contrast, row in zip(judged, rows.to_dict("records"), strict=True):
        low, high = contrast.overall.interval()
        smallest = contrast.claim.smallest_effect
        verdict = row["verdict"]
        if verdict == "borne out":
            assert low >= smallest
        if verdict == "contradicted":
            assert high <= -smallest
        if verdict == "no difference that matters":
            assert -smallest <= low
            assert high <= smallest
        if verdict not in ("undecided", "not measured", "differs between tasks"):
            assert row["p (Holm)"] <= ALPHA
        if contrast.evidence:
            assert f"**{verdict}**, {row['effect']} in " in text
            better = int(row["better in"].split(" of ")[0])
            assert better == int((contrast.by_task > 0).sum())


def _check_same_runs(ready: Study) -> None:
    """A claim and a ranking of three runs or more on one task agree whether enough is beside them."""
    far = ~ready.scores["ranked_as"].astype(str).str.endswith(NO_DISTANCES)
    scored = ready.scores[far & (ready.scores["scope"] == SCOPES[0])]
    seeds = scored.groupby(["task", "label"])["seed"].nunique()
    for contrast in judge_claims(ready):
        rows = contrast.claim.measure(ready)
        names = rows.loc[rows["value"].notna(), "task"]
        valued = zip((ready.titles[name][0] for name in names), rows.loc[names.index, "label"], strict=True)
        if contrast.evidence is None or set(valued) != set(seeds.index) or len(contrast.by_task) > 1:
            continue
        (task,) = contrast.by_task.index
        for key, found in ready.rankings.each.items():
            if key[0] != task or key[2] != SCOPES[0] or seeds[task].min() < 3:
                continue
            for pair in found.pairs:
                assert (pair.least > 0) == (contrast.evidence.least > 0)


def _check_summary(ready: Study) -> None:
    _, runs = ready.by_length
    for row in summary(ready).to_dict("records"):
        inside = runs[(runs["length"] == 32) & (runs["label"] == row["encoding"])]
        names = [title(t, o, ready.cells) for t, o in zip(inside["task"], inside["objective"], strict=True)]
        scores = inside["normalised"][[name == row["task"] for name in names]]
        assert row["learned"].startswith(f"{(scores >= 0.9 - 1e-9).sum()} of {len(scores)} [")
        assert ("not yet learned" in row["remark"]) <= ((scores >= 0.9 - 1e-9).sum() < len(scores))


def _check_first_screen(ready: Study) -> None:
    """Captions, the ranking and the lines of verdicts say what the tables say."""
    judged = judge_claims(ready)
    # Figures are made, but not written as files, which takes most of the time.
    with patch("posharness_reports.compile.first_screen.draw", _undrawn):
        found = first_screen(ready, judged, set())
    for figure in found.figures:
        note(figure.caption)
        if figure is found.curve:
            _check_caption(figure.caption, ready)
    if found.ranked:
        rankings = [*ready.rankings.overall.values(), *ready.rankings.each.values()]
        assert any(
            [(row.label, row.best) for row in found.ranked]
            == [(label, each.ranks(ALPHA)[label][0] == 1) for label in each.labels]
            for each in rankings
        )
    for line, claim in zip(found.verdicts, ready.claims, strict=True):
        note(line.detail)
        contrasts = [each for each in judged if each.claim is claim and each.evidence is not None]
        assert (line.outcome == "not measured") == (not contrasts)
        if contrasts:
            _check_line(line, contrasts, ready)


def _undrawn(name: str, note: str, chart: Chart, *_: object) -> RenderedFigure:
    return RenderedFigure(name, chart.sentence, note, {}, "", {})


def _check_caption(text: str, ready: Study) -> None:
    name, _, clause = text.partition(": ")
    _, _, found = _place(f"{name.replace(', beyond', ' beyond')},", ready)
    means = found.means.set_index("label") if found else None
    if match := re.match(r"the score is higher with (\w+) \(([^)]*)\) than with (.*?)[;.] ", f"{clause} "):
        assert found is not None
        quoted = [(match[1], match[2]), *re.findall(r"(\w+) \(([^)]*)\)", match[3])]
        assert len(quoted) > 1
        for label, score in quoted:
            assert score == with_interval(*means.loc[label, ["mean", "low", "high"]])
        for label, _ in quoted[1:]:
            assert (match[1], label) in found.separated(ALPHA)
    else:
        # No label is set against another, but in the reason why they are not told apart.
        assert found is None or not found.separated(ALPHA)
        if found is not None:
            _check_reason(clause, found)
        set_apart = clause
        for reason in _REASONS:
            set_apart = re.sub(reason, "", set_apart)
        assert len({label for label in ready.labels if re.search(rf"\b{label}\b", set_apart)}) <= 1


def _check_line(line: Verdict, contrasts: list[ClaimContrast], ready: Study) -> None:
    detail = line.detail
    about = [contrast for contrast in contrasts if line.outcome.startswith(contrast.outcome)]
    (shown,) = (
        contrast
        for contrast in about
        if detail.startswith(f"{contrast.better} − {contrast.other}, ")
        and (len({each.decoding for each in contrasts}) < 2 or f", {contrast.decoding}, " in detail)
    )
    tasks = len(shown.by_task)
    assert tasks == max(len(each.by_task) for each in about)
    assert f" {tasks} task{'s' * (tasks > 1)}: " in detail
    assert verdicts.effect_text(shown) in detail
    assert ("encodings differ" in line.effect) == any(each.p <= ALPHA for each in shown.members)
    if len({each.outcome for each in contrasts}) > 1:
        assert f": {shown.outcome}, " in detail
    values = shown.claim.measure(ready)
    valued = set(values.loc[values["value"].notna(), "label"])
    for side in (shown.better, shown.other):
        named = re.search(r" encodings \((.*)\)", side)
        assert set(re.findall(r"\w+", named[1]) if named else []) <= valued
