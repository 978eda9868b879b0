"""The first screen of a report: what was compared, the verdicts, the ranking, and one figure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import matplotlib as mpl
import pandas as pd

from posharness.contracts import Chart, Claim
from posharness.contracts.versions import SUPERSEDED
from posharness_reports.compile.headline import over_dependencies, separating_over_tasks, subject
from posharness_reports.compile.section_files import RenderedFigure, draw
from posharness_reports.data.grouping import matching
from posharness_reports.data.prepare import title
from posharness_reports.figures.first_screen import (
    distance_figure,
    everything,
    heatmap_figure,
    separating_task,
)
from posharness_reports.figures.heatmap import FIELDS
from posharness_reports.figures.palette import COLOURS, MARKERS, looks
from posharness_reports.figures.sentences import kept_fields
from posharness_reports.figures.theme import RC
from posharness_reports.formatting import (
    count,
    enumerate_words,
    fraction,
    rank_range,
    shorten,
    show,
    span,
    with_interval,
)
from posharness_reports.measures.accuracy import SCOPES, zero_name
from posharness_reports.measures.failures import failed_runs
from posharness_reports.measures.power import MOST
from posharness_reports.measures.ranking import Ranking
from posharness_reports.measures.seeds import seeds_of_each
from posharness_reports.measures.statistics import ALPHA
from posharness_reports.sections.claims.content import (
    effect_text,
    failures,
    in_short,
    members_differ,
    outlook,
)
from posharness_reports.sections.claims.verdicts import ClaimContrast, contrasts_of
from posharness_reports.study import Study

__all__ = ["FirstScreen", "Ranked", "Verdict", "first_screen", "seeds_of", "subject_line"]

NOT_MEASURED = "not measured"
_NAMED, _RANKED = 6, 9
_LINES, _LINE, _SMALL = 23, 72, 90
"""The lines of verdicts that a screen of 1,280 × 800 holds; the characters of a line, and of a small one."""

_REASONS, _REASON = 3, 160

_WHERE = dict(zip(SCOPES, ("at the farthest distance", "in longer sequences"), strict=True))

_SIGNS = {
    "borne out": ("✓", "good"),
    "contradicted": ("✗", "bad"),
    "no difference that matters": ("=", "plain"),
    "differs between tasks": ("±", "plain"),
    "undecided": ("?", "plain"),
    NOT_MEASURED: ("–", "plain"),
}


@dataclass(frozen=True)
class Verdict:
    """The line of a claim: its sign and tone, the outcome in words, the claim, what the runs say (its effect,
    what else, and of contrasts that are not shown), what is measured and would refute it, and why it is
    undecided, in a few words."""

    sign: str
    tone: str
    outcome: str
    claim: str
    effect: str
    more: str = ""
    others: str = ""
    measure: str = ""
    reason: str = ""

    @property
    def detail(self) -> str:
        """All that the runs say."""
        return "; ".join(filter(None, (self.effect, self.more, self.others)))

    @property
    def shown(self) -> str:
        """What the runs say of the contrast that is shown."""
        return "; ".join(filter(None, (self.effect, self.more)))

    @property
    def brief(self) -> str:
        """The same where there is little room."""
        return "; ".join(filter(None, (self.effect, self.reason)))


@dataclass(frozen=True)
class Ranked:
    """A label in the ranking: its possible ranks, its look, its score, and whether it may be the best."""

    label: str
    ranks: str
    colour: str
    marker: str
    score: str
    best: bool


@dataclass(frozen=True)
class FirstScreen:
    """What a reader sees first.

    Attributes:
        subject: what was compared, on what.
        setting: how: seeds, models, steps and lengths, and how many cells have no result.
        unfinished: why cells have no result, the most frequent reason first.
        ranked_on: what the ranking is over.
        ranked: the first labels of the ranking.
        left: the number of labels that are not shown.
        unranked: the labels that have no score there.
        unit: what its intervals are about; "" if it has none, as with one seed of each.
        zero: what a score of 0 is.
        figures: accuracy by distance where it separates most; and the heat map of all tasks.
    """

    subject: str
    setting: str = ""
    unfinished: list[str] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    ranked_on: str = ""
    ranked: list[Ranked] = field(default_factory=list)
    left: int = 0
    unranked: list[str] = field(default_factory=list)
    unit: str = ""
    zero: str = ""
    curve: RenderedFigure | None = None
    overview: RenderedFigure | None = None

    @property
    def compared(self) -> str:
        """What was compared, on what and how, as a sentence."""
        return f"{', '.join(filter(None, (self.subject, self.setting)))}."

    @property
    def crowded(self) -> bool:
        """Whether what the runs say about the claims is more than a screen holds."""
        texts = [(f"{each.claim} {each.outcome}", each.shown) for each in self.measured]
        texts.append((f"{NOT_MEASURED}, for want of runs to compare", " ".join(self.unmeasured)))
        return sum(math.ceil(len(one) / _LINE + len(two) / _SMALL) for one, two in texts) > _LINES

    @property
    def measured(self) -> list[Verdict]:
        """The verdicts on claims that have runs of both sides."""
        return [verdict for verdict in self.verdicts if verdict.outcome != NOT_MEASURED]

    @property
    def unmeasured(self) -> list[str]:
        """The other claims."""
        return [verdict.claim for verdict in self.verdicts if verdict.outcome == NOT_MEASURED]

    @property
    def figures(self) -> list[RenderedFigure]:
        """The figures, which are files as well."""
        return [figure for figure in (self.curve, self.overview) if figure is not None]


def first_screen(
    study: Study, judged: Sequence[ClaimContrast], taken: set[str], formats: Sequence[str] = ()
) -> FirstScreen:
    """The first screen of a study.

    Args:
        judged: the contrasts of its claims.
        taken: the names of files in this report; those of the figures are added.
        formats: the formats of the files of figures besides SVG.
    """
    trained = study.trained
    ranking, ranked_on = _ranking(trained)
    ranked_on += _without_failed(trained, ranking)
    styles = looks(trained.cells["label"])
    ranks = ranking.ranks(ALPHA) if ranking else {}
    zero = zero_name(trained.by_length[0], trained.cells)
    ranked = [
        Ranked(
            row["label"],
            rank_range(*ranks[row["label"]]),
            f"var(--series-{COLOURS.index(styles[row['label']].colour) + 1})",
            MARKERS[styles[row["label"]].marker],
            with_interval(row["mean"], row["low"], row["high"]),
            ranks[row["label"]][0] == 1,
        )
        for row in (ranking.means.to_dict("records") if ranking else [])
    ]
    curve = overview = None
    with mpl.rc_context(RC):
        shown = _shown(study)
        if shown is not None:
            caption, chart = distance_figure(trained, shown)
            curve = draw(chart.name, caption, chart, taken, formats)
        values = everything(trained)
        if len(values):
            order = ranking.labels if ranking else []
            order += sorted(set(values["label"]) - set(order))
            caption = (
                f"All tasks. Normalised accuracy: 0 is {zero} and 1 is perfect. Farthest distance: that in "
                "sequences of the training length. Longer sequences, where tested: all predictions in them. "
                f"{FIELDS} Empty: no result."
            )
            data = values.assign(scope=values["scope"].map(_WHERE))
            chart = Chart("all-tasks", heatmap_figure(values, order), data, kept_fields)
            overview = draw(chart.name, caption, chart, taken, formats)
    return FirstScreen(
        subject_line(trained) if len(trained.cells) else "No trained cells",
        _setting(trained.cells),
        _unfinished(trained.cells),
        [_verdict(claim, contrasts_of(claim, judged)) for claim in study.claims],
        ranked_on,
        ranked[:_RANKED],
        max(len(ranked) - _RANKED, 0),
        sorted(set(trained.labels) - set(ranks)) if ranks else [],
        "across runs" if any("[" in row.score for row in ranked[:_RANKED]) else "",
        zero,
        curve,
        overview,
    )


def _shown(study: Study) -> tuple[str, str, str] | None:
    """The task, objective and scope of the figure: that of the headline, if it has distances.

    A headline about all tasks has the task that separates most in its scope.
    """
    trained = study.trained
    if trained.predictions.empty:
        return None
    about = subject(study)
    if about is not None and len(
        matching(trained.by_distance.reach, task=about[0], objective=about[1], scope=about[2])
    ):
        return about
    for scope in dict.fromkeys([about[2] if about else SCOPES[0], *SCOPES]):
        place = separating_task(trained, scope)
        if place is not None:
            return (*place, scope)
    return None


def subject_line(study: Study) -> str:
    """What was compared, on what: the title of a report that was given none."""
    about = study.trained if len(study.trained.cells) else study
    if about.cells.empty:
        return "No runs"
    current = about.cells[about.cells["status"] != SUPERSEDED]
    labels, tasks = (sorted(set(current[column])) for column in ("label", "task"))
    return f"{_listed(labels, 'encoding')} on {_listed(tasks, 'task')}"


def _setting(cells: pd.DataFrame) -> str:
    """How cells were trained and tested: "3 seeds each, decoders of 2 layers of width 64, …"."""
    if cells.empty:
        return ""
    current = cells[cells["status"] != SUPERSEDED]
    done = current[current["status"] == "done"]
    parts = [_models(done)]
    if len(done):
        parts.insert(0, f"{span(seeds_of_each(cells), 'seed')} each")
    for column, text in (("steps", "{} training steps"), ("train_length", "trained at {} tokens")):
        values = done[column].dropna().astype(int)
        if len(values):
            ends = dict.fromkeys((show(values.min()), show(values.max())))
            parts.append(text.format("–".join(ends)))
    if len(done) < len(current):
        parts.append(f"{show(len(done))} of {count(len(current), 'cell')} done")
    return ", ".join(filter(None, parts))


def _unfinished(cells: pd.DataFrame) -> list[str]:
    """How many cells ended for each reason: "3 diverged: The loss was nan at step 2." """
    if cells.empty:
        return []
    ended = cells[~cells["status"].isin(("done", "skipped", SUPERSEDED)) & (cells["reason"] != "")]
    found = Counter(zip(ended["status"], ended["reason"], strict=True)).most_common()
    lines = [f"{show(n)} {status}: {shorten(reason, _REASON)}" for (status, reason), n in found[:_REASONS]]
    rest = sum(n for _, n in found[_REASONS:])
    return lines + ([f"{show(rest)} more for other reasons"] if rest else [])


def _models(done: pd.DataFrame) -> str:
    """The bodies, and the size of the models if all have the same."""
    bodies = enumerate_words([f"{body}s" for body in sorted(set(done["body"]))])
    sizes = {
        (settings.get("layers"), settings.get("width"))
        for settings in done.get("settings", ())
        if isinstance(settings, Mapping)
    }
    layers, width = sizes.pop() if len(sizes) == 1 else (None, None)
    if not (bodies and layers and width):
        return bodies
    return f"{bodies} of {count(layers, 'layer')} of width {show(width)}"


def _listed(names: Sequence[str], noun: str) -> str:
    return enumerate_words(names) if len(names) <= _NAMED else count(len(names), noun)


def _ranking(study: Study) -> tuple[Ranking | None, str]:
    """The ranking over tasks that separates most, else over most tasks, else the one of a single task."""
    overall = over_dependencies(study)
    if overall:
        most = max(overall, key=lambda key: len(overall[key].blocks))
        decoding, scope = separating_over_tasks(study) or most
        ranking = overall[decoding, scope]
        return ranking, f"over {count(len(ranking.blocks), 'task')}, {decoding}, {scope}"
    place = separating_task(study) if len(study.predictions) else None
    for (task, objective, scope), ranking in study.rankings.each.items():
        if scope == SCOPES[0] and place in ((task, objective), None):
            return ranking, f"on {title(task, objective, study.cells)}, {scope}"
    return None, ""


def _without_failed(study: Study, ranking: Ranking | None) -> str:
    """The failed runs of the labels of a ranking, whose means are without them."""
    if ranking is None:
        return ""
    by = "posed" if any(ranking is each for each in study.rankings.overall.values()) else "task"
    failed = failed_runs(study.cells, ranking.blocks, by=by)
    left_out = [f"{failed[label]} of {label}" for label in ranking.labels if label in failed]
    return f"; without failed runs: {_listed(left_out, 'encoding')}" if left_out else ""


def _verdict(claim: Claim, contrasts: Sequence[ClaimContrast]) -> Verdict:
    """The line of one claim; where its contrasts differ, how many have each outcome."""
    measured = [contrast for contrast in contrasts if contrast.evidence is not None]
    if not measured:
        return Verdict(*_SIGNS[NOT_MEASURED], NOT_MEASURED, claim.statement, "no runs to compare")
    outcomes = [contrast.outcome for contrast in measured]
    counts = {str(outcome): outcomes.count(outcome) for outcome in _SIGNS if outcome in outcomes}
    sure = [outcome for outcome in counts if outcome != "undecided"]
    first = sure[0] if sure else "undecided"
    sign, tone = _SIGNS[first] if len(sure) < 2 else ("±", "plain")
    sides = len({contrast.labels for contrast in measured})
    words = _in_words(counts, "decoding" if sides == 1 else "comparison")
    # Of those that the word is about, the first over the most tasks, whatever its effect.
    about = [contrast for contrast in measured if contrast.outcome == first]
    shown = max(about, key=lambda contrast: len(contrast.by_task))
    decodings = list(dict.fromkeys(contrast.decoding for contrast in measured))
    place = [claim.where, shown.decoding if len(decodings) > 1 else "", count(len(shown.by_task), "task")]
    where = ", ".join(filter(None, place))
    own = f"{shown.outcome}, " if len(counts) > 1 else ""
    effect = f"{shown.better} − {shown.other}, {where}: {own}{effect_text(shown)}{failures(shown)}"
    effect += members_differ(shown)  # who repeats a verdict on a kind must see whom it holds for
    others = [contrast for contrast in measured if contrast is not shown]
    more = outlook(shown).removeprefix(failures(shown)).removeprefix("; ")
    measure = f"Metric: {claim.metric}; an effect of {fraction(claim.smallest_effect)} matters."
    if len(decodings) > 1:
        measure += f" The decodings are {enumerate_words(decodings)}."
    if claim.refuted_by:
        measure += f" Refuted by {claim.refuted_by}."
    lacking = seeds_of(others).removeprefix("; ")
    return Verdict(sign, tone, words, claim.statement, effect, more, lacking, measure, in_short(shown))


def _in_words(counts: Mapping[str, int], noun: str) -> str:
    """How often each outcome occurs: "undecided in both decodings"."""
    of = sum(counts.values())
    if len(counts) == 1:
        (outcome,) = counts
        return outcome + ("" if of == 1 else f" in both {noun}s" if of == 2 else f" in all {of} {noun}s")
    first, *others = (f"{outcome} in {n}" for outcome, n in counts.items())
    return ", ".join([f"{first} of {of} {noun}s", *others])


def seeds_of(others: Sequence[ClaimContrast]) -> str:
    """A clause with the seeds that contrasts which are not shown lack, and on how many that is not all."""
    lacking = [each for each in others if each.outcome == "undecided" and each.overall.error > 0]
    stuck = sum(bool(each.obstacle) for each in lacking)
    seeds = [number for each in lacking if (number := each.seeds_to_decide) is not None]
    rest = len(lacking) - stuck - len(seeds)
    clauses = [
        (len(seeds), f"{span(seeds, 'more seed')} of each for {{}}"),
        (rest, f"{MOST} seeds are too few for {{}}"),
        (stuck, "more seeds are not likely to decide {}"),
    ]
    return "".join(f"; {words.format(count(n, 'other contrast'))}" for n, words in clauses if n)
