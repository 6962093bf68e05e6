"""How a backend is made from its spec, and what is said where it can't be."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from specialists import hub
from specialists.base import Backend, BackendSpec, SpecialistSpec
from specialists.errors import BackendUnavailable, WardroundError
from specialists.machine import calm_torch

__all__ = ["built", "imported", "is_served", "told_as_unavailable", "unavailable"]

logger = logging.getLogger(__name__)


@contextmanager
def told_as_unavailable(chosen: BackendSpec) -> Iterator[None]:
    """Whatever goes wrong in another maker's constructor is one error of the tree."""
    try:
        yield
    except WardroundError:
        raise
    except Exception as error:
        logger.exception("backend %s did not load", chosen.name)
        raise BackendUnavailable(
            f"The backend {chosen.name} is installed but could not be loaded "
            f"({type(error).__name__}). The server's log has more."
        ) from error


def imported(chosen: BackendSpec, device: str) -> Callable[..., Backend]:
    """Import a backend's class, so that the import's memory is not taken for the model's."""
    if "torch" in chosen.requires and device == "cpu":
        calm_torch()
    module, name = chosen.target.split(":")
    factory: Callable[..., Backend] = getattr(import_module(module), name)
    return factory


def built(chosen: BackendSpec, factory: Callable[..., Backend], device: str) -> Backend:
    """Load a backend and let it pass its canary, which also takes its memory."""
    weights: dict[str, Any] = {} if chosen.hub is None else {"weights": hub.checked(chosen.hub)}
    backend = factory(device=device, **weights)
    canary = getattr(backend, "canary", None)
    if canary is not None:
        canary()
    return backend


def is_served(backend: BackendSpec) -> bool:
    """Whether a server has the model, so that it takes no memory here."""
    return backend.hub is not None and isinstance(hub.weights(backend.hub), hub.Endpoint)


def unavailable(spec: SpecialistSpec, reasons: dict[str, str | None]) -> str:
    """Say why no backend of a specialist can run, and what would change that."""
    if not reasons:
        return (
            f"{spec.name} is registered, but no model for it is installed. It becomes available "
            "with a package that offers a backend under the entry point 'wardround.backends' "
            f"(named {spec.name}), or with an MCP server in the configuration's mcpServers that "
            "has a tool of that name."
        )
    listed = "; ".join(f"{name} {reason}" for name, reason in reasons.items())
    return f"No backend of {spec.name} can run here: {listed}."
