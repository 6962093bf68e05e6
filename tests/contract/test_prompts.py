from __future__ import annotations

import pytest

from prompts import load

RELEASED = {
    ("route", "v1"): "19b1e05537df9f5e4b44d02168deae4265e0f8b83ee77da62469321091b92a94",
    ("compose", "v1"): "4bb9d2fb5080a72e33887976e73f59fd3c5c880eb0d176325678ad33f6b0aeb0",
    ("compose", "v2"): "98090f316988e25b85565282c35033ac330c70ae009fad7546795e427355bc6d",
}


@pytest.mark.parametrize(("name", "version"), RELEASED)
def test_released_prompt_is_never_edited(name: str, version: str) -> None:
    assert load(name, version).digest == RELEASED[name, version]


def test_unknown_prompt_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        load("route", "v0")


def test_newest_version_is_used_where_none_is_named() -> None:
    assert load("compose").version == "v2"
