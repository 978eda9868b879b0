"""A warning fails a test where our own code causes it, and not where a library warns of itself or another."""

import pytest

WARN = "import warnings; warnings.warn('goes away in the next release', FutureWarning, stacklevel=1)"


@pytest.mark.parametrize("module", ["posharness.model.body", "posharness_tasks.sort", "tests.core.test_cli"])
def test_a_warning_of_our_own_is_an_error(module: str) -> None:
    with pytest.raises(FutureWarning):
        exec(WARN, {"__name__": module})


@pytest.mark.parametrize("module", ["transformers.modeling_utils", "pytorch_lightning.trainer"])
def test_a_warning_of_a_library_is_shown(module: str) -> None:
    exec(WARN, {"__name__": module})
