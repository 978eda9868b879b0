"""Text that tasks and readings use: files, treebanks and sentences."""
