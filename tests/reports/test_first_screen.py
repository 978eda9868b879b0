"""The first screen: what it says is what the numbers say, and it is seen without scrolling."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest

from posharness.contracts import Frames
from posharness_reports import posharness_claims, posharness_report_sections
from posharness_reports.compile.compiler import HtmlCompiler
from posharness_reports.compile.first_screen import FirstScreen, first_screen, seeds_of
from posharness_reports.compile.headline import headline, separating_over_tasks, subject
from posharness_reports.figures.first_screen import distance_figure, everything, what_it_shows
from posharness_reports.formatting import count
from posharness_reports.measures.accuracy import SCOPES
from posharness_reports.measures.ranking import Ranking, rank
from posharness_reports.measures.statistics import ALPHA, Estimate
from posharness_reports.sections.claims.content import effect_text
from posharness_reports.sections.claims.verdicts import judge_claims
from posharness_reports.study import Study, study

Simulate = Callable[..., Frames]
CLAIMS = [claim() for claim in posharness_claims()]
CHROMIUM = shutil.which("chromium")


def _screen(frames: Frames) -> FirstScreen:
    ready = study(frames, CLAIMS)
    return first_screen(ready, judge_claims(ready.trained), set())


def _compile(frames: Frames, folder: Path) -> Path:
    sections = [section() for section in posharness_report_sections()]
    return HtmlCompiler().compile(frames, sections, claims=CLAIMS, title="A study", folder=folder)


@pytest.mark.parametrize("tasks", [("copy", "offset_recall"), ("copy",)])
def test_a_ranking_says_which_failed_runs_it_leaves_out(tasks: tuple[str, ...], simulated: Simulate) -> None:
    statuses = {("relative", task, 2): ("diverged", "The loss was nan.") for task in tasks}
    screen = _screen(simulated(seeds=3, tasks=tasks, statuses=statuses))
    assert screen.ranked_on.endswith(f"; without failed runs: {len(tasks)} of relative")
    details = [verdict.detail for verdict in screen.verdicts if verdict.outcome != "not measured"]
    assert f"; with {len(tasks)} and 0 failed runs counted as at chance: " in "".join(details)
    assert "failed" not in _screen(simulated(seeds=3, tasks=tasks)).ranked_on


def _ranking(means: Mapping[str, float], noise: float) -> Ranking | None:
    """The ranking of labels with these means and four runs each on one task."""
    rows = [
        {"task": "copy", "part": "copy", "label": label, "seed": seed, "value": mean + noise * shift}
        for label, mean in means.items()
        for seed, shift in enumerate((-1.0, -0.5, 0.5, 1.0))
    ]
    return rank(pd.DataFrame(rows), "task")


REACHES = pd.DataFrame(
    [
        {"label": "a", "area": 0.9, "area_low": 0.8, "area_high": 1.0, "reach": 12.0, "low": 9.0,
         "high": np.inf, "shortest": 1, "longest": 40},
        {"label": "b", "area": 0.8, "area_low": 0.7, "area_high": 0.9, "reach": 6.0, "low": 0.0,
         "high": 9.0, "shortest": 1, "longest": 40},
    ]
)  # fmt: skip


def test_the_sentence_of_the_figure_sets_one_encoding_above_another_only_if_they_are_told_apart() -> None:
    apart = what_it_shows("On copy", _ranking({"a": 0.9, "b": 0.3}, 0.01), REACHES)
    assert apart.startswith("On copy: the score is higher with a (0.90 [")
    assert ") than with b (0.30 [" in apart
    tied = what_it_shows("On copy", _ranking({"a": 0.9, "c": 0.89, "b": 0.3}, 0.01), REACHES)
    assert "; not told apart from a: c (0.89 [" in tied
    alike = what_it_shows("On copy", _ranking({"a": 0.86, "b": 0.82}, 0.1), REACHES)
    assert alike.startswith(
        "On copy: no encodings are told apart; scores are 0.82 to 0.86, with intervals within ["
    )
    assert "reach" not in alike  # anything is within its intervals
    near = what_it_shows("On copy", _ranking({"a": 0.86, "b": 0.82}, 0.1), REACHES[:1])
    assert near.endswith("; all intervals of the reach are within [9, ≥ 40].")
    assert not re.search(r"\b[ab]\b", alike.removeprefix("On copy"))
    # What has one value has no ends.
    far = REACHES[:1].assign(low=40.0, reach=np.inf)
    same = what_it_shows("On copy", _ranking({"a": 0.86, "b": 0.86}, 0.1), far)
    assert "; all scores are 0.86, with intervals within [" in same
    assert same.endswith("; the reach of each is ≥ 40.")
    alone = what_it_shows("On copy", None, REACHES[:1])
    assert alone == "On copy: a has area under accuracy by distance 0.90 [0.80, 1.00], reach 12 [9, ≥ 40]."
    assert what_it_shows("On copy", None, REACHES) == "On copy: accuracy by dependency length."


def test_a_figure_sets_no_copy_of_an_encoding_against_the_other(simulated: Simulate) -> None:
    frames = simulated(("one", "two"), seeds=3, tasks=("copy",), sequences=24)
    for turn in range(4):
        rng = np.random.default_rng(turn)
        odds = 4 - np.log(frames.predictions["dependency_length"])
        right = rng.random(len(odds)) < 1 / (1 + np.exp(-odds))
        ready = study(replace(frames, predictions=frames.predictions.assign(correct=right))).trained
        caption, chart = distance_figure(ready, ("copy", "copy", SCOPES[0]))
        assert ": no encodings are told apart; " in chart.sentence
        assert not re.search(r"\b(one|two)\b", f"{chart.sentence} {caption}")


def test_seeds_are_told_of_each_contrast_that_lacks_them(simulated: Simulate) -> None:
    claim = next(claim for claim in CLAIMS if claim.name == "other-lengths")
    (one,) = judge_claims(study(simulated(seeds=3, tasks=("copy",)), [claim]))
    assert one.evidence is not None
    effect = one.evidence.effect
    # As far from the margin as it is, and right at it.
    near, at = (
        replace(one, p=1.0, evidence=replace(one.evidence, effect=replace(effect, overall=each, tested=each)))
        for each in (effect.tested, replace(effect.tested, mean=claim.smallest_effect))
    )
    assert near.evidence is not None
    assert near.seeds_to_decide is not None
    assert at.seeds_to_decide is None
    seeds = count(near.seeds_to_decide, "more seed")
    assert seeds_of([near]) == f"; {seeds} of each for 1 other contrast"
    # Nobody has learned the task, or all are at the ceiling.
    none = replace(near, evidence=replace(near.evidence, alike=None, effect=replace(near.evidence.effect,
                   overall=Estimate(0.01, 0.06, 4.0))))  # fmt: skip
    assert none.obstacle
    assert seeds_of([none]) == "; more seeds are not likely to decide 1 other contrast"
    assert seeds_of([at, at]) == "; 100 seeds are too few for 2 other contrasts"
    assert (
        seeds_of([near, at])
        == f"; {seeds} of each for 1 other contrast; 100 seeds are too few for 1 other contrast"
    )


def test_a_ranking_says_at_what_lengths(simulated: Simulate) -> None:
    for tasks in (("copy",), ("copy", "offset_recall")):
        ready = study(simulated(seeds=2, tasks=tasks, sequences=16))
        on = first_screen(ready, [], set()).ranked_on
        assert any(on.endswith(f", {scope}") for scope in SCOPES)


def test_a_verdict_is_shown_by_the_contrast_over_the_most_tasks(simulated: Simulate) -> None:
    frames = simulated(seeds=3, tasks=("copy", "offset_recall"), sequences=24)
    forced = frames.predictions.astype({"decoding": str})
    free = forced[(forced["task"] == "copy") & (forced["length"] == 48)].assign(decoding="free-running")
    free = free.assign(correct=free["label"].astype(str) == "relative")  # a larger effect, on one task
    both = replace(frames, predictions=pd.concat([forced, free], ignore_index=True))
    ready = study(both, CLAIMS)
    judged = judge_claims(ready.trained)
    free_running = [each for each in judged if each.decoding == "free-running" and each.evidence]
    assert free_running
    for claim, line in zip(CLAIMS, first_screen(ready, judged, set()).verdicts, strict=True):
        own = [each for each in judged if each.claim is claim and each.evidence]
        if {each.decoding for each in own} == {"teacher-forced", "free-running"}:
            about = [each for each in own if line.outcome.startswith(each.outcome)]
            widest = max(about, key=lambda each: len(each.by_task))
            assert f", {widest.decoding}, {count(len(widest.by_task), 'task')}: " in line.detail
            assert effect_text(widest) in line.detail
        elif own:
            assert "teacher-forced" not in line.detail


def test_the_numbers_beside_a_verdict_are_those_of_the_contrast_that_its_word_is_about(
    simulated: Simulate,
) -> None:
    ready = study(simulated(seeds=3, tasks=("copy", "offset_recall"), sequences=24), CLAIMS)
    judged = judge_claims(ready.trained)
    wide, *_ = (each for each in judged if each.evidence and len(each.by_task) == 2)
    assert wide.evidence is not None
    undecided = replace(wide, p=1.0, mixed=1.0)
    overall = replace(wide.evidence.effect.overall, mean=-0.9)
    found = replace(wide.evidence.effect, overall=overall, tested=replace(overall, error=0.001))
    found = replace(found, by_block=dict([*found.by_block.items()][:1]))
    sure = replace(wide, evidence=replace(wide.evidence, effect=found), p=0.001, mixed=1.0)
    assert (undecided.outcome, sure.outcome) == ("undecided", "contradicted")
    for contrasts in ([undecided, sure], [sure, undecided]):
        line = first_screen(ready, contrasts, set()).verdicts[CLAIMS.index(wide.claim)]
        assert line.outcome == "contradicted in 1 of 2 decodings, undecided in 1"
        assert f"contradicted, {effect_text(sure)}" in line.effect
        assert effect_text(undecided) not in line.effect


def test_it_says_what_was_compared_judged_and_ranked(simulated: Simulate) -> None:
    frames = simulated(seeds=3, tasks=("copy", "offset_recall"))
    ready = study(frames, CLAIMS)
    judged = judge_claims(ready.trained)
    found = first_screen(ready, judged, set())
    assert found.compared == (
        "absolute and relative on copy and offset_recall, 3 seeds each, decoders and encoders of 2 layers of "
        "width 64, 800 training steps, trained at 32–48 tokens."
    )
    half = {("absolute", "copy", seed): ("waiting", "") for seed in range(3)}
    assert (
        "9 of 12 cells done"
        in _screen(simulated(seeds=3, tasks=("copy", "offset_recall"), statuses=half)).compared
    )
    assert [verdict.claim for verdict in found.verdicts] == [claim.statement for claim in CLAIMS]
    for verdict, claim in zip(found.verdicts, CLAIMS, strict=True):
        outcomes = {contrast.outcome for contrast in judged if contrast.claim is claim and contrast.evidence}
        assert all(outcome in verdict.outcome for outcome in outcomes)
        assert (verdict.tone == "good") == (outcomes - {"undecided"} == {"borne out"})
    clearest = separating_over_tasks(ready.trained)
    assert clearest is not None
    assert f"{clearest[0]}, {clearest[1]}" in f"{found.ranked_on}, {SCOPES[0]}"
    ranking = ready.trained.rankings.overall[clearest]
    assert [row.label for row in found.ranked] == ranking.labels
    assert [row.best for row in found.ranked] == [
        ranking.ranks(ALPHA)[label][0] == 1 for label in ranking.labels
    ]
    assert [figure.name for figure in found.figures] == [
        figure.name for figure in (found.curve, found.overview) if figure
    ]
    assert len(found.figures) == 2


def test_the_ranking_over_the_most_tasks_is_the_first(simulated: Simulate) -> None:
    scope = SCOPES[0]
    ready = study(simulated(seeds=3, tasks=("copy", "offset_recall"))).trained
    few = ready.rankings.overall["teacher-forced", scope]
    many = replace(few, blocks=(*few.blocks, "another"))
    for first, second, widest in ((few, many, "two"), (many, few, "one")):
        overall = {("one", scope): first, ("two", scope): second}
        both = cast("Study", SimpleNamespace(rankings=SimpleNamespace(overall=overall)))
        assert separating_over_tasks(both) == (widest, scope)


def test_the_first_figure_shows_what_the_headline_is_about(simulated: Simulate) -> None:
    ready = study(simulated(seeds=3, tasks=("copy", "offset_recall"), sequences=24), CLAIMS)
    about = subject(ready)
    assert about is not None
    found = first_screen(ready, judge_claims(ready.trained), set())
    assert found.curve is not None
    text = headline(ready)
    for task in ("copy", "offset_recall"):
        if about[0] == task:
            assert f"On {task}" in text
            assert found.curve.caption.startswith(f"On {task}")
    assert ("beyond" in found.curve.caption) == (about[2] == SCOPES[1])


@pytest.mark.parametrize("scope", SCOPES)
def test_a_headline_about_longer_sequences_has_a_figure_of_them(frames: Frames, scope: str) -> None:
    ready = study(frames).trained
    _, chart = distance_figure(ready, ("copy", "copy", scope))
    assert (", beyond the training length: " in chart.sentence) == (scope == SCOPES[1])
    (axes,) = chart.figure.axes
    assert any(scope in text.get_text() for text in axes.texts)


def test_a_legend_of_brackets_is_there_only_with_brackets(simulated: Simulate, tmp_path: Path) -> None:
    for seeds in (1, 2):
        frames = simulated(seeds=seeds, tasks=("copy",), sequences=12)
        page = _compile(frames, tmp_path / str(seeds)).read_text(encoding="utf-8")
        (legend,) = re.findall(r"<summary>Score: [^<]*</summary>\s*<p>[^<]*</p>", page)
        assert ("Brackets" in legend) == ("Intervals are across runs." in legend) == (seeds > 1)


@pytest.mark.parametrize(
    ("blind", "zero"),
    [((), "chance"), (("copy", "offset_recall"), "blind"), (("copy",), "blind (on some tasks chance)")],
)
def test_what_a_score_of_zero_is_is_said_everywhere_alike(
    blind: tuple[str, ...], zero: str, simulated: Simulate, tmp_path: Path
) -> None:
    frames = simulated(seeds=1, tasks=("copy", "offset_recall"), sequences=12)
    rows = frames.predictions
    known = rows["blind"].mask(rows["task"].isin(blind), 0.4)
    page = _compile(replace(frames, predictions=rows.assign(blind=known)), tmp_path)
    text = page.with_name("report.md").read_text(encoding="utf-8")
    assert f"Normalised accuracy: 0 is {zero} and 1 is perfect." in text
    assert f"in sequences of the training length; 0 is {zero} and 1 is perfect at" in text
    assert f"of the way from {zero} to perfect, fitted" in text
    assert f"of the way from {zero} to perfect at the training length. " in text
    page_text = page.read_text(encoding="utf-8")
    assert f"<summary>Score: normalised accuracy; 0 is {zero}, 1 is perfect." in page_text
    assert ("Blind: the best that can be had" in page_text) == bool(blind)
    assert ("*Blind*: what can be known" in text) == bool(blind)


def test_intervals_are_across_runs_only_where_there_are_several(simulated: Simulate) -> None:
    for seeds, unit in ((1, ""), (2, "across runs")):
        ready = study(simulated(seeds=seeds, tasks=("copy",), sequences=12))
        found = first_screen(ready, [], set())
        assert found.unit == unit
        assert any("[" in row.score for row in found.ranked) == bool(unit)
        caption, _ = distance_figure(ready.trained, ("copy", "copy", SCOPES[0]))
        assert ("of one seed" in caption) == (seeds == 1)


def test_an_undecided_verdict_says_what_it_lacks(simulated: Simulate) -> None:
    found = _screen(simulated(seeds=2, tasks=("copy", "offset_recall")))
    undecided = [verdict for verdict in found.verdicts if verdict.outcome == "undecided"]
    assert undecided
    assert all("; " in verdict.detail for verdict in undecided)


def test_a_task_without_distances_is_in_the_map_of_all_tasks(frames: Frames) -> None:
    values = everything(study(frames).trained)
    assert "bert (nsp)" in set(values["task"])
    assert set(values["scope"]) == set(SCOPES)
    assert values["value"].notna().all()


def test_it_says_why_cells_have_no_result(simulated: Simulate) -> None:
    statuses = {
        ("relative", "copy", seed): ("diverged", f"The loss was {'nan' if seed else 'inf'}.")
        for seed in range(3)
    }
    statuses |= {("absolute", "copy", 0): ("skipped", "Not for decoders.")}
    found = _screen(simulated(seeds=3, tasks=("copy",), statuses=statuses))
    assert found.unfinished == ["2 diverged: The loss was nan.", "1 diverged: The loss was inf."]


@pytest.mark.parametrize("status", ["failed", "waiting"])
def test_without_a_result_it_claims_nothing(simulated: Simulate, status: str) -> None:
    found = _screen(simulated(default=status, seeds=1, tasks=("copy",)))
    assert found.figures == found.ranked == []
    assert {verdict.outcome for verdict in found.verdicts} == {"not measured"}


def test_numbers_in_the_map_of_all_tasks_stay_light_on_a_dark_page(simulated: Simulate) -> None:
    found = _screen(simulated(seeds=1, tasks=("copy",), sequences=16))
    assert found.overview is not None
    fills = re.findall(r'<(?:text|g)[^>]* fill="([^"]+)"[^>]*>(?:<text|[^<])', found.overview.inline)
    assert "#fefefe" in fills


MEASURE = """<body><script>
const found = {}, widths = [380, 768, 1280];
let left = widths.length;
for (const width of widths) {
  const frame = document.createElement("iframe");
  frame.style = `width:${width}px;height:800px;border:0`;
  frame.src = %s;
  frame.onload = () => {
    const page = frame.contentDocument;
    const first = page.querySelector("figure svg");
    const rows = [...page.querySelectorAll(".ranking li")];
    const rest = page.querySelector(".fitted") ?? page.querySelector(".rest");
    found[width] = {
      overflow: page.documentElement.scrollWidth - width,
      figure: first ? first.getBoundingClientRect().top : null,
      verdicts: page.querySelector(".verdicts li:last-child")?.getBoundingClientRect().bottom,
      ranked: Math.max(...rows.map((row) => row.getBoundingClientRect().bottom)),
      rows: rows.filter((row) => row.getClientRects().length).length,
      more: Number(rest?.textContent.match(/\\d+/)[0] ?? 0),
      bar: page.querySelector("form.view").getBoundingClientRect().top,
    };
    if (--left === 0) document.body.textContent = JSON.stringify(found);
  };
  document.body.append(frame);
}
</script></body>"""


@pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium")
@pytest.mark.parametrize(
    "labels", [("relative", "absolute"), tuple(f"an-encoding-with-a-name-{i}" for i in range(12))]
)
def test_a_browser_shows_the_figure_at_once_and_scrolls_only_down(
    simulated: Simulate, tmp_path: Path, labels: tuple[str, ...]
) -> None:
    page = _compile(
        simulated(labels, seeds=2, sequences=12, tasks=("copy", "offset_recall")), tmp_path / "study"
    )
    outer = tmp_path / "outer.html"
    outer.write_text(MEASURE % json.dumps(page.as_uri()), encoding="utf-8")
    # In a frame, the page can be measured although it runs no script but its own.
    command = [
        str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
        "--disable-web-security",
        "--allow-file-access-from-files", f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1400,900",
        "--virtual-time-budget=10000", "--dump-dom", outer.as_uri(),
    ]  # fmt: skip
    dumped = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    body = re.search(r"<body>(.*)</body>", dumped, re.DOTALL)
    assert body is not None
    found = json.loads(html.unescape(body[1]))
    assert {width: each["overflow"] for width, each in found.items()} == dict.fromkeys(found, 0)
    assert set(found) == {"380", "768", "1280"}
    assert found["1280"]["figure"] < 500
    assert 0 < found["1280"]["verdicts"] <= found["1280"]["bar"]
    assert 0 < found["1280"]["ranked"] <= found["1280"]["bar"]
    # What makes room for the bar is counted.
    assert found["1280"]["rows"] + found["1280"]["more"] == len(labels)


def test_of_many_claims_the_first_screen_says_the_effects_and_folds_the_rest(
    simulated: Simulate, tmp_path: Path
) -> None:
    frames = simulated(seeds=2, tasks=("copy", "offset_recall"), sequences=12)
    measured = [line for line in _screen(frames).verdicts if line.outcome != "not measured"]
    assert any(line.more for line in measured)
    for lines in (len(measured), 100):
        with patch("posharness_reports.compile.first_screen._LINES", lines):
            page = _compile(frames, tmp_path / "study").read_text("utf-8")
        shown = page.partition('<details class="terms">')[0]
        for line in measured:
            assert line.effect in html.unescape(shown)
            assert (line.more in html.unescape(shown)) == (lines == 100 or not line.more)
            assert line.more in html.unescape(page)
            # Why it is undecided is said in any case.
            assert (line.reason != "") == (line.sign == "?")
            if lines < 100:
                assert f"· {line.brief}</span>" in html.unescape(shown)
                assert line.brief.endswith(line.reason)
