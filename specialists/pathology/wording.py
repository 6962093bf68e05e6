"""What the pathology reference says in words: sets, areas, shares, and why something is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from specialists.pathology.spec import Head, Organ
from specialists.readers.slide import Slide
from specialists.schema import Finding, Measurement, PredictionSet

__all__ = [
    "class_shares",
    "evaluation",
    "field_unknown",
    "over_tiles",
    "set_text",
    "slide_notes",
    "tissue_area",
    "told_findings",
    "why_not",
    "wrapped",
]


def set_text(target: str, labels: Sequence[str], coverage: float, what: str) -> str:
    """Say which classes a set holds; `what` ends in s where it is several."""
    several = what.endswith("s")
    if not labels:
        verb = "are" if several else "is"
        return f"For {target} the {what} {verb} unlike the training data: no class is given."
    if len(labels) == 1:
        verb = "fit" if several else "fits"
        return f"At {coverage:.0%} coverage the {what} {verb} one class of {target}: {labels[0]}."
    verb = "are" if several else "is"
    return (
        f"Inconclusive for {target}: at {coverage:.0%} coverage the {what} {verb} compatible with "
        f"{' or '.join(labels)}."
    )


def told_findings(predicted: PredictionSet) -> list[Finding]:
    """One class left is present; of several, each may be."""
    found = []
    for name in predicted.labels:
        value = round(predicted.probabilities[name], 2)
        verb = "The model finds" if predicted.conclusive else "Inconclusive, it may be"
        found.append(
            Finding(
                name=name,
                assertion="present" if predicted.conclusive else "uncertain",
                probability=value,
                text=f"{verb} {name} (calibrated probability {value:.2f}).",
            )
        )
    return found


def tissue_area(slide: Slide) -> Measurement:
    """Tissue in mm2 where the pixels' size is known, otherwise as a share."""
    share = float(slide.tissue.mean())
    based = f"{slide.tissue.size} places of the overview"
    if slide.um_per_px is None:
        text = f"Tissue covers {share:.0%} of the slide."
        return Measurement(
            name="tissue share", value=round(100 * share, 1), unit="%", based_on=based, text=text
        )
    area = share * slide.rows * slide.columns * (slide.um_per_px / 1000) ** 2
    return Measurement(
        name="tissue area",
        value=round(area, 2),
        unit="mm2",
        based_on=based,
        text=f"Tissue covers {area:.2f} mm² of the slide.",
    )


def class_shares(classes: Sequence[str], best: Sequence[int | None]) -> list[Measurement]:
    """Share of the tiles in which a class is the only one left."""
    told = []
    for index, name in enumerate(classes):
        share = 100 * best.count(index) / len(best)
        if share > 0:
            told.append(
                Measurement(
                    name=f"tiles with {name}",
                    value=round(share, 1),
                    unit="%",
                    based_on=f"{len(best)} tiles",
                    text=f"{share:.0f}% of {len(best)} tiles fit {name} alone.",
                )
            )
    return told


def why_not(slide: Slide, organ: Organ | None) -> str | None:
    """Why no tile can be classified; None where they can."""
    if slide.too_coarse:
        return (
            f"The tissue's class: the finest level has {slide.um_per_px or 0:.1f} µm a pixel, "
            "too coarse to see cells."
        )
    if organ is not None and not len(slide.tiles):
        return "The tissue's class: no place of the slide has tissue enough for a tile."
    return None


def slide_notes(slide: Slide) -> list[str]:
    """What the header says that weakens the reading."""
    notes = []
    if slide.stain is not None:
        notes.append(f"The header names the stain {slide.stain}; the model was made for H&E.")
    return [*notes, *(note[0].upper() + note[1:] + "." for note in slide.notes)]


def over_tiles(slide: Slide) -> str:
    """From how many places a slide's set comes."""
    return (
        f"Summed over {len(slide.tiles)} of {slide.places} places with tissue; coverage was "
        "measured on single tiles, not on slides."
    )


def field_unknown(head: Head) -> str:
    """Which scale is assumed of a patch."""
    return (
        f"A patch is taken to show about {head.field_um:g} µm from edge to edge, as in training; "
        "another magnification gives other classes."
    )


def wrapped(text: str) -> list[str]:
    """Break a text into lines for the picture."""
    import textwrap

    return textwrap.wrap(text, 56)


def evaluation(card: Mapping[str, Any]) -> str:
    """The card's figures in a sentence."""
    measured = card["metrics"]
    ways = {
        "lung": ("test", "tiles of held-out originals"),
        "colon": ("left-out images", "left-out patches"),
        "bone": ("left-out cases", "tiles of left-out cases"),
    }
    told = []
    for organ, (way, what) in ways.items():
        own = measured[organ][way]
        accuracy = cast("dict[str, float]", own["accuracy"])
        told.append(
            f"{organ}: {own['n']} {what}, accuracy {accuracy['value']:.2f} "
            f"({accuracy['low']:.2f} to {accuracy['high']:.2f}), "
            f"coverage {own['coverage']['value']:.2f}"
        )
    return f"Its training sets (95% intervals): {'; '.join(told)}."
