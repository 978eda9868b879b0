"""An experiment: what is compared with what, on what, for how long."""

from posharness.experiment.experiment import Experiment, ReadingSettings, TaskSettings
from posharness.experiment.loading import load_experiment, preset_names

__all__ = [
    "Experiment",
    "ReadingSettings",
    "TaskSettings",
    "load_experiment",
    "preset_names",
]
