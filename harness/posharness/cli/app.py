"""The program `harness`: its commands, and how errors and Ctrl-C end it."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from posharness.cli import (
    check,
    cost,
    diff,
    evaluate,
    export,
    new,
    publish,
    report,
    run,
    show,
    status,
    store,
    verify,
    work,
)
from posharness.cli import list as list_
from posharness.cli.output import complain, prepare_streams, shown_warnings
from posharness.cli.stopping import end_soon, exit_status, stopped_by_signals
from posharness.errors import UserError, did_you_mean

__all__ = ["app", "main"]

_SURROUNDINGS = (
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT),
    *(errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR, errno.EISDIR),
)
"""Errors of the operating system that the user can fix: permissions, disk space and paths."""

_HELP = ["-h", "--help"]

app = typer.Typer(
    name="harness",
    help="Measure which way of telling a transformer about position carries information how far.",
    epilog=(
        "[bold]Examples[/]\n"
        "  harness run --plugins rpe,absolute      train, evaluate and report\n"
        "  harness list --encodings                what can be given to --plugins\n"
        "  harness status                          the progress of the cells in runs/\n\n"
        "`harness COMMAND --help` shows more."
    ),
    rich_markup_mode="rich",
    context_settings={"help_option_names": _HELP},
)
for _command in (
    run,
    work,
    evaluate,
    list_,
    show,
    status,
    store,
    report,
    verify,
    publish,
    diff,
    export,
    check,
    cost,
    new,
):
    _command.register(app)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"posharness {version('posharness')}")
        raise typer.Exit


@app.callback()
def _harness(
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    pass


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: without the program's name; those of the process by default.

    Returns:
        The exit status: 0, 1 when a cell did not end as done, 2 for a mistake of the user's, 128 and the
        number of the signal when stopped by one: 130 from the keyboard.
    """
    status = _run(list(sys.argv[1:] if arguments is None else arguments) or ["--help"])
    if arguments is None:
        end_soon(status)
    return status


def _run(given: list[str]) -> int:
    prepare_streams()
    try:
        # Outside its standalone mode, typer hands its errors and exit statuses to the caller.
        with stopped_by_signals(), shown_warnings():
            status = _prepared(typer.main.get_command(app)).main(
                given, prog_name="harness", standalone_mode=False
            )
    except typer.TyperException as error:
        complain(_usage(error))
        return 2
    except UserError as error:
        complain(str(error))
        return 2
    except OSError as error:
        if error.errno not in _SURROUNDINGS:
            raise
        named = f" ({str(error.filename)[:200]})" if error.filename else ""
        complain(f"{error.strerror}{named}; fix this, and the same command resumes.")
        return 2
    except KeyboardInterrupt as error:
        complain("stopped.")
        return exit_status(error)
    return status if isinstance(status, int) else 0


def _prepared(program: Any) -> Any:
    """The program, whose commands say that they are stopped.

    Its help shows no type beside a switch, and a default in one kind of brackets.
    """
    for command in (program, *program.commands.values()):
        if command is not program and hasattr(command, "commands"):
            _prepared(command)
            continue
        if command is not program:
            command.callback = _said_when_stopped(command.callback)
        # The option for help is made with the first context, and kept.
        for option in command.get_params(typer.Context(command, help_option_names=_HELP)):
            if getattr(option, "is_flag", False) and option.metavar is None:
                option.metavar = ""
            if isinstance(option.show_default, str):
                option.help = f"{option.help} \\[default: {option.show_default}]"
                option.show_default = False
    return program


def _said_when_stopped(command: Callable[..., Any]) -> Callable[..., Any]:
    """A command that says by itself that it is stopped: typer ends every stopped one in silence, with 130."""

    @wraps(command)
    def run(*arguments: Any, **named: Any) -> Any:
        try:
            return command(*arguments, **named)
        except KeyboardInterrupt as error:
            complain("stopped.")
            raise typer.Exit(exit_status(error)) from None

    return run


def _usage(error: typer.TyperException) -> str:
    """Typer's message for a wrong command line, as one sentence that ends with what to do."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "harness"
    name = getattr(error, "option_name", None)
    if context and name and hasattr(error, "possibilities"):
        known = [
            option
            for parameter in context.command.params
            for option in parameter.opts
            if option.startswith("-")
        ]
        message = f"unknown option {name!r}; {did_you_mean(name, known)}"
    else:
        message = " ".join(error.format_message().split())
        message = message.partition(", unable to parse")[0]
        for theirs, ours in (
            (": Input should", ": should"),
            (": Value error, ", ": "),
            (". Did you mean", "; did you mean"),
        ):
            message = message.replace(theirs, ours)
    message = message[:1].lower() + message[1:].rstrip(".")
    given = _given(error)
    # Some of its messages say what was typed.
    message += f", not {given}" if given and given not in message else ""
    return f"{message}{'' if message.endswith('?') else '.'} See `{command} --help`."


def _given(error: typer.TyperException) -> str:
    """What was typed, which Typer often leaves out; the validation that it wraps knows."""
    if not isinstance(error.__cause__, ValidationError):
        return ""
    return repr(error.__cause__.errors()[0]["input"])
