"""Codes of the standards, and only those that are certain; everything else stays text.

SNOMED CT codes of the findings come from the terminology of `agent.grounding`. Those here are
in DICOM PS3.16 (the context group stands beside each).
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from specialists.schema import Assertion, Laterality

__all__ = [
    "ASSERTIONS",
    "PRIVATE",
    "SIDES",
    "SITES",
    "UNITS",
    "Code",
    "finding_code",
    "private_code",
    "unit_code",
]

SCT, LOINC, DCM, UCUM, PRIVATE = "SCT", "LN", "DCM", "UCUM", "99WARDROUND"
"""Coding scheme designators (PS3.16 chapter 8); the last is for names that have no code."""
_LONGEST_MEANING = 64


class Code(NamedTuple):
    """A coded concept."""

    scheme: str
    value: str
    meaning: str


ASSERTIONS: dict[Assertion, Code] = {
    "present": Code(SCT, "52101004", "Present"),  # CID 240
    "absent": Code(SCT, "272519000", "Absent"),  # CID 240
    "uncertain": Code(SCT, "82334004", "Indeterminate"),  # CID 4220
}
SIDES: dict[Laterality, Code] = {  # CID 244
    "right": Code(SCT, "24028007", "Right"),
    "left": Code(SCT, "7771000", "Left"),
    "bilateral": Code(SCT, "51440002", "Right and left"),
}
SITES = {  # CID 4031, 7151
    "lung": Code(SCT, "39607008", "Lung structure"),
    "lungs": Code(SCT, "39607008", "Lung structure"),
    "trachea": Code(SCT, "44567001", "Tracheal structure"),
    "bone": Code(SCT, "272673000", "Bone structure"),
    "chest": Code(SCT, "51185008", "Thoracic structure"),
    "abdomen": Code(SCT, "113345001", "Abdominal structure"),
    "pelvis": Code(SCT, "12921003", "Pelvic structure"),
    "head": Code(SCT, "69536005", "Head structure"),
    "retina": Code(SCT, "5665001", "Retinal structure"),
    "skin": Code(SCT, "39937001", "Skin structure"),
    "soft tissue": Code(SCT, "87784001", "Soft tissues"),
}
UNITS = {  # CID 7181, 7182, 7460 to 7462 and others; meanings in words
    "1": "no units",
    "%": "percent",
    "mm": "millimeter",
    "cm": "centimeter",
    "mm2": "square millimeter",
    "cm2": "square centimeter",
    "mm3": "cubic millimeter",
    "cm3": "cubic centimeter",
    "[hnsf'U]": "Hounsfield unit",
    "{percentile}": "percentile",
}


def finding_code(name: str) -> Code | None:
    """The SNOMED CT code of a finding of the terminology; None where it has none."""
    from agent.language.terminology import terminology

    term = terminology().get(name)
    snomed = getattr(term, "snomed", None)
    return Code(SCT, snomed, name[:_LONGEST_MEANING]) if snomed else None


def private_code(name: str) -> Code:
    """A code for a name that has none: DICOM wants one, and it must not be somebody else's."""
    value = hashlib.sha256(name.encode()).hexdigest()[:12]
    return Code(PRIVATE, value, shortened(name))


def unit_code(unit: str | None) -> Code:
    """A UCUM unit with its meaning in words."""
    unit = unit or "1"
    return Code(UCUM, unit, UNITS.get(unit, unit))


def shortened(text: str, longest: int = _LONGEST_MEANING) -> str:
    """Cut a text at a word where a field has room for so many characters."""
    text = " ".join(text.split())
    if len(text) <= longest:
        return text
    return f"{text[: longest - 3].rsplit(' ', 1)[0]}..."
