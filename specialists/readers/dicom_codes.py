"""Codes and words of DICOM headers, and what they mean here."""

from __future__ import annotations

import re
from typing import Literal

from specialists.schema import Kind, Laterality

__all__ = [
    "ANIMAL",
    "CLASSES",
    "DENTAL",
    "HUMAN_CODES",
    "HUMAN_WORDS",
    "KINDS",
    "KNOWN_MODALITIES",
    "NO_PICTURE",
    "OLDEST",
    "PLANES",
    "SEXES",
    "SIDES",
    "STORAGE",
    "VIEW_CODES",
    "VIEW_WORDS",
]

STORAGE = "1.2.840.10008.5.1.4.1.1."
# Storage classes (PS3.4 B.5) and the modalities whose pictures they may hold.
CLASSES: dict[str, tuple[str, ...]] = {
    "1": ("CR", "DX", "RG", "RF"),
    "1.1": ("DX", "CR", "RG", "PX", "IO"),
    "1.1.1": ("DX", "CR", "RG", "PX", "IO"),
    "1.2": ("MG",),
    "1.2.1": ("MG",),
    "1.3": ("IO", "PX", "DX"),
    "1.3.1": ("IO", "PX", "DX"),
    "13.1.3": ("MG",),
    "2": ("CT",),
    "2.1": ("CT",),
    "2.2": ("CT",),
    "4": ("MR",),
    "4.1": ("MR",),
    "4.3": ("MR",),
    "4.4": ("MR",),
    "3": ("US", "IVUS"),
    "3.1": ("US", "IVUS"),
    "6": ("US", "IVUS"),
    "6.1": ("US", "IVUS"),
    "6.2": ("US",),
    "12.1": ("XA", "RF", "CR", "DX"),
    "12.1.1": ("XA",),
    "12.2": ("RF", "XA", "CR", "DX"),
    "12.2.1": ("RF", "XA"),
    "20": ("NM",),
    "128": ("PT",),
    "128.1": ("PT",),
    "130": ("PT",),
    "77.1.1": ("ES", "GM", "XC"),
    "77.1.1.1": ("ES", "GM", "XC"),
    "77.1.2": ("GM", "SM", "XC"),
    "77.1.2.1": ("GM", "SM", "XC"),
    "77.1.3": ("SM", "GM"),
    "77.1.6": ("SM",),
    "77.1.4": ("XC", "DMS", "GM", "OP", "ES"),
    "77.1.4.1": ("XC", "DMS", "GM", "OP", "ES"),
    "77.1.7": ("DMS", "XC"),
    "77.1.5.1": ("OP",),
    "77.1.5.2": ("OP",),
    "77.1.5.4": ("OPT",),
    "77.1.5.5": ("OP",),
    "77.1.5.6": ("OP",),
}
KINDS: dict[str, Kind] = {
    **dict.fromkeys(("CR", "DX", "RG"), "radiograph"),
    **dict.fromkeys(("CT", "MR"), "volume"),
    "SM": "slide",
    **dict.fromkeys(("XC", "OP", "OPT", "DMS"), "photograph"),
}
NO_PICTURE = frozenset({"SR", "PR", "KO", "DOC", "RTSTRUCT", "RTPLAN", "REG", "AU", "ECG"})
PLANES = frozenset({"CT", "MR", "PT"})

ANIMAL = re.compile(
    r"\b(?:canine|feline|equine|bovine|porcine|ovine|avian|veterinary|dog|horse|hund|katze|pferd"
    r"|chien|chat|cheval|perro|gato|caballo|veterinar\w*)\b",
    re.IGNORECASE,
)
HUMAN_CODES = frozenset({"L-85B00", "337915000", "9606"})
HUMAN_WORDS = re.compile(r"\b(?:homo|human|mensch|humain|humano)\b", re.IGNORECASE)
DENTAL = frozenset({"IO", "PX"})

VIEW_CODES = {
    **dict.fromkeys(("PA", "R-10214", "272479007"), "PA"),
    **dict.fromkeys(("AP", "R-10206", "399348003"), "AP"),
    **dict.fromkeys(("LL", "RL", "LAT", "LATERAL", "ML", "LM", "LLAT", "RLAT"), "lateral"),
    **dict.fromkeys(("R-10236", "R-10232", "R-10228", "399173006", "399198007"), "lateral"),
    **dict.fromkeys(("399067008", "399352003"), "lateral"),
    **dict.fromkeys(("LLD", "RLD", "399136006", "399132008"), "decubitus"),
    **dict.fromkeys(("LAO", "RAO", "LPO", "RPO", "LLO", "RLO", "OBL", "OBLIQUE"), "oblique"),
    **dict.fromkeys(("R-10224", "R-10220", "260421001", "260424009"), "oblique"),
    **dict.fromkeys(("CC", "R-10242", "399162004"), "craniocaudal"),
    **dict.fromkeys(("MLO", "R-10226", "399368009"), "mediolateral oblique"),
}
VIEW_WORDS = {
    "PA": r"pa|p\.a\.|postero-?anterior|posteroanterior",
    "AP": r"ap|a\.p\.|antero-?posterior|anteroposterior",
    "lateral": r"lat|lateral|laterale|seitlich|seitl|profil|latero-?lateral|ll|bokom|боковая",
    "oblique": r"oblique|obl|schrag|schräg|oblicua|obliqua",
    "decubitus": r"decub|decubitus",
}
SIDES: dict[str, Laterality] = {"L": "left", "R": "right", "B": "bilateral"}
SEXES: dict[str, Literal["female", "male", "other"]] = {"F": "female", "M": "male", "O": "other"}
OLDEST = 90
KNOWN_MODALITIES = frozenset(
    {modality for modalities in CLASSES.values() for modality in modalities}
    | NO_PICTURE
    | {"OT", "SC", "SEG", "OCT", "BI", "LS", "TG", "RTIMAGE", "RTDOSE", "LP", "HC"}
)
