from __future__ import annotations

import pytest

from prompts import load

RELEASED = {
    ("route", "v1"): "19b1e05537df9f5e4b44d02168deae4265e0f8b83ee77da62469321091b92a94",
    ("route", "v2"): "3c9db2c51862ed967059a461431de55a1ee95b76a70ac1ece77c1783c1f17828",
    ("compose", "v1"): "4bb9d2fb5080a72e33887976e73f59fd3c5c880eb0d176325678ad33f6b0aeb0",
}


@pytest.mark.parametrize(("name", "version"), RELEASED)
def test_released_prompt_is_never_edited(name: str, version: str) -> None:
    assert load(name, version).digest == RELEASED[name, version]


def test_newest_prompt_is_the_one_that_is_used() -> None:
    newest = max(version for name, version in RELEASED if name == "route")
    assert load("route").version == newest


def test_unknown_prompt_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        load("route", "v0")
