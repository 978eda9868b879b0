"""Cells on a Ray cluster have the bits of local ones, also when a machine is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from posharness.contracts import Event, Finished, Progress, Requeued, Started
from posharness.executors import LocalRunner
from posharness.executors.ray import RayExecutor

from .cells import PLUGIN, assert_same_as_local, make_cell, started

pytestmark = pytest.mark.cluster
ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'posharness[ray]'")


_SOON = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 500,
    "health_check_failure_threshold": 4,
}
"""A machine counts as lost after two seconds instead of fifteen."""


def test_cells_of_a_lost_machine_run_on_another_one(tmp_path: Path) -> None:
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 1, "include_dashboard": False, "_system_config": _SOON}
    cluster: Any = Cluster(initialize_head=True, head_node_args=head)
    lost = cluster.add_node(num_cpus=1)
    flag = tmp_path / "slow"
    flag.touch()
    cells = [make_cell(seed, flag, steps=600) for seed in range(3)]  # half a minute while the file exists
    events: list[Event] = []
    removed = False

    def observe(event: Event) -> None:
        nonlocal removed
        events.append(event)
        if not removed and all(started(events, cell) for cell in cells[:2]) and isinstance(event, Progress):
            removed = True
            cluster.remove_node(lost, allow_graceful=False)
        if isinstance(event, Requeued):
            flag.unlink()

    try:
        executor = RayExecutor(workers=3, address=cluster.address, retries=2)
        executor.execute(cells, run=LocalRunner(tmp_path / "ray", (PLUGIN,)), observe=observe)
    finally:
        cluster.shutdown()
    assert not flag.exists(), "no cell was lost with its machine"
    assert [event.outcome.status for event in events if isinstance(event, Finished)] == ["done"] * 3
    changes = [
        [type(event) for event in events if event.key == cell.key and not isinstance(event, Progress)]
        for cell in cells
    ]
    assert sorted(changes, key=len) == [[Started, Finished]] * 2 + [[Started, Requeued, Started, Finished]]
    assert_same_as_local(cells, tmp_path / "ray", tmp_path / "local")
