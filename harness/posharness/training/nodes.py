"""The machines of the Slurm job in which a cell is trained, and how a process is started on one of them."""

from __future__ import annotations

import os
import subprocess

from posharness.errors import UserError

__all__ = ["nodes_of_job", "on_node"]

HERE = ""
"""The name of this machine."""


def nodes_of_job(number: int) -> list[str]:
    """The names of as many machines of this job, this one first.

    Raises:
        UserError: the job has fewer, or there is none.
    """
    if number == 1:
        return [HERE]
    listed = os.environ.get("SLURM_JOB_NODELIST", "")
    names = subprocess.check_output(["scontrol", "show", "hostnames", listed], text=True) if listed else ""
    others = [name for name in names.split() if name != os.environ.get("SLURMD_NODENAME")]
    if len(others) + 1 < number:
        raise UserError(
            f"trainer.num_nodes is {number}, and the process that trains has {len(others) + 1} of them: give "
            "--executor slurm, which asks the cluster for so many."
        )
    return [HERE, *others[: number - 1]]


def on_node(name: str) -> list[str]:
    """What comes before a command that runs on a machine of this job, with its input and output."""
    if name == HERE:
        return []
    step = ["--nodes=1", "--ntasks=1", f"--nodelist={name}", "--overlap", "--cpu-bind=none"]
    return ["srun", *step, "--unbuffered", "--quiet"]
