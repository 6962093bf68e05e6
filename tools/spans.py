"""OpenTelemetry spans of steps and specialist calls: what ran, how long, how it went; no content.

Nothing is recorded where no provider is set up, as `opentelemetry-instrument wardround serve`
does. Messages of exceptions, which may hold patient data, are left out.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.trace import Status, StatusCode

from specialists.errors import WardroundError

if TYPE_CHECKING:
    from opentelemetry.trace import Span

__all__ = ["read_by", "span"]

BACKEND = "wardround.backend"
OUTCOME = "wardround.outcome"
DURATION = "wardround.duration_s"


@contextmanager
def span(name: str, **attributes: str) -> Iterator[Span]:
    """Open a span; it ends with an outcome and a duration.

    Args:
        name: Of a step or tool.
        attributes: Names and values without content; they get the prefix `wardround.`.
    """
    said = {f"wardround.{key}": value for key, value in attributes.items()}
    started, outcome = time.perf_counter(), "cancelled"
    with trace.get_tracer("wardround").start_as_current_span(
        name, attributes=said, record_exception=False, set_status_on_exception=False
    ) as one:
        try:
            yield one
            outcome = "done"
        except WardroundError as error:
            outcome = error.code
            raise
        except Exception:
            outcome = WardroundError.code
            raise
        finally:
            one.set_attribute(OUTCOME, outcome)
            one.set_attribute(DURATION, round(time.perf_counter() - started, 4))
            one.set_status(Status(StatusCode.OK if outcome == "done" else StatusCode.ERROR))


def read_by(backend: str) -> None:
    """Say in the span of the call which backend read."""
    trace.get_current_span().set_attribute(BACKEND, backend)
