"""Does the model look at its pictures? Tried when it is loaded.

With a wrong version of a library a model of language and pictures goes on writing fluently, and
the pictures never reach it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from specialists.canary import picture
from specialists.errors import BackendUnavailable
from specialists.medgemma.client import Client, Part, Watch

__all__ = ["check"]

_SAME = 1e-4
"""Of a log-probability: above rounding, far below what any picture changes."""
_BLIND = "MedGemma's answer does not depend on the picture: it is not shown to it."


def check(client: Client, patience_s: float = 120.0) -> None:
    """Show a picture and a blank one.

    Raises:
        BackendUnavailable: If the model makes the same of both.
    """
    seen, blank = picture(), np.full_like(picture(), 128)
    watch = Watch(lambda share, message: None, 0.0, "trying the model", patience_s)
    told = [client.first(_asked(one), watch) for one in (seen, blank)]
    if _equal(*told):
        raise BackendUnavailable(_BLIND)


def _asked(shown: Part) -> tuple[Part, ...]:
    return (shown, "What does this picture show?")


def _equal(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    return set(one) == set(other) and all(abs(one[key] - other[key]) <= _SAME for key in one)
