"""Asks the reference model of another specialist what that one can measure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import import_module

from specialists.acceptance import refusal
from specialists.base import (
    Backend,
    BackendSpec,
    Progress,
    Reading,
    Request,
    Source,
    SpecialistSpec,
)
from specialists.machine import why_not
from specialists.schema import SpecialistResult
from specialists.visual_question.questions import plain

__all__ = ["Colleagues"]


@dataclass(frozen=True)
class Field:
    """What a specialist can be asked."""

    tool: str
    asked: re.Pattern[str]
    """Found in a question that it can answer, in plain words."""


FIELDS = (
    Field(
        "classify_retina",
        re.compile(r"\b(retinopath\w*|referable|refer\w*|macula\w*|o?edema|grade|diabet\w*)\b"),
    ),
    Field(
        "classify_skin_lesion",
        re.compile(
            r"\b(malignan\w*|benign|cancer\w*|melanom\w*|n(a|)ev(us|i|oid)|mole|diagnos\w*|"
            r"\w*keratos[ie]s|\w*carcinoma|dermatofibroma|kind of lesion|type of lesion)\b"
        ),
    ),
    Field(
        "classify_pathology",
        re.compile(
            r"\b(malignan\w*|benign|cancer\w*|tumou?rs?|\w*carcinoma|\w*sarcoma|necro\w*|viable|"
            r"tissue|diagnos\w*)\b"
        ),
    ),
    Field(
        "report_ct",
        re.compile(
            r"\b(volume|densit\w*|hounsfield|emphysema\w*|calcif\w*|fat|muscle|metal\w*|"
            r"field of view|how (big|large) (is|are) the (left |right )?lungs?)\b"
        ),
    ),
)

ORGANS = (
    ("lung", re.compile(r"\b(lung|pulmonary|bronch\w*)\b")),
    ("colon", re.compile(r"\b(colon\w*|colorect\w*|rect(al|um)|bowel)\b")),
    ("bone", re.compile(r"\b(bone|osteo\w*)\b")),
)
"""Which head the tissue model takes: only the question can say where a slide is from."""


class Colleagues:
    """Reference models of other specialists, loaded when they are first asked.

    Args:
        device: A torch device string, passed on.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        self._loaded: dict[str, Backend] = {}

    def ask(self, question: str, source: Source, progress: Progress) -> Reading | None:
        """Have a question answered by the specialist for this kind of file.

        Returns:
            Its own reading, with a summary that says whose it is; None where no specialist
            measures what is asked, takes the file, or can run here.

        Raises:
            WardroundError: As that specialist's backend does.
        """
        from specialists.registry import spec_of

        words = plain(question)
        for field in FIELDS:
            if not field.asked.search(words):
                continue
            spec = spec_of(field.tool)
            chosen = _reference(spec)
            accepts = spec.accepts[0]
            request = _request(spec, words, source)
            refused = refusal(accepts, source.manifest) is not None
            if chosen is None or request is None or refused:
                continue
            reading = self._backend(field.tool, chosen).read(
                {accepts.role: [source]}, request, progress
            )
            return Reading(_told(field.tool, reading.result), reading.pictures)
        return None

    def _backend(self, tool: str, chosen: BackendSpec) -> Backend:
        if tool not in self._loaded:
            module, name = chosen.target.split(":")
            self._loaded[tool] = getattr(import_module(module), name)(device=self._device)
        return self._loaded[tool]


def _reference(spec: SpecialistSpec) -> BackendSpec | None:
    """The backend whose weights ship, if it can run here."""
    found = next((one for one in spec.backends if one.name == "reference"), None)
    return found if found is not None and why_not(found) is None else None


def _request(spec: SpecialistSpec, words: str, source: Source) -> Request | None:
    """Options from the question; None where nothing says which organ tissue is from."""
    if "organ" not in spec.request.model_fields:
        return spec.request()
    organ = next((name for name, pattern in ORGANS if pattern.search(words)), None)
    if organ is None and source.manifest.body_part is None:
        return None
    return spec.request.model_validate({"organ": organ})


def _told(tool: str, result: SpecialistResult) -> SpecialistResult:
    """Say whose result it is, and keep what every specialist's result has."""
    kept = {name: getattr(result, name) for name in SpecialistResult.model_fields}
    kept["summary"] = f"As the model of {tool} finds: {result.summary}"
    note = f"Answered by the model of {tool}; {tool} gives the whole result."
    return SpecialistResult(**kept | {"warnings": (note, *result.warnings)})
