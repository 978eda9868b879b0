"""Examples of the tests: which are picked, who answered what, and what is marked."""

from __future__ import annotations

import json
from dataclasses import replace

import pandas as pd

from posharness.conformance.sample_frames import empty_frames, sample_frames
from posharness.contracts import Frames
from posharness_reports.compile.examples import Example, Examples, examples
from posharness_reports.study import study


def _found(frames: Frames) -> Examples:
    return examples(study(frames).trained)


def test_a_test_has_one_seed_all_labels_and_the_nearest_first() -> None:
    frames = sample_frames()
    found = _found(frames)
    assert [test.length for test in found.tests] == [16, 32]
    for test in found.tests:
        distances = [example.distance for example in test.examples]
        assert distances == sorted(distances)
        assert {distances[0], distances[-1]} == {1, 8}
        assert test.seed == 0
        answered = {label for example in test.examples for label in example.answers}
        assert answered == {"near", "far"}
        assert [example.distance for example in test.ends] == [1, 8]


def test_answers_are_those_of_the_frame() -> None:
    frames = sample_frames()
    rows = frames.examples
    for test in _found(frames).tests:
        for example in test.examples:
            for label, (given, after) in example.answers.items():
                own = rows[
                    (rows["label"] == label)
                    & (rows["seed"] == test.seed)
                    & (rows["length"] == test.length)
                    & (rows["dependency_length"] == example.distance)
                    & (rows["position"] == example.place)
                ]
                assert (given, after) in set(zip(own["prediction"], own["changed_prediction"], strict=True))
            assert set(example.right) == {
                label for label, answer in example.answers.items() if answer[0] == example.answer
            }
            assert {label for label, _ in example.wrong} == set(example.answers) - set(example.right)


def test_of_many_sequences_some_are_picked_and_the_ends_stay() -> None:
    frames = sample_frames()
    rows = frames.examples[frames.examples["length"] == 16].head(1)
    many = pd.concat(
        [rows.assign(sequence=i, dependency_length=i + 1) for i in range(100)], ignore_index=True
    )
    (test,) = _found(replace(frames, examples=many)).tests
    distances = [example.distance for example in test.examples]
    assert len(distances) == 24
    assert (distances[0], distances[-1]) == (1, 100)


def test_sources_and_the_place_are_marked_and_long_stretches_left_out() -> None:
    tokens = [f"t{i}" for i in range(60)]
    pieces = Example(50, tokens, [], [3], 53, "t3", "").pieces
    assert [text for text, kind in pieces if kind == "source"] == ["t3"]
    assert [text for text, kind in pieces if kind == "place"] == ["t53"]
    left = [int(text) for text, kind in pieces if kind == "left out"]
    assert sum(left) + len([1 for _, kind in pieces if kind != "left out"]) == 60
    assert left == [60 - 10 - 13]
    both = Example(2, ["<s>", "b"], ["a", "b"], [1], 0, "b", "").pieces
    assert [piece for piece in both if piece[1]] == [("b", "source"), ("<s>", "place")]


def test_each_sequence_is_in_the_data_once() -> None:
    found = _found(sample_frames())
    (first, *_) = found.data
    assert json.loads(json.dumps(first)) == first
    assert len(first["examples"]) == len(found.tests[0].examples)
    assert set(first["answers"]) == {"near", "far"}
    assert all(len(given) == len(first["examples"]) for given in first["answers"].values())


def test_a_store_without_examples_has_none() -> None:
    assert _found(empty_frames()).tests == []
