"""What the statements rest on: evidence, pictures, and the models with their cards."""

from __future__ import annotations

import base64
from html import escape

from agent.answer import Answer, Picture
from agent.export.html.parts import facts, line
from agent.export.labels import label
from agent.export.material import Device, Material, device_of, devices
from agent.export.order import numbers
from specialists.schema import Evidence

__all__ = ["evidence_table", "figures", "models"]

_LONG = 400
"""Texts beyond this scroll in a box; a printed page has them whole."""


def evidence_table(answer: Answer) -> str:
    """A row a piece of evidence, with links back to the statements that cite it."""
    rows = "\n".join(_row(answer, item) for item in answer.evidence)
    if not rows:
        return ""
    titles = (label(answer, title) for title in ("No.", "What it says", "Value", "From"))
    head = "".join(f"<th>{title}</th>" for title in titles)
    return (
        f'<div class="wide"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n'
        "</table></div>"
    )


def _row(answer: Answer, item: Evidence) -> str:
    place = f", {escape(item.attachment)}" if item.attachment else ""
    said = f"{_text(item)}{_back(answer, item)}"
    source = f'<td class="tight">{_source(answer, item)}{place}{_shown(answer, item)}</td>'
    value = f'<td>{said}</td><td class="tight">{_value(item)}</td>'
    if len(item.text) > _LONG:
        value = f'<td colspan="2">{said}</td>'
    name = escape(item.id)
    return f'<tr id="{name}"><td>{name}</td>{value}{source}</tr>'


def _text(item: Evidence) -> str:
    if len(item.text) <= _LONG:
        return line(item.text)
    text = escape(item.text.strip())
    return f'<div class="long" tabindex="0" role="region" aria-label="{item.id}">{text}</div>'


def _value(item: Evidence) -> str:
    if item.value is None:
        return item.finding.assertion if item.finding else ""
    number = f"{float(f'{item.value:.4g}'):,g}"
    unit = {"1": "", "[hnsf'U]": "HU", "{percentile}": "percentile"}.get(
        item.unit or "1", item.unit
    )
    told = line(f"{number} {unit}".strip())
    return f"{item.finding.assertion}<br>{told}" if item.finding else told


def _back(answer: Answer, item: Evidence) -> str:
    links = " ".join(
        f'<a href="#S{number}">{label(answer, "statement")} {number}</a>'
        for place, number in numbers(answer).items()
        if item.id in answer.statements[place].citations
    )
    return (
        f'<br><span class="small back">{label(answer, "Cited by")} {links}</span>' if links else ""
    )


def _source(answer: Answer, item: Evidence) -> str:
    device = device_of(answer, item)
    if device is None:
        return line(item.tool)
    return f'<a href="#{_name(answer, device)}">{line(item.tool)}</a>'


def _shown(answer: Answer, item: Evidence) -> str:
    """Links to the pictures of the tool that said it."""
    numbers = [n for n, one in enumerate(answer.pictures, 1) if one.tool == item.tool]
    links = ", ".join(f'<a href="#P{number}">{number}</a>' for number in numbers)
    return (
        f'<br><span class="small back">{label(answer, "Picture")} {links}</span>' if links else ""
    )


def _name(answer: Answer, device: Device) -> str:
    return f"M{devices(answer).index(device) + 1}"


def figures(material: Material) -> str:
    """Every picture with its legend; one that could not be fetched leaves its legend."""
    answer = material.answer
    return "\n".join(
        _figure(f"{label(answer, 'Picture')} {number}", number, one, material.pictures.get(one.uri))
        for number, one in enumerate(answer.pictures, 1)
    )


def _figure(name: str, number: int, picture: Picture, content: bytes | None) -> str:
    legend = f"{name}. {picture.title.rstrip('.')}."
    if picture.tool:
        legend += f" Made by {picture.tool}."
    if content is None:
        missing = "Not in this file: exporting with the source files makes it again."
        return f'<figure id="P{number}"><figcaption>{line(legend)} {missing}</figcaption></figure>'
    data = base64.b64encode(content).decode()
    return (
        f'<figure id="P{number}"><img alt="{line(picture.title)}" '
        f'src="data:{escape(picture.media_type)};base64,{data}">'
        f"<figcaption>{line(legend)}</figcaption></figure>"
    )


def models(answer: Answer) -> str:
    """A model's name, version, digest and measured figures."""
    return "\n".join(_model(answer, device) for device in devices(answer))


def _model(answer: Answer, device: Device) -> str:
    model, weights = device.model, device.model.weights_sha256
    known = facts(
        [
            ("Consulted as", f"{line(device.tool)}, backend {line(model.backend)}"),
            ("Evaluated on", line(model.evaluated_on)),
            (
                "Weights",
                f"SHA-256 <code>{escape(weights)}</code>" if weights else "none: no training",
            ),
            ("Terms", line(model.terms) if model.terms else None),
        ]
    )
    title = f"{line(model.model)} {line(model.version)}"
    return f'<div class="model" id="{_name(answer, device)}"><h3>{title}</h3>{known}</div>'
