"""The page, in the order in which it is read: urgent first, then what was asked, then why."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from functools import cache
from html import escape
from importlib.resources import files

from agent.answer import Answer
from agent.export.html.parts import bullets, cited, described, facts, line, said, section, sentence
from agent.export.html.proof import evidence_table, figures, models
from agent.export.labels import DRAFT, KEPT, MADE, label, language, left_out, told_of
from agent.export.material import Material
from agent.export.order import sections
from agent.export.patient import named
from specialists.schema import Manifest

__all__ = ["to_html"]

_KINDS = {
    "CR": "radiograph",
    "DX": "radiograph",
    "XC": "photograph",
    "DMS": "dermoscopy",
    "OP": "fundus photograph",
    "SM": "slide",
}


def to_html(material: Material) -> str:
    """Write an answer as one self-contained HTML file.

    Args:
        material: The answer, with the pictures where they were fetched.

    Returns:
        The file's text. Its content security policy lets it load and run nothing; the style
        sheet is allowed by its digest, pictures are in the file.
    """
    answer = material.answer
    return (
        f'<!doctype html>\n<html lang="{escape(language(answer))}">\n{_head(answer)}<body>\n'
        '<a class="skip" href="#evidence">To the evidence</a>\n<main>\n'
        f"{_title(material)}{_report(answer)}{_proof(material)}{_sign(answer)}"
        "</main>\n</body>\n</html>\n"
    )


@cache
def _style() -> str:
    return (files("agent.export.html") / "style.css").read_text("utf-8")


def _head(answer: Answer) -> str:
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    policy = (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; "
        "form-action 'none'"
    )
    return (
        '<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="robots" content="noindex">\n<meta name="referrer" content="no-referrer">\n'
        f"<title>Preliminary report: {line(answer.question)}</title>\n"
        f"<style>{_style()}</style>\n</head>\n"
    )


def _title(material: Material) -> str:
    answer = material.answer
    known = facts(
        [
            *((label(answer, name), line(value)) for name, value in named(material)),
            (label(answer, "Question"), line(answer.question)),
            (label(answer, "Examined"), "<br>".join(described(answer))),
            (label(answer, "Models"), _models(answer)),
            (label(answer, "Written"), material.now.strftime("%Y-%m-%d %H:%M UTC")),
        ]
    )
    return (
        f'<p class="status"><strong>{label(answer, "Preliminary – not reviewed")}</strong>'
        f"<span>{label(answer, 'For a qualified reader to check and sign')}</span></p>\n"
        f"<h1>{_heading(answer)}</h1>\n{known}\n"
    )


def _heading(answer: Answer) -> str:
    manifests = [one.manifest for one in answer.attachments if one.manifest]
    told = ", ".join(dict.fromkeys(map(_kind, manifests)))
    title = label(answer, "Report")
    return escape(f"{title}: {told}" if told else title)


def _kind(manifest: Manifest) -> str:
    """'chest radiograph', 'abdomen CT', 'fundus photograph', 'VCF'."""
    name = _KINDS.get(manifest.modality or "", manifest.modality or manifest.format)
    part = None if manifest.modality == "OP" else manifest.body_part
    return f"{part} {name}" if part else name


def _models(answer: Answer) -> str:
    used = [model for models_ in answer.provenance.models.values() for model in models_]
    names = dict.fromkeys(f"{model.model} {model.version}" for model in used)
    return "<br>".join(f'<a href="#models">{line(name)}</a>' for name in names)


def _report(answer: Answer) -> str:
    return "".join(
        [
            f"<p>{sentence(answer.message)}</p>\n" if answer.message else "",
            *_statements(answer),
            section(label(answer, "Disagreements"), _disagreements(answer), "disagreements"),
            section(label(answer, "What is missing"), _gaps(answer), "missing"),
            section(
                label(answer, "Keep in mind"), bullets(map(sentence, answer.caveats)), "caveats"
            ),
            section(
                label(answer, "Not assessed"),
                bullets(map(sentence, answer.not_assessed), "small"),
                "not-assessed",
            ),
        ]
    )


def _statements(answer: Answer) -> Iterator[str]:
    groups = sections(answer)
    for name, title, places in groups:
        kind = "urgent" if name == "urgent" else ""
        yield section(label(answer, title), said(answer, places), f"part-{escape(name)}", kind)
    if not groups and not answer.message:
        yield "<p>Nothing can be said: no specialist gave a result that supports a statement.</p>\n"


def _disagreements(answer: Answer) -> str:
    rows = []
    for each in answer.disagreements:
        worth = bullets(map(sentence, each.worth), "small")
        rows.append(f"{line(each.text)}{cited(each.citations)}{worth}")
    return bullets(rows)


def _gaps(answer: Answer) -> str:
    rows = [
        f"{sentence(one.text)}{cited(one.citations)}"
        for one in answer.statements
        if one.kind == "limitation"
    ]
    told = " ".join(one.text for one in answer.statements)
    rows += [
        f"{line(one.tool)}: {sentence(one.message)}"
        for one in answer.failures
        if one.message.rstrip(".") not in told
    ]
    if dropped := left_out(answer):
        rows.append(dropped)
    return bullets(rows)


def _proof(material: Material) -> str:
    answer = material.answer
    return "".join(
        [
            section(label(answer, "Evidence"), evidence_table(answer), "evidence"),
            section(label(answer, "Pictures"), figures(material), "pictures"),
            section(label(answer, "Models, and how far to trust them"), models(answer), "models"),
            section(label(answer, "How this was made"), _made(answer), "made"),
        ]
    )


def _made(answer: Answer) -> str:
    made = answer.provenance
    makers = {name: line(getattr(made, name)) for name in ("planner", "composer", "checker")}
    rows = [label(answer, MADE, **makers)]
    rows += [
        f"Prompt {line(name)}, <code>{line(digest)}</code>" for name, digest in made.prompts.items()
    ]
    rows += [
        label(answer, KEPT, what=line(" ".join((call.tool, *call.attachments))))
        for call in made.reused
    ]
    if told := told_of(answer):
        rows.append(told)
    if made.versions:
        told = ", ".join(f"{name} {version}" for name, version in made.versions.items())
        rows.append(f"{line(told)}.")
    return bullets(rows, "small")


def _sign(answer: Answer) -> str:
    return (
        f"<footer><p>{escape(label(answer, DRAFT))}</p>\n"
        '<div class="sign">'
        f"<div>{label(answer, 'Reviewed by')}</div><div>{label(answer, 'Date')}</div>"
        "</div></footer>\n"
    )
