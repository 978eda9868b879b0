"""What the checks of this repository need and the distribution does not."""

from tools.shapes import check_shapes

__all__ = ["check_shapes"]
