"""Tables: short ones as rich draws them, long ones line by line with the same words and colours."""

import io
import re
import warnings

import pytest
from rich.console import Console
from rich.text import Text

from posharness.cli.output import complain, console, print_rows, shown_warnings
from posharness.errors import HarnessWarning

COLUMNS = ("cell", "plugin", "status")


def printed(rows: int, *, colour: bool = False) -> str:
    out = io.StringIO()
    drawn = Console(file=out, width=40, force_terminal=colour, color_system="standard" if colour else None)
    fields = [(f"{n:08x}", "名前" if n % 2 else "a" * 60, Text("done", style="green")) for n in range(rows)]
    print_rows(drawn, COLUMNS, fields)
    return out.getvalue()


def test_a_long_table_has_a_line_for_each_row_however_long_it_is() -> None:
    heading, rule, *lines = [line for line in printed(600).splitlines() if line.strip()]
    assert heading.split() == list(COLUMNS)
    assert set(rule.strip()) == {"─"}
    assert [line.split() for line in lines[:2]] == [
        ["00000000", "a" * 60, "done"],
        ["00000001", "名前", "done"],
    ]
    assert len(lines) == 600


def test_its_columns_are_aligned_even_under_wide_characters() -> None:
    lines = printed(600).splitlines()[3:5]
    assert lines[0].index("done") == lines[1].index("done") + len("名前")


def test_it_keeps_the_colours_of_its_fields() -> None:
    assert "\x1b[32m done " in printed(600, colour=True)


def test_a_short_table_fits_the_console() -> None:
    assert max(map(len, printed(20).splitlines())) <= 40


def test_no_text_steers_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    steering = "\x1b[2Jred\x1b]0;title\x07 \u202eabc\x9b31m"
    console().print(Text(steering))
    print_rows(console(), ("a",), [(steering,), (Text(steering, style="red"),)])
    complain(steering)
    written = "".join(capsys.readouterr())
    assert "red" in written
    assert not set("\x1b\x07\u202e\x9b") & set(written)


@pytest.mark.parametrize("rows", [1, 600])
def test_words_from_right_to_left_leave_numbers_where_they_are(
    rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    label, other, fields = "עברית[window=8]", "ערבית 12", [("קידוד", "3")] * rows

    def written(terminal: str, name: str = "utf-8") -> list[str]:
        raw = io.BytesIO()
        monkeypatch.setenv("TTY_COMPATIBLE", terminal)
        monkeypatch.setattr("sys.stdout", io.TextIOWrapper(raw, encoding=name, errors="replace"))
        out = console()
        out.print(Text(f"0.94 with {label}, 0.46 with ({other}); \u2068ab \u202e\u2069"))
        out.print(Text.assemble("1  ", (label, "bold"), "  0.95"))
        print_rows(out, ("a", "b"), fields)
        out.file.flush()
        return [re.sub("\x1b[^m]*m", "", line) for line in raw.getvalue().decode(name).splitlines()]

    first, second, *lines = written("1")
    assert first == (
        "0.94 with \u2068עברית[window=8]\u2069, 0.46 with (\u2068ערבית\u2069 12); \ufffdab \ufffd\ufffd"
    )
    assert second == "1  \u2068עברית[window=8]\u2069  0.95"
    assert [line.split() for line in lines if "3" in line] == [["\u2068קידוד\u2069", "3"]] * rows
    # A pipe, and a terminal without these characters, get none.
    assert not any("\u2068" in line for line in (*written("0"), *written("1", "cp1255")))
    assert "?עברית" not in written("1", "cp1255")[0]


def test_an_endless_message_is_shortened(capsys: pytest.CaptureFixture[str]) -> None:
    complain(f"begin {'x' * 10**6} end")
    written = capsys.readouterr().err
    assert written.startswith("harness: begin ")
    assert written.endswith(" end\n")
    assert len(written) < 2100


@pytest.mark.filterwarnings("error:of another:UserWarning")
def test_a_warning_is_shown_when_it_is_raised_and_once(capsys: pytest.CaptureFixture[str]) -> None:
    with shown_warnings():
        for _ in range(2):
            warnings.warn("waiting", HarnessWarning, stacklevel=1)
        assert capsys.readouterr().err == "harness: warning: waiting\n"
        with pytest.raises(UserWarning, match="of another"):
            warnings.warn("of another", UserWarning, stacklevel=1)
    assert capsys.readouterr().err == ""
