"""Text as the shipped Gemma and the code beside it see it."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

__all__ = ["HAN", "simplify"]

HAN = re.compile(r"[\u4e00-\u9fff]+")


@lru_cache(maxsize=16384)
def simplify(text: str) -> str:
    """Lower case, without accents; what is not a letter, a digit or a full stop is a space."""
    spread = unicodedata.normalize("NFKD", text.lower().replace("ß", "ss").replace("œ", "oe"))
    plain = "".join(one for one in spread if not unicodedata.combining(one))
    return " ".join(re.sub(r"[^\w.;?+%']", " ", plain.replace("_", " ")).split())
