from __future__ import annotations

import re

import pytest

from specialists import errors
from specialists.errors import WardroundError, error_from_code


def family(root: type[WardroundError]) -> list[type[WardroundError]]:
    return [root, *(one for child in root.__subclasses__() for one in family(child))]


def test_tree_in_the_docstring_is_the_tree() -> None:
    drawn = re.findall(r"(\w+) {2,}(\w+)(?: +\((retryable)\))?$", errors.__doc__ or "", re.M)
    assert drawn == [
        (kind.__name__, kind.code, "retryable" if kind.retryable else "")
        for kind in family(WardroundError)
    ]


def test_codes_are_unique() -> None:
    codes = [kind.code for kind in family(WardroundError)]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("kind", family(WardroundError))
def test_every_error_survives_a_process_border(kind: type[WardroundError]) -> None:
    error = error_from_code(kind.code, "why")
    assert type(error) is kind
    assert error.client_message == "why"


def test_unknown_code_gives_the_root() -> None:
    assert type(error_from_code("new_in_2030", "why")) is WardroundError
