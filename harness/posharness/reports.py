"""The reports of a store: compiled, verified, published and compared."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posharness.contracts import Frames
from posharness.contracts.atomic_files import write_bytes
from posharness.contracts.comparison import Comparison
from posharness.contracts.versions import Versioned, superseded, versioned_rows
from posharness.defaults import DEFAULT_COMPILER
from posharness.errors import UserError, did_you_mean
from posharness.git_branch import GitBranch, publish_to_branch
from posharness.references import REFERENCES, references
from posharness.registry.registry import Registry
from posharness.registry.report_parts import report_claims, report_sections
from posharness.results import chosen, mark, stored_frames
from posharness.store import CellStatus, Store
from posharness.store.layout import COSTS, REPORTS, STORE
from posharness.temporary import temporary_folder
from posharness.until_decided import recorded_looks
from posharness.verification import (
    MADE,
    Made,
    compare_files,
    compare_numbers,
    compare_store,
    digest_of,
    read_made,
    write_made,
)

if TYPE_CHECKING:
    from posharness.contracts import Compiler

__all__ = ["check_baseline", "compare_reports", "compile_report", "publish_report", "verify_report"]

REPORT = "report.html"


def compile_report(
    store: str | Path,
    *,
    title: str | None = None,
    plugin_paths: Sequence[Path] = (),
    reuse: bool = False,
    compiler: str = DEFAULT_COMPILER,
    planned: Collection[str] = (),
    baseline: str = "",
    to: str | Path | None = None,
    command: str = "",
) -> Path:
    """Compile the report of a store, and return the path of report.html.

    The id of the report is a digest of the cells, their status, which of them count, the title, and the code
    of the sections and claims. It names the folder of the report and the address where it is published.

    Args:
        store: the folder of the results; the report is written to a folder inside it.
        title: the title of the report; by default its encodings and tasks.
        plugin_paths: files of single-file sections, claims and compilers, as for `--plugin-path`.
        reuse: return the report with the same id if there is one.
        compiler: the compiler that writes the report, as for `--compiler`.
        planned: keys of the cells that a run selected. If a plugin's code has several versions, theirs
            counts; without a run, the version that started last counts. The others are listed as superseded.
        baseline: the label that all others are compared with, as in the report; by default none.
        to: the folder in which the report gets its own; by default that of the store, which must be writable.
        command: the command line that made the report, written into made.json with the versions, the CPU,
            the numbers, and the checksums of the cells and of the report's files.

    Raises:
        UserError: there is no store, it holds no cell, there is no such compiler, or no cell has the label.

    Examples:
        >>> page = posharness.compile_report("runs", title="My comparison")  # doctest: +SKIP
    """
    opened = Store.open(Path(store), create=False)
    registry = Registry.load(plugin_paths)
    states = {key: state for key in opened.keys() if (state := opened.status(key))}  # noqa: SIM118
    if not states:
        raise UserError(
            f"The store {store} holds no cell yet; run something first: harness run --store {store}."
        )
    writer, label = registry.compiler(compiler)
    heading = title or ""
    ended = [f"{key} {state.status} {state.started}" for key, state in sorted(states.items())]
    code = _code(registry, writer)
    old = superseded(_versions(opened, states), planned)
    measured = opened.path / COSTS
    costs = [sha256(measured.read_bytes()).hexdigest()] if measured.is_file() else []
    looks = recorded_looks(opened.path)
    given = [heading, label, baseline, *([f"level {looks.level}"] if looks else [])]
    report_id = sha256("\n".join([*given, *ended, *sorted(old), *code, *costs]).encode()).hexdigest()[:12]
    folder = (Path(to) if to is not None else opened.path / REPORTS) / report_id
    # A running cell can change without a change of status.
    moving = any(state.status == "running" for state in states.values())
    if reuse and (folder / REPORT).is_file() and (folder / MADE).is_file() and not moving:
        return folder / REPORT
    frames = stored_frames(opened)
    mark(frames.cells, old)
    if baseline:
        check_baseline(baseline, {str(name) for name in frames.cells["label"].dropna()})
    cells = {key: digest_of(opened, key) for key in sorted(states)}
    made = Made(
        title=heading,
        baseline=baseline,
        level=looks.level if looks else None,
        compiler=compiler,
        command=command,
        superseded=dict(sorted(old.items())),
        cells=cells,
    )
    page = _compile(frames, registry, writer, made, folder)
    write_made(folder, made)
    return page


def _code(registry: Registry, writer: Compiler) -> list[str]:
    """Digests of the code that makes a report.

    Of our own packages, all files count: they use no code of others that is not a library, and to read what
    each section reaches takes as long as a tenth of a report.
    """
    parts = [(part, entry.plugin) for part in (registry.sections, registry.claims) for entry in part.entries]
    ours: set[str] = set()
    digests: list[str] = []
    for catalogue, cls in [(registry.compilers, type(writer)), *parts]:
        source = catalogue.source_of(cls)
        if source is not None and source.is_ours:
            ours.add(cls.__module__.partition(".")[0])
        else:
            digests.append(registry.digests.digest(cls))
    return [*digests, *(_digest_of_package(name) for name in sorted(ours))]


def _digest_of_package(name: str) -> str:
    found = sha256()
    for folder in import_module(name).__path__:
        files = (path for path in Path(folder).rglob("*") if path.suffix != ".pyc" and path.is_file())
        for path in sorted(files):
            found.update(f"{path.relative_to(folder).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return found.hexdigest()


def _compile(frames: Frames, registry: Registry, writer: Compiler, made: Made, folder: Path) -> Path:
    # A compiler of others may know none of them.
    options: dict[str, Any] = {"baseline": made.baseline} if made.baseline else {}
    options |= {"alpha": made.level} if made.level is not None else {}
    page = writer.compile(
        frames,
        report_sections(registry.sections),
        claims=report_claims(registry.claims),
        title=made.title,
        folder=folder,
        **options,
    )
    write_bytes(folder / REFERENCES, references(registry, frames.cells).encode())
    return page


def verify_report(
    report: str | Path, store: str | Path | None = None, *, plugin_paths: Sequence[Path] = ()
) -> list[str]:
    """Compare a compiled or published report with what it was made from, and name what differs.

    Every file is compared with its checksum, and every number with its table. With the store, every cell is
    compared with its checksums, and the report is made again from the rows: each number must be the same.

    Args:
        report: the folder of a report, or its report.html.
        store: the folder of the results; by default the one that holds the report. Without any, the report is
            compared with its own data.
        plugin_paths: files of single-file sections, claims and compilers, as when the report was compiled.

    Raises:
        UserError: `report` is no report that says what it was made from, or there is no such store.

    Examples:
        >>> posharness.verify_report(page)  # doctest: +SKIP
        []
    """
    folder = Path(report).parent if Path(report).name == REPORT else Path(report)
    made, content = read_made(folder)
    found = list(compare_files(folder, content))
    place = Path(store) if store is not None else folder.resolve().parent.parent
    if store is None and not (place / STORE).is_file():
        return found
    opened = Store.open(place, create=False)
    found += compare_store(made, opened)
    registry = Registry.load(plugin_paths)
    frames = stored_frames(opened)
    kept = chosen(frames, lambda cells: cells.isin(made.cells))
    mark(kept.cells, made.superseded)
    with temporary_folder("verify") as aside:
        again = aside / folder.resolve().name
        writer, _ = registry.compiler(made.compiler)
        _compile(kept, registry, writer, made, again)
        found += compare_numbers(folder, again)
    return found


def check_baseline(baseline: str, labels: Collection[str]) -> None:
    """Refuse a baseline that is not one of the labels.

    Raises:
        UserError: it is none of them.
    """
    if baseline not in labels:
        raise UserError(f"--baseline: no encoding {baseline!r} here; {did_you_mean(baseline, labels)}")


def publish_report(
    report: str | Path,
    *,
    to: str | Path,
    plugin_paths: Sequence[Path] = (),
    compiler: str = DEFAULT_COMPILER,
) -> Path | str:
    """Publish a compiled report into a static folder, or into a branch of a git repository.

    Nothing there is replaced but an earlier version of this report and the index page. Publishing a report
    again changes nothing.

    Args:
        report: the folder of a compiled report, or its report.html.
        to: the static folder, which is created if missing; or GIT_URL#branch, a branch that GitHub or GitLab
            serves as pages, which is made if missing. A push changes the branch as a whole or not at all.
        plugin_paths: files of single-file compilers, as for `--plugin-path`.
        compiler: the compiler that wrote the report, as for `--compiler`.

    Returns:
        The path of the index page, or GIT_URL#branch.

    Raises:
        UserError: `report` is not a compiled report or has a link in it; the folder cannot be written, or has
            something else in the place of the report or of the index page; the repository cannot be read, or
            refuses the push.

    Warns:
        HarnessWarning: the folder has a damaged or foreign report, which is left as it is and not listed.

    Examples:
        >>> index = posharness.publish_report(page, to="public/")  # doctest: +SKIP
    """
    writer, _ = Registry.load(plugin_paths).compiler(compiler)
    branch = GitBranch.parse(to) if isinstance(to, str) else None
    if branch is None:
        return writer.publish(Path(report), to=Path(to))
    source = Path(report).resolve()  # git works in a folder of its own
    publish_to_branch(branch, lambda site: writer.publish(source, to=site), f"Publish {source.name}")
    return str(branch)


def compare_reports(
    one: str | Path,
    other: str | Path,
    *,
    plugin_paths: Sequence[Path] = (),
    compiler: str = DEFAULT_COMPILER,
) -> Comparison:
    """Find what differs between two reports: what was run, and numbers, ranks and verdicts beyond noise.

    Args:
        one: the folder of a compiled or published report, its report.html, or a store.
        other: likewise.
        plugin_paths: files of single-file claims and compilers, as for `--plugin-path`.
        compiler: the compiler that wrote the reports, as for `--compiler`.

    Raises:
        UserError: one of them is neither a report nor a store, or there is no such compiler.

    Examples:
        >>> posharness.compare_reports("runs", "public/0123456789ab").numbers  # doctest: +SKIP
    """
    registry = Registry.load(plugin_paths)
    writer, _ = registry.compiler(compiler)
    return writer.compare(
        _report_orstored_frames(Path(one)),
        _report_orstored_frames(Path(other)),
        names=(str(one), str(other)),
        claims=report_claims(registry.claims),
    )


def _report_orstored_frames(path: Path) -> Path | Frames:
    """The folder of a report, or the frames of a store, in which superseded cells are marked."""
    folder = path.parent if path.name == REPORT else path
    if (folder / "report.json").is_file():
        return folder
    if not (folder / STORE).is_file():
        raise UserError(f"{path} is neither a store nor a report; give the folder of one.")
    frames = stored_frames(Store.open(folder, create=False))
    mark(frames.cells, superseded(versioned_rows(frames.cells)))
    return frames


def _versions(store: Store, states: Mapping[str, CellStatus]) -> Iterator[Versioned]:
    for key, state in states.items():
        # A cell that cannot be read is reported as such, and no other cell replaces it.
        with suppress(OSError, ValueError):
            yield Versioned.of(store.cell(key), state.started)
