"""Which backend may read a file that its specialist takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from specialists.acceptance import competent
from specialists.base import Source
from specialists.errors import NotAccepted
from specialists.registry import spec_of
from specialists.schema import Manifest


def names(tool: str, role: str, manifest: Manifest, asked: str = "auto") -> list[str]:
    inputs = {role: [Source((Path("x"),), manifest)]}
    return [backend.name for backend in competent(spec_of(tool), inputs, asked).backends]


def volume(part: str | None, modality: str = "CT") -> Manifest:
    return Manifest(kind="volume", format="DICOM", modality=modality, body_part=part)


@pytest.mark.parametrize("part", ["chest", "brain", "chest, abdomen and pelvis"])
def test_ct_of_the_trunk_and_head_is_shown_to_medgemma(part: str) -> None:
    assert names("report_ct", "volume", volume(part))[0] == "medgemma"


@pytest.mark.parametrize("part", ["knee", "foot", None])
def test_ct_of_limbs_or_of_who_knows_what_is_left_to_others(part: str | None) -> None:
    assert "medgemma" not in names("report_ct", "volume", volume(part))


def test_unknown_part_is_read_by_the_one_that_is_named_and_another_is_not() -> None:
    assert "medgemma" in names("report_ct", "volume", volume(None), "medgemma")
    with pytest.raises(NotAccepted, match="knee"):
        names("report_ct", "volume", volume("knee"), "medgemma")


@pytest.mark.parametrize(
    ("kind", "modality", "part", "shown"),
    [
        ("radiograph", "DX", "chest", True),
        ("radiograph", "DX", "knee", False),
        ("radiograph", "MG", "breast", False),
        ("radiograph", "CR", None, False),
        ("volume", "MR", "brain", True),
        ("volume", "MR", "knee", False),
        ("volume", "PT", "chest", False),
        ("image", "US", "abdomen", False),
        ("photograph", "OP", "eye", True),
        ("photograph", "OPT", "eye", False),
        ("slide", "SM", None, True),
    ],
)
def test_questions_are_put_about_what_medgemma_was_made_for(
    kind: str, modality: str, part: str | None, shown: bool
) -> None:
    manifest = Manifest.model_validate(
        {"kind": kind, "format": "DICOM", "modality": modality, "body_part": part}
    )
    assert ("medgemma" in names("answer_image_question", "image", manifest)) is shown
    assert "reference" in names("answer_image_question", "image", manifest)


def test_name_that_no_backend_has_is_left_to_the_choice() -> None:
    assert "reference" in names("report_ct", "volume", volume("knee"), "nobody")
