from __future__ import annotations

import importlib

import pytest

import agent


def test_public_names_of_the_agent_are_there() -> None:
    for name in agent.__all__:
        assert getattr(agent, name).__name__ == name
    with pytest.raises(AttributeError):
        _ = agent.Nonsense


@pytest.mark.parametrize(
    "package", ["agent", "tools", "specialists", "prompts", "specialists.readers"]
)
def test_packages_export_at_most_ten_names(package: str) -> None:
    assert len(getattr(importlib.import_module(package), "__all__", [])) <= 10
