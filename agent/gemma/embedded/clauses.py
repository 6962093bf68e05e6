"""The parts of a question, and the files that each picks out or leaves out. Plain code, no model.

"Leave the CT alone, I only want the film read"  ->  the CT is left out, the film is named
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agent.answer import Attachment
from agent.gemma.embedded.concepts import find, regions_of
from agent.gemma.embedded.plainly import simplify
from agent.wording import COMPARE, ONLY, plain

__all__ = ["STUDIES", "THINGS", "Picked", "clauses", "left_out", "near", "picked", "picks"]

_SPLIT = re.compile(
    r"(?<!\d)\.(?!\w)|[?!;:。？！；：\n]+|,(?!\d)|[，、]| [+&–-] |->|→|(?:^|(?<=\s))\d\)\s"
    r"|\b(?:and|also|plus|then|(?<!everything )(?<!anything )(?<!all )but|as well as|besides|y|"
    r"et(?! tube)|und|e|sowie|ademas|además|tambien|también|aussi|puis|"
    r"mais|aber|pero|mas|außerdem|além disso|depois)\b|还有|另外|并且|然后|以及|同时|但是?|和|再"
)
_MOST = 6
_BEFORE = re.compile(
    r"\b(?:not|except(?:ing)?|ignor\w*|exclud\w*|skip\w*|leav\w+|omit\w*|disregard\w*|forget|drop|"
    r"apart from|other than|save for|don'?t \w+(?: at)?|do not \w+(?: at)?|"
    r"no need (?:for|of|to read)|"
    r"never mind|anything but|everything but|all but|nothing on|instead of|rather than|without|sin|"
    r"salvo|menos|excepto|no (?:mir\w+|le\w+|inclu\w+|quiero|hace falta)|omit\w+|dej\w+|sauf|sans|"
    r"hormis|excepte|laiss\w+|pas(?: besoin)?(?: de)?|ohne|ausser|nicht|kein\w*|bis auf|lass\w*|"
    r"exceto|sem|nao (?:\w+)|deix\w+)\b"
    r"|除了|除|不要看?|不用看?|不看|别看|忽略|不需要"
)
_AFTER = re.compile(
    r"\b(?:(?:is|are|was)? ?n[o']t (?:be )?(?:needed|required|necessary|relevant|of interest)|"
    r"(?:is|are) (?:for )?(?:something else|later|another day)|by mistake|nothing to do with|"
    r"unnecessary|irrelevant|aside|out|not needed|weglassen|"
    r"(?:nicht|braucht?)(?: \w+)? ?(?:notig|befunden|ansehen|nicht)|interessiert nicht|"
    r"no hace falta|no importa|aparte|de cote|de lado|de fora|nao precisa|pas la peine|"
    r"can wait|belongs to (?:someone|somebody) else)\b|以外|之外|不用|不要|不看|除外"
)
_WORDS_NEAR = 6
THINGS = frozenset(
    ("chest", "lung", "heart", "abdomen", "brain", "head", "spine", "limb", "knee", "bone", "eye",
     "retina", "skin", "mole", "dermoscopy", "skin spot", "breast", "mammogram", "slide",
     "histology", "genotypes", "teeth", "wound", "rash", "neck", "thyroid")
)  # fmt: skip
"""Concepts that name a file by what is on it; a finding does not."""
STUDIES = {
    "x-ray": {"CR", "DX", "MG", "IO", "PX"}, "ct": {"CT"}, "mr": {"MR"}, "ultrasound": {"US"},
    "pet": {"PT"}, "ecg": {"ECG"}, "slide": {"SM"}, "histology": {"SM"}, "retina": {"OP", "OPT"},
    "dermoscopy": {"DMS", "XC"}, "mammogram": {"MG"}, "photograph": {"XC", "OP", "DMS"},
}  # fmt: skip
"""Kinds of study by the concept that names them: DICOM codes."""
_OF_MODALITY = {
    "OP": "eye", "OPT": "eye", "OPV": "eye", "XC": "skin", "DMS": "skin", "SM": "slide",
    "MG": "breast", "PX": "head", "IO": "head", "XA": "heart", "ES": "abdomen",
}  # fmt: skip
_OF_PART = {
    "chest": {"chest", "heart"}, "lung": {"chest"}, "heart": {"heart", "chest"},
    "abdomen": {"abdomen", "pelvis"}, "pelvis": {"pelvis", "abdomen", "limb"},
    "pancreas": {"abdomen"}, "liver": {"abdomen"}, "prostate": {"pelvis", "abdomen"},
    "colon": {"abdomen"}, "head": {"head"}, "brain": {"head"}, "jaw": {"head"}, "teeth": {"head"},
    "skull": {"head"}, "neck": {"neck"}, "breast": {"breast", "chest"}, "eye": {"eye"},
    "skin": {"skin"}, "spine": {"spine"}, "lumbar spine": {"spine"}, "cervical spine": {"spine"},
    "thoracic spine": {"spine"},
}  # fmt: skip
_PLACES: tuple[tuple[str, int], ...] = (
    (r"\b(?:first|1st|primer[oa]?|premi[eè]re?|erste[nsr]?|primeir[oa]s?)\b|第一", 0),
    (r"\b(?:second|2nd|segund[oa]|deuxi[eè]me|seconde?|zweite[nsr]?)\b|第二", 1),
    (r"\b(?:third|3rd|tercer[oa]?|troisi[eè]me|dritte[nsr]?|terceir[oa])\b|第三", 2),
    (r"\b(?:fourth|4th|cuart[oa]|quatri[eè]me|vierte[nsr]?|quart[oa])\b|第四", 3),
    (r"\b(?:middle|mittlere[nsr]?|del medio|du milieu|do meio)\b|中间", 1),
    (r"\b(?:last|latest|final|[uú]ltim[oa]|derni[eè]re?|letzte[nsr]?)\b|最后", -1),
)
_SINCE = re.compile(r"\b(?:since|depuis|desde|seit|than|que la|que el)\b|比上|与上")
_FRONTAL = re.compile(r"\bfrontal\w*\b|\b(?:pa|ap) (?:view|film|one|only|projection)\b|正位")
_LATERAL = re.compile(
    r"\b(?:lateral|seitlich\w*|perfil|profil) (?:view|film|one|only|projection|image)\b"
    r"|\b(?:the|la|le|o|a) (?:lateral|perfil|profil)\b(?! \w*mall)|seitliche|侧位"
)
_SIDED = re.compile(r"\b(?:look|glance|opinion|line|time|week|month|year|visit|night|lobe|toe)\b")


@dataclass(frozen=True)
class Picked:
    """What a clause says of the files; ids."""

    named: frozenset[str] = frozenset()
    """By id, place or kind of study."""
    exactly: frozenset[str] = frozenset()
    """Of those, by id or place."""
    left: frozenset[str] = frozenset()
    near: frozenset[str] = frozenset()
    """Of the region that the clause is about; empty where that tells no file from another."""
    far: bool = False
    """Whether the clause is about a region, and every file is known to be of another."""


def clauses(text: str) -> list[str]:
    """The parts of a question, at most six; parts that say nothing are left out."""
    parts = [part.strip(" .,¿¡") for part in _SPLIT.split(plain(text)) if part]
    told = [part for part in parts if part]
    return told if len(told) <= _MOST else [*told[: _MOST - 1], " ".join(told[_MOST - 1 :])]


def picks(clause: str, files: Sequence[Attachment]) -> Picked:
    """Which files a clause names and leaves out."""
    words = simplify(clause)
    left = _left(words, files)
    exactly = (_by_id(words, files) | _by_place(words, files)) - left
    named = exactly or _of_kind(find(words).names, files) - left
    close = frozenset().union(*(near(name, files) for name in find(words).names))
    named = (named & close) or named
    known = [one for one in files if _regions(one)]
    about = {region for name in find(words).names for region in regions_of(name)}
    placed = len(known) == len(files) and not any("slide" in _regions(one) for one in files)
    far = bool(about) and bool(files) and placed and not close
    return Picked(named, exactly, left, close if len(close) < len(files) else frozenset(), far)


def left_out(text: str, files: Sequence[Attachment]) -> frozenset[str]:
    """The files that the whole question leaves out; never all of them."""
    left = frozenset().union(*(picks(clause, files).left for clause in clauses(text)))
    return left if len(left) < len(files) else frozenset()


def picked(text: str, files: Sequence[Attachment]) -> frozenset[str]:
    """The files that the question keeps to: by id, by place, or as the only ones of a kind.

    Empty where it keeps to none, or where it names a tool of each part.
    """
    parts = [(clause, picks(clause, files)) for clause in clauses(text)]
    chosen: frozenset[str] = frozenset().union(*(one.exactly for _, one in parts))
    if chosen or not re.search(ONLY, plain(text)):
        return chosen
    kept = [
        one.named or _things(simplify(clause), files) - one.left
        for clause, one in parts
        if re.search(ONLY, clause)
    ]
    return frozenset().union(*kept)


def _left(words: str, files: Sequence[Attachment]) -> frozenset[str]:
    found: frozenset[str] = frozenset()
    for match in _BEFORE.finditer(words):
        after = words[match.end() :].split()[:_WORDS_NEAR]
        if after and not after[0].startswith(("contrast", "kontrast")):
            found |= _things(" ".join(after), files)
    for match in _AFTER.finditer(words):
        found |= _things(" ".join(words[: match.start()].split()[-_WORDS_NEAR:]), files)
    return found


def _things(words: str, files: Sequence[Attachment]) -> frozenset[str]:
    """The files that words name by id, kind of study or what is on them."""
    ids = _by_id(words, files) or _by_place(words, files)
    names = find(words).names
    seen = [name for name in names if name in THINGS]
    regions = {region for name in seen for region in regions_of(name)}
    of_kind = _of_kind(names, files)
    there = frozenset(one.id for one in files if regions & _regions(one))
    return ids or (of_kind & there) or of_kind or there


def _by_id(words: str, files: Sequence[Attachment]) -> frozenset[str]:
    named = set(re.findall(r"\ba\d{1,2}\b", words))
    return frozenset(one.id for one in files if one.id.lower() in named)


def _by_place(words: str, files: Sequence[Attachment]) -> frozenset[str]:
    """The first, second, … file, or the first of the kind that is named after it."""
    chosen = _by_view(words, files)
    if re.search(COMPARE, words) or _SINCE.search(words):
        return frozenset(chosen)
    for pattern, place in _PLACES:
        match = re.search(pattern, words)
        if match is None:
            continue
        after = " ".join(words[match.end() :].split()[:2])
        if _SIDED.search(after):
            continue
        kind = _of_kind(find(after).names, files)
        pool = [one.id for one in files if one.id in kind] if kind else [one.id for one in files]
        if len(pool) > max(place, 0) and len(pool) > 1:
            chosen.add(pool[place])
    return frozenset(chosen)


def _by_view(words: str, files: Sequence[Attachment]) -> set[str]:
    """The frontal films, or the lateral ones, where there are both."""
    views = {one.id: one.manifest.view for one in files if one.manifest and one.manifest.view}
    lateral = {name for name, view in views.items() if view == "lateral"}
    frontal = {name for name, view in views.items() if view in ("PA", "AP")}
    if not (lateral and frontal):
        return set()
    asked = [(_FRONTAL, frontal), (_LATERAL, lateral)]
    found = [ids for pattern, ids in asked if pattern.search(words)]
    return found[0] if len(found) == 1 else set()


def _of_kind(names: Iterable[str], files: Sequence[Attachment]) -> frozenset[str]:
    codes = {code for name in names for code in STUDIES.get(name, ())}
    genes = "genotypes" in names
    return frozenset(
        one.id
        for one in files
        if one.manifest is not None
        and (one.manifest.modality in codes or (genes and one.manifest.kind == "variants"))
    )


def near(concept: str, files: Sequence[Attachment]) -> frozenset[str]:
    """The files known to show what a concept is about, or else a region that it belongs to."""
    regions = regions_of(concept)
    there = [one for one in files if regions & _regions(one)]
    same = [one for one in there if one.manifest and one.manifest.body_part == concept]
    return frozenset(one.id for one in same or there)


def _regions(one: Attachment) -> frozenset[str]:
    """The regions that a file is known to show; empty where nobody knows."""
    seen = one.manifest
    if seen is None:
        return frozenset()
    if seen.kind in ("variants", "scoring_file"):
        return frozenset({"genes"})
    if seen.modality in _OF_MODALITY:
        return frozenset({_OF_MODALITY[seen.modality]})
    part = (seen.body_part or "").lower()
    return frozenset(_OF_PART.get(part, {"limb"} if part else ()))
