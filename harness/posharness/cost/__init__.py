"""Time and memory of a training step of each encoding and attention, by length."""
