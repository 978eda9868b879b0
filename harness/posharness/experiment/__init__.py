"""An experiment: what is compared with what, on what, for how long."""

from posharness.experiment.experiment import (
    DEFAULT_PRESET,
    Experiment,
    ReadingSettings,
    TaskSettings,
    load_experiment,
    preset_names,
)

__all__ = [
    "DEFAULT_PRESET",
    "Experiment",
    "ReadingSettings",
    "TaskSettings",
    "load_experiment",
    "preset_names",
]
