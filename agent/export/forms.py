"""The forms that an answer can be exported in, and how a file of each is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.answer import Answer
from agent.export.material import Material, gather
from specialists.errors import InvalidInput, WardroundError

if TYPE_CHECKING:
    from agent.agent import Agent

__all__ = ["FORMS", "Form", "export", "export_all", "export_async"]


@dataclass(frozen=True)
class Form:
    """One form of export."""

    file_name: str
    media_type: str
    write: Callable[[Material], bytes]
    in_study: bool = False
    """A DICOM object, which only an examination with UIDs can have."""
    pictures: bool = False
    """Whether it has the pictures in it."""
    results: bool = False
    """Whether it has boxes or masks, for which the calls are made again."""


def _json(material: Material) -> bytes:
    return (material.answer.model_dump_json(indent=2) + "\n").encode()


def _markdown(material: Material) -> bytes:
    from agent.export.markdown import to_markdown

    return (to_markdown(material.answer, material) + "\n").encode()


def _html(material: Material) -> bytes:
    from agent.export.html.page import to_html

    return to_html(material).encode()


def _page(material: Material) -> bytes:
    from agent.app.page import to_page

    return to_page(material).encode()


def _fhir(material: Material) -> bytes:
    from agent.export.fhir.bundle import to_fhir

    return to_fhir(material).encode()


def _sr(material: Material) -> bytes:
    from agent.export.dicom.common import sealed
    from agent.export.dicom.report import to_sr

    with sealed():
        return to_sr(material)


def _seg(material: Material) -> bytes:
    from agent.export.dicom.common import sealed
    from agent.export.dicom.segmentation import to_seg

    with sealed():
        return to_seg(material)


def _gsps(material: Material) -> bytes:
    from agent.export.dicom.common import sealed
    from agent.export.dicom.presentation import to_gsps

    with sealed():
        return to_gsps(material)


FORMS: dict[str, Form] = {
    "json": Form("answer.json", "application/json", _json),
    "markdown": Form("answer.md", "text/markdown", _markdown),
    "html": Form("answer.html", "text/html", _html, pictures=True),
    "page": Form("answer.page.html", "text/html", _page, pictures=True),
    "fhir": Form("answer.fhir.json", "application/fhir+json", _fhir),
    "dicom-sr": Form("report.dcm", "application/dicom", _sr, in_study=True),
    "seg": Form("masks.dcm", "application/dicom", _seg, in_study=True, results=True),
    "gsps": Form("boxes.dcm", "application/dicom", _gsps, in_study=True, results=True),
}


def export(
    answer: Answer,
    form: str,
    files: Sequence[str | Path] = (),
    *,
    identified: bool = False,
    same_files: bool = False,
) -> bytes:
    """Write an answer in one form; see `export_async`. Not for use inside an event loop."""
    import asyncio

    work = export_async(answer, form, files, identified=identified, same_files=same_files)
    return asyncio.run(work)


async def export_async(
    answer: Answer,
    form: str,
    files: Sequence[str | Path] = (),
    *,
    identified: bool = False,
    same_files: bool = False,
    review: Mapping[str, Any] | None = None,
    agent: Agent | None = None,
) -> bytes:
    """Write an answer in one form.

    Args:
        answer: What an agent gave back, now or earlier.
        form: A key of `FORMS`.
        files: The files that were asked about. FHIR and DICOM name patient and study from
            them; HTML has the pictures made again from them. Studies of the DICOMweb server
            may be named as in the question.
        identified: Let HTML and Markdown name the patient, too.
        same_files: Take files that were moved or copied for the ones that were asked about; that
            they give the same result is checked by making the answer's calls again.
        review: A reader's review, for the interactive page.
        agent: One that has been entered, to fetch pictures from; without it, one is made.

    Returns:
        The content of a file.

    Raises:
        InvalidInput: If there is no such form, or the answer or files are not fit for it.
        BackendUnavailable: If a library of the extra `export` is not installed.
        WardroundError: What is wrong with a file, or what a tool raises.
    """
    chosen = _chosen(form)
    material = await _gathered(answer, files, identified, same_files)
    material = replace(material, review=review)
    return chosen.write(await _completed(material, [chosen], agent))


async def export_all(
    answer: Answer,
    folder: Path,
    files: Sequence[str | Path] = (),
    *,
    identified: bool = False,
    same_files: bool = False,
    agent: Agent | None = None,
) -> list[Path]:
    """Write every form that applies into a folder; arguments as for `export_async`.

    DICOM objects are left out where the files are of no study, or the answer has no masks or
    boxes.

    Returns:
        The files that were written.

    Raises:
        WardroundError: The first failure, after everything else was written.
    """
    material = await _gathered(answer, files, identified, same_files)
    forms = {name: one for name, one in FORMS.items() if not one.in_study or _in_study(material)}
    material = await _completed(material, list(forms.values()), agent)
    kept = [one for name, one in forms.items() if _has(name, material)]
    written, failures = [], []
    for one in kept:
        try:
            written.append(_written(folder / one.file_name, one.write(material)))
        except WardroundError as error:
            failures.append(error)
    if failures:
        raise failures[0]
    return written


def _chosen(form: str) -> Form:
    if form not in FORMS:
        raise InvalidInput(f"There is no such form. The forms are: {', '.join(FORMS)}.")
    return FORMS[form]


async def _gathered(
    answer: Answer, files: Sequence[str | Path], identified: bool, same_files: bool
) -> Material:
    """Headers are read by reader processes, which are waited for in a thread."""
    import asyncio

    from agent.settings import Settings
    from agent.workshop import located

    def read() -> Material:
        paths = located(files, Settings())
        return gather(answer, paths, identified=identified, same_files=same_files)

    return await asyncio.to_thread(read)


async def _completed(material: Material, forms: Sequence[Form], agent: Agent | None) -> Material:
    """Fetch what the forms need beside the answer."""
    from agent.export.replay import with_pictures, with_results

    pictures = any(one.pictures for one in forms) and bool(material.answer.pictures)
    results = material.moved or any(one.results for one in forms)
    if not material.origins and agent is None:
        return material
    if not pictures and not results:
        return material
    if agent is None:
        from agent.agent import Agent

        async with Agent() as own:
            return await _completed(material, forms, own)
    if results:
        material = await with_results(material, agent)
    return await with_pictures(material, agent) if pictures else material


def _in_study(material: Material) -> bool:
    return any(
        "StudyInstanceUID" in header and "SOPInstanceUID" in header
        for origin in material.origins.values()
        for header in origin.headers
    )


def _has(form: str, material: Material) -> bool:
    """Whether an answer has what the form is for."""
    if form == "seg":
        from agent.export.dicom.segmentation import has_masks

        return has_masks(material)
    if form == "gsps":
        from agent.export.dicom.presentation import has_boxes

        return has_boxes(material)
    return True


def _written(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
