"""The place of a process among those that train one cell together."""

from __future__ import annotations

from dataclasses import dataclass

from lightning_fabric.plugins.environments.lightning import LightningEnvironment

__all__ = ["ALONE", "Place", "PlaceEnvironment"]


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a process.

    Attributes:
        rank: its number; process 0 tests the model and writes the files.
        processes: how many there are.
        nodes: on how many machines, each with as many of them; their ranks are consecutive.
        address: the host of process 0.
        port: where process 0 waits for the others.
    """

    rank: int = 0
    processes: int = 1
    nodes: int = 1
    address: str = "127.0.0.1"
    port: int = 0

    @property
    def devices(self) -> int:
        """The number of processes on each machine."""
        return self.processes // self.nodes


ALONE = Place()


class PlaceEnvironment(LightningEnvironment):
    """Tells Lightning the place of its process, and that the others are started already."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self._place = place

    @property
    def creates_processes_externally(self) -> bool:
        return True

    @property
    def main_address(self) -> str:
        return self._place.address

    @property
    def main_port(self) -> int:
        return self._place.port

    def local_rank(self) -> int:
        return self._place.rank % self._place.devices

    def node_rank(self) -> int:
        return self._place.rank // self._place.devices
