"""A terminal and a folder of a command's own, and the smallest experiments there."""

from pathlib import Path

import pytest

from .commands import FRAGILE, TINY


@pytest.fixture
def terminal(warm_server: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("COLUMNS", "FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return path


@pytest.fixture
def fragile(tmp_path: Path) -> Path:
    path = tmp_path / "fragile.py"
    path.write_text(FRAGILE)
    return path
