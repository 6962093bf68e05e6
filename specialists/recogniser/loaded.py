"""The shipped recogniser, loaded once a process."""

from __future__ import annotations

import logging
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from specialists.canary import check
from specialists.machine import calm_torch

if TYPE_CHECKING:
    from specialists.recogniser.predict import Recogniser

__all__ = ["recogniser"]

logger = logging.getLogger(__name__)

_lock = threading.Lock()
_loaded: list[Recogniser] = []


def recogniser() -> Recogniser | None:
    """Give the recogniser, or None where torch is not installed. Safe in several threads.

    Raises:
        BackendUnavailable: If it does not compute what its card says.
    """
    if find_spec("torch") is None or find_spec("safetensors") is None:
        logger.warning("pictures without a header stay unknown: pip install 'wardround[models]'")
        return None
    with _lock:
        if not _loaded:
            from specialists.recogniser.predict import Recogniser

            calm_torch()
            net = Recogniser(Path(__file__).parent)
            check(net)
            _loaded.append(net)
        return _loaded[0]
