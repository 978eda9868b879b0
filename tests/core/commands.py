"""Commands run as a user gives them, and the smallest experiments for them."""

from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from posharness.cli import main

__all__ = ["FRAGILE", "TINY", "CommandResult", "harness"]

TINY = """
preset = "smoke"
tasks = ["copy"]
seeds = 1
[model]
width = 8
layers = 1
heads = 2
[budget]
steps = 4
batch = 4
validate_every = 2
validation_sequences = 4
test_sequences = 4
"""

FRAGILE = '''
"""An encoding that breaks in training."""
from posharness.contracts import PositionalEncoding, hookimpl

class Fragile(PositionalEncoding):
    name = "fragile"

    def embed(self, x, pos):
        raise RuntimeError("[fragile] broke")

@hookimpl
def posharness_encodings():
    return [Fragile]
'''


@dataclass
class CommandResult:
    """What a command printed, and its exit status."""

    status: int
    out: str
    err: str


def harness(*arguments: str | Path) -> CommandResult:
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        status = main([str(argument) for argument in arguments])
    return CommandResult(status, out.getvalue(), err.getvalue())
