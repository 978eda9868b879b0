"""Corpora: a module for each source of text, and the file that every corpus is written to."""
