"""What the checks of this repository need and the distribution does not."""
