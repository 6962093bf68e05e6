"""Sentences from the measurements: findings, warnings, limits and the written report."""

from __future__ import annotations

import re

from specialists.ct.calcium import why_no_calcium
from specialists.ct.composition import why_no_composition
from specialists.ct.masks import METAL_HU
from specialists.ct.measure import AIR_LIKE_HU, metal_voxels
from specialists.ct.scan import HU, Scan, number, rounded, spaced
from specialists.ct.stated import errors_in_words
from specialists.ct.thirds import EMPHYSEMA_HU, LUNGS, why_no_thirds
from specialists.schema import Finding, Measurement, Narrative

__all__ = ["NOT_ASSESSED", "findings", "narrative", "summary", "warnings"]

NOT_ASSESSED = (
    "nodules, masses and tumours",
    "consolidation, ground-glass and other patterns of the lungs; lobes and fissures",
    "pneumothorax and free abdominal gas (gas is measured; without naming bowel, free gas can't "
    "be told from bowel gas)",
    "pleural and pericardial effusion, ascites (water can't be told by density from bowel content "
    "and from mixed voxels of fat and soft tissue)",
    "pulmonary embolism, aneurysm, dissection and other vessel disease; Agatston score",
    "bleeding and stroke",
    "fractures, joints and bone lesions; which vertebra is which",
    "size and disease of single organs",
    "lymph nodes",
    "comparison with earlier scans",
)

_GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("FIELD OF VIEW AND QUALITY", ("field of view", "scan length", "length of", "noise")),
    ("LUNGS", ("lung", "mean lung", "upper third", "middle third", "lower third")),
    ("AIRWAY", ("trachea", "airway")),
    ("HEART AND VESSELS", ("dense volume",)),
    ("DENSE FOCI AND METAL", ("dense foci", "metal")),
    (
        "ABDOMEN AND BODY COMPOSITION",
        ("subcutaneous", "visceral", "muscle", "gas", "body", "fat", "internal", "soft tissue"),
    ),
    ("BONES", ("bone", "mean bone")),
)
_NOTE = re.compile(r" \([^()]{20,}\)")
_SLICE = re.compile(r"(?:Body composition i|I)n (slice \d+ of \d+|this slice)\b")


def findings(scan: Scan) -> tuple[Finding, ...]:
    """What the measurements support; a single slice supports no search for foci."""
    found = [] if scan.flat else _foci(scan)
    voxels = metal_voxels(scan)
    if voxels:
        text = (
            f"Material above {METAL_HU:.0f} HU is in the body: metal, or something as dense as "
            "metal."
        )
        found.append(Finding(name="metal-density material", assertion="present", text=text))
    return tuple(found)


def _foci(scan: Scan) -> list[Finding]:
    foci = scan.masks.foci
    name = "dense focus outside bone"
    where = "in soft tissue away from bone and body wall"
    least = number(rounded(foci.least_mm3))
    if not foci.volumes_mm3:
        text = f"No focus above {foci.above_hu:.0f} HU of at least {least} mm3 was found {where}."
        return [Finding(name=name, assertion="absent", text=text)]
    return [
        Finding(
            name=name,
            assertion="present",
            text=f"At least one focus above {foci.above_hu:.0f} HU was found {where}.",
        ),
        Finding(
            name="calcification",
            assertion="uncertain",
            text="Dense foci outside bone may be calcification; stones, contrast agent, tablets, "
            "clips and ends of bone can't be told from it by density.",
        ),
    ]


def warnings(scan: Scan, measured: tuple[Measurement, ...]) -> tuple[str, ...]:
    """What limits the measurements of this scan, and what could not be measured."""
    coverage, masks = scan.coverage, scan.masks
    found = []
    if scan.flat:
        found.append("A single slice: areas are given in place of volumes.")
    if coverage.cut_share > 0:
        share = number(rounded(max(0.1, 100.0 * coverage.cut_share)))
        found.append(
            f"The field of view cuts the body off in {share} % of the slices: body, fat, soft "
            "tissue and bone are those in view."
        )
    if not coverage.parts:
        found.append("Which part of the body is in view could not be told from the content.")
    if masks.contrast:
        found.append(
            "Soft tissue is as bright as with contrast agent: the emphysema index is too low, "
            "bone and dense foci next to vessels are uncertain, and foci are counted only above "
            f"{masks.foci.above_hu:.0f} HU."
        )
    if masks.metal:
        found.append("Metal: measurements within its streaks are unreliable.")
    if masks.lungs_split_by_plane:
        found.append("The lungs touch so widely that the body's middle plane had to part them.")
    if scan.spacing_mm[2] > 5.0 and not scan.flat:
        found.append("Slices more than 5 mm apart: volumes are coarse and small things are lost.")
    left_out = _left_out(scan, measured)
    return (*found, *_air_like(scan), *([left_out] if left_out else []))


def _air_like(scan: Scan) -> tuple[str, ...]:
    found = []
    for side, label in LUNGS:
        values = scan.hu[scan.masks.labels == label]
        share = float((values < AIR_LIKE_HU).mean()) if values.size else 0.0
        if share > 0.1:
            found.append(
                f"In the {side} lung {number(rounded(100 * share))} % is as thin as air: "
                "emphysema, bullae and air beside the lung (pneumothorax) are not told apart."
            )
    return tuple(found)


def narrative(
    scan: Scan,
    measured: tuple[Measurement, ...],
    found: tuple[Finding, ...],
    limits: tuple[str, ...],
) -> Narrative:
    """The report, in a radiologist's order."""
    blocks = [("TECHNIQUE", [_technique(scan)])]
    for title, _ in _GROUPS:
        own = [m for m in measured if _group(m.name) == title]
        texts = _flowing([m.text for m in own if " third of the lung, " not in m.name])
        texts += _thirds(own)
        texts += _remarks(title, " ".join(texts))
        if title.startswith("DENSE"):
            texts += [finding.text for finding in found if finding.assertion != "present"]
        if texts:
            blocks.append((title, texts))
    if limits:
        blocks.append(("LIMITS", [_sentence(limit) for limit in limits]))
    blocks.append(("HOW FAR OFF", [errors_in_words()]))
    blocks.append(("NOT ASSESSED", [f"{'; '.join(NOT_ASSESSED)}."]))
    text = "\n\n".join(f"{title}\n{' '.join(texts)}" for title, texts in blocks)
    return Narrative(text=text.replace(f"{HU} (Hounsfield units)", "HU"))


def _flowing(texts: list[str]) -> list[str]:
    """Say once what several sentences say in brackets, and 'in slice 9 of 20' once a slice."""
    told: set[str] = set()
    result: list[str] = []
    for text in texts:
        for note in _NOTE.findall(text):
            text = text.replace(note, "") if note in told else text
            told.add(note)
        lead, before = _SLICE.match(text), _SLICE.match(result[-1]) if result else None
        if lead and before and lead.group(1) == before.group(1):
            result[-1] = f"{result[-1].rstrip('.')}; {text[lead.end() :].lstrip(', ')}"
        else:
            result.append(text)
    return result


def _thirds(measured: list[Measurement]) -> list[str]:
    """All thirds of a lung in one sentence."""
    said = []
    for side, _ in LUNGS:
        own = [m for m in measured if " third of the lung, " in m.name and m.laterality == side]
        if own:
            rows = [[number(m.value) for m in own[kind::3]] for kind in range(3)]
            volumes, means, shares = (f"{row[0]}, {row[1]} and {row[2]}" for row in rows)
            said.append(
                f"Upper, middle and lower third of the {side} lung: {volumes} cm3; mean density "
                f"{means} HU; below {EMPHYSEMA_HU} HU {shares} %."
            )
    return said


def _remarks(title: str, text: str) -> list[str]:
    """What a section says besides its numbers."""
    if title == "LUNGS" and not text:
        return ["No lung was found in view."]
    if title == "LUNGS" and "third of" in text:
        return ["Thirds are of equal height, and are not lobes."]
    if title.startswith("ABDOMEN") and "visceral fat" in text:
        return [
            "The level of the spine is not known. Muscle of wall and back leaves out the psoas and "
            "takes in the rim of organs that touch the wall: it is no skeletal muscle index."
        ]
    return []


def _left_out(scan: Scan, measured: tuple[Measurement, ...]) -> str | None:
    """What this scan does not let be measured, with the reasons, in a sentence."""
    names = " ".join(each.name for each in measured)
    lungs = {side: why_no_thirds(scan, side) for side, _ in LUNGS}
    items = [(f"thirds of the {side} lung", why) for side, why in lungs.items()]
    if lungs["right"] == lungs["left"]:
        items = [("thirds of the lungs", lungs["right"])]
    if "trachea" not in names:
        items.append(("trachea", "a single slice" if scan.flat else "not in view over 20 mm"))
    if "dense volume" not in names:
        items.append(("vessel calcium", why_no_calcium(scan)))
    if "visceral fat" not in names:
        items.append(("muscle and visceral fat in slices", why_no_composition(scan)))
    said = [f"{what} ({why})" for what, why in items if why]
    return f"Not measured in this scan: {'; '.join(said)}." if said else None


def _sentence(note: str) -> str:
    """A reader's note as a sentence."""
    return f"{note[:1].upper()}{note[1:].rstrip('.')}."


def _group(name: str) -> str:
    """The first group that a measurement's name belongs to."""
    return next((title for title, starts in _GROUPS if name.startswith(starts)), "")


def _technique(scan: Scan) -> str:
    x, y, z = scan.spacing_mm
    size = f"{scan.hu.shape[0]} × {scan.hu.shape[1]} voxels of {x:.2f} × {y:.2f} mm"
    if scan.flat:
        return f"One axial CT slice, {size}. Measured with HU thresholds and morphology."
    return (
        f"CT, {scan.hu.shape[2]} axial slices {z:.2f} mm apart, {size}. Contrast agent: "
        f"{'likely, by density' if scan.masks.contrast else 'not seen, by density'}. Measured "
        "with HU thresholds and morphology; no model was trained."
    )


def summary(scan: Scan, measured: tuple[Measurement, ...], found: tuple[Finding, ...]) -> str:
    """A few sentences that stand alone."""
    parts = scan.coverage.parts
    shown = f"showing {' and '.join(parts)}" if parts else "of a part that was not recognised"
    kind = "One CT slice" if scan.flat else f"CT of {spaced(scan.hu.shape[2])} slices"
    first = f"{kind}, {shown}."
    lungs = [m.text for m in measured if m.site == "lung" and m.name.startswith("lung ")]
    sizes = [text for text in lungs if f"The {scan.size_word} of" in text]
    said = sizes or ["No lung was found in view."]
    extra = [finding.text for finding in found]
    return " ".join([first, *said, *extra, "Measured, not diagnosed."])
