"""Packages to start a plugin from: each installs, and has one plugin and its test."""

from posharness.scaffold.package import package

__all__ = ["package"]
