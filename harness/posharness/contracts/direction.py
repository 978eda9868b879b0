"""Which characters are of words that run right to left, for whoever writes texts."""

from __future__ import annotations

from posharness.visible import RIGHT_TO_LEFT

__all__ = ["RIGHT_TO_LEFT"]
