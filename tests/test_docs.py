"""Every example in the documentation and the README runs, and shows what it says it shows.

Fenced blocks are executed from top to bottom, each page in a folder of its own:

    python title="FILE"     is written to FILE
    python, pycon           is executed; of the latter, what is shown is compared
    console, console exit=N runs each line after "$ ", and compares what is shown; "..." stands for anything
    toml, text              is shown only; commands in it, and in the prose, are parsed

Runs are made tiny by an experiment file of the tests.
"""

from __future__ import annotations

import ast
import doctest
import importlib
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import typer

import posharness
from posharness.cli import main
from posharness.cli.app import app

ROOT = Path(__file__).parents[1]
PAGES = sorted(ROOT.glob("docs/**/*.md"))
OTHERS = sorted(ROOT.glob("*.md"))
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
TINY = """
preset = "smoke"
tasks = ["copy"]
seeds = 1
[model]
width = 16
layers = 1
heads = 2
[budget]
steps = 4
batch = 4
validate_every = 2
validation_sequences = 4
test_sequences = 4
"""


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    language: str
    options: dict[str, str]
    text: str
    line: int


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, each of them in a language."""
    found = []
    for match in re.finditer(
        r"^```(\w+)([^\n]*)\n(.*?)^```$", text := page.read_text(), re.MULTILINE | re.DOTALL
    ):
        options = dict(re.findall(r'(\w+)="?([^"\s]+)"?', match[2]))
        found.append(Block(match[1], options, match[3], text[: match.start()].count("\n") + 1))
    assert 2 * len(found) == len(re.findall("^```", text, re.MULTILINE)), f"{page.name}: a fence is not read"
    return found


@dataclass
class Reader:
    """Someone who follows a page, in a folder of their own."""

    folder: Path
    patch: pytest.MonkeyPatch
    names: dict[str, Any] = field(default_factory=lambda: {"__name__": "docs"})

    def follow(self, block: Block, page: str) -> None:
        if "title" in block.options:
            (self.folder / block.options["title"]).write_text(block.text)
        elif block.language == "python":
            exec(compile(block.text, f"{page}, line {block.line}", "exec"), self.names)
        elif block.language == "pycon":
            self.converse(block, page)
        elif block.language == "console":
            self.type(block)
        else:
            assert block.language in ("toml", "text"), f"{page}, line {block.line}: {block.language}?"

    def converse(self, block: Block, page: str) -> None:
        said: list[str] = []
        test = doctest.DocTestParser().get_doctest(block.text, {}, page, page, block.line)
        test.globs = self.names
        doctest.DocTestRunner(optionflags=FLAGS).run(test, out=said.append, clear_globs=False)
        assert not said, "".join(said)

    def type(self, block: Block) -> None:
        expected = int(block.options.get("exit", "0"))
        for command, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block.text, re.MULTILINE):
            pace = "reported" if "Report:" in shown else "trained" if shown else "planned"
            status, out = self.run(command, pace)
            assert status == expected, f"{command}\n{out}"
            alike = doctest.OutputChecker().check_output(shown, out, FLAGS)
            assert alike or not shown, f"{command}\n{out}\nis not like\n{shown}"

    def run(self, command: str, pace: str) -> tuple[int, str]:
        """The exit status of a command, and what it printed; see `smaller`."""
        words = shlex.split(command, comments=True)
        while "=" in words[0]:
            name, _, value = words.pop(0).partition("=")
            self.patch.setenv(name, str(self.folder / value))
        match words:
            case ["harness", *arguments]:
                with redirect_stdout(StringIO()) as out, redirect_stderr(out):
                    status = main(smaller(arguments, pace))
                return status, out.getvalue()
            case ["pytest", *arguments]:
                return self.start("pytest", "-q", "-p", "no:cacheprovider", *arguments)
            case ["pip", "install", "-e", package]:
                return self.install(package)
        raise AssertionError(f"no test knows how to run {command!r}")

    def start(self, *command: str) -> tuple[int, str]:
        ended = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, check=False)
        return ended.returncode, ended.stdout + ended.stderr

    def install(self, package: str) -> tuple[int, str]:
        """Install a package where this reader, and nobody else, finds it."""
        site = str(self.folder / "site")
        ended = self.start(
            *("pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-index"),
            *("--no-build-isolation", "--target", site, str(Path(package).resolve())),
        )
        self.patch.setenv("PYTHONPATH", site)
        self.patch.syspath_prepend(site)
        importlib.invalidate_caches()
        return ended


def smaller(arguments: list[str], pace: str) -> list[str]:
    """A command with what makes it tiny.

    A run of which nothing is shown is "planned" only; one without a report is "trained", else "reported".
    """
    if arguments[0] == "cost":
        return [*arguments[: arguments.index("--lengths") + 1], "8..16"]
    if arguments[0] != "run" or "--config" in arguments:
        return arguments
    tasks = ["--tasks", "bert"] if "--corpus" in arguments and "--tasks" not in arguments else []
    only = {"planned": ["--dry-run"], "trained": ["--no-report"], "reported": []}[pace]
    return [*arguments, *tasks, "--config", "tiny.toml", "--workers", "1", *only]


@pytest.fixture
def reader(warm_server: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "tiny.toml").write_text(TINY)
    before = set(sys.modules)
    yield Reader(tmp_path, monkeypatch)
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_shows_is_so(page: Path, reader: Reader) -> None:
    for block in blocks(page):
        reader.follow(block, page.name)


def mentioned(text: str) -> Iterator[str]:
    """The commands in blocks of text and in the prose, without what explains them."""
    for block in re.findall(r"^```text\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        lines = re.sub(r"\\\n\s*", "", block).splitlines()
        commands = [line.strip() for line in lines if line.strip().startswith("harness ")]
        yield from (re.split(r"\s{2,}", line)[0] for line in commands if "[OPTIONS]" not in line)
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    yield from (" ".join(code.split()) for code in re.findall(r"`(harness [^`]+)`", prose))


@pytest.mark.parametrize("page", [*PAGES, *OTHERS], ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_that_are_mentioned_can_be_parsed(page: Path) -> None:
    commands: Any = typer.main.get_command(app)
    faults = []
    for command in mentioned(page.read_text("utf-8")):
        name, *arguments = shlex.split(command, comments=True)[1:]
        if name in ("COMMAND", "--help", "--version", "--install-completion"):
            continue
        try:
            commands.commands[name].make_context(name, arguments)
        except typer.TyperException as error:
            faults.append(f"{command}: {error.format_message()}")
    # The prose may leave out what a command is about, and name a group of commands, which has no message.
    assert [fault for fault in faults if "Missing" not in fault and not fault.endswith(": ")] == []


def test_every_link_leads_somewhere() -> None:
    for page in [*PAGES, *OTHERS]:
        text = page.read_text()
        for target in re.findall(r"\]\(([^)]+)\)", text):
            path, _, anchor = target.partition("#")
            if "://" in target:
                continue
            there = page.parent / path if path else page
            assert there.exists(), f"{page.name}: {target}"
            headings = re.findall(r"^#+ (.*)$", there.read_text(), re.MULTILINE) if anchor else []
            slugs = [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]
            assert not anchor or anchor in slugs, f"{page.name}: {target}"


def test_how_to_read_a_report_names_what_reports_show() -> None:
    page = (ROOT / "docs" / "how-to" / "read-a-report.md").read_text("utf-8")
    named = re.findall(r"(?<!\*)\*([A-Z][^*]+)\*(?!\*)", page)
    assert len(named) > 10
    sources = [*ROOT.glob("reports/**/*.py"), *ROOT.glob("harness/posharness/contracts/*.py")]
    trees = [ast.parse(source.read_text("utf-8")) for source in sources]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    docstrings = [id(node.value) for node in nodes if isinstance(node, ast.Expr)]
    texts = [node for node in nodes if isinstance(node, ast.Constant) and id(node) not in docstrings]
    strings = [node.value for node in texts if isinstance(node.value, str)]
    shown = "\n".join(strings).lower().replace("_", " ")
    assert [name for name in named if " ".join(name.lower().split()) not in shown] == []


def test_what_the_readme_shows_is_so(reader: Reader) -> None:
    text = (ROOT / "README.md").read_text()
    (reader.folder / "my-text.txt").write_text(prose())
    for block in blocks(ROOT / "README.md"):
        if "@hookimpl" in block.text:
            (reader.folder / "decay.py").write_text(block.text)
            (reader.folder / "mine.py").write_text(block.text.replace('"decay"', '"mine"'))
    commands = re.findall(r"^    (?:pip install [^&]+ && )?(harness .*)$", text, re.MULTILINE)
    assert len(commands) > 5
    for number, command in enumerate(commands):
        if "/ID" in command:
            report = next((reader.folder / "runs" / "reports").iterdir())
            command = command.replace("/ID", f"/{report.name}")
        if "other-runs" in command:
            shutil.copytree(reader.folder / "runs", reader.folder / "other-runs")
        status, out = reader.run(command, "planned" if number else "reported")
        assert status == 0, f"{command}\n{out}"
    for block in blocks(ROOT / "README.md"):
        if "posharness.run(" in block.text:
            exec(block.text.replace('preset="smoke"', 'config="tiny.toml"'), reader.names)
            agrees_with_the_report(reader.names["accuracy"])


def agrees_with_the_report(accuracy: pd.Series[float]) -> None:
    """What the example computes stands in the report."""
    folder = posharness.compile_report("runs").parent
    table = pd.read_csv(folder / "tables" / "accuracy-by-dependency-length-all-values.csv")
    table = table[table["scope"] == "at the training length"].astype({"bucket": int})
    reported = table.set_index(["task", "objective", "encoding", "bucket"])["accuracy"]
    assert set(accuracy.index.get_level_values("label")) == {"relative", "absolute"}
    for place, value in accuracy.items():
        assert reported[place] == pytest.approx(value, abs=1e-6), place


def prose() -> str:
    """Enough words for a vocabulary and two documents."""
    sentence = "The {} of a word is what stands before it and what comes after it, however far away. "
    words = ["place", "order", "sense", "sound", "weight", "colour", "shape", "length", "name", "rank"]
    return "\n\n".join(" ".join(sentence.format(word) for word in words) * 12 for _ in range(12))
