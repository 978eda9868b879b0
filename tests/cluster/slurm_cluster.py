"""A Slurm cluster on this machine, started as root from Debian's packages slurm-wlm and munge.

python tests/cluster/slurm_cluster.py COMMAND …   # runs a command with a cluster of one machine, and stops it
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NEEDED = ("munged", "slurmctld", "slurmd", "sbatch")

_CONF = """
ClusterName=posharness
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
SchedulerParameters=sched_interval=2,sched_min_interval=100000
KillWait=10
ReturnToService=2
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""

_NODE = "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={cpus} State=UNKNOWN\n"


def missing() -> str:
    """Why no cluster can be started here; "" if one can."""
    absent = [name for name in _NEEDED if shutil.which(name, path=_path()) is None]
    if absent:
        return f"{', '.join(absent)} missing: apt-get install slurm-wlm munge"
    return "" if os.getuid() == 0 else "a cluster is started as root"


@contextmanager
def slurm_cluster(nodes: int = 1, cpus: int = 2) -> Iterator[None]:
    """Start a cluster; within it, the commands of Slurm reach it by the environment variable SLURM_CONF.

    Args:
        nodes: how many machines it seems to have.
        cpus: cores of each.
    """
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    names = [f"node{number}" for number in range(1, nodes + 1)]
    for name in ("state", *(f"spool-{name}" for name in names)):
        (folder / name).mkdir()
    key = folder / "munge.key"
    key.write_bytes(secrets.token_bytes(128))
    key.chmod(0o400)
    conf = folder / "slurm.conf"
    host = socket.gethostname().partition(".")[0]
    own, *ports = _free_ports(nodes + 1)
    described = (
        _NODE.format(name=name, host=host, port=port, cpus=cpus)
        for name, port in zip(names, ports, strict=True)
    )
    conf.write_text(_CONF.format(host=host, folder=folder, port=own) + "".join(described))
    before = {name: os.environ.get(name) for name in ("SLURM_CONF", "PATH")}
    os.environ |= {"SLURM_CONF": str(conf), "PATH": _path()}
    munge = (f"--key-file={key}", f"--socket={folder}/munge.socket", f"--pid-file={folder}/munged.pid")
    daemons = [
        ["munged", "--foreground", "--force", *munge, f"--log-file={folder}/munged.log",
         f"--seed-file={folder}/munged.seed"],
        ["slurmctld", "-D"],
        *(["slurmd", "-D", "-N", name] for name in names),
    ]  # fmt: skip
    running = []
    try:
        for command in daemons:
            running.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            time.sleep(1)
        _wait_until_idle(folder, nodes)
        yield
    finally:
        for daemon in reversed(running):
            daemon.send_signal(signal.SIGTERM)
        for daemon in running:
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        shutil.rmtree(folder, ignore_errors=True)


def _wait_until_idle(folder: Path, nodes: int) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        found = subprocess.run(["sinfo", "-h", "-N", "-o", "%T"], capture_output=True, text=True, check=False)
        if found.stdout.split() == ["idle"] * nodes:
            return
        time.sleep(0.5)
    logs = "\n".join(log.read_text()[-2000:] for log in folder.glob("*.log"))
    raise RuntimeError(f"the Slurm cluster did not start:\n{logs}")


def _path() -> str:
    return f"{os.environ['PATH']}:/usr/sbin:/sbin"


def _free_ports(number: int) -> list[int]:
    sockets = [socket.socket() for _ in range(number)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


if __name__ == "__main__":
    with slurm_cluster():
        sys.exit(subprocess.call(sys.argv[1:]))
