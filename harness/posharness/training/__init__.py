"""Training and testing one cell, and leaving its folder's files; `run.train_cell` does all of it."""
