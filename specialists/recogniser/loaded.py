"""The shipped recogniser, loaded once a process."""

from __future__ import annotations

import logging
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from specialists.recogniser.predict import Recogniser

__all__ = ["recogniser"]

logger = logging.getLogger(__name__)

_lock = threading.Lock()
_loaded: list[Recogniser] = []


def recogniser() -> Recogniser | None:
    """Give the recogniser, or None where torch is not installed. Safe in several threads."""
    if find_spec("torch") is None or find_spec("safetensors") is None:
        logger.warning("pictures without a header stay unknown: pip install 'wardround[models]'")
        return None
    with _lock:
        if not _loaded:
            from specialists.recogniser.predict import Recogniser

            _loaded.append(Recogniser(Path(__file__).parent))
        return _loaded[0]
