"""A step in a span of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, TypeVar, cast

from tools.spans import span

__all__ = ["traced"]

Step = TypeVar("Step", bound=Callable[..., Awaitable[Any]])


def traced(name: str, step: Step) -> Step:
    """The same step, in a span of its name."""

    @wraps(step)
    async def run(*args: Any, **kwargs: Any) -> Any:
        with span(f"step {name}", step=name):
            return await step(*args, **kwargs)

    return cast(Step, run)
