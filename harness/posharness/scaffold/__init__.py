"""The beginnings of a plugin of one's own: a package that installs, with one plugin and its test."""

from posharness.scaffold.package import package

__all__ = ["package"]
