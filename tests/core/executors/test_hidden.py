"""The fork server imports Lightning without packages that only Lightning's metrics need."""

from __future__ import annotations

import subprocess
import sys

import pytest

from posharness.executors.hidden import hidden

_PRELOADED = """
import sys
import posharness.executors.preload
print(sorted({"matplotlib", "scipy", "transformers"} & set(sys.modules)))
import matplotlib, scipy.stats, transformers
import pytorch_lightning
print(pytorch_lightning.Trainer.__name__, scipy.stats.norm.cdf(0))
from lightning_utilities.core.imports import RequirementCache, module_available
print(bool(RequirementCache("scipy")), module_available("scipy.stats"))
"""


def test_what_only_metrics_need_is_imported_by_who_needs_it() -> None:
    pytest.importorskip("transformers")
    made = subprocess.run([sys.executable, "-c", _PRELOADED], capture_output=True, text=True, check=True)
    assert made.stdout.splitlines() == ["[]", "Trainer 0.5", "True True"]


def test_packages_are_found_again_after_an_error() -> None:
    def fail() -> None:
        with hidden("wave", "sys"):
            assert sys.modules["wave"] is None
            raise ValueError

    sys.modules.pop("wave", None)
    with pytest.raises(ValueError):  # noqa: PT011
        fail()
    import wave

    assert wave.__name__ == "wave"
    assert sys.modules["sys"] is sys
