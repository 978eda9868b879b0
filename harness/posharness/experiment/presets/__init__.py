"""Experiments that ship with the program, as TOML files, run by their file's name."""
