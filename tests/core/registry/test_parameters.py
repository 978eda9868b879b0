"""A plugin's parameters are what its constructor says."""

from typing import Any, Literal

import pytest

from posharness.errors import UserError
from posharness.registry.parameters import Parameter, build, check, parameters


class Sample:
    def __init__(
        self,
        place: int,
        *,
        form: Literal["auto", "signed"] = "auto",
        clip: int = 16,
        scale: float = 1.0,
        offsets: tuple[int, ...] = (1, 2),
        names: tuple[str, ...] = ("a", "b"),
        corpus: str = "x",
        cap: int | None = None,
    ) -> None:
        pass


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("form", "signed", "signed"),
        ("clip", "8", 8),
        ("clip", 8, 8),
        ("scale", "2", 2.0),
        ("offsets", "[3,5]", [3, 5]),
        ("offsets", "64", [64]),
        ("offsets", 64, [64]),
        ("names", "a", ["a"]),
        ("names", "64", ["64"]),
        ("corpus", "2020", "2020"),
        ("cap", "none", None),
        ("cap", "7", 7),
    ],
)
def test_text_becomes_the_annotated_type(name: str, given: Any, value: Any) -> None:
    found = check("sample", parameters(Sample)[name], given)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("name", "given"), [("form", "sined"), ("clip", "many"), ("clip", "1.5"), ("offsets", "many")]
)
def test_a_value_that_does_not_fit(name: str, given: str) -> None:
    with pytest.raises(UserError, match=rf"sample\[{name}={given}\]: {name} expects"):
        check("sample", parameters(Sample)[name], given)


@pytest.mark.parametrize("given", ["nan", "NaN", "-inf", "1e999", float("nan"), "[1, nan]"])
@pytest.mark.parametrize("name", ["scale", "cap", "offsets"])
def test_a_number_that_is_not_finite_never_becomes_another_value(name: str, given: Any) -> None:
    with pytest.raises(UserError, match=rf"sample\[{name}=.*{name} expects"):
        check("sample", parameters(Sample)[name], given)


@pytest.mark.parametrize("given", ["9" * 30, "9" * 5000, "[" * 5000])
def test_an_endless_value_is_refused_in_a_short_message(given: str) -> None:
    with pytest.raises(UserError, match=r"^sample\[clip=.*clip expects a whole number") as caught:
        check("sample", parameters(Sample)["clip"], given)
    assert len(str(caught.value)) < 300


def test_json_values_become_arguments_again() -> None:
    assert build(Sample, {"offsets": [3, 5]}) == {"offsets": (3, 5)}


def test_a_constructor_that_hides_its_parameters_is_refused() -> None:
    class Hiding:
        def __init__(self, place: int, **options: int) -> None:
            pass

    class Bare:
        def __init__(self, place: int, *, clip: int) -> None:
            pass

    with pytest.raises(TypeError, match="name its parameters"):
        parameters(Hiding)
    with pytest.raises(TypeError, match="'clip' needs"):
        parameters(Bare)


def test_parameter_holds_what_the_signature_says() -> None:
    assert parameters(Sample)["clip"] == Parameter("clip", int, 16)


def test_few_values_are_named_the_default_first() -> None:
    found = parameters(Sample)
    assert found["form"].choices == ["auto", "signed"]
    assert Parameter("values", bool, False).choices == [False, True]
    assert found["clip"].choices == []
