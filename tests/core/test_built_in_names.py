"""A built-in plugin is found by its name: its file, or its package, is called as the plugin is."""

from __future__ import annotations

import pytest

from posharness.registry.registry import Registry

HOMES = {
    "encodings": "posharness_plugins.encodings",
    "attentions": "posharness_plugins.attentions",
    "tasks": "posharness_tasks",
    "readings": "posharness_tasks.readings",
    "sections": "posharness_reports.sections",
    "claims": "posharness_reports.claims",
}


@pytest.mark.parametrize(("kind", "home"), HOMES.items())
def test_the_file_of_a_built_in_has_the_name_of_the_plugin(kind: str, home: str) -> None:
    plugins = dict(getattr(Registry.load(), kind).items())
    assert plugins
    for name, cls in plugins.items():
        expected = f"{home}.{name.replace('-', '_')}"
        assert (cls.__module__ + ".").startswith(expected + "."), f"{name} is defined in {cls.__module__}"
