"""Catalogues to plan over: the shipped tools as they are or renamed, invented ones, fewer or more.

No tool keeps its name, its place or its wording, so that a model can only learn to read.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from functools import cache
from random import Random

from agent.gemma.embedded.concepts import regions_of, spelled, weight_of
from agent.gemma.training.files import KINDS, KINDS_SAID
from agent.gemma.training.words import words
from agent.toolbox import Toolbox, ToolInfo
from specialists.schema import Accepts

__all__ = [
    "HELD_OUT",
    "OTHERS",
    "OWN_FILES",
    "VQA",
    "Catalogue",
    "Invented",
    "make",
    "services",
    "shipped",
]

VQA = "answer_image_question"
OWN_FILES: dict[str, tuple[str, ...]] = {
    "report_chest_xray": ("chest film",),
    "report_ct": ("chest ct", "abdominal ct", "head ct"),
    "classify_pathology": ("slide", "patch"),
    "classify_skin_lesion": ("skin photo", "dermoscopy"),
    "classify_retina": ("fundus", "fundus", "fundus", "oct"),
    "score_polygenic_risk": ("variants",),
}
"""The kinds of file that each shipped specialist takes."""

_SECTIONS = words("other").sections
HELD_OUT = tuple(name for name in _SECTIONS if words("other").all(name, "held"))
OTHERS = tuple(name for name in _SECTIONS if name not in HELD_OUT)
_SAYINGS = (
    "Reads {o}: {x}, {y} and {z}.", "Tells {x}, {y} or {z} on {o}.", "Finds {x} and {y}.",
    "For {o}. Gives {x}, {y}, {z}.", "Assesses {x} and {z} from {o}.", "{o}: {x}; {y}; {z}",
    "Specialist for {o} with {x} and {y}. Not for other files.", "Answers what {x} and {y} are.",
)  # fmt: skip
_PARTS = (
    "vel", "dro", "quin", "zor", "bas", "tril", "nem", "ox", "pha", "lu", "kri", "mo",
    "sta", "vi", "ren", "gol", "tum", "ash", "bre", "fi", "cor", "dul", "ge", "hax",
    "jin", "kel", "lom", "mur", "nit", "pol", "rad", "sul", "tar", "ub", "wen", "yor",
    "zil",
)  # fmt: skip


@dataclass(frozen=True)
class Invented:
    """A tool that exists only here."""

    key: str
    """A section of other.ini, or an invented word."""
    terms: tuple[str, ...]
    objects: tuple[str, ...]
    asks: tuple[str, ...]
    file: str | None


@dataclass(frozen=True)
class Catalogue:
    """Tools by name, and what each is to the generator."""

    tools: dict[str, ToolInfo]
    own: dict[str, str]
    """Shipped specialists: their own name to the name here."""
    added: dict[str, Invented]
    """Invented tools by the name here."""


@cache
def shipped() -> dict[str, ToolInfo]:
    """The catalogue of the shipped specialists, as their server tells it."""

    async def listed() -> dict[str, ToolInfo]:
        from tools.server import build_server

        async with Toolbox({"own": build_server()}) as toolbox:
            return dict(toolbox.catalogue)

    return asyncio.run(listed())


def make(random: Random, added: tuple[str, ...] = (), plain: bool = False) -> Catalogue:
    """Invent a catalogue.

    Args:
        random: Where chance comes from.
        added: Sections of invented tools that must be in it; none: chance decides.
        plain: Whether the shipped tools stay as they are and nothing is added but `added`.
    """
    known = [name for name in shipped() if name in words("own").sections]
    kept = [name for name in known if plain or name == VQA or random.random() > 0.08]
    own: dict[str, str] = {}
    infos: list[ToolInfo] = []
    reworded = 0.0 if plain else random.choice((0.0, 0.0, 0.5))
    for name in kept:
        info = _reworded(shipped()[name], random) if random.random() < reworded else shipped()[name]
        own[name] = info.name
        infos.append(info)
    chosen = {name: _known(name, random) for name in added or (() if plain else _some(random))}
    if not plain and not added:
        for _ in range(random.choice((0, 0, 1, 1))):
            invented = _nonsense(random)
            chosen[invented.key] = invented
        for _ in range(random.choice((0, 1, 2, 2, 3, 4))):
            near = random.choice([*chosen]) if chosen and random.random() < 0.4 else ""
            invented = _of_concept(random, near)
            chosen.setdefault(invented.key, invented)
    extra: dict[str, Invented] = {}
    for one in chosen.values():
        info = _described(one, random, natural=bool(added))
        if info.name not in own.values() and info.name not in extra:
            extra[info.name] = one
            infos.append(info)
    if not plain:
        random.shuffle(infos)
    return Catalogue({info.name: info for info in infos}, own, extra)


def _some(random: Random) -> list[str]:
    return random.sample(OTHERS, random.choice((0, 0, 1, 1, 2, 3, 4)))


def _reworded(info: ToolInfo, random: Random) -> ToolInfo:
    """A shipped tool under another name, title and description."""
    if info.name == VQA:
        names = ("visual_question", "ask_image", "image_qa", "vqa", "describe_picture")
        says = (
            "Answers any question about a medical image in words. For what no other tool fits.",
            "Visual question answering over radiology and other pictures; says if it can't tell.",
            "Free questions on an image of any modality: plane, organs, findings.",
        )
        return replace(
            info, name=random.choice(names), title=random.choice(("Image question", "Ask a picture",
            "Visual questions")), description=random.choice(says),
        )  # fmt: skip
    own = words("own")
    known = own.all(info.name, "en.term")
    x, y, z = random.sample(known, 3)
    thing = own.pick(random, info.name, "en.object")
    named = "_".join(f"{random.choice(('read', 'check', 'assess', 'ai'))} {thing}".lower().split())
    description = random.choice(_SAYINGS).format(o=thing, x=x, y=y, z=z)
    if random.random() < 0.3:
        description = info.description
    words_kept = info.keywords if random.random() < 0.5 else ()
    return replace(
        info,
        name="".join(one for one in named if one.isalnum() or one == "_"),
        title=thing.capitalize(),
        description=description,
        keywords=words_kept,
    )


def _known(section: str, random: Random) -> Invented:
    other = words("other")
    file = other.pick(random, section, "file") or None
    return Invented(
        section,
        other.all(section, "term"),
        other.all(section, "object"),
        other.all(section, "ask"),
        file,
    )


def _nonsense(random: Random) -> Invented:
    """A tool of words that nobody knows: only what it says of itself can tell what it is for."""
    coined = ["".join(random.sample(_PARTS, random.choice((2, 3)))) for _ in range(6)]
    ends = ("", "", " index", " score", " test", " level", " ratio", " sign", " disease")
    terms = tuple(word + random.choice(ends) for word in coined[:5])
    kinds = [kind for kind in KINDS if kind not in ("unreadable", "unknown picture")]
    file = random.choice(kinds) if random.random() < 0.4 else None
    return Invented(coined[0], terms, (coined[5], f"{coined[5]} record"), (), file)


_UNTAUGHT = frozenset(
    ("hearing", "gait", "knee", "coronary", "macular degeneration", "immunohistochemistry",
     "pharmacogenetics", "thyroid", "trial", "units", "gene", "early warning", "blood pressure",
     "cytology", "drug", "tendon")
)  # fmt: skip
"""Concepts of the held-out tools."""
_OWN_CONCEPTS = frozenset(
    ("pneumonia", "consolidation", "opacity", "infiltrate", "aspiration", "lung", "chest",
     "emphysema", "lung volume", "visceral fat", "bowel gas", "calcification", "bone", "slide",
     "histology", "adenocarcinoma", "osteosarcoma", "eye", "retina", "retinopathy",
     "macular edema", "skin", "mole", "melanoma", "skin cancer", "dermoscopy", "skin spot",
     "polygenic", "genotypes", "prosthesis", "abdomen", "limb", "head", "brain", "spine", "heart",
     "neck", "tumour")
)  # fmt: skip
"""Concepts of the shipped tools, and those too wide for a tool."""
_OF_PICTURES = ("quality check", "image search", "radiation dose", "dicom tool")
_FILES_OF = {
    "chest": ("chest film", "chest ct"), "heart": ("chest ct", "ultrasound"),
    "abdomen": ("abdominal ct", "ultrasound", "other mr"), "pelvis": ("other mr", "ultrasound"),
    "head": ("head ct", "brain mr"), "spine": ("spine film", "other mr"),
    "limb": ("limb film",), "eye": ("fundus", "oct"), "skin": ("skin photo",),
    "breast": ("mammogram",), "slide": ("slide",), "genes": ("variants",), "neck": ("ultrasound",),
}  # fmt: skip
_SAID_OF_CONCEPTS = (
    "Finds {x} and {y} on {o}.", "Assesses {o} for {x}, {y} or {z}.", "Measures {x} and {y}.",
    "{x}, {y} and {z}, with a probability each.", "For {o}: {x}, {y}. Not for anything else.",
    "Reads {o} and grades {x}.", "Quantifies {x} on {o}; also {y}.", "Detects {x}; tells {y}.",
)  # fmt: skip
_SAID_OF_SERVICES = (
    "Looks up {x}, {y} and {z}.", "Gives {x} and {y} on request.", "Service for {x}: {y}, {z}.",
    "Answers questions about {x} or {y}.", "Finds {x}. Also {y}.", "Manages {x} and {y}.",
    "{x} and {y} of the hospital.", "Tool for {x} by {y}.",
)  # fmt: skip


@cache
def _teachable() -> tuple[str, ...]:
    """Concepts that a tool can be made of."""
    out = _UNTAUGHT | _OWN_CONCEPTS
    return tuple(
        name
        for name, forms in spelled().items()
        if name not in out and weight_of(name) >= 1 and len(_latin(tuple(forms))) > 1
    )


@cache
def services() -> tuple[str, ...]:
    """Concepts of services that read no picture; without a tool for one, a wish is refused."""
    return tuple(one for one in _teachable() if weight_of(one) > 1 and one not in _OF_PICTURES)


@cache
def _latin(forms: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(form for form in forms if form.isascii() and len(form) > 2)


def _of_concept(random: Random, near: str = "") -> Invented:
    """A tool for one or two meanings, asked for in any language.

    Args:
        random: Where chance comes from.
        near: Key of another such tool, of whose region it should be.
    """
    other = regions_of(near.removeprefix("concept:").split(" and ")[0])
    alike = [name for name in _teachable() if other and regions_of(name) == other]
    pool = alike if len(alike) > 1 else _teachable()
    chosen = random.sample(pool, random.choice((1, 1, 2)))
    if len(chosen) == 2 and regions_of(chosen[0]) != regions_of(chosen[1]):
        chosen = chosen[:1]
    forms = [form for name in chosen for form in spelled()[name] if len(form) > 1]
    regions = sorted(regions_of(chosen[0]))
    kinds = [kind for region in regions for kind in _FILES_OF.get(region, ())]
    file = random.choice(kinds) if kinds and random.random() < 0.85 else None
    objects = (KINDS_SAID.get(file or "", ""),) if file else (chosen[0],)
    return Invented(f"concept:{' and '.join(chosen)}", (*chosen, *forms), objects, (), file)


def _concept_info(one: Invented, random: Random) -> ToolInfo:
    names = one.key.removeprefix("concept:").split(" and ")
    known = [*names, *_latin(one.terms)]
    x, y, z = (random.choice(known) for _ in range(3))
    x = random.choice((names[0], x))
    says = random.choice(_SAID_OF_CONCEPTS if one.file else _SAID_OF_SERVICES)
    title = random.choice((names[0], x, f"{names[0]} {random.choice(('reader', 'service', 'ai'))}"))
    verb = random.choice(("find", "get", "check", "read", "assess", "lookup", "tool", "grade"))
    name = f"{verb}_{'_'.join(names[0].replace('-', ' ').split())}"
    description = says.format(x=x, y=y, z=z, o=one.objects[0])
    return _info_of(name, title.capitalize(), description, one.file)


def _described(one: Invented, random: Random, natural: bool) -> ToolInfo:
    if one.key.startswith("concept:"):
        return _concept_info(one, random)
    other = words("other")
    known = one.key in other.sections
    x, y, z = random.sample(one.terms, 3)
    thing = random.choice(one.objects)
    name = other.pick(random, one.key, "name") if known else f"{one.key}_{random.choice(_PARTS)}"
    title = other.pick(random, one.key, "title") if known else f"{thing} {x}".capitalize()
    says = random.choice(_SAYINGS).format(o=thing, x=x, y=y, z=z)
    if known and (natural or random.random() < 0.6):
        says = other.pick(random, one.key, "says")
    return _info_of(name, title, says, one.file)


def _info_of(name: str, title: str, says: str, file: str | None) -> ToolInfo:
    schema = {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}
    if file is None:
        return ToolInfo(name, title, says, schema, "other")
    return ToolInfo(name, title, says, {"type": "object"}, "other", accepts=(_accepts(file),))


def _accepts(kind: str) -> Accepts:
    fields = KINDS[kind]
    modality, part = fields.get("modality"), fields.get("body_part")
    modalities = modality if isinstance(modality, list) else [modality] if modality else None
    parts = [one for one in (part if isinstance(part, list) else [part]) if one]
    everywhere = not parts or (isinstance(part, list) and None in part)
    return Accepts(
        role="file",
        description=f"a {kind}",
        kinds=(fields["kind"],),
        modalities=tuple(modalities) if modalities else None,
        body_parts=None if everywhere else tuple(parts),
    )
